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
	principals Authority
	guards     map[string]Guard  // by the service that ARNs name
	owners     map[string]Owner  // likewise
	tagged     map[string]Tagged // likewise
	parse      policy.Cache
}

func newAuthorities() authorities {
	return authorities{guards: map[string]Guard{}, owners: map[string]Owner{}, tagged: map[string]Tagged{}}
}

// register finds out what a service knows.
func (a *authorities) register(s Service, d Descriptor) {
	if p, ok := s.(Authority); ok {
		a.principals = p
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
	for name := range names {
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
// policies of resources, and a role is nobody's whom it does not trust. What a
// service looks up for itself on the control plane is no API call on AWS, and on
// its own resources it needs no permission.
func (c *Call) always(op Operation) bool {
	if c.Service == "sts" && c.Operation == "AssumeRole" {
		return true
	}
	return c.Principal.Kind == AWSService && op.Plane == Data && c.Principal.Service != c.Service+".amazonaws.com"
}

// authorise decides whether a call may go on, and records why.
func (g *Gateway) authorise(ctx context.Context, c *Call, op Operation, rec *TraceEntry) error {
	mode, always := g.Mode(), c.always(op)
	if c.Principal.Kind == Anonymous && !c.Internal() { // admit has asked the resource's policy
		return nil
	}
	if c.Principal.Kind == Root && exempt(ctx, c) && !always || // the judge sees all
		mode == Off && !always || c.Principal.Kind == AWSService && !always {
		return nil
	}
	var refused *Judgement
	needs := op.Needs(c)
	_ = g.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		j := g.judge(tx, c, mode)
		for i := range needs {
			for _, resource := range needs[i].Resources {
				one := Judgement{Action: needs[i].Action, Resource: resource, Decision: j.decide(&needs[i], resource)}
				if mode != Off {
					rec.Judged = append(rec.Judged, one)
				}
				if refused == nil && !one.Decision.Allowed() {
					refused = &one
				}
			}
		}
		return nil
	})
	if refused == nil {
		return nil
	}
	rec.Denied = refused.Decision.Refusal(c.Principal.String(), refused.Action, refused.Resource)
	if mode == Soft && !always {
		return nil
	}
	return g.refusal(c, refused, rec.Denied)
}

// refusal is a denial in the form of the service that was called.
func (g *Gateway) refusal(c *Call, j *Judgement, message string) error {
	f := g.services.Errors(c.Service).denied()
	if c.Service == "s3" && (c.Principal.Kind == Anonymous || j.Decision.Type == policy.ResourceBased) {
		// S3 gives no reason to callers of other accounts.
		// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
		message = "Access Denied"
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
	g     *Gateway
	tx    *store.Tx
	call  *Call
	who   policy.Principal
	perms Permissions
	free  bool // identity policies do not matter
}

func (g *Gateway) judge(tx *store.Tx, c *Call, mode Mode) *judge {
	j := &judge{g: g, tx: tx, call: c, free: mode == Off}
	p := c.Principal
	if (p.Kind == User || p.Kind == AssumedRole) && g.authorities.principals != nil {
		j.perms, _ = g.authorities.principals.Permissions(tx, p) // one that is gone has no policies
		if p.ID == "" && p.Kind == AssumedRole {
			_, session, _ := strings.Cut(p.ARN[strings.LastIndexByte(p.ARN, ':')+1:], "/")
			p.ID = j.perms.ID + ":" + session[strings.LastIndexByte(session, '/')+1:]
		}
	}
	j.who = policy.Principal{Account: p.Account, ARN: p.ARN, Role: p.RoleARN, ID: p.ID, Service: p.Service}
	switch p.Kind {
	case Root:
		j.who.Kind = policy.Root
	case User:
		j.who.Kind = policy.User
	case AssumedRole:
		j.who.Kind = policy.Session
	case AWSService:
		j.who.Kind = policy.Service
	case Anonymous:
		j.who = policy.Principal{}
	}
	return j
}

// everything is the identity policy of callers where these do not matter.
const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// decide asks all policies that have a say in one permission.
func (j *judge) decide(n *Need, resource string) policy.Decision {
	r := &policy.Request{Principal: j.who, Action: n.Action, Resource: resource, Identity: j.perms.Identity}
	k := &keys{judge: j, need: n}
	r.Keys = k.lookup
	k.resource, _ = ident.ParseARN(resource) // "*" is none
	r.ResourceAccount = k.resource.Account
	if o := j.g.authorities.owners[k.resource.Service]; o != nil && r.ResourceAccount == "" {
		r.ResourceAccount = o.OwnerOf(j.tx, k.resource)
	}
	k.owner = r.ResourceAccount
	r.Resources = j.resourcePolicy(n, k.resource, r.ResourceAccount)
	if strings.HasPrefix(n.Action, "sts:") && k.resource.Service == "iam" {
		r.ResourceType, r.ResourceRequired = policy.RoleTrust, true
	}
	if j.free {
		if doc, err := j.g.authorities.parse.Parse(policy.Identity, everything); err == nil {
			r.Identity = []policy.Named{{Name: "everything", Document: doc}}
		}
		return policy.Evaluate(r)
	}
	if j.perms.Boundary != nil {
		r.Ceilings = append(r.Ceilings, policy.Ceiling{Type: policy.PermissionsBoundary, Policies: j.perms.Boundary})
	}
	if s := j.call.Principal.Session; s != nil && len(s.Policies) > 0 {
		r.Ceilings = append(r.Ceilings, policy.Ceiling{Type: policy.SessionPolicy, Policies: j.sessionPolicies(s)})
	}
	return policy.Evaluate(r)
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

// resourcePolicy is the policy of what a permission is about. Services check
// documents when they are set; an older one that does not parse allows nothing.
func (j *judge) resourcePolicy(n *Need, arn ident.ARN, owner string) []policy.Named {
	guard := j.g.authorities.guards[arn.Service]
	if guard == nil || j.call.Principal.Kind == Root && j.call.Principal.Account == owner && ownPolicy(n.Action) {
		return nil
	}
	text, ok := guard.ResourcePolicy(j.tx, arn)
	if !ok {
		return nil
	}
	kind := policy.Resource
	if arn.Service == "iam" {
		kind = policy.Trust
	}
	doc, err := j.g.authorities.parse.Parse(kind, text)
	if err != nil {
		j.g.host.Log.Warn("resource policy does not parse", "resource", arn.String(), "error", err)
		return nil
	}
	return []policy.Named{{Name: doc.ID, ARN: arn.String(), Document: doc}}
}

// ownPolicy reports whether an action is one that a bucket policy cannot deny to
// the root user of the bucket's account, so that nobody locks himself out.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
func ownPolicy(action string) bool {
	return action == "s3:GetBucketPolicy" || action == "s3:PutBucketPolicy" || action == "s3:DeleteBucketPolicy"
}

// Trusts reports whether a role's trust policy lets a service assume the role, as
// those ask that are told to use a role; c is the call that tells them.
func Trusts(c *Call, trust *policy.Document, role ident.ARN, service Principal) bool {
	asks := &Call{ID: c.ID, Time: c.Time, Scope: c.Scope, Principal: service, Service: "sts", Operation: "AssumeRole"}
	j := &judge{call: asks, who: policy.Principal{Kind: policy.Service, Account: service.Account,
		Service: service.Service}}
	k := &keys{judge: j, need: &Need{}, owner: role.Account}
	return policy.Evaluate(&policy.Request{Principal: j.who, Action: "sts:AssumeRole", Resource: role.String(),
		ResourceAccount: role.Account, Keys: k.lookup, Resources: []policy.Named{{Document: trust}},
		ResourceType: policy.RoleTrust, ResourceRequired: true}).Allowed()
}
