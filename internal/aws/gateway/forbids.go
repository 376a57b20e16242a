package gateway

import (
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// forbids implements Host.Forbids.
func (g *Gateway) forbids(c *Call, doc *policy.Document, action string, resource ident.ARN) (denied bool) {
	_ = g.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		j := &judge{g: g, tx: tx, call: c}
		k := &keys{judge: j, need: &Need{Action: action}, resource: resource, owner: resource.Account}
		denied = policy.Evaluate(&policy.Request{Principal: j.who(), Action: action, Resource: resource.String(),
			ResourceAccount: resource.Account, Keys: k.lookup,
			Resources: []policy.Named{{Document: doc}}}).Outcome == policy.ExplicitDeny
		return nil
	})
	return denied
}
