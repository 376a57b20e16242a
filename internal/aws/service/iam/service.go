package iam

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Service is the emulated IAM. Make one with New.
type Service struct {
	gateway.Passive
	host       *gateway.Host
	identities *store.Collection[identity]
	policies   *store.Collection[managed]
	keys       *store.Collection[accessKey]
	accounts   *store.Collection[string] // of access key ids
	parse      policy.Cache
}

// kind tells users, groups, roles and instance profiles apart; it begins their stored keys.
type kind string

const (
	user  kind = "user"
	group kind = "group"
	role  kind = "role"

	profile kind = "instance-profile" // holds a role for machines
)

// identity is what users, groups and roles have in common, and what only
// one of them has.
type identity struct {
	Kind        kind              `json:"kind"`
	Name        string            `json:"name"`
	Path        string            `json:"path"`
	ID          string            `json:"id"`
	Created     time.Time         `json:"created"`
	Inline      map[string]string `json:"inline,omitempty"`
	Attached    []string          `json:"attached,omitempty"` // ARNs
	Tags        map[string]string `json:"tags,omitempty"`
	Groups      []string          `json:"groups,omitempty"`      // of a user
	Trust       string            `json:"trust,omitempty"`       // of a role
	Description string            `json:"description,omitempty"` // of a role
	MaxSession  int32             `json:"maxSession,omitempty"`  // of a role, in seconds
	Boundary    string            `json:"boundary,omitempty"`    // ARN of a managed policy
	Roles       []string          `json:"roles,omitempty"`       // of an instance profile: one or none
}

func (i identity) arn(account string) string {
	return ident.Scope{Account: account}.ARN("iam", string(i.Kind)+i.Path+i.Name)
}

// clone keeps writers away from stored maps and slices.
func (i identity) clone() identity {
	i.Inline, i.Tags = cloneMap(i.Inline), cloneMap(i.Tags)
	i.Attached, i.Groups, i.Roles = slices.Clone(i.Attached), slices.Clone(i.Groups), slices.Clone(i.Roles)
	return i
}

func cloneMap(m map[string]string) map[string]string {
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// New returns the service.
func New(h *gateway.Host) *Service {
	s := &Service{
		host:       h,
		identities: store.NewCollection(h.Store, "iam.identities", store.WithClone(identity.clone)),
		policies:   store.NewCollection(h.Store, "iam.policies", store.WithClone(managed.clone)),
		accounts:   store.NewCollection[string](h.Store, "iam.keyAccounts"),
	}
	s.keys = store.NewCollection(h.Store, "iam.accessKeys", store.WithUpgrade[accessKey](1,
		func(tx *store.Tx, sc ident.Scope, id string, old []byte) error {
			var k accessKey // had no account noted beside it
			if err := json.Unmarshal(old, &k); err != nil {
				return err
			}
			s.keys.Put(tx, sc, id, k)
			s.accounts.Put(tx, ident.Scope{}, id, sc.Account)
			return nil
		}))
	return s
}

// Names of IAM are unique without regard to case.
func nameKey(k kind, name string) string { return store.Key(string(k), strings.ToLower(name)) }

func notFound(k kind, name string) error {
	if k == profile { // in words of its own, as AWS
		return &types.NoSuchEntityException{Message: aws.String("Instance Profile " + name + " cannot be found.")}
	}
	return &types.NoSuchEntityException{Message: aws.String(fmt.Sprintf("The %s with name %s cannot be found.", k, name))}
}

// find returns an identity of the caller's account.
func (s *Service) find(tx *store.Tx, ctx context.Context, k kind, name *string) (identity, error) {
	i, ok := s.identities.Get(tx, gateway.From(ctx).Scope.Global(), nameKey(k, aws.ToString(name)))
	if !ok {
		return i, notFound(k, aws.ToString(name))
	}
	return i, nil
}

func (s *Service) put(tx *store.Tx, ctx context.Context, i identity) {
	s.identities.Put(tx, gateway.From(ctx).Scope.Global(), nameKey(i.Kind, i.Name), i)
}

// read calls fn with a stored identity.
func (s *Service) read(ctx context.Context, k kind, name *string, fn func(identity) error) error {
	return s.host.Store.View(func(tx *store.Tx) error {
		i, err := s.find(tx, ctx, k, name)
		if err != nil {
			return err
		}
		return fn(i)
	})
}

// change stores what fn makes of an identity.
func (s *Service) change(ctx context.Context, k kind, name *string, fn func(tx *store.Tx, i *identity) error) error {
	return s.host.Store.Update(func(tx *store.Tx) error {
		i, err := s.find(tx, ctx, k, name)
		if err != nil {
			return err
		}
		if err := fn(tx, &i); err != nil {
			return err
		}
		s.put(tx, ctx, i)
		return nil
	})
}

// create stores a new identity.
func (s *Service) create(ctx context.Context, i identity, path *string, tags []types.Tag) (identity, error) {
	call := gateway.From(ctx)
	i.Path, i.Created = aws.ToString(path), call.Time
	if i.Path == "" {
		i.Path = "/"
	}
	i.ID = map[kind]string{user: "AIDA", group: "AGPA", role: "AROA", profile: "AIPA"}[i.Kind] + s.host.IDs.Upper(17)
	i.Inline, i.Tags = map[string]string{}, map[string]string{}
	if err := setTags(i.Tags, tags); err != nil {
		return i, err
	}
	return i, s.host.Store.Update(func(tx *store.Tx) error {
		if _, err := s.find(tx, ctx, i.Kind, &i.Name); err == nil {
			word := strings.ToUpper(string(i.Kind[:1])) + string(i.Kind[1:])
			if i.Kind == profile {
				return &types.EntityAlreadyExistsException{Message: aws.String("Instance Profile " + i.Name +
					" already exists.")}
			}
			return &types.EntityAlreadyExistsException{Message: aws.String(fmt.Sprintf("%s with name %s already exists.", word,
				i.Name))}
		}
		if i.Boundary != "" {
			if _, err := s.policyByARN(tx, ctx, &i.Boundary); err != nil {
				return err
			}
		}
		s.put(tx, ctx, i)
		return nil
	})
}

// list returns the identities of a kind below a path, by name.
func (s *Service) list(ctx context.Context, k kind, prefix *string) []identity {
	var out []identity
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads cannot fail
		s.identities.Scan(tx, gateway.From(ctx).Scope.Global(), store.Key(string(k), ""), "",
			func(_ string, i identity) bool {
				if strings.HasPrefix(i.Path, aws.ToString(prefix)) {
					out = append(out, i)
				}
				return true
			})
		return nil
	})
	return out
}

func setTags(m map[string]string, tags []types.Tag) error {
	for _, t := range tags {
		m[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	if n := limits.Get("iam", "tagsPerResource"); int64(len(m)) > n {
		return &types.LimitExceededException{Message: aws.String(
			fmt.Sprintf("The number of tags has reached the maximum limit of %d.", n))}
	}
	return nil
}

func tagList(m map[string]string) []types.Tag {
	out := []types.Tag{}
	for k, v := range m {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	// As pages go on: IAM's names are unique without regard to case.
	slices.SortFunc(out, func(a, b types.Tag) int {
		return cmp.Compare(strings.ToLower(*a.Key), strings.ToLower(*b.Key))
	})
	return out
}

// page cuts a sorted list. A marker names the last item of the page before, so
// that it stays right when items come and go.
func page[T any](items []T, key func(T) string, marker *string, size *int32) (out []T, next *string, err error) {
	start := 0
	if marker != nil {
		raw, err := base64.RawURLEncoding.DecodeString(*marker)
		if err != nil || !strings.HasPrefix(string(raw), "after:") {
			return nil, nil, gateway.Errorf(400, "ValidationError", "Invalid Marker.")
		}
		last := strings.ToLower(strings.TrimPrefix(string(raw), "after:"))
		for start < len(items) && strings.ToLower(key(items[start])) <= last {
			start++
		}
	}
	n := 100 // the default of every List operation
	if size != nil {
		n = int(*size)
	}
	out = append([]T{}, items[start:min(len(items), start+n)]...)
	if start+n < len(items) {
		next = aws.String(base64.RawURLEncoding.EncodeToString([]byte("after:" + key(out[len(out)-1]))))
	}
	return out, next, nil
}
