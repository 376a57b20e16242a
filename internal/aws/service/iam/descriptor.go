package iam

import (
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Describe implements gateway.Service. Resources and condition keys:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
func (s *Service) Describe() gateway.Descriptor {
	ops := s.userOperations()
	ops = append(ops, s.groupOperations()...)
	ops = append(ops, s.roleOperations()...)
	ops = append(ops, s.profileOperations()...)
	ops = append(ops, s.policyOperations()...)
	return gateway.Descriptor{
		Name: "iam", Title: "IAM", Trust: true,
		Members: gateway.Members{Used: members()},
		Errors:  gateway.Errors{Denied: wire.Fault{Code: "AccessDenied", Status: http.StatusForbidden}},
		Operations: gateway.With(ops, gateway.Prefix("iam"),
			s.on(profile, "InstanceProfileName"), s.on(group, "GroupName"), s.on(role, "RoleName"), s.on(user, "UserName"),
			gateway.ByARN("PolicyArn"),
			withPolicy, gateway.Traced(nil, "RoleName")),
	}
}

func (s *Service) userOperations() []gateway.Operation {
	c := gateway.Control
	return []gateway.Operation{
		gateway.Op(c, s.CreateUser, gateway.On(func(in *iam.CreateUserInput, c *gateway.Call) []string {
			return made(user, c, in.Path, in.UserName)
		})),
		gateway.Op(c, s.GetUser),
		gateway.Op(c, s.DeleteUser),
		gateway.Op(c, s.ListUsers),
		gateway.Op(c, s.TagUser),
		gateway.Op(c, s.UntagUser),
		gateway.Op(c, s.ListUserTags),
		gateway.Op(c, s.CreateAccessKey),
		gateway.Op(c, s.DeleteAccessKey),
		gateway.Op(c, s.ListAccessKeys),
		gateway.Op(c, s.UpdateAccessKey),
		gateway.Op(c, s.ListGroupsForUser),
		gateway.Op(c, s.PutUserPermissionsBoundary),
		gateway.Op(c, s.DeleteUserPermissionsBoundary),
		gateway.Op(c, s.PutUserPolicy),
		gateway.Op(c, s.GetUserPolicy),
		gateway.Op(c, s.DeleteUserPolicy),
		gateway.Op(c, s.ListUserPolicies),
		gateway.Op(c, s.AttachUserPolicy),
		gateway.Op(c, s.DetachUserPolicy),
		gateway.Op(c, s.ListAttachedUserPolicies),
	}
}

func (s *Service) groupOperations() []gateway.Operation {
	c := gateway.Control
	return []gateway.Operation{
		gateway.Op(c, s.CreateGroup, gateway.On(func(in *iam.CreateGroupInput, c *gateway.Call) []string {
			return made(group, c, in.Path, in.GroupName)
		})),
		gateway.Op(c, s.GetGroup),
		gateway.Op(c, s.DeleteGroup),
		gateway.Op(c, s.ListGroups),
		gateway.Op(c, s.AddUserToGroup),
		gateway.Op(c, s.RemoveUserFromGroup),
		gateway.Op(c, s.PutGroupPolicy),
		gateway.Op(c, s.GetGroupPolicy),
		gateway.Op(c, s.DeleteGroupPolicy),
		gateway.Op(c, s.ListGroupPolicies),
		gateway.Op(c, s.AttachGroupPolicy),
		gateway.Op(c, s.DetachGroupPolicy),
		gateway.Op(c, s.ListAttachedGroupPolicies),
	}
}

func (s *Service) roleOperations() []gateway.Operation {
	c := gateway.Control
	return []gateway.Operation{
		gateway.Op(c, s.CreateRole, gateway.On(func(in *iam.CreateRoleInput, c *gateway.Call) []string {
			return made(role, c, in.Path, in.RoleName)
		})),
		gateway.Op(c, s.GetRole),
		gateway.Op(c, s.DeleteRole),
		gateway.Op(c, s.ListRoles),
		gateway.Op(c, s.UpdateRole),
		gateway.Op(c, s.UpdateAssumeRolePolicy),
		gateway.Op(c, s.TagRole),
		gateway.Op(c, s.UntagRole),
		gateway.Op(c, s.ListRoleTags),
		gateway.Op(c, s.PutRolePermissionsBoundary),
		gateway.Op(c, s.DeleteRolePermissionsBoundary),
		gateway.Op(c, s.PutRolePolicy),
		gateway.Op(c, s.GetRolePolicy),
		gateway.Op(c, s.DeleteRolePolicy),
		gateway.Op(c, s.ListRolePolicies),
		gateway.Op(c, s.AttachRolePolicy),
		gateway.Op(c, s.DetachRolePolicy),
		gateway.Op(c, s.ListAttachedRolePolicies),
	}
}

func (s *Service) profileOperations() []gateway.Operation {
	c := gateway.Control
	return []gateway.Operation{
		gateway.Op(c, s.CreateInstanceProfile,
			gateway.On(func(in *iam.CreateInstanceProfileInput, c *gateway.Call) []string {
				return made(profile, c, in.Path, in.InstanceProfileName)
			})),
		gateway.Op(c, s.GetInstanceProfile),
		gateway.Op(c, s.DeleteInstanceProfile),
		gateway.Op(c, s.ListInstanceProfiles),
		gateway.Op(c, s.ListInstanceProfilesForRole),
		gateway.Op(c, s.AddRoleToInstanceProfile, s.passing),
		gateway.Op(c, s.RemoveRoleFromInstanceProfile),
		gateway.Op(c, s.TagInstanceProfile),
		gateway.Op(c, s.UntagInstanceProfile),
		gateway.Op(c, s.ListInstanceProfileTags),
	}
}

func (s *Service) policyOperations() []gateway.Operation {
	c := gateway.Control
	return []gateway.Operation{
		gateway.Op(c, s.CreatePolicy, gateway.On(func(in *iam.CreatePolicyInput, c *gateway.Call) []string {
			return made("policy", c, in.Path, in.PolicyName)
		})),
		gateway.Op(c, s.GetPolicy),
		gateway.Op(c, s.DeletePolicy),
		gateway.Op(c, s.ListPolicies),
		gateway.Op(c, s.CreatePolicyVersion),
		gateway.Op(c, s.GetPolicyVersion),
		gateway.Op(c, s.DeletePolicyVersion),
		gateway.Op(c, s.ListPolicyVersions),
		gateway.Op(c, s.SetDefaultPolicyVersion),
	}
}

// made is the ARN of what a request is about to create.
func made(k kind, c *gateway.Call, path, name *string) []string {
	p := aws.ToString(path)
	if p == "" {
		p = "/"
	}
	return []string{identity{Kind: k, Path: p, Name: aws.ToString(name)}.arn(c.Scope.Account)}
}

// on gives operations the ARN, with its path, of the identity that they name.
// Without a name an operation on users is about the caller.
func (s *Service) on(k kind, member string) gateway.Option {
	return func(op *gateway.Operation) {
		read := gateway.Member(op.Input, member)
		if op.Resources != nil || read == nil {
			return
		}
		op.Resources = func(c *gateway.Call) []string {
			name := read(c.Input)
			if name == "" {
				if k == user && c.Principal.Kind == gateway.User {
					return []string{c.Principal.ARN}
				}
				return []string{"*"}
			}
			i := identity{Kind: k, Path: "/", Name: name}
			_ = s.host.Store.View(func(tx *store.Tx) error { // only reads
				if found, ok := s.identities.Get(tx, c.Scope.Global(), nameKey(k, name)); ok {
					i = found
				}
				return nil
			})
			return []string{i.arn(c.Scope.Account)}
		}
	}
}

// passing asks also for iam:PassRole of the role that goes into a profile, to machines.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
func (s *Service) passing(op *gateway.Operation) {
	name := gateway.Member(op.Input, "RoleName")
	own := *op
	op.Permissions = func(c *gateway.Call) []gateway.Need {
		i := identity{Kind: role, Path: "/", Name: name(c.Input)}
		_ = s.host.Store.View(func(tx *store.Tx) error { // only reads
			if found, ok := s.identities.Get(tx, c.Scope.Global(), nameKey(role, i.Name)); ok {
				i = found
			}
			return nil
		})
		return append(own.Needs(c), gateway.Need{Action: "iam:PassRole", Resources: []string{i.arn(c.Scope.Account)},
			Keys: map[string][]string{"iam:PassedToService": {"ec2.amazonaws.com"}}})
	}
}

// withPolicy gives what attaches a policy or takes it away the policy's ARN as
// a condition key.
func withPolicy(op *gateway.Operation) {
	if !strings.HasPrefix(op.Name, "Attach") && !strings.HasPrefix(op.Name, "Detach") {
		return
	}
	gateway.Repeating(map[string]string{"iam:PolicyARN": "PolicyArn"})(op)
}
