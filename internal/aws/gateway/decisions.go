package gateway

import (
	"encoding/json"
	"slices"
	"sync"

	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Judgements are the judgements of one call as JSON, the form in which the trace
// keeps them; empty for none.
type Judgements string

// All reads them.
func (j Judgements) All() (out []Judgement) {
	if j != "" {
		_ = json.Unmarshal([]byte(j), &out) // and has written it
	}
	return out
}

// and adds another list.
func (j Judgements) and(more Judgements) Judgements {
	if j == "" {
		return more
	}
	return j[:len(j)-1] + "," + more[1:]
}

// MarshalJSON implements json.Marshaler.
func (j Judgements) MarshalJSON() ([]byte, error) { return []byte(j), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (j *Judgements) UnmarshalJSON(b []byte) error {
	*j = Judgements(b)
	return nil
}

// permissionCache keeps what IAM holds of callers, for as long as IAM's state is
// the same. The zero value with an authority is ready.
type permissionCache struct {
	authority Authority // nil where nobody knows

	mu    sync.RWMutex
	state [2]store.State
	all   map[permissionKey]Permissions
}

// permissionKey is what permissions depend on beside IAM's state.
type permissionKey struct{ account, role, arn string }

func (c *permissionCache) get(tx *store.Tx, p Principal) Permissions {
	k := permissionKey{account: p.Account, role: p.RoleARN}
	if p.RoleARN == "" { // all sessions of a role have the same
		k.arn = p.ARN
	}
	state := c.authority.State(tx)
	c.mu.RLock()
	perms, ok := c.all[k]
	ok = ok && c.state == state
	c.mu.RUnlock()
	if ok {
		return perms
	}
	perms, _ = c.authority.Permissions(tx, p) // one that is gone has none
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil || c.state != state || len(c.all) >= cached {
		c.all, c.state = map[permissionKey]Permissions{}, state
	}
	c.all[k] = perms
	return perms
}

// cached bounds what is remembered; a full cache starts anew.
const cached = 5_000

// decided is a decision with its words for the trace, and what it depends on.
type decided struct {
	Judgement
	text Judgements

	state [2]store.State // of IAM
	// policy is that of the resource, and owner its account.
	policy, owner string
	asked         []answered // condition keys, in the order of asking
}

// answered is a condition key that a policy asked for.
type answered struct {
	key    string
	values []string
	ok     bool
}

// decisionCache keeps decisions about calls that are alike. One holds again when
// IAM's state, the resource's policy and owner, and the values of all condition
// keys that were asked for are the same. The zero value is ready.
type decisionCache struct {
	mu  sync.RWMutex
	all map[decisionKey]*decided
}

// decisionKey is a call as policies see it without their conditions. An access
// key stands for its session, which does not change.
type decisionKey struct {
	kind                        PrincipalKind
	account, arn, key, service  string
	action, resource, ofService string
	free                        bool
}

// get decides anew only if nothing is remembered that holds. fill adds to the
// request what is asked of policies.
func (c *decisionCache) get(k *keys, resource, text string, fill func(*policy.Request)) *decided {
	p := k.call.Principal
	at := decisionKey{kind: p.Kind, account: p.Account, arn: p.ARN, key: p.AccessKeyID, service: p.Service,
		action: k.need.Action, resource: resource, ofService: k.call.Service, free: k.free}
	var state [2]store.State
	if a := k.g.authorities.known.authority; a != nil {
		state = a.State(k.tx)
	}
	c.mu.RLock()
	found := c.all[at]
	c.mu.RUnlock()
	if found != nil && found.state == state && found.policy == text && found.owner == k.owner && found.holds(k) {
		return found
	}
	one := &decided{Judgement: Judgement{Action: k.need.Action, Resource: resource}, state: state, policy: text,
		owner: k.owner}
	r := &policy.Request{Action: k.need.Action, Resource: resource}
	r.Keys = func(name string) ([]string, bool) {
		values, ok := k.lookup(name)
		one.asked = append(one.asked, answered{name, slices.Clone(values), ok})
		return values, ok
	}
	fill(r)
	one.Decision = policy.Evaluate(r)
	words, _ := json.Marshal([]Judgement{one.Judgement}) // made for JSON
	one.text = Judgements(words)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil || len(c.all) >= cached {
		c.all = map[decisionKey]*decided{}
	}
	c.all[at] = one
	return one
}

// holds reports whether the condition keys have the values that they had.
func (d *decided) holds(k *keys) bool {
	for _, a := range d.asked {
		if values, ok := k.lookup(a.key); ok != a.ok || !slices.Equal(values, a.values) {
			return false
		}
	}
	return true
}
