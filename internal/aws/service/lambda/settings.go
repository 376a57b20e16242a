package lambda

import (
	"context"
	"encoding/json"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/store"
)

func canonical(v any) string {
	b, _ := json.Marshal(v) // a configuration always encodes
	return string(b)
}

// change edits what a function's versions share.
func (s *Service) change(fn esm.Function, edit func(*store.Tx, *function) error) error {
	return s.host.Store.Update(func(tx *store.Tx) error {
		f, ok := s.functions.Get(tx, fn.Scope, fn.Name)
		if !ok {
			return missingFunction(fn.ARN())
		}
		if err := edit(tx, &f); err != nil {
			return err
		}
		s.functions.Put(tx, fn.Scope, fn.Name, f)
		return nil
	})
}

// reservedOf sums the concurrency that functions of a scope have reserved.
func (s *Service) reservedOf(tx *store.Tx, scope ident.Scope, but string) (sum int64) {
	s.functions.Scan(tx, scope, "", "", func(_ string, f function) bool {
		if f.Reserved != nil && f.Name != but {
			sum += int64(*f.Reserved)
		}
		return true
	})
	return sum
}

func (s *Service) PutFunctionConcurrency(ctx context.Context,
	in *sdk.PutFunctionConcurrencyInput) (*sdk.PutFunctionConcurrencyOutput, error) {
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	err = s.change(fn, func(tx *store.Tx, f *function) error {
		left := limit("concurrency") - s.reservedOf(tx, fn.Scope, fn.Name) - int64(*in.ReservedConcurrentExecutions)
		if left < limit("unreservedConcurrency") {
			return invalid(
				"Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "+
					"minimum value of [%d].",
				limit("unreservedConcurrency"))
		}
		f.Reserved = in.ReservedConcurrentExecutions
		return nil
	})
	return &sdk.PutFunctionConcurrencyOutput{ReservedConcurrentExecutions: in.ReservedConcurrentExecutions}, err
}

func (s *Service) GetFunctionConcurrency(ctx context.Context,
	in *sdk.GetFunctionConcurrencyInput) (*sdk.GetFunctionConcurrencyOutput, error) {
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	out := &sdk.GetFunctionConcurrencyOutput{}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		f, ok := s.functions.Get(tx, fn.Scope, fn.Name)
		if !ok {
			return missingFunction(fn.ARN())
		}
		out.ReservedConcurrentExecutions = f.Reserved
		return nil
	})
}

func (s *Service) DeleteFunctionConcurrency(ctx context.Context,
	in *sdk.DeleteFunctionConcurrencyInput) (*sdk.DeleteFunctionConcurrencyOutput, error) {
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteFunctionConcurrencyOutput{}, s.change(fn, func(_ *store.Tx, f *function) error {
		f.Reserved = nil
		return nil
	})
}

func (s *Service) GetAccountSettings(ctx context.Context,
	_ *sdk.GetAccountSettingsInput) (*sdk.GetAccountSettingsOutput, error) {
	scope := gateway.From(ctx).Scope
	out := &sdk.GetAccountSettingsOutput{AccountUsage: &types.AccountUsage{}, AccountLimit: &types.AccountLimit{
		CodeSizeUnzipped: limit("unzippedBytes"), CodeSizeZipped: limit("zipBytes"), TotalCodeSize: limit("storageBytes"),
		ConcurrentExecutions: int32(limit("concurrency"))}} // 1,000
	return out, s.host.Store.View(func(tx *store.Tx) error {
		out.AccountLimit.UnreservedConcurrentExecutions = aws.Int32(int32(limit("concurrency") - s.reservedOf(tx, scope,
			""))) // as above
		s.functions.Scan(tx, scope, "", "", func(string, function) bool {
			out.AccountUsage.FunctionCount++
			return true
		})
		s.versions.Scan(tx, scope, "", "", func(_ string, v version) bool {
			out.AccountUsage.TotalCodeSize += v.Code.Size
			return true
		})
		return nil
	})
}

// tagged is what has tags: how they are read, and how they are changed.
type tagged struct {
	read   func() (map[string]string, error)
	change func(func(map[string]string) error) error
}

// tagged finds what an ARN names: a function or an event source mapping.
func (s *Service) tagged(ctx context.Context, arn *string) (tagged, error) {
	a, err := ident.ParseARN(aws.ToString(arn))
	if err != nil || a.Service != "lambda" {
		return tagged{}, invalid("%s is not a valid ARN", aws.ToString(arn))
	}
	if id, ok := strings.CutPrefix(a.Resource, "event-source-mapping:"); ok {
		return tagged{
			read: func() (map[string]string, error) { return s.mappings.Tags(ctx, id) },
			change: func(fn func(map[string]string) error) error {
				return s.mappings.ChangeTags(ctx, id, fn)
			}}, nil
	}
	if !strings.HasPrefix(a.Resource, "function:") {
		return tagged{}, gateway.Unsupported("lambda", "TagResource", "tags of "+*arn)
	}
	fn, err := unqualified(ctx, arn)
	return tagged{
		read: func() (out map[string]string, err error) {
			return out, s.host.Store.View(func(tx *store.Tx) error {
				f, ok := s.functions.Get(tx, fn.Scope, fn.Name)
				if !ok {
					return missingFunction(fn.ARN())
				}
				out = f.Tags
				return nil
			})
		},
		change: func(change func(map[string]string) error) error {
			return s.change(fn, func(_ *store.Tx, f *function) error {
				all := maps.Clone(f.Tags)
				if all == nil {
					all = map[string]string{}
				}
				f.Tags = all
				return change(all)
			})
		}}, err
}

func (s *Service) TagResource(ctx context.Context, in *sdk.TagResourceInput) (*sdk.TagResourceOutput, error) {
	t, err := s.tagged(ctx, in.Resource)
	if err != nil {
		return nil, err
	}
	return &sdk.TagResourceOutput{}, t.change(func(all map[string]string) error {
		maps.Copy(all, in.Tags)
		return esm.CheckTags(all)
	})
}

func (s *Service) UntagResource(ctx context.Context, in *sdk.UntagResourceInput) (*sdk.UntagResourceOutput, error) {
	t, err := s.tagged(ctx, in.Resource)
	if err != nil {
		return nil, err
	}
	return &sdk.UntagResourceOutput{}, t.change(func(all map[string]string) error {
		for _, k := range in.TagKeys {
			delete(all, k)
		}
		return nil
	})
}

func (s *Service) ListTags(ctx context.Context, in *sdk.ListTagsInput) (*sdk.ListTagsOutput, error) {
	t, err := s.tagged(ctx, in.Resource)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListTagsOutput{Tags: map[string]string{}}
	all, err := t.read()
	maps.Copy(out.Tags, all)
	return out, err
}
