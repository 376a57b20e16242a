package iam

import (
	"maps"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Permissions implements gateway.Authority: the policies of a user and its
// groups, or of a role, and what bounds them.
func (s *Service) Permissions(tx *store.Tx, p gateway.Principal) (gateway.Permissions, bool) {
	k, arn := user, p.ARN
	if p.RoleARN != "" {
		k, arn = role, p.RoleARN
	}
	sc := ident.Scope{Account: p.Account}
	i, ok := s.identities.Get(tx, sc, nameKey(k, arn[strings.LastIndexByte(arn, '/')+1:]))
	if !ok || i.arn(p.Account) != arn {
		return gateway.Permissions{}, false
	}
	out := gateway.Permissions{ID: i.ID, Tags: i.Tags, Identity: s.documents(tx, sc, i)}
	for _, name := range i.Groups {
		if g, ok := s.identities.Get(tx, sc, nameKey(group, name)); ok {
			out.Identity = append(out.Identity, s.documents(tx, sc, g)...)
		}
	}
	if i.Boundary != "" {
		// A boundary that is gone lets nothing through; it cannot be deleted while it is one.
		out.Boundary = append([]policy.Named{}, s.managedDocument(tx, sc, i.Boundary)...)
	}
	return out, true
}

// State implements gateway.Authority.
func (s *Service) State(tx *store.Tx) [2]store.State {
	return [2]store.State{s.identities.State(tx), s.policies.State(tx)}
}

// documents are the inline and attached policies of one identity.
func (s *Service) documents(tx *store.Tx, sc ident.Scope, i identity) []policy.Named {
	var out []policy.Named
	for _, name := range slices.Sorted(maps.Keys(i.Inline)) {
		out = append(out, s.parsed(name, "", i.Inline[name])...)
	}
	for _, arn := range i.Attached {
		out = append(out, s.managedDocument(tx, sc, arn)...)
	}
	return out
}

// managedDocument is the default version of a managed policy; none when there is
// no such policy.
func (s *Service) managedDocument(tx *store.Tx, sc ident.Scope, arn string) []policy.Named {
	p, ok := awsManaged(arn)
	if !ok {
		if p, ok = s.policies.Get(tx, sc, arn); !ok {
			return nil
		}
	}
	v, _ := p.version(p.Default) // there always is one
	return s.parsed(p.Name, arn, v.Document)
}

// parsed reads a stored document. All were checked when they were stored; one of
// an older state that is refused today grants nothing, and the log says so.
func (s *Service) parsed(name, arn, text string) []policy.Named {
	doc, err := s.parse.Parse(policy.Identity, text)
	if err != nil {
		s.host.Log.Warn("stored policy does not parse", "policy", name, "arn", arn, "error", err)
		return nil
	}
	return []policy.Named{{Name: name, ARN: arn, Document: doc}}
}

// ResourcePolicy implements gateway.Guard: the trust policy of a role.
func (s *Service) ResourcePolicy(tx *store.Tx, arn ident.ARN) (string, bool) {
	i, ok := s.named(tx, arn)
	return i.Trust, ok && i.Kind == role
}

// ResourceTags implements gateway.Tagged.
func (s *Service) ResourceTags(tx *store.Tx, arn ident.ARN) map[string]string {
	if i, ok := s.named(tx, arn); ok {
		return i.Tags
	}
	p, _ := s.policies.Get(tx, ident.Scope{Account: arn.Account}, arn.String()) // none has no tags
	return p.Tags
}

// named finds the user, group or role with an ARN.
func (s *Service) named(tx *store.Tx, arn ident.ARN) (identity, bool) {
	k, rest, _ := strings.Cut(arn.Resource, "/")
	i, ok := s.identities.Get(tx, ident.Scope{Account: arn.Account},
		nameKey(kind(k), rest[strings.LastIndexByte(rest, '/')+1:]))
	return i, ok && i.arn(arn.Account) == arn.String()
}
