package wire

import "net/http"

// lack notes a member of the model that the SDK's struct cannot hold: the model
// is newer, or the SDK has withdrawn it. A request that sends it is refused, since
// nobody could obey it.
func (n *node) lack(member string, ref *Ref) {
	if n.lacking == nil {
		n.lacking = map[string]*field{}
	}
	f := &field{member: member, ref: ref, node: &node{}}
	n.lacking[f.jsonName()] = f
}

// refuse is the answer to a member that cannot be held.
func (f *field) refuse() error {
	return errorf(http.StatusNotImplemented, "NotImplemented", "PipeLab does not emulate the member %s", f.member)
}
