package iam

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

func nameOf(i identity) string { return i.Name }

func (s *Service) CreateGroup(ctx context.Context, in *iam.CreateGroupInput) (*iam.CreateGroupOutput, error) {
	i, err := s.create(ctx, identity{Kind: group, Name: aws.ToString(in.GroupName)}, in.Path, nil)
	g := s.groupOf(ctx, i)
	return &iam.CreateGroupOutput{Group: &g}, err
}

func (s *Service) GetGroup(ctx context.Context, in *iam.GetGroupInput) (*iam.GetGroupOutput, error) {
	out := &iam.GetGroupOutput{Users: []types.User{}}
	var name string
	if err := s.read(ctx, group, in.GroupName, func(i identity) error {
		g := s.groupOf(ctx, i)
		out.Group, name = &g, i.Name
		return nil
	}); err != nil {
		return nil, err
	}
	users, next, err := page(s.members(ctx, name), nameOf, in.Marker, in.MaxItems)
	for _, u := range users {
		out.Users = append(out.Users, *s.userOf(ctx, u))
	}
	out.Marker, out.IsTruncated = next, next != nil
	return out, err
}

func (s *Service) DeleteGroup(ctx context.Context, in *iam.DeleteGroupInput) (*iam.DeleteGroupOutput, error) {
	return &iam.DeleteGroupOutput{}, s.remove(ctx, group, in.GroupName, func(tx *store.Tx, g identity) error {
		used := false
		s.scanUsers(tx, ctx, func(u identity) { used = used || slices.Contains(u.Groups, g.Name) })
		if used {
			return conflict("Cannot delete entity, must remove users from group first.")
		}
		return nil
	})
}

func (s *Service) ListGroups(ctx context.Context, in *iam.ListGroupsInput) (*iam.ListGroupsOutput, error) {
	items, next, err := page(s.list(ctx, group, in.PathPrefix), nameOf, in.Marker, in.MaxItems)
	out := &iam.ListGroupsOutput{Groups: []types.Group{}, Marker: next, IsTruncated: next != nil}
	for _, i := range items {
		out.Groups = append(out.Groups, s.groupOf(ctx, i))
	}
	return out, err
}

func (s *Service) AddUserToGroup(ctx context.Context, in *iam.AddUserToGroupInput) (*iam.AddUserToGroupOutput, error) {
	return &iam.AddUserToGroupOutput{}, s.change(ctx, user, in.UserName, func(tx *store.Tx, u *identity) error {
		g, err := s.find(tx, ctx, group, in.GroupName)
		if err == nil && !slices.Contains(u.Groups, g.Name) {
			u.Groups = append(u.Groups, g.Name)
		}
		return err
	})
}

func (s *Service) RemoveUserFromGroup(ctx context.Context,
	in *iam.RemoveUserFromGroupInput) (*iam.RemoveUserFromGroupOutput, error) {
	return &iam.RemoveUserFromGroupOutput{}, s.change(ctx, user, in.UserName, func(tx *store.Tx, u *identity) error {
		g, err := s.find(tx, ctx, group, in.GroupName)
		if err != nil {
			return err
		}
		u.Groups = slices.DeleteFunc(u.Groups, func(n string) bool { return n == g.Name })
		return nil
	})
}

func (s *Service) ListGroupsForUser(ctx context.Context, in *iam.ListGroupsForUserInput) (*iam.ListGroupsForUserOutput,
	error) {
	var names []string
	if err := s.read(ctx, user, in.UserName, func(u identity) error { names = u.Groups; return nil }); err != nil {
		return nil, err
	}
	mine := slices.DeleteFunc(s.list(ctx, group, nil), func(g identity) bool { return !slices.Contains(names, g.Name) })
	items, next, err := page(mine, nameOf, in.Marker, in.MaxItems)
	out := &iam.ListGroupsForUserOutput{Groups: []types.Group{}, Marker: next, IsTruncated: next != nil}
	for _, g := range items {
		out.Groups = append(out.Groups, s.groupOf(ctx, g))
	}
	return out, err
}

// scanUsers visits every user of the caller's account.
func (s *Service) scanUsers(tx *store.Tx, ctx context.Context, fn func(identity)) {
	s.identities.Scan(tx, gateway.From(ctx).Scope.Global(), store.Key(string(user), ""), "",
		func(_ string, i identity) bool {
			fn(i)
			return true
		})
}
