package iam

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// profileOf is an instance profile as it is shown, with the role that is in it.
func (s *Service) profileOf(tx *store.Tx, ctx context.Context, i identity) types.InstanceProfile {
	out := types.InstanceProfile{InstanceProfileName: aws.String(i.Name), InstanceProfileId: aws.String(i.ID),
		Path: aws.String(i.Path), Arn: aws.String(i.arn(gateway.From(ctx).Scope.Account)),
		CreateDate: aws.Time(i.Created), Roles: []types.Role{}}
	for _, name := range i.Roles { // none is deleted while it is here
		if r, ok := s.identities.Get(tx, gateway.From(ctx).Scope.Global(), nameKey(role, name)); ok {
			out.Roles = append(out.Roles, *s.roleOf(ctx, r))
		}
	}
	return out
}

func (s *Service) CreateInstanceProfile(ctx context.Context,
	in *iam.CreateInstanceProfileInput) (*iam.CreateInstanceProfileOutput, error) {
	i, err := s.create(ctx, identity{Kind: profile, Name: aws.ToString(in.InstanceProfileName)}, in.Path, in.Tags)
	out := s.profileOf(nil, ctx, i) // no role is in it yet
	out.Tags = tagList(i.Tags)
	return &iam.CreateInstanceProfileOutput{InstanceProfile: &out}, err
}

func (s *Service) GetInstanceProfile(ctx context.Context,
	in *iam.GetInstanceProfileInput) (*iam.GetInstanceProfileOutput, error) {
	out := &iam.GetInstanceProfileOutput{}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		i, err := s.find(tx, ctx, profile, in.InstanceProfileName)
		if err != nil {
			return err
		}
		shown := s.profileOf(tx, ctx, i)
		shown.Tags = tagList(i.Tags)
		out.InstanceProfile = &shown
		return nil
	})
}

func (s *Service) DeleteInstanceProfile(ctx context.Context,
	in *iam.DeleteInstanceProfileInput) (*iam.DeleteInstanceProfileOutput, error) {
	return &iam.DeleteInstanceProfileOutput{}, s.remove(ctx, profile, in.InstanceProfileName,
		func(_ *store.Tx, i identity) error {
			if len(i.Roles) > 0 {
				return errInProfile
			}
			return nil
		})
}

// errInProfile is what keeps a role and the profile that it is in from being deleted.
var errInProfile = conflict("Cannot delete entity, must remove roles from instance profile first.")

func (s *Service) ListInstanceProfiles(ctx context.Context,
	in *iam.ListInstanceProfilesInput) (*iam.ListInstanceProfilesOutput, error) {
	all, next, err := page(s.list(ctx, profile, in.PathPrefix), nameOf, in.Marker, in.MaxItems)
	return &iam.ListInstanceProfilesOutput{InstanceProfiles: s.profilesOf(ctx, all), Marker: next,
		IsTruncated: next != nil}, err
}

func (s *Service) ListInstanceProfilesForRole(ctx context.Context,
	in *iam.ListInstanceProfilesForRoleInput) (*iam.ListInstanceProfilesForRoleOutput, error) {
	var held []identity
	if err := s.host.Store.View(func(tx *store.Tx) error {
		r, err := s.find(tx, ctx, role, in.RoleName)
		held = s.profilesWith(tx, ctx, r)
		return err
	}); err != nil {
		return nil, err
	}
	held, next, err := page(held, nameOf, in.Marker, in.MaxItems)
	return &iam.ListInstanceProfilesForRoleOutput{InstanceProfiles: s.profilesOf(ctx, held), Marker: next,
		IsTruncated: next != nil}, err
}

func (s *Service) profilesOf(ctx context.Context, all []identity) []types.InstanceProfile {
	out := []types.InstanceProfile{}
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads cannot fail
		for _, i := range all {
			out = append(out, s.profileOf(tx, ctx, i))
		}
		return nil
	})
	return out
}

// profilesWith are the instance profiles that a role is in.
func (s *Service) profilesWith(tx *store.Tx, ctx context.Context, r identity) (out []identity) {
	s.identities.Scan(tx, gateway.From(ctx).Scope.Global(), store.Key(string(profile), ""), "",
		func(_ string, i identity) bool {
			if i.holds(r.Name) {
				out = append(out, i)
			}
			return true
		})
	return out
}

// holds reports whether a role is in an instance profile.
func (i identity) holds(roleName string) bool {
	for _, name := range i.Roles {
		if strings.EqualFold(name, roleName) {
			return true
		}
	}
	return false
}

func (s *Service) AddRoleToInstanceProfile(ctx context.Context,
	in *iam.AddRoleToInstanceProfileInput) (*iam.AddRoleToInstanceProfileOutput, error) {
	return &iam.AddRoleToInstanceProfileOutput{}, s.change(ctx, profile, in.InstanceProfileName,
		func(tx *store.Tx, i *identity) error {
			r, err := s.find(tx, ctx, role, in.RoleName)
			if err != nil {
				return err
			}
			if n := limits.Get("iam", "rolesPerInstanceProfile"); int64(len(i.Roles)) >= n {
				return &types.LimitExceededException{Message: aws.String(fmt.Sprintf(
					"Cannot exceed quota for InstanceSessionsPerInstanceProfile: %d", n))}
			}
			i.Roles = append(i.Roles, r.Name)
			return nil
		})
}

func (s *Service) RemoveRoleFromInstanceProfile(ctx context.Context,
	in *iam.RemoveRoleFromInstanceProfileInput) (*iam.RemoveRoleFromInstanceProfileOutput, error) {
	return &iam.RemoveRoleFromInstanceProfileOutput{}, s.change(ctx, profile, in.InstanceProfileName,
		func(tx *store.Tx, i *identity) error {
			r, err := s.find(tx, ctx, role, in.RoleName)
			if err != nil {
				return err
			}
			if !i.holds(r.Name) {
				return notFound(role, r.Name)
			}
			i.Roles = nil
			return nil
		})
}

func (s *Service) TagInstanceProfile(ctx context.Context,
	in *iam.TagInstanceProfileInput) (*iam.TagInstanceProfileOutput, error) {
	return &iam.TagInstanceProfileOutput{}, s.change(ctx, profile, in.InstanceProfileName,
		func(_ *store.Tx, i *identity) error { return setTags(i.Tags, in.Tags) })
}

func (s *Service) UntagInstanceProfile(ctx context.Context,
	in *iam.UntagInstanceProfileInput) (*iam.UntagInstanceProfileOutput, error) {
	return &iam.UntagInstanceProfileOutput{}, s.change(ctx, profile, in.InstanceProfileName,
		func(_ *store.Tx, i *identity) error {
			for _, k := range in.TagKeys {
				delete(i.Tags, k)
			}
			return nil
		})
}

func (s *Service) ListInstanceProfileTags(ctx context.Context,
	in *iam.ListInstanceProfileTagsInput) (*iam.ListInstanceProfileTagsOutput, error) {
	out := &iam.ListInstanceProfileTagsOutput{}
	err := s.read(ctx, profile, in.InstanceProfileName, func(i identity) (err error) {
		out.Tags, out.Marker, err = page(tagList(i.Tags), tagKey, in.Marker, in.MaxItems)
		return err
	})
	out.IsTruncated = out.Marker != nil
	return out, err
}
