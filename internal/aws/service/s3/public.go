package s3

import (
	"net/netip"
	"slices"
	"strings"
)

// The keys whose fixed values keep a statement from being public.
// Source:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
func narrowing() []string {
	return []string{"aws:principalorgid", "aws:sourceaccount", "aws:sourcearn", "aws:sourceip", "aws:sourceowner",
		"aws:sourcevpc", "aws:sourcevpce",
		"aws:userid", "s3:dataaccesspointaccount", "s3:dataaccesspointarn", "s3:x-amz-server-side-encryption-aws-kms-key-id"}
}

// public reports whether a statement of a bucket's policy lets in the whole
// world: it allows something to everybody, and no condition with fixed values
// says whom it means.
func public(statement map[string]any) bool {
	if statement["Effect"] != "Allow" {
		return false
	}
	if statement["NotPrincipal"] == nil && !everybody(statement["Principal"]) {
		return false
	}
	conditions, _ := statement["Condition"].(map[string]any)
	for operator, keys := range conditions {
		if strings.Contains(operator, "Not") || strings.HasPrefix(operator, "Null") ||
			strings.HasSuffix(operator, "IfExists") {
			continue // it lets in whoever does not send the key
		}
		members, _ := keys.(map[string]any)
		for key, values := range members {
			if slices.Contains(narrowing(), strings.ToLower(key)) && fixed(values) {
				return false
			}
		}
	}
	return true
}

// everybody reports whether a principal is "*", alone or among others.
func everybody(principal any) bool {
	switch p := principal.(type) {
	case string:
		return p == "*"
	case []any:
		return slices.ContainsFunc(p, everybody)
	case map[string]any:
		return everybody(p["AWS"])
	}
	return false
}

// fixed reports whether the values of a condition are neither patterns nor
// address ranges that hold a large part of the Internet.
func fixed(values any) bool {
	switch v := values.(type) {
	case string:
		if net, err := netip.ParsePrefix(v); err == nil {
			// Ranges of /8 and wider count as public; IPv6 of /32 and wider.
			return net.Addr().Is4() && net.Bits() > 8 || net.Addr().Is6() && net.Bits() > 32
		}
		return v != "" && !strings.ContainsAny(v, "*?") && !strings.Contains(v, "${")
	case []any:
		return len(v) > 0 && !slices.ContainsFunc(v, func(e any) bool { return !fixed(e) })
	}
	return false
}
