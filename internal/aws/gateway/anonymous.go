package gateway

import (
	"net/http"

	"github.com/pipelab/pipelab/internal/aws/ident"
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
	case wire.AWSJSON10, wire.AWSJSON11, wire.CBOR, wire.AWSCBOR:
		return Errorf(http.StatusBadRequest, "MissingAuthenticationTokenException", text)
	}
	return Errorf(http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token")
}
