package policy

import (
	"net/netip"
	"slices"
	"strings"
)

// Public reports whether a statement of a resource's policy lets in the whole
// world: it allows something to everybody, and no condition with fixed values of
// one of these keys, in lower case, says whom it means.
func (s *Statement) Public(narrowing []string) bool {
	if s.Effect != Allow || !s.NotPrincipal && !s.Principals.Everyone {
		return false
	}
	for _, c := range s.Conditions {
		if strings.Contains(c.Operator, "Not") || strings.HasPrefix(c.Operator, "Null") ||
			strings.HasSuffix(c.Operator, "IfExists") {
			continue // it lets in whoever does not send the key
		}
		if slices.Contains(narrowing, c.key) && len(c.Values) > 0 &&
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
