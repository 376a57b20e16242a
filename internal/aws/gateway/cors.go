package gateway

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/wire"
)

// CrossOrigin is a service whose resources say which pages may use them: S3,
// whose buckets have CORS rules. The other services answer every page, as AWS's
// do; that only pages of this machine ask is seen to before.
type CrossOrigin interface {
	// CORS are the headers with which a page may go on; the error answers a
	// preflight. headers are those that it asks for, in small letters.
	CORS(bucket, key, method, origin string, headers []string) (http.Header, error)
}

// maxAge is how long browsers may remember what a preflight allows, and exposed
// what pages may read of an answer's header. AWS documents neither; recorded from
// its endpoints: https://github.com/AllanZhengYP/cors-test, of a list of services
// that answer pages: https://github.com/aws/aws-sdk-js/blob/master/apis/metadata.json
const (
	maxAge  = "172800"
	exposed = "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date"
)

// dated are the paths of services that begin with their API's date, as Lambda's do.
var dated = regexp.MustCompile(`^/20\d\d-\d\d-\d\d/`)

// preflight answers the question of a browser whether a page may send a request.
// It has no signature, so what it is about shows in its path and in the headers
// that the request will have.
func (g *Gateway) preflight(w http.ResponseWriter, req *http.Request) {
	id := g.host.IDs.UUID()
	method, asked := req.Header.Get("Access-Control-Request-Method"), req.Header.Get("Access-Control-Request-Headers")
	bucket, key := g.registry.Resource(req)
	target := strings.Contains(strings.ToLower(asked), "x-amz-target") || strings.Contains(asked, "smithy-protocol")
	// A request that says nothing of itself is for a bucket.
	like := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/"}, Header: http.Header{}}
	t, err := g.registry.Route(like)
	var rules CrossOrigin
	if err == nil {
		rules = g.cors[t.Service]
	}
	h := w.Header()
	if target || bucket == "" || dated.MatchString(req.URL.Path) || rules == nil {
		h.Set("X-Amzn-Requestid", id)
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Max-Age", maxAge)
		h.Set("Access-Control-Expose-Headers", exposed)
		for name, value := range map[string]string{"Methods": method, "Headers": asked} {
			if value != "" {
				h.Set("Access-Control-Allow-"+name, value)
			}
		}
		w.WriteHeader(http.StatusOK)
		return
	}
	var names []string
	for name := range strings.SplitSeq(asked, ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			names = append(names, name)
		}
	}
	allowed, err := rules.CORS(bucket, key, method, req.Header.Get("Origin"), names)
	if err != nil {
		g.fail(t, w, req, id, err)
		return
	}
	for name, values := range allowed {
		h[name] = values
	}
	h.Set("X-Amz-Request-Id", id)
	w.WriteHeader(http.StatusOK)
}

// crossOrigin adds to an answer what lets a page read it.
func (g *Gateway) crossOrigin(h http.Header, t *wire.Target, req *http.Request) {
	origin := req.Header.Get("Origin")
	if origin == "" || t == nil {
		return
	}
	rules, has := g.cors[t.Service]
	if !has {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", exposed)
		return
	}
	bucket, key := g.registry.Resource(req)
	allowed, _ := rules.CORS(bucket, key, req.Method, origin, nil) // what is not allowed is answered all the same
	for name, values := range allowed {
		h[name] = values
	}
}
