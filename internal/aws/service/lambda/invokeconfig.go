package lambda

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// invokeConfig says what becomes of asynchronous events. Its key is the
// function's name and the qualifier, $LATEST for none.
type invokeConfig struct {
	Age          *int32 // seconds
	Retries      *int32
	Destinations *types.DestinationConfig
	Modified     time.Time
	Qualifier    string
}

func (c invokeConfig) show(fn esm.Function) types.FunctionEventInvokeConfig {
	fn.Qualifier = c.Qualifier
	out := types.FunctionEventInvokeConfig{FunctionArn: aws.String(fn.ARN()), LastModified: aws.Time(c.Modified),
		MaximumEventAgeInSeconds: c.Age,
		MaximumRetryAttempts:     c.Retries, DestinationConfig: c.Destinations}
	if out.DestinationConfig == nil {
		out.DestinationConfig = &types.DestinationConfig{OnSuccess: &types.OnSuccess{}, OnFailure: &types.OnFailure{}}
	}
	return out
}

func configKey(fn esm.Function) string {
	q := fn.Qualifier
	if q == "" {
		q = latest
	}
	return store.Key(fn.Name, q)
}

func (s *Service) putConfig(ctx context.Context, name, qualifier *string, age, retries *int32,
	to *types.DestinationConfig, replace bool) (types.FunctionEventInvokeConfig, error) {
	fn, err := named(ctx, name, qualifier)
	if err != nil {
		return types.FunctionEventInvokeConfig{}, err
	}
	if to != nil {
		for arn, services := range map[*string][]string{destination(to.OnSuccess): {"sqs", "lambda"},
			failure(to.OnFailure): {"sqs", "lambda", "s3"}} {
			if err := checkTarget(aws.ToString(arn), "DestinationConfig", services...); err != nil {
				return types.FunctionEventInvokeConfig{}, err
			}
		}
	}
	var c invokeConfig
	err = s.host.Store.Update(func(tx *store.Tx) error {
		if _, err := s.find(tx, fn); err != nil {
			return err
		}
		old, ok := s.configs.Get(tx, fn.Scope, configKey(fn))
		switch {
		case replace:
		case !ok:
			return notFound("The function %s doesn't have an EventInvokeConfig", fn.ARN())
		default:
			c = old
		}
		set(&c.Age, age)
		set(&c.Retries, retries)
		if to != nil {
			c.Destinations = to
		}
		c.Modified = gateway.From(ctx).Time
		if c.Qualifier = fn.Qualifier; c.Qualifier == "" {
			c.Qualifier = latest
		}
		s.configs.Put(tx, fn.Scope, configKey(fn), c)
		return nil
	})
	return c.show(fn), err
}

func destination(d *types.OnSuccess) *string {
	if d == nil {
		return nil
	}
	return d.Destination
}

func failure(d *types.OnFailure) *string {
	if d == nil {
		return nil
	}
	return d.Destination
}

func (s *Service) PutFunctionEventInvokeConfig(ctx context.Context,
	in *sdk.PutFunctionEventInvokeConfigInput) (*sdk.PutFunctionEventInvokeConfigOutput, error) {
	c, err := s.putConfig(ctx, in.FunctionName, in.Qualifier, in.MaximumEventAgeInSeconds, in.MaximumRetryAttempts,
		in.DestinationConfig, true)
	out := sdk.PutFunctionEventInvokeConfigOutput{FunctionArn: c.FunctionArn, LastModified: c.LastModified,
		DestinationConfig:        c.DestinationConfig,
		MaximumEventAgeInSeconds: c.MaximumEventAgeInSeconds, MaximumRetryAttempts: c.MaximumRetryAttempts}
	return &out, err
}

func (s *Service) UpdateFunctionEventInvokeConfig(ctx context.Context,
	in *sdk.UpdateFunctionEventInvokeConfigInput) (*sdk.UpdateFunctionEventInvokeConfigOutput, error) {
	c, err := s.putConfig(ctx, in.FunctionName, in.Qualifier, in.MaximumEventAgeInSeconds, in.MaximumRetryAttempts,
		in.DestinationConfig, false)
	out := sdk.UpdateFunctionEventInvokeConfigOutput{FunctionArn: c.FunctionArn, LastModified: c.LastModified,
		DestinationConfig:        c.DestinationConfig,
		MaximumEventAgeInSeconds: c.MaximumEventAgeInSeconds, MaximumRetryAttempts: c.MaximumRetryAttempts}
	return &out, err
}

func (s *Service) GetFunctionEventInvokeConfig(ctx context.Context,
	in *sdk.GetFunctionEventInvokeConfigInput) (*sdk.GetFunctionEventInvokeConfigOutput, error) {
	fn, err := named(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	var c invokeConfig
	err = s.host.Store.View(func(tx *store.Tx) error {
		if _, err := s.find(tx, fn); err != nil {
			return err
		}
		var ok bool
		if c, ok = s.configs.Get(tx, fn.Scope, configKey(fn)); !ok {
			return notFound("The function %s doesn't have an EventInvokeConfig", fn.ARN())
		}
		return nil
	})
	shown := c.show(fn)
	return &sdk.GetFunctionEventInvokeConfigOutput{FunctionArn: shown.FunctionArn, LastModified: shown.LastModified,
		DestinationConfig:        shown.DestinationConfig,
		MaximumEventAgeInSeconds: shown.MaximumEventAgeInSeconds, MaximumRetryAttempts: shown.MaximumRetryAttempts}, err
}

func (s *Service) DeleteFunctionEventInvokeConfig(ctx context.Context,
	in *sdk.DeleteFunctionEventInvokeConfigInput) (*sdk.DeleteFunctionEventInvokeConfigOutput, error) {
	fn, err := named(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteFunctionEventInvokeConfigOutput{}, s.host.Store.Update(func(tx *store.Tx) error {
		if _, err := s.find(tx, fn); err != nil {
			return err
		}
		if !s.configs.Delete(tx, fn.Scope, configKey(fn)) {
			return notFound("The function %s doesn't have an EventInvokeConfig", fn.ARN())
		}
		return nil
	})
}

func (s *Service) ListFunctionEventInvokeConfigs(ctx context.Context,
	in *sdk.ListFunctionEventInvokeConfigsInput) (*sdk.ListFunctionEventInvokeConfigsOutput, error) {
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	var all []invokeConfig
	err = s.host.Store.View(func(tx *store.Tx) error {
		if _, err := s.find(tx, fn); err != nil {
			return err
		}
		s.configs.Scan(tx, fn.Scope, store.Key(fn.Name, ""), "", func(_ string, c invokeConfig) bool {
			all = append(all, c)
			return true
		})
		return nil
	})
	some, next := page(all, func(c invokeConfig) string { return c.Qualifier }, in.Marker, in.MaxItems, 50)
	out := &sdk.ListFunctionEventInvokeConfigsOutput{NextMarker: next,
		FunctionEventInvokeConfigs: []types.FunctionEventInvokeConfig{}}
	for _, c := range some {
		out.FunctionEventInvokeConfigs = append(out.FunctionEventInvokeConfigs, c.show(fn))
	}
	return out, err
}
