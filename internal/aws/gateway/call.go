// Package gateway is the one door of the embedded AWS. Every call, from the
// network or from one service to another, passes the same chain: identify,
// authorise, inject faults, dispatch, record. Services see a Call and answer
// with the SDK's own types; they never import one another.
package gateway

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/aws/ident"
)

// PrincipalKind says what sort of caller made a call.
type PrincipalKind string

// The kinds of principal.
const (
	Root        PrincipalKind = "Root"        // the account itself: an access key that belongs to no user
	User        PrincipalKind = "User"        // an IAM user's access key
	AssumedRole PrincipalKind = "AssumedRole" // temporary credentials of a role session
	AWSService  PrincipalKind = "AWSService"  // a service acting for itself, such as s3.amazonaws.com
	Anonymous   PrincipalKind = "Anonymous"   // an unsigned request
)

// Principal is who makes a call.
type Principal struct {
	Kind        PrincipalKind
	Account     string
	ARN         string // of the user, the role session or the account's root; empty for services
	ID          string // unique id (AIDA…, AROA…:session), the account id for root
	AccessKeyID string
	Service     string // host name of a calling service, "lambda.amazonaws.com"
	RoleARN     string // the role behind a role session
	// Session is what temporary credentials carry; nil for long-term ones, and for
	// services that act with a role.
	Session *Session `json:",omitempty"`
}

// Session is what STS knows of temporary credentials. It is not changed once it
// is made.
type Session struct {
	Issued         time.Time
	Token          string            `json:"-"` // that requests have to send
	Policies       []SessionPolicy   `json:",omitempty"`
	Tags           map[string]string `json:",omitempty"`
	Transitive     []string          `json:",omitempty"` // names of tags that go on to the next role
	SourceIdentity string            `json:",omitempty"`
}

// SessionPolicy is a policy that limits a session.
type SessionPolicy struct {
	Name     string `json:",omitempty"`
	ARN      string `json:",omitempty"` // of a managed policy
	Document string
}

// ServicePrincipal is a service acting for itself on behalf of an account.
func ServicePrincipal(host, account string) Principal {
	return Principal{Kind: AWSService, Account: account, Service: host}
}

// RolePrincipal is a service acting with an execution role, whose permissions
// then decide.
func RolePrincipal(roleARN, session, account string) Principal {
	p := Principal{Kind: AssumedRole, Account: account, RoleARN: roleARN}
	if role, err := ident.ParseARN(roleARN); err == nil {
		p.ARN = ident.SessionARN(role, session).String()
	}
	return p
}

// Call is one API call, wherever it comes from.
type Call struct {
	// ID is the request id; the gateway fills it in.
	ID string
	// Parent is the id of the call that caused this one: Invoke takes it from the
	// context, and a call that a function makes has the invocation. Empty for
	// other calls from the network.
	Parent    string
	Principal Principal
	Scope     ident.Scope
	Service   string // SDK package name: "kinesis", "dynamodbstreams"
	Operation string // "PutRecords"
	Input     any    // *kinesis.PutRecordsInput
	// SourceARN is the resource for which a service calls, such as the bucket of
	// an event; resource policies ask for it. Empty when there is none.
	SourceARN string
	// SourceAccount owns that resource.
	SourceAccount string
	// Zeros are the members that were sent as zero although their Go type cannot
	// tell that from absent, by path: "Entries.2.DelaySeconds". Ask Has.
	Zeros []string
	// Carries are fingerprints (digest.Fingerprint) of the records that the call brings
	// to its resource, in their order: shard and sequence number, or message id. Only
	// who delivers on behalf of others fills it in, so that the way of one record can be
	// followed in the trace.
	Carries []uint32
	// Trace is X-Amzn-Trace-Id: of a request, or of the run of a function that made it, and
	// of what caused a call from inside.
	Trace string
	// Via are the services that call with the credentials of a principal, as
	// CloudFormation does; the first was called by the principal itself.
	Via []string
	// HTTP is the request behind the call; nil for those that are made with Invoke.
	HTTP *http.Request
	// Looking is set on a judge's read, which counts towards no throughput.
	Looking bool
	// Time is when the call arrived, on the virtual clock.
	Time time.Time

	// validate compares the input of a call from the network with the model.
	validate func(input any) error
	refused  map[permission]error // of an operation that does what it may
	inside   bool                 // HTTP comes from a service of ours
	epoch    uint64               // of the state, when a request came in
}

// Internal reports whether one service called another.
func (c *Call) Internal() bool { return c.HTTP == nil || c.inside }

// Has reports whether the scalar at a path was sent, 0 and false too:
// "DelaySeconds", "Entries.2.DelaySeconds" with places in lists from 0. Ask it of
// numbers that are no pointers in the SDK's input, where 0 differs from absent.
func (c *Call) Has(path string) bool {
	if slices.Contains(c.Zeros, path) {
		return true
	}
	v := reflect.ValueOf(c.Input)
	for _, name := range strings.Split(path, ".") {
		v = reflect.Indirect(v)
		switch {
		case !v.IsValid():
			return false
		case v.Kind() == reflect.Slice:
			i, err := strconv.Atoi(name)
			if err != nil || i >= v.Len() {
				return false
			}
			v = v.Index(i)
		case v.Kind() == reflect.Struct:
			v = v.FieldByName(name)
		default:
			return false
		}
	}
	return v.IsValid() && !v.IsZero()
}

// permission is an action on a resource.
type permission struct{ action, resource string }

// Refuses returns the error of the first of these permissions that the call lacks;
// only the handlers of operations that are Partly allowed need to ask.
func (c *Call) Refuses(needs ...Need) error {
	for _, n := range needs {
		for _, resource := range n.Resources {
			if err := c.refused[permission{n.Action, resource}]; err != nil {
				return err
			}
		}
	}
	return nil
}

type callKey struct{}

// From returns the call that ctx belongs to. Handlers always have one; it
// panics elsewhere, because background work must name its account and region
// itself.
func From(ctx context.Context) *Call {
	c, ok := ctx.Value(callKey{}).(*Call)
	if !ok {
		panic("gateway: context carries no call")
	}
	return c
}

// WithCall returns a context that belongs to c.
func WithCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}
