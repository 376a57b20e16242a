package iam

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// managed is a managed policy, stored by its ARN.
type managed struct {
	ARN         string            `json:"arn"`
	Name        string            `json:"name"`
	Path        string            `json:"path"`
	ID          string            `json:"id"`
	Description string            `json:"description,omitempty"`
	Created     time.Time         `json:"created"`
	Updated     time.Time         `json:"updated"`
	Default     string            `json:"default"`
	Next        int               `json:"next"` // number of the next version; numbers are never used again
	Versions    []version         `json:"versions"`
	Tags        map[string]string `json:"tags,omitempty"`
}

type version struct {
	ID       string    `json:"id"`
	Document string    `json:"document"`
	Created  time.Time `json:"created"`
}

func (p managed) clone() managed {
	p.Versions, p.Tags = slices.Clone(p.Versions), cloneMap(p.Tags)
	return p
}

func (p managed) version(id string) (version, bool) {
	i := slices.IndexFunc(p.Versions, func(v version) bool { return v.ID == id })
	if i < 0 {
		return version{}, false
	}
	return p.Versions[i], true
}

func (s *Service) policyByARN(tx *store.Tx, ctx context.Context, arn *string) (managed, error) {
	a := aws.ToString(arn)
	if p, ok := awsManaged(a); ok {
		return p, nil
	}
	p, ok := s.policies.Get(tx, gateway.From(ctx).Scope.Global(), a)
	if !ok {
		return p, &types.NoSuchEntityException{Message: aws.String(
			fmt.Sprintf("Policy %s does not exist or is not attachable.", a))}
	}
	return p, nil
}

func (s *Service) policyOf(tx *store.Tx, ctx context.Context, p managed) types.Policy {
	out := types.Policy{Arn: aws.String(p.ARN), PolicyName: aws.String(p.Name), PolicyId: aws.String(p.ID),
		Path:       aws.String(p.Path),
		CreateDate: aws.Time(p.Created), UpdateDate: aws.Time(p.Updated), DefaultVersionId: aws.String(p.Default),
		IsAttachable:                  true,
		AttachmentCount:               aws.Int32(s.attachments(tx, ctx, p.ARN)),
		PermissionsBoundaryUsageCount: aws.Int32(s.boundaries(tx, ctx, p.ARN))}
	if p.Description != "" {
		out.Description = aws.String(p.Description)
	}
	return out
}

func checkManaged(doc string) error {
	if n := limits.Get("iam", "managedPolicySize"); size(doc) > n {
		return &types.LimitExceededException{Message: aws.String(fmt.Sprintf("Cannot exceed quota for PolicySize: %d", n))}
	}
	return checkDocument(doc, policy.Identity)
}

func (s *Service) CreatePolicy(ctx context.Context, in *iam.CreatePolicyInput) (*iam.CreatePolicyOutput, error) {
	if err := checkManaged(aws.ToString(in.PolicyDocument)); err != nil {
		return nil, err
	}
	call := gateway.From(ctx)
	p := managed{Name: aws.ToString(in.PolicyName), Path: aws.ToString(in.Path), ID: "ANPA" + s.host.IDs.Upper(17),
		Default: "v1", Next: 2,
		Description: aws.ToString(in.Description), Created: call.Time, Updated: call.Time, Tags: map[string]string{},
		Versions: []version{{ID: "v1", Document: *in.PolicyDocument, Created: call.Time}}}
	if p.Path == "" {
		p.Path = "/"
	}
	p.ARN = call.Scope.Global().ARN("iam", "policy"+p.Path+p.Name)
	if err := setTags(p.Tags, in.Tags); err != nil {
		return nil, err
	}
	out := &iam.CreatePolicyOutput{}
	err := s.host.Store.Update(func(tx *store.Tx) error {
		exists := false
		s.policies.Scan(tx, call.Scope.Global(), "", "", func(_ string, o managed) bool {
			exists = strings.EqualFold(o.Name, p.Name)
			return !exists
		})
		if exists {
			return &types.EntityAlreadyExistsException{Message: aws.String(
				fmt.Sprintf("A policy called %s already exists. Duplicate names are not allowed.", p.Name))}
		}
		s.policies.Put(tx, call.Scope.Global(), p.ARN, p)
		made := s.policyOf(tx, ctx, p)
		made.Tags = tagList(p.Tags)
		out.Policy = &made
		return nil
	})
	return out, err
}

func (s *Service) GetPolicy(ctx context.Context, in *iam.GetPolicyInput) (*iam.GetPolicyOutput, error) {
	out := &iam.GetPolicyOutput{}
	err := s.host.Store.View(func(tx *store.Tx) error {
		p, err := s.policyByARN(tx, ctx, in.PolicyArn)
		if err != nil {
			return &types.NoSuchEntityException{Message: aws.String(fmt.Sprintf("Policy %s was not found.",
				aws.ToString(in.PolicyArn)))}
		}
		got := s.policyOf(tx, ctx, p)
		got.Tags = tagList(p.Tags)
		out.Policy = &got
		return nil
	})
	return out, err
}

func (s *Service) ListPolicies(ctx context.Context, in *iam.ListPoliciesInput) (*iam.ListPoliciesOutput, error) {
	out := &iam.ListPoliciesOutput{Policies: []types.Policy{}}
	err := s.host.Store.View(func(tx *store.Tx) error {
		var all []types.Policy
		add := func(p managed) bool {
			got := s.policyOf(tx, ctx, p)
			if strings.HasPrefix(p.Path, aws.ToString(in.PathPrefix)) && (!in.OnlyAttached || *got.AttachmentCount > 0) {
				all = append(all, got)
			}
			return true
		}
		if in.Scope != types.PolicyScopeTypeAws {
			s.policies.Scan(tx, gateway.From(ctx).Scope.Global(), "", "", func(_ string, p managed) bool { return add(p) })
		}
		if in.Scope != types.PolicyScopeTypeLocal {
			for _, arn := range awsManagedARNs() {
				p, _ := awsManaged(arn)
				add(p)
			}
		}
		key := func(p types.Policy) string { return strings.ToLower(*p.PolicyName) }
		slices.SortFunc(all, func(a, b types.Policy) int { return strings.Compare(key(a), key(b)) })
		var err error
		out.Policies, out.Marker, err = page(all, key, in.Marker, in.MaxItems)
		return err
	})
	out.IsTruncated = out.Marker != nil
	return out, err
}

// changePolicy stores what fn makes of a policy; AWS's own cannot be changed.
func (s *Service) changePolicy(ctx context.Context, arn *string, fn func(*store.Tx, *managed) error) error {
	if _, ok := awsManaged(aws.ToString(arn)); ok {
		return gateway.Errorf(403, "AccessDenied", "Policy %s is managed by AWS and cannot be changed", *arn)
	}
	return s.host.Store.Update(func(tx *store.Tx) error {
		p, err := s.policyByARN(tx, ctx, arn)
		if err != nil {
			return err
		}
		if err := fn(tx, &p); err != nil {
			return err
		}
		s.policies.Put(tx, gateway.From(ctx).Scope.Global(), p.ARN, p)
		return nil
	})
}

func (s *Service) DeletePolicy(ctx context.Context, in *iam.DeletePolicyInput) (*iam.DeletePolicyOutput, error) {
	if _, ok := awsManaged(aws.ToString(in.PolicyArn)); ok {
		return nil, gateway.Errorf(403, "AccessDenied", "Policy %s is managed by AWS and cannot be deleted", *in.PolicyArn)
	}
	return &iam.DeletePolicyOutput{}, s.host.Store.Update(func(tx *store.Tx) error {
		p, err := s.policyByARN(tx, ctx, in.PolicyArn)
		switch {
		case err != nil:
			return err
		case s.attachments(tx, ctx, p.ARN)+s.boundaries(tx, ctx, p.ARN) > 0:
			return conflict("Cannot delete a policy attached to entities.")
		case len(p.Versions) > 1:
			return conflict(
				"This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The " +
					"default version is deleted with the policy.")
		}
		s.policies.Delete(tx, gateway.From(ctx).Scope.Global(), p.ARN)
		return nil
	})
}

func versionOf(p managed, v version) types.PolicyVersion {
	return types.PolicyVersion{VersionId: aws.String(v.ID), CreateDate: aws.Time(v.Created),
		IsDefaultVersion: v.ID == p.Default}
}

func (s *Service) CreatePolicyVersion(ctx context.Context,
	in *iam.CreatePolicyVersionInput) (*iam.CreatePolicyVersionOutput, error) {
	if err := checkManaged(aws.ToString(in.PolicyDocument)); err != nil {
		return nil, err
	}
	out := &iam.CreatePolicyVersionOutput{}
	err := s.changePolicy(ctx, in.PolicyArn, func(_ *store.Tx, p *managed) error {
		if n := limits.Get("iam", "versionsPerPolicy"); int64(len(p.Versions)) >= n {
			return &types.LimitExceededException{Message: aws.String(
				fmt.Sprintf(
					"A managed policy can have up to %d versions. Before you create a new version, you must delete an existing "+
						"version.", n))}
		}
		v := version{ID: "v" + strconv.Itoa(p.Next), Document: *in.PolicyDocument, Created: gateway.From(ctx).Time}
		p.Next++
		p.Versions, p.Updated = append(p.Versions, v), v.Created
		if in.SetAsDefault {
			p.Default = v.ID
		}
		got := versionOf(*p, v)
		out.PolicyVersion = &got
		return nil
	})
	return out, err
}

func noVersion(arn, id *string) error {
	return &types.NoSuchEntityException{Message: aws.String(
		fmt.Sprintf("Policy %s version %s does not exist or is not attachable.", aws.ToString(arn), aws.ToString(id)))}
}

func (s *Service) GetPolicyVersion(ctx context.Context, in *iam.GetPolicyVersionInput) (*iam.GetPolicyVersionOutput,
	error) {
	out := &iam.GetPolicyVersionOutput{}
	err := s.host.Store.View(func(tx *store.Tx) error {
		p, err := s.policyByARN(tx, ctx, in.PolicyArn)
		if err != nil {
			return err
		}
		v, ok := p.version(aws.ToString(in.VersionId))
		if !ok {
			return noVersion(in.PolicyArn, in.VersionId)
		}
		got := versionOf(p, v)
		got.Document = encoded(v.Document)
		out.PolicyVersion = &got
		return nil
	})
	return out, err
}

func (s *Service) DeletePolicyVersion(ctx context.Context,
	in *iam.DeletePolicyVersionInput) (*iam.DeletePolicyVersionOutput, error) {
	return &iam.DeletePolicyVersionOutput{}, s.changePolicy(ctx, in.PolicyArn, func(_ *store.Tx, p *managed) error {
		if _, ok := p.version(aws.ToString(in.VersionId)); !ok {
			return noVersion(in.PolicyArn, in.VersionId)
		}
		if *in.VersionId == p.Default {
			return conflict("Cannot delete the default version of a policy.")
		}
		p.Versions = slices.DeleteFunc(p.Versions, func(v version) bool { return v.ID == *in.VersionId })
		return nil
	})
}

func (s *Service) ListPolicyVersions(ctx context.Context,
	in *iam.ListPolicyVersionsInput) (*iam.ListPolicyVersionsOutput, error) {
	out := &iam.ListPolicyVersionsOutput{Versions: []types.PolicyVersion{}}
	err := s.host.Store.View(func(tx *store.Tx) error {
		p, err := s.policyByARN(tx, ctx, in.PolicyArn)
		if err != nil {
			return err
		}
		shown := in.Marker == nil // a marker is the last version of the page before
		for _, v := range slices.Backward(p.Versions) {
			if in.MaxItems != nil && len(out.Versions) == int(*in.MaxItems) {
				out.IsTruncated, out.Marker = true, out.Versions[len(out.Versions)-1].VersionId
				return nil
			}
			if shown {
				out.Versions = append(out.Versions, versionOf(p, v))
			}
			shown = shown || v.ID == *in.Marker
		}
		if !shown {
			return gateway.Errorf(400, "ValidationError", "Invalid Marker.")
		}
		return nil
	})
	return out, err
}

func (s *Service) SetDefaultPolicyVersion(ctx context.Context,
	in *iam.SetDefaultPolicyVersionInput) (*iam.SetDefaultPolicyVersionOutput, error) {
	return &iam.SetDefaultPolicyVersionOutput{}, s.changePolicy(ctx, in.PolicyArn, func(_ *store.Tx, p *managed) error {
		if _, ok := p.version(aws.ToString(in.VersionId)); !ok {
			return noVersion(in.PolicyArn, in.VersionId)
		}
		p.Default, p.Updated = *in.VersionId, gateway.From(ctx).Time
		return nil
	})
}
