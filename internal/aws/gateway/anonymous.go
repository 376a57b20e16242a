package gateway

import (
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Public is a service whose resources may let in callers without credentials:
// unsigned requests may do what a resource's policy allows to everybody. All
// other services refuse them, whatever the mode of authorisation.
type Public interface {
	// PublicPolicy is the policy of a resource as far as it counts for callers
	// without credentials; empty where there is none, or none that may let them in.
	PublicPolicy(tx *store.Tx, arn ident.ARN) string
	// Closed is the answer to such a caller whom the policy does not let in.
	Closed(tx *store.Tx, c *Call, arn ident.ARN) error
}

// unsigned refuses a request without a signature where no policy could let it
// in, before its body is read.
func (g *Gateway) unsigned(p Principal, t *wire.Target) error {
	if p.Kind != Anonymous || g.public[t.Service] != nil {
		return nil
	}
	return missingToken(t.Protocol)
}

// missingToken is how AWS answers an unsigned request. Services that speak JSON
// answer 400, others 403. Sources:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html and
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
func missingToken(p wire.Protocol) error {
	const text = "Request is missing Authentication Token"
	switch p {
	case wire.Query, wire.EC2Query, wire.RestXML:
		return Errorf(http.StatusForbidden, "MissingAuthenticationToken", text)
	case wire.AWSJSON10, wire.AWSJSON11, wire.CBOR:
		return Errorf(http.StatusBadRequest, "MissingAuthenticationTokenException", text)
	}
	return Errorf(http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token")
}

// admit lets in an unsigned call if the policies of all that it is about allow it
// to everybody.
func (g *Gateway) admit(c *Call, op Operation) error {
	s := g.public[c.Service]
	if c.Principal.Kind != Anonymous || c.Internal() || s == nil {
		return nil
	}
	return g.host.Store.View(func(tx *store.Tx) error {
		for _, n := range op.Needs(c) {
			for _, resource := range n.Resources {
				arn, _ := ident.ParseARN(resource) // "*" is none, and no policy is on it
				doc, err := g.policies.Parse(policy.Resource, s.PublicPolicy(tx, arn))
				if err != nil { // what no service would accept allows nothing
					return s.Closed(tx, c, arn)
				}
				d := policy.Evaluate(&policy.Request{Action: n.Action, Resource: resource, Keys: c.anonymousKeys(n),
					ResourceAccount: c.Scope.Account, Resources: []policy.Named{{ARN: resource, Document: doc}}})
				if !d.Allowed() {
					return s.Closed(tx, c, arn)
				}
			}
		}
		return nil
	})
}

// anonymousKeys are the condition keys of a call without credentials.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
func (c *Call) anonymousKeys(n Need) policy.Lookup {
	return func(name string) ([]string, bool) {
		for given, values := range n.Keys {
			if strings.EqualFold(given, name) {
				return values, true
			}
		}
		one := ""
		switch name {
		case "aws:sourceip":
			one, _, _ = net.SplitHostPort(c.HTTP.RemoteAddr)
		case "aws:securetransport":
			one = strconv.FormatBool(c.HTTP.TLS != nil)
		case "aws:useragent":
			one = c.HTTP.UserAgent()
		case "aws:referer":
			one = c.HTTP.Referer()
		case "aws:principaltype":
			one = "Anonymous"
		case "aws:requestedregion":
			one = c.Scope.Region
		case "aws:currenttime":
			one = c.Time.UTC().Format("2006-01-02T15:04:05Z")
		case "aws:epochtime":
			one = strconv.FormatInt(c.Time.Unix(), 10)
		}
		return []string{one}, one != ""
	}
}
