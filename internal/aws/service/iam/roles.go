package iam

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
)

func (s *Service) roleOf(ctx context.Context, i identity) *types.Role {
	r := &types.Role{RoleName: aws.String(i.Name), RoleId: aws.String(i.ID), Path: aws.String(i.Path),
		CreateDate: aws.Time(i.Created),
		Arn:        aws.String(i.arn(gateway.From(ctx).Scope.Account)), AssumeRolePolicyDocument: encoded(i.Trust),
		MaxSessionDuration: aws.Int32(i.MaxSession)}
	r.PermissionsBoundary = boundaryOf(i)
	if i.Description != "" {
		r.Description = aws.String(i.Description)
	}
	return r
}

func checkTrust(doc string) error {
	if n := limits.Get("iam", "trustPolicySize"); size(doc) > n {
		return &types.LimitExceededException{Message: aws.String(fmt.Sprintf("Cannot exceed quota for ACLSizePerRole: %d",
			n))}
	}
	return checkDocument(doc, policy.Trust)
}

func (s *Service) CreateRole(ctx context.Context, in *iam.CreateRoleInput) (*iam.CreateRoleOutput, error) {
	if err := checkTrust(aws.ToString(in.AssumeRolePolicyDocument)); err != nil {
		return nil, err
	}
	r := identity{Kind: role, Name: aws.ToString(in.RoleName), Trust: aws.ToString(in.AssumeRolePolicyDocument),
		Description: aws.ToString(in.Description), MaxSession: 3600, Boundary: aws.ToString(in.PermissionsBoundary)}
	if in.MaxSessionDuration != nil {
		r.MaxSession = *in.MaxSessionDuration
	}
	r, err := s.create(ctx, r, in.Path, in.Tags)
	out := s.roleOf(ctx, r)
	out.Tags = tagList(r.Tags)
	return &iam.CreateRoleOutput{Role: out}, err
}

func (s *Service) GetRole(ctx context.Context, in *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
	out := &iam.GetRoleOutput{}
	err := s.read(ctx, role, in.RoleName, func(i identity) error {
		out.Role = s.roleOf(ctx, i)
		out.Role.Tags, out.Role.RoleLastUsed = tagList(i.Tags), &types.RoleLastUsed{}
		return nil
	})
	return out, err
}

func (s *Service) DeleteRole(ctx context.Context, in *iam.DeleteRoleInput) (*iam.DeleteRoleOutput, error) {
	return &iam.DeleteRoleOutput{}, s.remove(ctx, role, in.RoleName, func(tx *store.Tx, r identity) error {
		if len(s.profilesWith(tx, ctx, r)) > 0 {
			return errInProfile
		}
		return nil
	})
}

func (s *Service) ListRoles(ctx context.Context, in *iam.ListRolesInput) (*iam.ListRolesOutput, error) {
	items, next, err := page(s.list(ctx, role, in.PathPrefix), nameOf, in.Marker, in.MaxItems)
	out := &iam.ListRolesOutput{Roles: []types.Role{}, Marker: next, IsTruncated: next != nil}
	for _, i := range items {
		r := s.roleOf(ctx, i)
		r.PermissionsBoundary = nil // lists leave it out
		out.Roles = append(out.Roles, *r)
	}
	return out, err
}

func (s *Service) UpdateRole(ctx context.Context, in *iam.UpdateRoleInput) (*iam.UpdateRoleOutput, error) {
	return &iam.UpdateRoleOutput{}, s.change(ctx, role, in.RoleName, func(_ *store.Tx, i *identity) error {
		if in.Description != nil {
			i.Description = *in.Description
		}
		if in.MaxSessionDuration != nil {
			i.MaxSession = *in.MaxSessionDuration
		}
		return nil
	})
}

func (s *Service) UpdateAssumeRolePolicy(ctx context.Context,
	in *iam.UpdateAssumeRolePolicyInput) (*iam.UpdateAssumeRolePolicyOutput, error) {
	return &iam.UpdateAssumeRolePolicyOutput{}, s.change(ctx, role, in.RoleName, func(_ *store.Tx, i *identity) error {
		i.Trust = aws.ToString(in.PolicyDocument)
		return checkTrust(i.Trust)
	})
}

func (s *Service) TagRole(ctx context.Context, in *iam.TagRoleInput) (*iam.TagRoleOutput, error) {
	return &iam.TagRoleOutput{}, s.change(ctx, role, in.RoleName, func(_ *store.Tx, i *identity) error {
		return setTags(i.Tags, in.Tags)
	})
}

func (s *Service) UntagRole(ctx context.Context, in *iam.UntagRoleInput) (*iam.UntagRoleOutput, error) {
	return &iam.UntagRoleOutput{}, s.change(ctx, role, in.RoleName, func(_ *store.Tx, i *identity) error {
		for _, k := range in.TagKeys {
			delete(i.Tags, k)
		}
		return nil
	})
}

func (s *Service) ListRoleTags(ctx context.Context, in *iam.ListRoleTagsInput) (*iam.ListRoleTagsOutput, error) {
	out := &iam.ListRoleTagsOutput{}
	err := s.read(ctx, role, in.RoleName, func(i identity) (err error) {
		out.Tags, out.Marker, err = page(tagList(i.Tags), tagKey, in.Marker, in.MaxItems)
		return err
	})
	out.IsTruncated = out.Marker != nil
	return out, err
}
