package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// The operations on policies of users, groups and roles differ in their names
// only; policies_of.go does the work.

func (s *Service) PutUserPolicy(ctx context.Context, in *iam.PutUserPolicyInput) (*iam.PutUserPolicyOutput, error) {
	return &iam.PutUserPolicyOutput{}, s.putInline(ctx, user, in.UserName, in.PolicyName, in.PolicyDocument)
}

func (s *Service) GetUserPolicy(ctx context.Context, in *iam.GetUserPolicyInput) (*iam.GetUserPolicyOutput, error) {
	doc, err := s.getInline(ctx, user, in.UserName, in.PolicyName)
	return &iam.GetUserPolicyOutput{UserName: in.UserName, PolicyName: in.PolicyName, PolicyDocument: doc}, err
}

func (s *Service) DeleteUserPolicy(ctx context.Context, in *iam.DeleteUserPolicyInput) (*iam.DeleteUserPolicyOutput,
	error) {
	return &iam.DeleteUserPolicyOutput{}, s.deleteInline(ctx, user, in.UserName, in.PolicyName)
}

func (s *Service) ListUserPolicies(ctx context.Context, in *iam.ListUserPoliciesInput) (*iam.ListUserPoliciesOutput,
	error) {
	names, next, err := s.listInline(ctx, user, in.UserName, in.Marker, in.MaxItems)
	return &iam.ListUserPoliciesOutput{PolicyNames: names, Marker: next, IsTruncated: next != nil}, err
}

func (s *Service) AttachUserPolicy(ctx context.Context, in *iam.AttachUserPolicyInput) (*iam.AttachUserPolicyOutput,
	error) {
	return &iam.AttachUserPolicyOutput{}, s.attach(ctx, user, in.UserName, in.PolicyArn)
}

func (s *Service) DetachUserPolicy(ctx context.Context, in *iam.DetachUserPolicyInput) (*iam.DetachUserPolicyOutput,
	error) {
	return &iam.DetachUserPolicyOutput{}, s.detach(ctx, user, in.UserName, in.PolicyArn)
}

func (s *Service) ListAttachedUserPolicies(ctx context.Context,
	in *iam.ListAttachedUserPoliciesInput) (*iam.ListAttachedUserPoliciesOutput, error) {
	list, next, err := s.attached(ctx, user, in.UserName, in.PathPrefix, in.Marker, in.MaxItems)
	return &iam.ListAttachedUserPoliciesOutput{AttachedPolicies: list, Marker: next, IsTruncated: next != nil}, err
}

func (s *Service) PutGroupPolicy(ctx context.Context, in *iam.PutGroupPolicyInput) (*iam.PutGroupPolicyOutput, error) {
	return &iam.PutGroupPolicyOutput{}, s.putInline(ctx, group, in.GroupName, in.PolicyName, in.PolicyDocument)
}

func (s *Service) GetGroupPolicy(ctx context.Context, in *iam.GetGroupPolicyInput) (*iam.GetGroupPolicyOutput, error) {
	doc, err := s.getInline(ctx, group, in.GroupName, in.PolicyName)
	return &iam.GetGroupPolicyOutput{GroupName: in.GroupName, PolicyName: in.PolicyName, PolicyDocument: doc}, err
}

func (s *Service) DeleteGroupPolicy(ctx context.Context, in *iam.DeleteGroupPolicyInput) (*iam.DeleteGroupPolicyOutput,
	error) {
	return &iam.DeleteGroupPolicyOutput{}, s.deleteInline(ctx, group, in.GroupName, in.PolicyName)
}

func (s *Service) ListGroupPolicies(ctx context.Context, in *iam.ListGroupPoliciesInput) (*iam.ListGroupPoliciesOutput,
	error) {
	names, next, err := s.listInline(ctx, group, in.GroupName, in.Marker, in.MaxItems)
	return &iam.ListGroupPoliciesOutput{PolicyNames: names, Marker: next, IsTruncated: next != nil}, err
}

func (s *Service) AttachGroupPolicy(ctx context.Context, in *iam.AttachGroupPolicyInput) (*iam.AttachGroupPolicyOutput,
	error) {
	return &iam.AttachGroupPolicyOutput{}, s.attach(ctx, group, in.GroupName, in.PolicyArn)
}

func (s *Service) DetachGroupPolicy(ctx context.Context, in *iam.DetachGroupPolicyInput) (*iam.DetachGroupPolicyOutput,
	error) {
	return &iam.DetachGroupPolicyOutput{}, s.detach(ctx, group, in.GroupName, in.PolicyArn)
}

func (s *Service) ListAttachedGroupPolicies(ctx context.Context,
	in *iam.ListAttachedGroupPoliciesInput) (*iam.ListAttachedGroupPoliciesOutput, error) {
	list, next, err := s.attached(ctx, group, in.GroupName, in.PathPrefix, in.Marker, in.MaxItems)
	return &iam.ListAttachedGroupPoliciesOutput{AttachedPolicies: list, Marker: next, IsTruncated: next != nil}, err
}

func (s *Service) PutRolePolicy(ctx context.Context, in *iam.PutRolePolicyInput) (*iam.PutRolePolicyOutput, error) {
	return &iam.PutRolePolicyOutput{}, s.putInline(ctx, role, in.RoleName, in.PolicyName, in.PolicyDocument)
}

func (s *Service) GetRolePolicy(ctx context.Context, in *iam.GetRolePolicyInput) (*iam.GetRolePolicyOutput, error) {
	doc, err := s.getInline(ctx, role, in.RoleName, in.PolicyName)
	return &iam.GetRolePolicyOutput{RoleName: in.RoleName, PolicyName: in.PolicyName, PolicyDocument: doc}, err
}

func (s *Service) DeleteRolePolicy(ctx context.Context, in *iam.DeleteRolePolicyInput) (*iam.DeleteRolePolicyOutput,
	error) {
	return &iam.DeleteRolePolicyOutput{}, s.deleteInline(ctx, role, in.RoleName, in.PolicyName)
}

func (s *Service) ListRolePolicies(ctx context.Context, in *iam.ListRolePoliciesInput) (*iam.ListRolePoliciesOutput,
	error) {
	names, next, err := s.listInline(ctx, role, in.RoleName, in.Marker, in.MaxItems)
	return &iam.ListRolePoliciesOutput{PolicyNames: names, Marker: next, IsTruncated: next != nil}, err
}

func (s *Service) AttachRolePolicy(ctx context.Context, in *iam.AttachRolePolicyInput) (*iam.AttachRolePolicyOutput,
	error) {
	return &iam.AttachRolePolicyOutput{}, s.attach(ctx, role, in.RoleName, in.PolicyArn)
}

func (s *Service) DetachRolePolicy(ctx context.Context, in *iam.DetachRolePolicyInput) (*iam.DetachRolePolicyOutput,
	error) {
	return &iam.DetachRolePolicyOutput{}, s.detach(ctx, role, in.RoleName, in.PolicyArn)
}

func (s *Service) ListAttachedRolePolicies(ctx context.Context,
	in *iam.ListAttachedRolePoliciesInput) (*iam.ListAttachedRolePoliciesOutput, error) {
	list, next, err := s.attached(ctx, role, in.RoleName, in.PathPrefix, in.Marker, in.MaxItems)
	return &iam.ListAttachedRolePoliciesOutput{AttachedPolicies: list, Marker: next, IsTruncated: next != nil}, err
}
