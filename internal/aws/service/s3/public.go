package s3

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/policy"
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
func public(s policy.Statement) bool {
	if s.Effect != policy.Allow || !s.NotPrincipal && !s.Principals.Everyone {
		return false
	}
	for _, c := range s.Conditions {
		if strings.Contains(c.Operator, "Not") || strings.HasPrefix(c.Operator, "Null") ||
			strings.HasSuffix(c.Operator, "IfExists") {
			continue // it lets in whoever does not send the key
		}
		if slices.Contains(narrowing(), strings.ToLower(c.Key)) && len(c.Values) > 0 &&
			!slices.ContainsFunc(c.Values, func(v string) bool { return !fixed(v) }) {
			return false
		}
	}
	return true
}

// fixed reports whether the value of a condition is neither a pattern nor an
// address range that holds a large part of the Internet.
func fixed(v string) bool {
	if net, err := netip.ParsePrefix(v); err == nil {
		// Ranges of /8 and wider count as public; IPv6 of /32 and wider.
		return net.Addr().Is4() && net.Bits() > 8 || net.Addr().Is6() && net.Bits() > 32
	}
	return v != "" && !strings.ContainsAny(v, "*?") && !strings.Contains(v, "${")
}
