package provision

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/pipelab/pipelab/internal/cfn"
)

func inlinePolicies() cfn.Property {
	return cfn.ListOf(cfn.Object(props{"PolicyName": cfn.Str().Req(), "PolicyDocument": cfn.JSON().Req()}))
}

func (p *Provider) iamTypes() []resourceType {
	names := cfn.ListOf(cfn.Str())
	return []resourceType{
		{schema: schema("AWS::IAM::Role", "RoleName", 64, props{
			"RoleName": cfn.Str().Replaces(), "Path": cfn.Str().Replaces(), "AssumeRolePolicyDocument": cfn.JSON().Req(),
			"Description": cfn.Str(), "MaxSessionDuration": cfn.Int(3600, 43200), "ManagedPolicyArns": names,
			"Policies": inlinePolicies(), "Tags": cfn.TagList()}, "Arn", "RoleId"),
			create: p.createRole, update: p.updateRole, delete: p.deleteRole, read: p.readRole},
		{schema: schema("AWS::IAM::User", "UserName", 64, props{
			"UserName": cfn.Str().Replaces(), "Path": cfn.Str().Replaces(), "ManagedPolicyArns": names,
			"Policies": inlinePolicies(),
			"Tags":     cfn.TagList()}, "Arn"),
			create: p.createUser, update: p.updateUser, delete: p.deleteUser, read: p.readUser},
		{schema: schema("AWS::IAM::Policy", "", 0, props{
			"PolicyName": cfn.Str().Req().Replaces(), "PolicyDocument": cfn.JSON().Req(), "Roles": names, "Users": names}),
			create: p.putPolicy, update: p.putPolicy, delete: p.dropPolicy, read: p.readPolicy},
		{schema: schema("AWS::IAM::ManagedPolicy", "ManagedPolicyName", 128, props{
			"ManagedPolicyName": cfn.Str().Replaces(), "Path": cfn.Str().Replaces(), "Description": cfn.Str().Replaces(),
			"PolicyDocument": cfn.JSON().Req(), "Roles": names, "Users": names}, "PolicyArn"),
			create: p.createManaged, update: p.updateManaged, delete: p.deleteManaged, read: p.readManaged},
		{schema: schema("AWS::IAM::InstanceProfile", "InstanceProfileName", 128, props{
			"InstanceProfileName": cfn.Str().Replaces(), "Path": cfn.Str().Replaces(), "Roles": names}, "Arn"),
			create: p.createProfile, update: p.updateProfile, delete: p.deleteProfile, read: p.readProfile},
		{schema: schema("AWS::IAM::AccessKey", "", 0, props{
			"UserName": cfn.Str().Req().Replaces(), "Status": cfn.Str("Active", "Inactive")}, "SecretAccessKey"),
			create: p.createKey, update: p.updateKey, delete: p.deleteKey, read: p.readKey},
	}
}

func (p *Provider) createRole(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	doc, err := document(r.Properties["AssumeRolePolicyDocument"])
	if err != nil {
		return cfn.State{}, err
	}
	in := &iam.CreateRoleInput{}
	given := maps.Clone(r.Properties)
	delete(given, "AssumeRolePolicyDocument")
	if err := into(given, in); err != nil {
		return cfn.State{}, err
	}
	in.RoleName, in.AssumeRolePolicyDocument = aws.String(r.Name), doc
	out, err := p.iam.CreateRole(ctx, in)
	if err != nil {
		return cfn.State{}, err
	}
	st := cfn.State{PhysicalID: r.Name, Attributes: map[string]any{"Arn": *out.Role.Arn, "RoleId": *out.Role.RoleId}}
	return st, p.rolePolicies(ctx, r.Name, r.Properties, nil)
}

// inline returns the documents of a Policies property by name.
func inline(m map[string]any) map[string]string {
	out := map[string]string{}
	for _, it := range list(m, "Policies") {
		o, _ := it.(map[string]any)
		if doc, err := document(o["PolicyDocument"]); err == nil {
			out[text(o, "PolicyName")] = *doc
		}
	}
	return out
}

func set(m map[string]any, name string) map[string]string {
	out := map[string]string{}
	for _, it := range list(m, name) {
		if s, ok := it.(string); ok {
			out[s] = ""
		}
	}
	return out
}

// rolePolicies makes the policies of a role what the properties say.
func (p *Provider) rolePolicies(ctx context.Context, name string, now, before map[string]any) error {
	role := aws.String(name)
	for _, n := range slices.Sorted(maps.Keys(inline(now))) {
		if _, err := p.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: role, PolicyName: aws.String(n),
			PolicyDocument: aws.String(inline(now)[n])}); err != nil {
			return err
		}
	}
	for _, n := range lost(inline(before), inline(now)) {
		if _, err := p.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: role,
			PolicyName: aws.String(n)}); err != nil {
			return err
		}
	}
	for _, a := range lost(set(now, "ManagedPolicyArns"), set(before, "ManagedPolicyArns")) {
		if _, err := p.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: role,
			PolicyArn: aws.String(a)}); err != nil {
			return err
		}
	}
	for _, a := range lost(set(before, "ManagedPolicyArns"), set(now, "ManagedPolicyArns")) {
		if _, err := p.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: role,
			PolicyArn: aws.String(a)}); err != nil {
			return err
		}
	}
	return nil
}

func (p *Provider) updateRole(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	name := aws.String(r.PhysicalID)
	st := cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes}
	if changed(r, "AssumeRolePolicyDocument") {
		doc, err := document(r.Properties["AssumeRolePolicyDocument"])
		if err != nil {
			return st, err
		}
		if _, err := p.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: name,
			PolicyDocument: doc}); err != nil {
			return st, err
		}
	}
	if changed(r, "Description") || changed(r, "MaxSessionDuration") {
		in := &iam.UpdateRoleInput{Description: aws.String(""), MaxSessionDuration: aws.Int32(3600)}
		only := map[string]any{}
		for _, k := range []string{"Description", "MaxSessionDuration"} {
			if v, ok := r.Properties[k]; ok {
				only[k] = v
			}
		}
		if err := into(only, in); err != nil {
			return st, err
		}
		in.RoleName = name
		if _, err := p.iam.UpdateRole(ctx, in); err != nil {
			return st, err
		}
	}
	if changed(r, "Tags") {
		if gone := lost(tags(r.Previous), tags(r.Properties)); len(gone) > 0 {
			if _, err := p.iam.UntagRole(ctx, &iam.UntagRoleInput{RoleName: name, TagKeys: gone}); err != nil {
				return st, err
			}
		}
		if _, err := p.iam.TagRole(ctx, &iam.TagRoleInput{RoleName: name, Tags: iamTags(r.Properties)}); err != nil {
			return st, err
		}
	}
	return st, p.rolePolicies(ctx, r.PhysicalID, r.Properties, r.Previous)
}

func iamTags(m map[string]any) []types.Tag {
	out := []types.Tag{}
	for k, v := range tags(m) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	return out
}

func (p *Provider) deleteRole(ctx context.Context, r cfn.Resource) error {
	if err := p.rolePolicies(ctx, r.PhysicalID, nil, r.Properties); err != nil && !notFound(err) {
		return err
	}
	_, err := p.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String(r.PhysicalID)})
	return err
}

func (p *Provider) readRole(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	out, err := p.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(r.PhysicalID)})
	if err != nil {
		return cfn.State{}, err
	}
	return cfn.State{PhysicalID: r.PhysicalID, Attributes: map[string]any{"Arn": *out.Role.Arn,
		"RoleId": *out.Role.RoleId}}, nil
}

func (p *Provider) createUser(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in := &iam.CreateUserInput{UserName: aws.String(r.Name), Tags: iamTags(r.Properties)}
	if path := text(r.Properties, "Path"); path != "" {
		in.Path = aws.String(path)
	}
	out, err := p.iam.CreateUser(ctx, in)
	if err != nil {
		return cfn.State{}, err
	}
	return cfn.State{PhysicalID: r.Name, Attributes: map[string]any{"Arn": *out.User.Arn}},
		p.userPolicies(ctx, r.Name, r.Properties, nil)
}

func (p *Provider) userPolicies(ctx context.Context, name string, now, before map[string]any) error {
	user := aws.String(name)
	for n, doc := range inline(now) {
		if _, err := p.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: user, PolicyName: aws.String(n),
			PolicyDocument: aws.String(doc)}); err != nil {
			return err
		}
	}
	for _, n := range lost(inline(before), inline(now)) {
		if _, err := p.iam.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: user,
			PolicyName: aws.String(n)}); err != nil {
			return err
		}
	}
	for _, a := range lost(set(now, "ManagedPolicyArns"), set(before, "ManagedPolicyArns")) {
		if _, err := p.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: user,
			PolicyArn: aws.String(a)}); err != nil {
			return err
		}
	}
	for _, a := range lost(set(before, "ManagedPolicyArns"), set(now, "ManagedPolicyArns")) {
		if _, err := p.iam.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: user,
			PolicyArn: aws.String(a)}); err != nil {
			return err
		}
	}
	return nil
}

func (p *Provider) updateUser(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	st := cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes}
	name := aws.String(r.PhysicalID)
	if gone := lost(tags(r.Previous), tags(r.Properties)); len(gone) > 0 {
		if _, err := p.iam.UntagUser(ctx, &iam.UntagUserInput{UserName: name, TagKeys: gone}); err != nil {
			return st, err
		}
	}
	if changed(r, "Tags") {
		if _, err := p.iam.TagUser(ctx, &iam.TagUserInput{UserName: name, Tags: iamTags(r.Properties)}); err != nil {
			return st, err
		}
	}
	return st, p.userPolicies(ctx, r.PhysicalID, r.Properties, r.Previous)
}

func (p *Provider) deleteUser(ctx context.Context, r cfn.Resource) error {
	if err := p.userPolicies(ctx, r.PhysicalID, nil, r.Properties); err != nil && !notFound(err) {
		return err
	}
	_, err := p.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: aws.String(r.PhysicalID)})
	return err
}

func (p *Provider) readUser(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	out, err := p.iam.GetUser(ctx, &iam.GetUserInput{UserName: aws.String(r.PhysicalID)})
	if err != nil {
		return cfn.State{}, err
	}
	return cfn.State{PhysicalID: r.PhysicalID, Attributes: map[string]any{"Arn": *out.User.Arn}}, nil
}
