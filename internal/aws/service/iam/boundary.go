package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// boundaryOf is a boundary as answers show it.
func boundaryOf(i identity) *types.AttachedPermissionsBoundary {
	if i.Boundary == "" {
		return nil
	}
	return &types.AttachedPermissionsBoundary{PermissionsBoundaryArn: aws.String(i.Boundary),
		PermissionsBoundaryType: types.PermissionsBoundaryAttachmentTypePolicy}
}

// bound sets a boundary, which has to be there; nil leaves the identity without.
func (s *Service) bound(tx *store.Tx, ctx context.Context, i *identity, arn *string) error {
	if arn == nil {
		return nil
	}
	if _, err := s.policyByARN(tx, ctx, arn); err != nil {
		return err
	}
	i.Boundary = *arn
	return nil
}

func (s *Service) putBoundary(ctx context.Context, k kind, name, arn *string) error {
	return s.change(ctx, k, name, func(tx *store.Tx, i *identity) error { return s.bound(tx, ctx, i, arn) })
}

func (s *Service) deleteBoundary(ctx context.Context, k kind, name *string) error {
	return s.change(ctx, k, name, func(_ *store.Tx, i *identity) error {
		if i.Boundary == "" {
			return &types.NoSuchEntityException{Message: aws.String("The permissions boundary of " + string(k) + " " + i.Name +
				" cannot be found.")}
		}
		i.Boundary = ""
		return nil
	})
}

// boundaries counts whom a policy bounds.
func (s *Service) boundaries(tx *store.Tx, ctx context.Context, arn string) int32 {
	n := int32(0)
	s.identities.Scan(tx, gateway.From(ctx).Scope.Global(), "", "", func(_ string, i identity) bool {
		if i.Boundary == arn {
			n++
		}
		return true
	})
	return n
}

func (s *Service) PutUserPermissionsBoundary(ctx context.Context,
	in *iam.PutUserPermissionsBoundaryInput) (*iam.PutUserPermissionsBoundaryOutput, error) {
	return &iam.PutUserPermissionsBoundaryOutput{}, s.putBoundary(ctx, user, in.UserName, in.PermissionsBoundary)
}

func (s *Service) DeleteUserPermissionsBoundary(ctx context.Context,
	in *iam.DeleteUserPermissionsBoundaryInput) (*iam.DeleteUserPermissionsBoundaryOutput, error) {
	return &iam.DeleteUserPermissionsBoundaryOutput{}, s.deleteBoundary(ctx, user, in.UserName)
}

func (s *Service) PutRolePermissionsBoundary(ctx context.Context,
	in *iam.PutRolePermissionsBoundaryInput) (*iam.PutRolePermissionsBoundaryOutput, error) {
	return &iam.PutRolePermissionsBoundaryOutput{}, s.putBoundary(ctx, role, in.RoleName, in.PermissionsBoundary)
}

func (s *Service) DeleteRolePermissionsBoundary(ctx context.Context,
	in *iam.DeleteRolePermissionsBoundaryInput) (*iam.DeleteRolePermissionsBoundaryOutput, error) {
	return &iam.DeleteRolePermissionsBoundaryOutput{}, s.deleteBoundary(ctx, role, in.RoleName)
}
