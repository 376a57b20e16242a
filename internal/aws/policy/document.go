package policy

import (
	"slices"
	"strings"
)

// Kind says where a document stands, which decides what it may hold.
type Kind int

// The kinds of document.
const (
	Identity Kind = iota // attached to a user, group or role; boundaries and session policies too
	Resource             // attached to a resource: names principals, may leave out resources
	Trust                // of a role: names principals, has no resources
)

// Effect is what a statement does.
type Effect string

// The effects.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// The versions of the language. Variables are replaced in the newer one only.
const (
	Version2012 = "2012-10-17"
	Version2008 = "2008-10-17" // also of documents that name none
)

// Document is a parsed policy. It is not changed after Parse and safe for
// concurrent use.
type Document struct {
	Version    string
	ID         string
	Statements []Statement
}

// Statement is one statement of a document.
type Statement struct {
	Sid        string
	Index      int // from 0
	Effect     Effect
	Principals *Principals // nil where none are named
	// Actions and Resources are as written; the Not flags turn their meaning.
	Actions      []string
	Resources    []string // nil where the document has none: every resource that it is attached to
	Conditions   []Condition
	NotPrincipal bool
	NotAction    bool
	NotResource  bool

	actions, resources []pattern
}

// Principals is a Principal or NotPrincipal element.
type Principals struct {
	Everyone  bool // "*", or "AWS": "*"
	AWS       []string
	Service   []string
	Federated []string
	Canonical []string
}

// Named is a document with the name under which an explanation cites it.
type Named struct {
	Name string // of an inline policy, "orders-queue" of a resource's
	ARN  string // of a managed policy, or of the resource or role that it is attached to
	*Document
}

// Principal is who makes a request, as far as policies tell callers apart.
type Principal struct {
	Kind      PrincipalKind
	Account   string
	ARN       string // of the user, the session or the account's root
	Role      string // ARN of the role behind a session
	ID        string // unique id, "AROA…:session" for a session
	Canonical string // S3's canonical id of the account
	Service   string // host name of a service
	Federated string // identity provider of a web identity or SAML assertion
}

// PrincipalKind tells callers apart.
type PrincipalKind int

// The kinds of principal.
const (
	Anonymous PrincipalKind = iota
	Root
	User
	Session // of a role
	Service
	FederatedIdentity // an assertion that asks for a session
)

// grant says how a resource-based policy names a principal: what other policies
// still limit depends on it.
type grant int

const (
	notNamed grant = iota
	// byAccount delegates to the account, whose identity policies decide.
	byAccount
	// byRole names the role behind a session; boundaries and session policies limit it.
	byRole
	// direct names the caller itself or everybody; implicit denies do not limit it.
	direct
)

// names tells how the element names a principal.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
func (p *Principals) names(who Principal) grant {
	if p.Everyone {
		return direct
	}
	best := notNamed
	for _, given := range p.AWS {
		best = max(best, namesAWS(given, who))
	}
	if who.Service != "" && slices.Contains(p.Service, who.Service) {
		return direct
	}
	if who.Federated != "" && slices.Contains(p.Federated, who.Federated) {
		return direct
	}
	if who.Canonical != "" && slices.Contains(p.Canonical, who.Canonical) {
		best = max(best, byAccount)
	}
	return best
}

func namesAWS(given string, who Principal) grant {
	if who.Kind == Anonymous || who.Kind == Service || who.Kind == FederatedIdentity {
		return notNamed
	}
	id, _, _ := strings.Cut(who.ID, ":")
	switch {
	case given == who.ARN, who.Kind == User && given == who.ID:
		return direct
	case who.Role != "" && (given == who.Role || given == id):
		return byRole
	case given == who.Account, isRootOf(given, who.Account):
		if who.Kind == Root {
			return direct
		}
		return byAccount
	}
	return notNamed
}

// isRootOf reports whether arn is arn:aws:iam::account:root, without making one.
func isRootOf(arn, account string) bool {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	if !ok {
		return false
	}
	rest, ok = strings.CutSuffix(rest, ":root")
	return ok && rest == account && account != ""
}

// grants tells how a statement of a resource-based policy names a principal; a
// statement without the element, as in identity-based ones, names its holder.
func (s *Statement) grants(who Principal) grant {
	switch {
	case s.Principals == nil:
		return direct
	case s.NotPrincipal:
		if s.Principals.names(who) == notNamed {
			return direct
		}
		return notNamed
	}
	return s.Principals.names(who)
}
