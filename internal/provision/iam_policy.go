package provision

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/pipelab/pipelab/internal/cfn"
)

func notFound(err error) bool { return err != nil && errors.Is(plain(err), cfn.ErrNotFound) }

// putPolicy writes an inline policy into each role and user that it names.
func (p *Provider) putPolicy(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	st := cfn.State{PhysicalID: r.Stack + "-" + r.LogicalID}
	doc, err := document(r.Properties["PolicyDocument"])
	if err != nil {
		return st, err
	}
	name := aws.String(text(r.Properties, "PolicyName"))
	for role := range set(r.Properties, "Roles") {
		if _, err := p.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String(role), PolicyName: name,
			PolicyDocument: doc}); err != nil {
			return st, err
		}
	}
	for user := range set(r.Properties, "Users") {
		if _, err := p.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String(user), PolicyName: name,
			PolicyDocument: doc}); err != nil {
			return st, err
		}
	}
	return st, p.dropFrom(ctx, name, lost(set(r.Previous, "Roles"), set(r.Properties, "Roles")),
		lost(set(r.Previous, "Users"), set(r.Properties, "Users")))
}

func (p *Provider) dropFrom(ctx context.Context, name *string, roles, users []string) error {
	for _, role := range roles {
		if _, err := p.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String(role),
			PolicyName: name}); err != nil && !notFound(err) {
			return err
		}
	}
	for _, user := range users {
		if _, err := p.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: aws.String(user),
			PolicyName: name}); err != nil && !notFound(err) {
			return err
		}
	}
	return nil
}

func (p *Provider) dropPolicy(ctx context.Context, r cfn.Resource) error {
	return p.dropFrom(ctx, aws.String(text(r.Properties, "PolicyName")), lost(set(r.Properties, "Roles"), nil),
		lost(set(r.Properties, "Users"), nil))
}

func (p *Provider) readPolicy(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	for role := range set(r.Properties, "Roles") {
		if _, err := p.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: aws.String(role),
			PolicyName: aws.String(text(r.Properties, "PolicyName"))}); err != nil {
			return cfn.State{}, err
		}
	}
	for user := range set(r.Properties, "Users") {
		if _, err := p.iam.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: aws.String(user),
			PolicyName: aws.String(text(r.Properties, "PolicyName"))}); err != nil {
			return cfn.State{}, err
		}
	}
	return cfn.State{PhysicalID: r.Stack + "-" + r.LogicalID}, nil
}

func (p *Provider) createManaged(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	doc, err := document(r.Properties["PolicyDocument"])
	if err != nil {
		return cfn.State{}, err
	}
	in := &iam.CreatePolicyInput{PolicyName: aws.String(r.Name), PolicyDocument: doc}
	if path := text(r.Properties, "Path"); path != "" {
		in.Path = aws.String(path)
	}
	if d := text(r.Properties, "Description"); d != "" {
		in.Description = aws.String(d)
	}
	out, err := p.iam.CreatePolicy(ctx, in)
	if err != nil {
		return cfn.State{}, err
	}
	st := cfn.State{PhysicalID: *out.Policy.Arn, Attributes: map[string]any{"PolicyArn": *out.Policy.Arn}}
	return st, p.hang(ctx, st.PhysicalID, r.Properties, nil)
}

// hang attaches a managed policy to whom it names and detaches the others.
func (p *Provider) hang(ctx context.Context, arn string, now, before map[string]any) error {
	for _, role := range lost(set(now, "Roles"), set(before, "Roles")) {
		if _, err := p.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String(role),
			PolicyArn: aws.String(arn)}); err != nil {
			return err
		}
	}
	for _, user := range lost(set(now, "Users"), set(before, "Users")) {
		if _, err := p.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String(user),
			PolicyArn: aws.String(arn)}); err != nil {
			return err
		}
	}
	for _, role := range lost(set(before, "Roles"), set(now, "Roles")) {
		if _, err := p.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: aws.String(role),
			PolicyArn: aws.String(arn)}); err != nil && !notFound(err) {
			return err
		}
	}
	for _, user := range lost(set(before, "Users"), set(now, "Users")) {
		if _, err := p.iam.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: aws.String(user),
			PolicyArn: aws.String(arn)}); err != nil && !notFound(err) {
			return err
		}
	}
	return nil
}

func (p *Provider) updateManaged(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	st := cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes}
	if changed(r, "PolicyDocument") {
		doc, err := document(r.Properties["PolicyDocument"])
		if err != nil {
			return st, err
		}
		if err := p.dropOldVersions(ctx, r.PhysicalID, 4); err != nil { // a policy has room for five
			return st, err
		}
		if _, err := p.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: aws.String(r.PhysicalID),
			PolicyDocument: doc, SetAsDefault: true}); err != nil {
			return st, err
		}
	}
	return st, p.hang(ctx, r.PhysicalID, r.Properties, r.Previous)
}

// dropOldVersions leaves the default version and at most keep in all.
func (p *Provider) dropOldVersions(ctx context.Context, arn string, keep int) error {
	out, err := p.iam.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: aws.String(arn)})
	if err != nil {
		return err
	}
	slices.SortFunc(out.Versions, func(a, b types.PolicyVersion) int { return a.CreateDate.Compare(*b.CreateDate) })
	for n := len(out.Versions); n > keep; n = len(out.Versions) {
		i := slices.IndexFunc(out.Versions, func(v types.PolicyVersion) bool { return !v.IsDefaultVersion })
		if i < 0 {
			return nil
		}
		if _, err := p.iam.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: aws.String(arn),
			VersionId: out.Versions[i].VersionId}); err != nil {
			return err
		}
		out.Versions = slices.Delete(out.Versions, i, i+1)
	}
	return nil
}

func (p *Provider) deleteManaged(ctx context.Context, r cfn.Resource) error {
	if err := p.hang(ctx, r.PhysicalID, nil, r.Properties); err != nil {
		return err
	}
	if err := p.dropOldVersions(ctx, r.PhysicalID, 1); err != nil {
		return err
	}
	_, err := p.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: aws.String(r.PhysicalID)})
	return err
}

func (p *Provider) readManaged(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	arn := r.PhysicalID
	if arn == r.Name {
		path := text(r.Properties, "Path")
		if path == "" {
			path = "/"
		}
		arn = "arn:aws:iam::" + p.account + ":policy" + path + r.Name
	}
	if _, err := p.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: aws.String(arn)}); err != nil {
		return cfn.State{}, err
	}
	return cfn.State{PhysicalID: arn, Attributes: map[string]any{"PolicyArn": arn}}, nil
}

func (p *Provider) createKey(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	out, err := p.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String(text(r.Properties, "UserName"))})
	if err != nil {
		return cfn.State{}, err
	}
	st := cfn.State{PhysicalID: *out.AccessKey.AccessKeyId,
		Attributes: map[string]any{"SecretAccessKey": *out.AccessKey.SecretAccessKey}}
	if text(r.Properties, "Status") == "Inactive" {
		r.PhysicalID, r.Attributes = st.PhysicalID, st.Attributes
		return p.updateKey(ctx, r)
	}
	return st, nil
}

func (p *Provider) updateKey(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	status := types.StatusTypeActive
	if text(r.Properties, "Status") == "Inactive" {
		status = types.StatusTypeInactive
	}
	_, err := p.iam.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: aws.String(text(r.Properties, "UserName")),
		AccessKeyId: aws.String(r.PhysicalID), Status: status})
	return cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes}, err
}

func (p *Provider) deleteKey(ctx context.Context, r cfn.Resource) error {
	_, err := p.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String(text(r.Properties, "UserName")),
		AccessKeyId: aws.String(r.PhysicalID)})
	return err
}

func (p *Provider) readKey(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	out, err := p.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String(text(r.Properties, "UserName"))})
	if err != nil {
		return cfn.State{}, err
	}
	for _, k := range out.AccessKeyMetadata {
		if r.PhysicalID != "" && aws.ToString(k.AccessKeyId) == r.PhysicalID {
			return cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes}, nil
		}
	}
	return cfn.State{}, cfn.ErrNotFound
}
