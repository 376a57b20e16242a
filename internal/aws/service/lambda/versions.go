package lambda

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// publish stores v as the next version, unless nothing has changed since the
// last one, which then is the answer.
// Source: https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
func (s *Service) publish(tx *store.Tx, fn esm.Function, f *function, v version, description *string,
	now time.Time) version {
	var last version
	found := false
	s.versions.ScanBack(tx, fn.Scope, store.Key(fn.Name, ""), "", func(_ string, o version) bool {
		last, found = o, *o.Config.Version != latest
		return false
	})
	if found && sameVersion(last, v) {
		return last
	}
	v = v.clone()
	number := strconv.FormatInt(f.Next, 10)
	f.Next++
	full := fn
	full.Qualifier = number
	v.Config.Version, v.Config.FunctionArn = aws.String(number), aws.String(full.ARN())
	v.Config.RevisionId, v.Early = aws.String(s.host.IDs.UUID()), s.host.IDs.UUID()
	v.Ready, v.Updated = now.Add(settling), time.Time{} // it is created, whatever it is made of
	if description != nil {
		v.Config.Description = description
	}
	s.versions.Put(tx, fn.Scope, versionKey(fn.Name, number), v)
	return v
}

// sameVersion compares code and configuration, but for what differs always.
func sameVersion(a, b version) bool {
	strip := func(c types.FunctionConfiguration) string {
		c.Version, c.FunctionArn, c.RevisionId, c.LastModified, c.Description = nil, nil, nil, nil, nil
		return canonical(c)
	}
	return a.Code == b.Code && strip(a.Config) == strip(b.Config)
}

func (s *Service) PublishVersion(ctx context.Context, in *sdk.PublishVersionInput) (*sdk.PublishVersionOutput, error) {
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	now := gateway.From(ctx).Time
	var v version
	err = s.host.Store.Update(func(tx *store.Tx) error {
		if v, err = s.find(tx, fn); err != nil {
			return err
		}
		if in.RevisionId != nil && *in.RevisionId != *v.revision(now) {
			return staleRevision()
		}
		if in.CodeSha256 != nil && *in.CodeSha256 != *v.Config.CodeSha256 {
			return invalid(
				"CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in "+
					"$LATEST.",
				*in.CodeSha256, *v.Config.CodeSha256)
		}
		if !v.settled(now) {
			return conflict(
				"The operation cannot be performed at this time. The function is currently in the following state: Pending")
		}
		f, _ := s.functions.Get(tx, fn.Scope, fn.Name) // its version was there
		v = s.publish(tx, fn, &f, v, in.Description, now)
		s.functions.Put(tx, fn.Scope, fn.Name, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := sdk.PublishVersionOutput{}
	copyConfig(&out, v.show(now))
	return &out, nil
}

func (s *Service) ListVersionsByFunction(ctx context.Context,
	in *sdk.ListVersionsByFunctionInput) (*sdk.ListVersionsByFunctionOutput, error) {
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	var all []version
	err = s.host.Store.View(func(tx *store.Tx) error {
		if _, err := s.find(tx, fn); err != nil {
			return err
		}
		s.versions.Scan(tx, fn.Scope, store.Key(fn.Name, ""), "", func(_ string, v version) bool {
			all = append(all, v)
			return true
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	some, next := page(all, func(v version) string {
		return versionKey(fn.Name, *v.Config.Version)
	}, in.Marker, in.MaxItems, 50)
	out := &sdk.ListVersionsByFunctionOutput{NextMarker: next, Versions: []types.FunctionConfiguration{}}
	for _, v := range some {
		full := fn
		full.Qualifier = *v.Config.Version
		v.Config.FunctionArn = aws.String(full.ARN())
		out.Versions = append(out.Versions, v.listed(gateway.From(ctx).Time))
	}
	return out, nil
}

// alias is a name for a version, or two. Its key is the function's name and
// its own.
type alias struct {
	Name        string
	Version     string
	Description string
	Weights     map[string]float64 // of a second version
	Revision    string
}

func (a alias) show(fn esm.Function) types.AliasConfiguration {
	fn.Qualifier = a.Name
	out := types.AliasConfiguration{AliasArn: aws.String(fn.ARN()), Name: aws.String(a.Name),
		FunctionVersion: aws.String(a.Version),
		Description:     aws.String(a.Description), RevisionId: aws.String(a.Revision)}
	if len(a.Weights) > 0 {
		out.RoutingConfig = &types.AliasRoutingConfiguration{AdditionalVersionWeights: a.Weights}
	}
	return out
}

// checkAlias refuses versions that are not there and weights that make no
// sense.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
func (s *Service) checkAlias(tx *store.Tx, fn esm.Function, a alias) error {
	for _, v := range append([]string{a.Version}, slices.Collect(maps.Keys(a.Weights))...) {
		full := fn
		full.Qualifier = v
		if _, ok := s.versions.Get(tx, fn.Scope, versionKey(fn.Name, v)); !ok {
			return missingFunction(full.ARN())
		}
	}
	if len(a.Weights) > 1 {
		return invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
	}
	for v, w := range a.Weights {
		if a.Version == latest || v == latest {
			return invalid("$LATEST is not supported for an alias pointing to more than 1 version")
		}
		if v == a.Version {
			return invalid("Invalid function version %s. Function version %s is already included in routing configuration.", v,
				v)
		}
		if w < 0 || w > 1 {
			return invalid("The weight of version %s must be between 0 and 1", v)
		}
	}
	return nil
}

func (s *Service) CreateAlias(ctx context.Context, in *sdk.CreateAliasInput) (*sdk.CreateAliasOutput, error) {
	a := alias{Name: *in.Name, Version: *in.FunctionVersion, Description: aws.ToString(in.Description),
		Revision: s.host.IDs.UUID()}
	if in.RoutingConfig != nil {
		a.Weights = in.RoutingConfig.AdditionalVersionWeights
	}
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	if isVersion(a.Name) {
		return nil, invalid("The alias name cannot be a number: %s", a.Name)
	}
	err = s.host.Store.Update(func(tx *store.Tx) error {
		if _, err := s.find(tx, fn); err != nil {
			return err
		}
		key := store.Key(fn.Name, a.Name)
		if _, ok := s.aliases.Get(tx, fn.Scope, key); ok {
			full := fn
			full.Qualifier = a.Name
			return conflict("Alias already exists: %s", full.ARN())
		}
		if err := s.checkAlias(tx, fn, a); err != nil {
			return err
		}
		s.aliases.Put(tx, fn.Scope, key, a)
		return nil
	})
	c := a.show(fn)
	return &sdk.CreateAliasOutput{AliasArn: c.AliasArn, Name: c.Name, FunctionVersion: c.FunctionVersion,
		Description: c.Description,
		RevisionId:  c.RevisionId, RoutingConfig: c.RoutingConfig}, err
}

func (s *Service) alias(tx *store.Tx, fn esm.Function, name string) (alias, error) {
	a, ok := s.aliases.Get(tx, fn.Scope, store.Key(fn.Name, name))
	if !ok {
		fn.Qualifier = name
		return a, notFound("Cannot find alias arn: %s", fn.ARN())
	}
	return a, nil
}

func (s *Service) GetAlias(ctx context.Context, in *sdk.GetAliasInput) (*sdk.GetAliasOutput, error) {
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	var a alias
	err = s.host.Store.View(func(tx *store.Tx) error {
		a, err = s.alias(tx, fn, *in.Name)
		return err
	})
	c := a.show(fn)
	return &sdk.GetAliasOutput{AliasArn: c.AliasArn, Name: c.Name, FunctionVersion: c.FunctionVersion,
		Description: c.Description,
		RevisionId:  c.RevisionId, RoutingConfig: c.RoutingConfig}, err
}

func (s *Service) UpdateAlias(ctx context.Context, in *sdk.UpdateAliasInput) (*sdk.UpdateAliasOutput, error) {
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	var a alias
	err = s.host.Store.Update(func(tx *store.Tx) error {
		if a, err = s.alias(tx, fn, *in.Name); err != nil {
			return err
		}
		if in.RevisionId != nil && *in.RevisionId != a.Revision {
			return staleRevision()
		}
		if in.FunctionVersion != nil {
			a.Version = *in.FunctionVersion
		}
		if in.Description != nil {
			a.Description = *in.Description
		}
		if in.RoutingConfig != nil {
			a.Weights = in.RoutingConfig.AdditionalVersionWeights
		}
		a.Revision = s.host.IDs.UUID()
		if err := s.checkAlias(tx, fn, a); err != nil {
			return err
		}
		s.aliases.Put(tx, fn.Scope, store.Key(fn.Name, a.Name), a)
		return nil
	})
	c := a.show(fn)
	return &sdk.UpdateAliasOutput{AliasArn: c.AliasArn, Name: c.Name, FunctionVersion: c.FunctionVersion,
		Description: c.Description,
		RevisionId:  c.RevisionId, RoutingConfig: c.RoutingConfig}, err
}

func (s *Service) DeleteAlias(ctx context.Context, in *sdk.DeleteAliasInput) (*sdk.DeleteAliasOutput, error) {
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteAliasOutput{}, s.host.Store.Update(func(tx *store.Tx) error {
		s.aliases.Delete(tx, fn.Scope, store.Key(fn.Name, *in.Name)) // deleting what is not there succeeds, as on AWS
		return nil
	})
}

func (s *Service) ListAliases(ctx context.Context, in *sdk.ListAliasesInput) (*sdk.ListAliasesOutput, error) {
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	var all []alias
	err = s.host.Store.View(func(tx *store.Tx) error {
		if _, err := s.find(tx, fn); err != nil {
			return err
		}
		s.aliases.Scan(tx, fn.Scope, store.Key(fn.Name, ""), "", func(_ string, a alias) bool {
			if in.FunctionVersion == nil || *in.FunctionVersion == a.Version {
				all = append(all, a)
			}
			return true
		})
		return nil
	})
	some, next := page(all, func(a alias) string { return a.Name }, in.Marker, in.MaxItems, 50)
	out := &sdk.ListAliasesOutput{NextMarker: next, Aliases: []types.AliasConfiguration{}}
	for _, a := range some {
		out.Aliases = append(out.Aliases, a.show(fn))
	}
	return out, err
}
