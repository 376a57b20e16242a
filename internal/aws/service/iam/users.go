package iam

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// accessKey is stored by account and key id.
type accessKey struct {
	ID      string           `json:"id"`
	Secret  string           `json:"secret"`
	User    string           `json:"user"`
	Status  types.StatusType `json:"status"`
	Created time.Time        `json:"created"`
}

func (s *Service) userOf(ctx context.Context, i identity) *types.User {
	return &types.User{UserName: aws.String(i.Name), UserId: aws.String(i.ID), Path: aws.String(i.Path),
		CreateDate: aws.Time(i.Created),
		Arn:        aws.String(i.arn(gateway.From(ctx).Scope.Account)), Tags: tagList(i.Tags),
		PermissionsBoundary: boundaryOf(i)}
}

func (s *Service) CreateUser(ctx context.Context, in *iam.CreateUserInput) (*iam.CreateUserOutput, error) {
	i, err := s.create(ctx, identity{Kind: user, Name: aws.ToString(in.UserName),
		Boundary: aws.ToString(in.PermissionsBoundary)}, in.Path, in.Tags)
	return &iam.CreateUserOutput{User: s.userOf(ctx, i)}, err
}

// callingUser is the name that operations use when none is given.
func callingUser(ctx context.Context, name *string) (*string, error) {
	if name != nil {
		return name, nil
	}
	p := gateway.From(ctx).Principal
	if a, err := ident.ParseARN(p.ARN); err == nil && p.Kind == gateway.User {
		for i := len(a.Resource) - 1; i >= 0; i-- {
			if a.Resource[i] == '/' {
				return aws.String(a.Resource[i+1:]), nil
			}
		}
	}
	return nil, gateway.Errorf(400, "ValidationError", "Must specify userName when calling with non-User credentials")
}

// GetUser implements the operation. Without a name it is about the caller; the
// account's root has no name.
func (s *Service) GetUser(ctx context.Context, in *iam.GetUserInput) (*iam.GetUserOutput, error) {
	call := gateway.From(ctx)
	if in.UserName == nil && call.Principal.Kind == gateway.Root {
		return &iam.GetUserOutput{User: &types.User{UserId: aws.String(call.Scope.Account),
			Arn:        aws.String(call.Principal.ARN),
			CreateDate: aws.Time(call.Time), Path: aws.String("/"), UserName: aws.String("")}}, nil
	}
	name, err := callingUser(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	out := &iam.GetUserOutput{}
	err = s.read(ctx, user, name, func(i identity) error { out.User = s.userOf(ctx, i); return nil })
	return out, err
}

func (s *Service) DeleteUser(ctx context.Context, in *iam.DeleteUserInput) (*iam.DeleteUserOutput, error) {
	return &iam.DeleteUserOutput{}, s.remove(ctx, user, in.UserName, func(tx *store.Tx, i identity) error {
		switch {
		case len(s.keysOf(tx, ctx, i.Name)) > 0:
			return conflict("Cannot delete entity, must delete access keys first.")
		case len(i.Groups) > 0:
			return conflict("Cannot delete entity, must remove users from group first.")
		}
		return nil
	})
}

func conflict(msg string) error { return &types.DeleteConflictException{Message: aws.String(msg)} }

// remove deletes an identity that nothing hangs on any more.
func (s *Service) remove(ctx context.Context, k kind, name *string, check func(*store.Tx, identity) error) error {
	return s.host.Store.Update(func(tx *store.Tx) error {
		i, err := s.find(tx, ctx, k, name)
		if err != nil {
			return err
		}
		switch {
		case len(i.Attached) > 0:
			return conflict("Cannot delete entity, must detach all policies first.")
		case len(i.Inline) > 0:
			return conflict("Cannot delete entity, must delete policies first.")
		}
		if err := check(tx, i); err != nil {
			return err
		}
		s.identities.Delete(tx, gateway.From(ctx).Scope.Global(), nameKey(k, i.Name))
		return nil
	})
}

func (s *Service) ListUsers(ctx context.Context, in *iam.ListUsersInput) (*iam.ListUsersOutput, error) {
	items, next, err := page(s.list(ctx, user, in.PathPrefix), func(i identity) string {
		return i.Name
	}, in.Marker, in.MaxItems)
	out := &iam.ListUsersOutput{Users: []types.User{}, Marker: next, IsTruncated: next != nil}
	for _, i := range items {
		u := s.userOf(ctx, i)
		u.Tags, u.PermissionsBoundary = nil, nil // lists leave them out
		out.Users = append(out.Users, *u)
	}
	return out, err
}

func (s *Service) TagUser(ctx context.Context, in *iam.TagUserInput) (*iam.TagUserOutput, error) {
	return &iam.TagUserOutput{}, s.change(ctx, user, in.UserName, func(_ *store.Tx, i *identity) error {
		return setTags(i.Tags, in.Tags)
	})
}

func (s *Service) UntagUser(ctx context.Context, in *iam.UntagUserInput) (*iam.UntagUserOutput, error) {
	return &iam.UntagUserOutput{}, s.change(ctx, user, in.UserName, func(_ *store.Tx, i *identity) error {
		for _, k := range in.TagKeys {
			delete(i.Tags, k)
		}
		return nil
	})
}

func tagKey(t types.Tag) string { return *t.Key }

func (s *Service) ListUserTags(ctx context.Context, in *iam.ListUserTagsInput) (*iam.ListUserTagsOutput, error) {
	out := &iam.ListUserTagsOutput{}
	err := s.read(ctx, user, in.UserName, func(i identity) (err error) {
		out.Tags, out.Marker, err = page(tagList(i.Tags), tagKey, in.Marker, in.MaxItems)
		return err
	})
	out.IsTruncated = out.Marker != nil
	return out, err
}

func (s *Service) keysOf(tx *store.Tx, ctx context.Context, name string) []accessKey {
	var out []accessKey
	s.keys.Scan(tx, gateway.From(ctx).Scope.Global(), "", "", func(_ string, k accessKey) bool {
		if k.User == name {
			out = append(out, k)
		}
		return true
	})
	return out
}

func (s *Service) CreateAccessKey(ctx context.Context, in *iam.CreateAccessKeyInput) (*iam.CreateAccessKeyOutput,
	error) {
	name, err := callingUser(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	call := gateway.From(ctx)
	k := accessKey{ID: "AKIA" + s.host.IDs.Upper(16), Secret: s.host.IDs.Hex(40), Status: types.StatusTypeActive,
		Created: call.Time}
	err = s.host.Store.Update(func(tx *store.Tx) error {
		i, err := s.find(tx, ctx, user, name)
		if err != nil {
			return err
		}
		if n := limits.Get("iam", "accessKeysPerUser"); int64(len(s.keysOf(tx, ctx, i.Name))) >= n {
			return &types.LimitExceededException{Message: aws.String(fmt.Sprintf("Cannot exceed quota for AccessKeysPerUser: %d",
				n))}
		}
		k.User = i.Name
		s.keys.Put(tx, call.Scope.Global(), k.ID, k)
		s.accounts.Put(tx, ident.Scope{}, k.ID, call.Scope.Account)
		return nil
	})
	return &iam.CreateAccessKeyOutput{AccessKey: &types.AccessKey{AccessKeyId: aws.String(k.ID),
		SecretAccessKey: aws.String(k.Secret),
		Status:          k.Status, UserName: aws.String(k.User), CreateDate: aws.Time(k.Created)}}, err
}

func (s *Service) changeKey(ctx context.Context, id, userName *string, fn func(*store.Tx, accessKey)) error {
	name, err := callingUser(ctx, userName)
	if err != nil {
		return err
	}
	return s.host.Store.Update(func(tx *store.Tx) error {
		k, ok := s.keys.Get(tx, gateway.From(ctx).Scope.Global(), aws.ToString(id))
		if !ok || nameKey(user, k.User) != nameKey(user, *name) {
			return &types.NoSuchEntityException{Message: aws.String(fmt.Sprintf("The Access Key with id %s cannot be found.",
				aws.ToString(id)))}
		}
		fn(tx, k)
		return nil
	})
}

func (s *Service) DeleteAccessKey(ctx context.Context, in *iam.DeleteAccessKeyInput) (*iam.DeleteAccessKeyOutput,
	error) {
	return &iam.DeleteAccessKeyOutput{}, s.changeKey(ctx, in.AccessKeyId, in.UserName, func(tx *store.Tx, k accessKey) {
		s.keys.Delete(tx, gateway.From(ctx).Scope.Global(), k.ID)
		s.accounts.Delete(tx, ident.Scope{}, k.ID)
	})
}

func (s *Service) UpdateAccessKey(ctx context.Context, in *iam.UpdateAccessKeyInput) (*iam.UpdateAccessKeyOutput,
	error) {
	return &iam.UpdateAccessKeyOutput{}, s.changeKey(ctx, in.AccessKeyId, in.UserName, func(tx *store.Tx, k accessKey) {
		k.Status = in.Status
		s.keys.Put(tx, gateway.From(ctx).Scope.Global(), k.ID, k)
	})
}

func (s *Service) ListAccessKeys(ctx context.Context, in *iam.ListAccessKeysInput) (*iam.ListAccessKeysOutput, error) {
	name, err := callingUser(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	out := &iam.ListAccessKeysOutput{AccessKeyMetadata: []types.AccessKeyMetadata{}}
	err = s.host.Store.View(func(tx *store.Tx) error {
		i, err := s.find(tx, ctx, user, name)
		if err != nil {
			return err
		}
		var keys []accessKey
		keys, out.Marker, err = page(s.keysOf(tx, ctx, i.Name), func(k accessKey) string {
			return k.ID
		}, in.Marker, in.MaxItems)
		for _, k := range keys {
			out.AccessKeyMetadata = append(out.AccessKeyMetadata, types.AccessKeyMetadata{AccessKeyId: aws.String(k.ID),
				Status: k.Status, UserName: aws.String(k.User), CreateDate: aws.Time(k.Created)})
		}
		return err
	})
	out.IsTruncated = out.Marker != nil
	return out, err
}

// Lookup implements gateway.Credentials for access keys of users. Keys that
// are inactive are unknown, as on AWS.
func (s *Service) Lookup(accessKeyID string) (secret string, owner gateway.Principal, expires time.Time, ok bool) {
	_ = s.host.Store.Peek(func(tx *store.Tx) error { // reads cannot fail
		secret, owner, ok = "", gateway.Principal{}, false
		account, known := s.accounts.Get(tx, ident.Scope{}, accessKeyID)
		sc := ident.Scope{Account: account}
		k, found := s.keys.Get(tx, sc, accessKeyID)
		if !known || !found || k.Status != types.StatusTypeActive {
			return nil
		}
		i, found := s.identities.Get(tx, sc, nameKey(user, k.User))
		secret, ok = k.Secret, found
		owner = gateway.Principal{Kind: gateway.User, Account: sc.Account, ARN: i.arn(sc.Account), ID: i.ID}
		return nil
	})
	return secret, owner, expires, ok
}

// groups

func (s *Service) groupOf(ctx context.Context, i identity) types.Group {
	return types.Group{GroupName: aws.String(i.Name), GroupId: aws.String(i.ID), Path: aws.String(i.Path),
		CreateDate: aws.Time(i.Created),
		Arn:        aws.String(i.arn(gateway.From(ctx).Scope.Account))}
}

// members returns the users of a group.
func (s *Service) members(ctx context.Context, name string) []identity {
	return slices.DeleteFunc(s.list(ctx, user, nil), func(i identity) bool { return !slices.Contains(i.Groups, name) })
}
