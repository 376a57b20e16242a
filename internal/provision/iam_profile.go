package provision

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/pipelab/pipelab/internal/cfn"
)

func (p *Provider) createProfile(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in := &iam.CreateInstanceProfileInput{InstanceProfileName: aws.String(r.Name)}
	if path := text(r.Properties, "Path"); path != "" {
		in.Path = aws.String(path)
	}
	out, err := p.iam.CreateInstanceProfile(ctx, in)
	if err != nil {
		return cfn.State{}, err
	}
	st := cfn.State{PhysicalID: r.Name, Attributes: map[string]any{"Arn": *out.InstanceProfile.Arn}}
	return st, p.profileRoles(ctx, r.Name, r.Properties, nil)
}

// profileRoles makes the roles of a profile what the properties say. The old one goes
// first: a profile has room for one.
func (p *Provider) profileRoles(ctx context.Context, name string, now, before map[string]any) error {
	for _, role := range lost(set(before, "Roles"), set(now, "Roles")) {
		if _, err := p.iam.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{
			InstanceProfileName: aws.String(name), RoleName: aws.String(role)}); err != nil && !notFound(err) {
			return err
		}
	}
	for _, role := range lost(set(now, "Roles"), set(before, "Roles")) {
		if _, err := p.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{
			InstanceProfileName: aws.String(name), RoleName: aws.String(role)}); err != nil {
			return err
		}
	}
	return nil
}

func (p *Provider) updateProfile(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	return cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes},
		p.profileRoles(ctx, r.PhysicalID, r.Properties, r.Previous)
}

func (p *Provider) deleteProfile(ctx context.Context, r cfn.Resource) error {
	if err := p.profileRoles(ctx, r.PhysicalID, nil, r.Properties); err != nil {
		return err
	}
	_, err := p.iam.DeleteInstanceProfile(ctx,
		&iam.DeleteInstanceProfileInput{InstanceProfileName: aws.String(r.PhysicalID)})
	return err
}

func (p *Provider) readProfile(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	out, err := p.iam.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: aws.String(r.Name)})
	if err != nil {
		return cfn.State{}, err
	}
	return cfn.State{PhysicalID: r.Name, Attributes: map[string]any{"Arn": *out.InstanceProfile.Arn}}, nil
}
