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

func (s *Service) UpdateFunctionCode(ctx context.Context,
	in *sdk.UpdateFunctionCodeInput) (*sdk.UpdateFunctionCodeOutput, error) {
	fn, err := changeable(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	code, err := s.fetch(ctx, source{zip: in.ZipFile, bucket: in.S3Bucket, key: in.S3Key, version: in.S3ObjectVersion})
	if err != nil {
		return nil, err
	}
	defer code.hold.Release()
	v, err := s.update(ctx, fn, in.RevisionId, in.Publish, in.DryRun, func(tx *store.Tx, v *version) error {
		v.setCode(code)
		if len(in.Architectures) > 0 {
			v.Config.Architectures = in.Architectures
		}
		return s.putLayers(tx, v, code.unpacked)
	})
	if err != nil {
		return nil, err
	}
	out := sdk.UpdateFunctionCodeOutput{}
	copyConfig(&out, v)
	return &out, nil
}

// UpdateFunctionConfiguration implements the operation: what is not given
// stays as it is.
func (s *Service) UpdateFunctionConfiguration(ctx context.Context,
	in *sdk.UpdateFunctionConfigurationInput) (*sdk.UpdateFunctionConfigurationOutput, error) {
	if err := unsupportedSettings("UpdateFunctionConfiguration", in.SnapStart, in.VpcConfig,
		in.LoggingConfig); err != nil {
		return nil, err
	}
	fn, err := changeable(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	w := options{in.Runtime, in.Handler, in.Role, in.Description, in.Timeout, in.MemorySize, in.Environment,
		in.EphemeralStorage, in.Layers,
		in.DeadLetterConfig, in.LoggingConfig, in.TracingConfig}
	// The role is looked up by calls of their own, which a transaction must not make.
	probe := types.FunctionConfiguration{FunctionArn: aws.String(fn.ARN())}
	if err := s.configure(ctx, &probe, w); err != nil {
		return nil, err
	}
	w.role = nil
	v, err := s.update(ctx, fn, in.RevisionId, false, false, func(tx *store.Tx, v *version) error {
		if err := s.configure(ctx, &v.Config, w); err != nil {
			return err
		}
		set(&v.Config.Role, probe.Role)
		code := v.Unpacked
		for _, id := range v.Layers {
			code -= s.unpackedLayer(tx, id)
		}
		return s.putLayers(tx, v, max(code, 0))
	})
	if err != nil {
		return nil, err
	}
	out := sdk.UpdateFunctionConfigurationOutput{}
	copyConfig(&out, v)
	return &out, nil
}

// changeable finds the function that an update means: what it changes is $LATEST, also
// by the ARN of a version, as the creation of one answers it.
// Recorded on AWS in https://github.com/getmoto/moto, test_update_function_zip.
func changeable(ctx context.Context, name *string) (esm.Function, error) {
	fn, err := named(ctx, name, nil)
	if err == nil && isVersion(fn.Qualifier) || fn.Qualifier == latest {
		fn.Qualifier = ""
	}
	if err == nil && fn.Qualifier != "" {
		return unqualified(ctx, name)
	}
	return fn, err
}

// update changes $LATEST and returns its new configuration, or that of the
// version published from it.
func (s *Service) update(ctx context.Context, fn esm.Function, revision *string, publish, dryRun bool,
	change func(*store.Tx, *version) error) (types.FunctionConfiguration, error) {
	now := gateway.From(ctx).Time
	var v version
	var before string
	err := s.host.Store.Update(func(tx *store.Tx) error {
		var err error
		if v, err = s.find(tx, esm.Function{Scope: fn.Scope, Name: fn.Name}); err != nil {
			return err
		}
		if revision != nil && *revision != *v.revision(now) {
			return staleRevision()
		}
		if !v.settled(now) {
			return conflict("The operation cannot be performed at this time. An update is in progress for resource: %s",
				fn.ARN())
		}
		before = v.key()
		v = v.clone()
		if err := change(tx, &v); err != nil || dryRun {
			return err
		}
		v.Updated = now.Add(settling)
		v.touch(s, now)
		s.versions.Put(tx, fn.Scope, versionKey(fn.Name, latest), v)
		if publish {
			f, _ := s.functions.Get(tx, fn.Scope, fn.Name) // its version was there
			until := v.Updated
			v = s.publish(tx, fn, &f, v, nil, now)
			s.functions.Put(tx, fn.Scope, fn.Name, f)
			// The answer still tells of the update; recorded on AWS, see beingCreated.
			v.Ready, v.Updated = time.Time{}, until
		}
		return nil
	})
	if err != nil {
		return types.FunctionConfiguration{}, err
	}
	if !dryRun {
		s.fleet.Retire(before)
		s.sweep()
	}
	return v.show(now), nil
}

// key names the environments of a version as it is now.
func (v version) key() string {
	return aws.ToString(v.Config.FunctionArn) + ":" + aws.ToString(v.Config.Version) + ":" +
		aws.ToString(v.Config.RevisionId)
}
