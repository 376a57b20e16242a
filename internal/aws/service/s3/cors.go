package s3

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// CORS implements gateway.CrossOrigin: the first rule of the bucket that has the
// origin and the method, and all headers that a preflight asks for, decides.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html; the
// answers are those that S3 was recorded with in July 2023 and March 2025, for
// LocalStack's tests (tests/aws/services/s3/test_s3_cors.snapshot.json).
func (s *Service) CORS(name, key, method, origin string, headers []string) (http.Header, error) {
	if origin == "" {
		return nil, gateway.Errorf(http.StatusBadRequest, "BadRequest",
			"Insufficient information. Origin request header needed.")
	}
	if method == "" {
		method = http.MethodOptions
	}
	forbidden := func(kind, text string) error {
		return gateway.Errorf(http.StatusForbidden, "AccessForbidden", "CORSResponse: %s", text).
			With("Method", method, "ResourceType", kind)
	}
	var rules []types.CORSRule
	var found bool
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		var b bucket
		if b, found = s.buckets.Get(tx, everywhere, name); found && b.CORS != nil {
			rules = b.CORS.CORSRules
		}
		return nil
	})
	switch {
	case !found:
		return nil, forbidden("BUCKET", "Bucket not found")
	case len(rules) == 0:
		return nil, forbidden("BUCKET", "CORS is not enabled for this bucket.")
	}
	for i := range rules {
		if by, ok := permits(&rules[i], method, origin, headers); ok {
			return corsHeaders(&rules[i], by, origin, headers), nil
		}
	}
	kind := "OBJECT"
	if key == "" {
		kind = "BUCKET"
	}
	return nil, forbidden(kind, "This CORS request is not allowed. This is usually because the evalution of Origin, "+
		"request "+
		"method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's "+
		"CORS spec.")
}

// permits reports whether a rule lets a page go on, and by which of its origins.
func permits(r *types.CORSRule, method, origin string, headers []string) (by string, ok bool) {
	at := slices.IndexFunc(r.AllowedOrigins, func(allowed string) bool { return fits(allowed, origin) })
	if at < 0 || !slices.Contains(r.AllowedMethods, method) {
		return "", false
	}
	for _, h := range headers {
		if !slices.ContainsFunc(r.AllowedHeaders, func(allowed string) bool { return fits(strings.ToLower(allowed), h) }) {
			return "", false
		}
	}
	return r.AllowedOrigins[at], true
}

// fits compares with a pattern that may have one "*".
func fits(pattern, value string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == value
	}
	return len(value) >= len(before)+len(after) && strings.HasPrefix(value, before) && strings.HasSuffix(value, after)
}

// corsHeaders are the headers of an answer by a rule.
func corsHeaders(r *types.CORSRule, by, origin string, headers []string) http.Header {
	h := http.Header{}
	h.Set("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
	h.Set("Access-Control-Allow-Methods", strings.Join(r.AllowedMethods, ", "))
	if by == "*" {
		h.Set("Access-Control-Allow-Origin", "*")
	} else {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	for name, values := range map[string][]string{"Allow-Headers": headers, "Expose-Headers": r.ExposeHeaders} {
		if len(values) > 0 {
			h.Set("Access-Control-"+name, strings.Join(values, ", "))
		}
	}
	if r.MaxAgeSeconds != nil {
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(*r.MaxAgeSeconds)))
	}
	return h
}
