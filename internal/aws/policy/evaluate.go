package policy

import "strings"

// Type is a sort of policy, as AWS's error texts name it.
type Type string

// The types of policy.
const (
	IdentityBased       Type = "identity-based policy"
	ResourceBased       Type = "resource-based policy"
	RoleTrust           Type = "role trust policy"
	PermissionsBoundary Type = "permissions boundary"
	SessionPolicy       Type = "session policy"
)

// Ceiling is a set of policies that grants nothing: what it does not allow is
// denied, whatever else allows it. Boundaries and session policies are ceilings.
type Ceiling struct {
	Type     Type
	Policies []Named
	// Always limits what a resource-based policy grants to the caller itself, too.
	// Boundaries and session policies do not.
	Always bool
}

// Request is what Evaluate decides.
type Request struct {
	Principal Principal
	Action    string // "s3:GetObject"; case does not matter
	Resource  string // ARN, or "*" for an action that is about no resource
	// ResourceAccount is the account that owns the resource; empty is the caller's.
	ResourceAccount string
	Keys            Lookup // nil has none

	Identity  []Named
	Ceilings  []Ceiling
	Resources []Named
	// ResourceType is how the resource's policy is called; empty is ResourceBased.
	ResourceType Type
	// ResourceRequired is for resources whose own policy has to allow also within
	// the account: the trust policy of a role.
	ResourceRequired bool
}

// Outcome is how a decision came about.
type Outcome string

// The outcomes.
const (
	Allowed      Outcome = "allowed"
	ExplicitDeny Outcome = "explicitDeny"
	ImplicitDeny Outcome = "implicitDeny"
)

// Cause is the statement of a policy that decided something.
type Cause struct {
	Type   Type   `json:"type"`
	Policy string `json:"policy,omitempty"` // its name
	ARN    string `json:"arn,omitempty"`    // of a managed policy, or of the resource
	Sid    string `json:"sid,omitempty"`
	Index  int    `json:"index"` // of the statement, from 0
}

// Finding is what the policies of one type say to a request.
type Finding struct {
	Type    Type    `json:"type"`
	Outcome Outcome `json:"outcome"`
	Cause   *Cause  `json:"cause,omitempty"` // nil where nothing applies
	// Delegates tells that the allow is for the caller's account, whose own
	// policies have to allow too.
	Delegates bool `json:"delegates,omitempty"`
}

// Decision is the answer to a request and why it is that one.
type Decision struct {
	Outcome Outcome `json:"outcome"`
	// Type is the type of policy that decided: the one that allowed, that denied,
	// or that lacks an allow. Empty for an account's root, who needs none.
	Type     Type      `json:"type,omitempty"`
	Cause    *Cause    `json:"cause,omitempty"` // nil for an implicit deny and for root
	Findings []Finding `json:"findings"`
}

// Allowed reports whether the request may go on.
func (d Decision) Allowed() bool { return d.Outcome == Allowed }

// finding is what a set of policies says, before it is put into words.
type finding struct {
	deny, allow *Cause
	grant       grant // the strongest with which an allow names the caller
}

// say is a finding as the decision shows it.
func (f finding) say(t Type) Finding {
	switch {
	case f.deny != nil:
		return Finding{Type: t, Outcome: ExplicitDeny, Cause: f.deny}
	case f.allow != nil:
		return Finding{Type: t, Outcome: Allowed, Cause: f.allow, Delegates: f.grant == byAccount}
	}
	return Finding{Type: t, Outcome: ImplicitDeny}
}

// judged is a request with its action in lower case.
type judged struct {
	*Request
	action string
}

// Evaluate decides a request.
// Source:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
func Evaluate(r *Request) Decision {
	if r.Keys == nil {
		r.Keys = func(string) ([]string, bool) { return nil, false }
	}
	if r.ResourceType == "" {
		r.ResourceType = ResourceBased
	}
	j := judged{Request: r, action: strings.ToLower(r.Action)}
	var d Decision
	identity := j.all(IdentityBased, r.Identity)
	resource := j.all(r.ResourceType, r.Resources)
	ceilings := make([]finding, len(r.Ceilings))
	for i, c := range r.Ceilings {
		ceilings[i] = j.all(c.Type, c.Policies)
		d.Findings = append(d.Findings, ceilings[i].say(c.Type))
	}
	if len(r.Resources) > 0 || r.ResourceRequired {
		d.Findings = append(d.Findings, resource.say(r.ResourceType))
	}
	if r.holdsPolicies() {
		d.Findings = append(d.Findings, identity.say(IdentityBased))
	}
	for _, f := range d.Findings {
		if f.Outcome == ExplicitDeny {
			return d.with(ExplicitDeny, f.Type, f.Cause)
		}
	}
	return r.permit(d, identity, resource, ceilings)
}

// holdsPolicies reports whether the caller can have identity-based policies.
func (r *Request) holdsPolicies() bool {
	return r.Principal.Kind == User || r.Principal.Kind == Session
}

func (d Decision) with(o Outcome, t Type, c *Cause) Decision {
	d.Outcome, d.Type, d.Cause = o, t, c
	return d
}

// permit decides a request that nothing denies.
// Source:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-iam-resource.html
func (r *Request) permit(d Decision, identity, resource finding, ceilings []finding) Decision {
	foreign := r.ResourceAccount != "" && r.ResourceAccount != r.Principal.Account
	if !r.holdsPolicies() && r.Principal.Kind != Root {
		// Services, anonymous callers and assertions have but the resource's policy.
		foreign = true
	}
	granted := resource.allow != nil
	limits := func(always bool) (Type, bool) {
		for i, c := range r.Ceilings {
			if ceilings[i].allow == nil && (c.Always || !always) {
				return c.Type, true
			}
		}
		return "", false
	}
	switch {
	case (foreign || r.ResourceRequired) && !granted:
		return d.with(ImplicitDeny, r.ResourceType, nil)
	case granted && resource.grant == direct && (!foreign || !r.holdsPolicies()):
		if t, limited := limits(true); limited {
			return d.with(ImplicitDeny, t, nil)
		}
		return d.with(Allowed, r.ResourceType, resource.allow)
	}
	if t, limited := limits(false); limited {
		return d.with(ImplicitDeny, t, nil)
	}
	switch {
	case granted && (!r.holdsPolicies() || resource.grant == byRole && !foreign):
		return d.with(Allowed, r.ResourceType, resource.allow)
	case r.Principal.Kind == Root:
		return d.with(Allowed, "", nil)
	case identity.allow != nil:
		return d.with(Allowed, IdentityBased, identity.allow)
	}
	return d.with(ImplicitDeny, IdentityBased, nil)
}

// all asks each of the policies.
func (j *judged) all(t Type, policies []Named) finding {
	var f finding
	for _, p := range policies {
		if p.Document == nil {
			continue
		}
		for i := range p.Statements {
			s := &p.Statements[i]
			g := s.grants(j.Principal)
			if g == notNamed || !j.applies(s) {
				continue
			}
			if s.Effect == Deny {
				if f.deny == nil {
					f.deny = cause(t, p, s)
				}
				continue
			}
			if g > f.grant {
				f.allow, f.grant = cause(t, p, s), g
			}
		}
	}
	return f
}

func cause(t Type, p Named, s *Statement) *Cause {
	return &Cause{Type: t, Policy: p.Name, ARN: p.ARN, Sid: s.Sid, Index: s.Index}
}

// applies reports whether a statement that names the caller is about the request.
func (j *judged) applies(s *Statement) bool {
	if anyMatches(s.actions, j.action, j.Keys) == s.NotAction {
		return false
	}
	if s.Resources != nil && anyMatches(s.resources, j.Resource, j.Keys) == s.NotResource {
		return false
	}
	for i := range s.Conditions {
		if !s.Conditions[i].holds(j.Keys) {
			return false
		}
	}
	return true
}

func anyMatches(list []pattern, value string, keys Lookup) bool {
	for i := range list {
		if list[i].match(value, keys) {
			return true
		}
	}
	return false
}
