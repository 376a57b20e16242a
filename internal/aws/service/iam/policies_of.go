package iam

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
)

func (s *Service) putInline(ctx context.Context, k kind, name, policyName, doc *string) error {
	if err := checkDocument(aws.ToString(doc), policy.Identity); err != nil {
		return err
	}
	return s.change(ctx, k, name, func(_ *store.Tx, i *identity) error {
		i.Inline[*policyName] = *doc
		total := int64(0)
		for _, d := range i.Inline {
			total += size(d)
		}
		if n := limits.Get("iam", string(k)+"InlinePolicySize"); total > n {
			return &types.LimitExceededException{Message: aws.String(
				fmt.Sprintf("Maximum policy size of %d bytes exceeded for %s %s", n, k, i.Name))}
		}
		return nil
	})
}

func noInline(k kind, policyName *string) error {
	return &types.NoSuchEntityException{Message: aws.String(fmt.Sprintf("The %s policy with name %s cannot be found.", k,
		aws.ToString(policyName)))}
}

func (s *Service) getInline(ctx context.Context, k kind, name, policyName *string) (doc *string, err error) {
	err = s.read(ctx, k, name, func(i identity) error {
		d, ok := i.Inline[aws.ToString(policyName)]
		if !ok {
			return noInline(k, policyName)
		}
		doc = encoded(d)
		return nil
	})
	return doc, err
}

func (s *Service) deleteInline(ctx context.Context, k kind, name, policyName *string) error {
	return s.change(ctx, k, name, func(_ *store.Tx, i *identity) error {
		if _, ok := i.Inline[aws.ToString(policyName)]; !ok {
			return noInline(k, policyName)
		}
		delete(i.Inline, *policyName)
		return nil
	})
}

func (s *Service) listInline(ctx context.Context, k kind, name, marker *string, n *int32) (names []string, next *string,
	err error) {
	err = s.read(ctx, k, name, func(i identity) (err error) {
		names, next, err = page(slices.Sorted(maps.Keys(i.Inline)), func(s string) string { return s }, marker, n)
		return err
	})
	return names, next, err
}

func (s *Service) attach(ctx context.Context, k kind, name, arn *string) error {
	return s.change(ctx, k, name, func(tx *store.Tx, i *identity) error {
		if _, err := s.policyByARN(tx, ctx, arn); err != nil {
			return err
		}
		if slices.Contains(i.Attached, *arn) {
			return nil
		}
		if n := limits.Get("iam", "attachedPolicies"); int64(len(i.Attached)) >= n {
			return &types.LimitExceededException{Message: aws.String(fmt.Sprintf("Cannot exceed quota for PoliciesPer%s: %d",
				strings.ToUpper(string(k[:1]))+string(k[1:]), n))}
		}
		i.Attached = append(i.Attached, *arn)
		return nil
	})
}

func (s *Service) detach(ctx context.Context, k kind, name, arn *string) error {
	return s.change(ctx, k, name, func(_ *store.Tx, i *identity) error {
		if !slices.Contains(i.Attached, aws.ToString(arn)) {
			return &types.NoSuchEntityException{Message: aws.String(fmt.Sprintf("Policy %s was not found.", aws.ToString(arn)))}
		}
		i.Attached = slices.DeleteFunc(i.Attached, func(a string) bool { return a == *arn })
		return nil
	})
}

func (s *Service) attached(ctx context.Context, k kind, name, prefix, marker *string, n *int32) ([]types.AttachedPolicy,
	*string, error) {
	var all []types.AttachedPolicy
	err := s.read(ctx, k, name, func(i identity) error {
		for _, arn := range i.Attached {
			_, rest, _ := strings.Cut(arn, ":policy")
			at := strings.LastIndexByte(rest, '/')
			if strings.HasPrefix(rest[:at+1], aws.ToString(prefix)) {
				all = append(all, types.AttachedPolicy{PolicyArn: aws.String(arn), PolicyName: aws.String(rest[at+1:])})
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(all, func(a, b types.AttachedPolicy) int { return strings.Compare(*a.PolicyName, *b.PolicyName) })
	return page(all, func(p types.AttachedPolicy) string { return *p.PolicyName }, marker, n)
}

// attachments counts who a policy is attached to.
func (s *Service) attachments(tx *store.Tx, ctx context.Context, arn string) int32 {
	n := int32(0)
	s.identities.Scan(tx, gateway.From(ctx).Scope.Global(), "", "", func(_ string, i identity) bool {
		if slices.Contains(i.Attached, arn) {
			n++
		}
		return true
	})
	return n
}
