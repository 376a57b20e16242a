package gateway

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Mode says what becomes of calls that policies do not allow.
type Mode string

// The modes. In each of them services need the policy of the resource that they
// deliver to, and whoever assumes a role its trust policy.
const (
	Off      Mode = "off"      // policies do not matter
	Soft     Mode = "soft"     // the trace says what would have been refused
	Enforced Mode = "enforced" // calls are refused, and signatures verified
)

// ParseMode reads a mode.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case Off, Soft, Enforced:
		return m, nil
	}
	return "", fmt.Errorf("mode %q: want off, soft or enforced", s)
}

// Mode is the mode in force.
func (g *Gateway) Mode() Mode {
	if m, ok := g.mode.Load().(Mode); ok {
		return m
	}
	return Off
}

// SetMode changes what becomes of the calls that follow.
func (g *Gateway) SetMode(m Mode) { g.mode.Store(m) }

// Judgement is how policies decide one permission that a call needs.
type Judgement struct {
	Action   string          `json:"action"`
	Resource string          `json:"resource"`
	Decision policy.Decision `json:"decision"`
}

// authorities are the services that know policies, owners and tags.
type authorities struct {
	guards  map[string]Guard  // by the service that ARNs name
	owners  map[string]Owner  // likewise
	tagged  map[string]Tagged // likewise
	trust   map[string]bool   // likewise: policies of resources are trust policies
	tagKeys map[string]bool   // condition keys for tags that a service has of its own
	parse   policy.Cache
	known   permissionCache
	decided decisionCache
}

func newAuthorities() authorities {
	return authorities{guards: map[string]Guard{}, owners: map[string]Owner{}, tagged: map[string]Tagged{},
		trust: map[string]bool{}, tagKeys: map[string]bool{}}
}

// register finds out what a service knows.
func (a *authorities) register(s Service, d Descriptor) {
	if p, ok := s.(Authority); ok {
		a.known.authority = p
	}
	guard, guards := s.(Guard)
	owner, owns := s.(Owner)
	tagged, tags := s.(Tagged)
	names := map[string]bool{d.Name: true}
	for _, op := range d.Operations {
		if name, _, ok := strings.Cut(op.Action, ":"); ok {
			names[name] = true
		}
	}
	for _, key := range d.TagKeys {
		a.tagKeys[key] = true
	}
	for name := range names {
		a.trust[name] = a.trust[name] || d.Trust
		if guards {
			a.guards[name] = guard
		}
		if owns {
			a.owners[name] = owner
		}
		if tags {
			a.tagged[name] = tagged
		}
	}
}

// always reports whether a call is judged in every mode: services have but the
// policies of resources, a role is nobody's whom it does not trust, and callers
// without credentials may do what is public. What a service looks up for itself
// on the control plane is no API call on AWS, and on its own resources it needs
// no permission.
func (c *Call) always(op Operation) bool {
	if c.unsigned() || op.trusts {
		return true
	}
	return c.Principal.Kind == AWSService && op.Plane == Data && c.Principal.Service != c.Service+".amazonaws.com"
}

// unsigned reports whether a call came from the network without credentials.
func (c *Call) unsigned() bool { return c.Principal.Kind == Anonymous && !c.Internal() }

// authorise decides whether a call may go on, and records why.
func (g *Gateway) authorise(ctx context.Context, c *Call, op Operation, rec *TraceEntry) (err error) {
	mode, always := g.Mode(), c.always(op)
	if c.Principal.Kind == Root && exempt(ctx, c) && !always || // the judge sees all
		mode == Off && !always || c.Principal.Kind == AWSService && !always || c.unsigned() && g.public[c.Service] == nil {
		return nil
	}
	needs := op.Needs(c)
	_ = g.host.Store.Peek(func(tx *store.Tx) error { // reads only: no error
		err, rec.Judged, rec.Denied, c.refused = nil, "", "", nil
		j := &judge{g: g, tx: tx, call: c, free: mode == Off, trusts: op.trusts, frees: op.frees}
		for i := range needs {
			for _, resource := range needs[i].Resources {
				one := j.decide(&needs[i], resource)
				if mode != Off {
					rec.Judged = rec.Judged.and(one.text)
				}
				if one.Decision.Allowed() {
					continue
				}
				no := j.refuse(one, rec)
				switch {
				case mode == Soft && !always:
				case op.partly:
					c.refuse(permission{one.Action, resource}, no)
				case err == nil:
					err = no
				}
			}
		}
		return nil
	})
	return err
}

// refuse is the answer to a call that lacks a permission; the first one is told by
// the trace.
func (j *judge) refuse(one *decided, rec *TraceEntry) error {
	message := one.Decision.Refusal(j.call.Principal.String(), one.Action, one.Resource)
	if rec.Denied == "" {
		rec.Denied = message
	}
	if j.call.unsigned() {
		return j.g.public[j.call.Service].Closed(j.tx, j.call, arnOf(one.Resource))
	}
	return j.g.refusal(j.call, &one.Judgement, message)
}

// refuse notes a part of the call that is not to be done.
func (c *Call) refuse(p permission, err error) {
	if c.refused == nil {
		c.refused = map[permission]error{}
	}
	c.refused[p] = err
}

// arnOf reads the resource of a permission; "*" is none.
func arnOf(resource string) ident.ARN {
	arn, _ := ident.ParseARN(resource)
	return arn
}

// refusal is a denial in the form of the service that was called.
func (g *Gateway) refusal(c *Call, j *Judgement, message string) error {
	f := g.services.Errors(c.Service).denied()
	if f.Message != "" && (c.Principal.Kind == Anonymous || j.Decision.Type == policy.ResourceBased) {
		message = f.Message
	}
	return Errorf(f.Status, f.Code, "%s", message)
}

// denied is Denied with what is left out.
func (e Errors) denied() wire.Fault {
	f := e.Denied
	if f.Code == "" {
		f.Code = "AccessDeniedException"
	}
	if f.Status == 0 {
		f.Status = http.StatusBadRequest
	}
	return f
}

// String is how a refusal names the caller.
func (p Principal) String() string {
	switch {
	case p.Service != "":
		return p.Service
	case p.ARN != "":
		return p.ARN
	}
	return "anonymous"
}

// judge decides the permissions of one call.
type judge struct {
	g      *Gateway
	tx     *store.Tx
	call   *Call
	free   bool // identity policies do not matter
	trusts bool // the operation is Trusting
	frees  bool // the operation is Unlocking
	asked  bool // perms are there
	perms  Permissions
	person policy.Principal
}

// permissions are what IAM holds of the caller; one that is gone has none.
func (j *judge) permissions() *Permissions {
	p := j.call.Principal
	if a := &j.authorities().known; !j.asked && (p.Kind == User || p.Kind == AssumedRole) && a.authority != nil {
		j.perms = a.get(j.tx, p)
	}
	j.asked = true
	return &j.perms
}

// authorities are those of the gateway; a judge without one knows nobody.
func (j *judge) authorities() *authorities {
	if j.g == nil {
		return &authorities{}
	}
	return &j.g.authorities
}

// who is the caller, as policies tell callers apart.
func (j *judge) who() policy.Principal {
	if j.person != (policy.Principal{}) {
		return j.person
	}
	p := j.call.Principal
	if p.ID == "" && p.Kind == AssumedRole {
		_, session, _ := strings.Cut(p.ARN[strings.LastIndexByte(p.ARN, ':')+1:], "/")
		p.ID = j.permissions().ID + ":" + session[strings.LastIndexByte(session, '/')+1:]
	}
	j.person = policy.Principal{Account: p.Account, ARN: p.ARN, Role: p.RoleARN, ID: p.ID, Service: p.Service}
	switch p.Kind {
	case Root:
		j.person.Kind = policy.Root
	case User:
		j.person.Kind = policy.User
	case AssumedRole:
		j.person.Kind = policy.Session
	case AWSService:
		j.person.Kind = policy.Service
	case Anonymous:
		j.person = policy.Principal{}
	}
	return j.person
}

// everything is the identity policy of callers where these do not matter.
const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// decide asks all policies that have a say in one permission, or remembers what
// they said.
func (j *judge) decide(n *Need, resource string) *decided {
	k := &keys{judge: j, need: n, resource: arnOf(resource)}
	k.owner = k.resource.Account
	if o := j.g.authorities.owners[k.resource.Service]; o != nil && k.owner == "" {
		k.owner = o.OwnerOf(j.tx, k.resource)
	}
	text, guarded := j.resourcePolicy(k.resource, k.owner)
	return j.g.authorities.decided.get(k, resource, text, func(r *policy.Request) {
		r.ResourceAccount = k.owner
		if guarded {
			r.Resources = j.document(k.resource, text)
		}
		if j.trusts {
			r.ResourceType, r.ResourceRequired = policy.RoleTrust, true
		}
		j.own(r)
	})
}

// own adds the policies of the caller.
func (j *judge) own(r *policy.Request) {
	r.Principal = j.who()
	if j.free {
		if doc, err := j.g.authorities.parse.Parse(policy.Identity, everything); err == nil {
			r.Identity = []policy.Named{{Name: "everything", Document: doc}}
		}
		return
	}
	perms := j.permissions()
	r.Identity = perms.Identity
	if perms.Boundary != nil {
		r.Ceilings = append(r.Ceilings, policy.Ceiling{Type: policy.PermissionsBoundary, Policies: perms.Boundary})
	}
	if s := j.call.Principal.Session; s != nil && len(s.Policies) > 0 {
		r.Ceilings = append(r.Ceilings, policy.Ceiling{Type: policy.SessionPolicy, Policies: j.sessionPolicies(s)})
	}
}

func (j *judge) sessionPolicies(s *Session) []policy.Named {
	out := []policy.Named{}
	for _, p := range s.Policies {
		// was checked when it was passed
		if doc, err := j.g.authorities.parse.Parse(policy.Identity, p.Document); err == nil {
			out = append(out, policy.Named{Name: p.Name, ARN: p.ARN, Document: doc})
		}
	}
	return out
}

// resourcePolicy is the text of the policy of what a permission is about; for
// callers without credentials as far as it counts for them.
func (j *judge) resourcePolicy(arn ident.ARN, owner string) (text string, ok bool) {
	if j.call.unsigned() {
		text = j.g.public[j.call.Service].PublicPolicy(j.tx, arn)
		return text, text != ""
	}
	guard := j.g.authorities.guards[arn.Service]
	if guard == nil || j.trusts != j.g.authorities.trust[arn.Service] ||
		j.frees && j.call.Principal.Kind == Root && j.call.Principal.Account == owner {
		return "", false
	}
	return guard.ResourcePolicy(j.tx, arn)
}

// document is a resource's policy. Services check documents when they are set; an
// older one that does not parse allows nothing.
func (j *judge) document(arn ident.ARN, text string) []policy.Named {
	kind := policy.Resource
	if j.trusts {
		kind = policy.Trust
	}
	doc, err := j.g.authorities.parse.Parse(kind, text)
	if err != nil {
		j.g.host.Log.Warn("resource policy does not parse", "resource", arn.String(), "error", err)
		return nil
	}
	return []policy.Named{{Name: doc.ID, ARN: arn.String(), Document: doc}}
}

// Trusts reports whether a role's trust policy lets a service assume the role, as
// those ask that are told to use a role for a resource of theirs; c is the call that
// tells them.
func Trusts(c *Call, trust *policy.Document, role ident.ARN, service Principal, source string) bool {
	asks := &Call{ID: c.ID, Time: c.Time, Scope: c.Scope, Principal: service, SourceARN: source}
	j := &judge{call: asks}
	k := &keys{judge: j, need: &Need{}, owner: role.Account}
	return policy.Evaluate(&policy.Request{Principal: j.who(), Action: policy.AssumeRole, Resource: role.String(),
		ResourceAccount: role.Account, Keys: k.lookup, Resources: []policy.Named{{Document: trust}},
		ResourceType: policy.RoleTrust, ResourceRequired: true}).Allowed()
}
