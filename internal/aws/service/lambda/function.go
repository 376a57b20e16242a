package lambda

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// settling is how long a function stays Pending or InProgress.
const settling = 100 * time.Millisecond

// lastModified is the form of FunctionConfiguration.LastModified.
const lastModified = "2006-01-02T15:04:05.000+0000"

func (s *Service) CreateFunction(ctx context.Context, in *sdk.CreateFunctionInput) (*sdk.CreateFunctionOutput, error) {
	if err := unsupportedOfCreate(in); err != nil {
		return nil, err
	}
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	want := optionsOf(in)
	config := defaults(fn)
	config.PackageType, config.Architectures = types.PackageTypeZip, []types.Architecture{types.ArchitectureX8664}
	if len(in.Architectures) > 0 {
		config.Architectures = in.Architectures
	}
	if in.Runtime == "" || in.Handler == nil {
		return nil, invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	}
	if err := s.configure(ctx, &config, want); err != nil {
		return nil, err
	}
	code, err := s.fetch(ctx, source{zip: in.Code.ZipFile, bucket: in.Code.S3Bucket, key: in.Code.S3Key,
		version: in.Code.S3ObjectVersion})
	if err != nil {
		return nil, err
	}
	defer code.hold.Release()
	now := gateway.From(ctx).Time
	v := version{Config: config, Ready: now.Add(settling), Updated: now}
	v.setCode(code)
	v.touch(s, now)
	err = s.host.Store.Update(func(tx *store.Tx) error {
		if _, ok := s.functions.Get(tx, fn.Scope, fn.Name); ok {
			return conflict("Function already exist: %s", fn.Name)
		}
		if err := s.putLayers(tx, &v, code.unpacked); err != nil {
			return err
		}
		f := function{Name: fn.Name, Tags: in.Tags, Next: 1}
		s.versions.Put(tx, fn.Scope, versionKey(fn.Name, latest), v)
		if in.Publish {
			v = s.publish(tx, fn, &f, v, nil, now)
		}
		s.functions.Put(tx, fn.Scope, fn.Name, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := sdk.CreateFunctionOutput{}
	copyConfig(&out, v.show(now))
	return &out, nil
}

func unsupportedOfCreate(in *sdk.CreateFunctionInput) error {
	if in.PackageType == types.PackageTypeImage {
		return gateway.Unsupported("lambda", "CreateFunction", "PackageType Image")
	}
	return unsupportedSettings("CreateFunction", in.SnapStart, in.VpcConfig, in.LoggingConfig)
}

func unsupportedSettings(op string, snap *types.SnapStart, vpc *types.VpcConfig,
	logging *types.LoggingConfig) error {
	return gateway.Refuse("lambda", op,
		gateway.Asked{What: "SnapStart", Is: snap != nil && snap.ApplyOn == types.SnapStartApplyOnPublishedVersions},
		gateway.Asked{What: "VpcConfig", Is: vpc != nil && len(vpc.SubnetIds)+len(vpc.SecurityGroupIds) > 0},
		gateway.Asked{What: "LoggingConfig.LogFormat JSON", Is: logging != nil && logging.LogFormat == types.LogFormatJson},
		gateway.Asked{What: "LoggingConfig log levels", Is: logging != nil &&
			(logging.ApplicationLogLevel != "" || logging.SystemLogLevel != "")})
}

// defaults is a new function's configuration before it is configured.
func defaults(fn esm.Function) types.FunctionConfiguration {
	return types.FunctionConfiguration{
		FunctionName: aws.String(fn.Name), FunctionArn: aws.String(fn.ARN()), Version: aws.String(latest),
		Description: aws.String(""), Timeout: aws.Int32(3), MemorySize: aws.Int32(128),
		EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(512)},
		TracingConfig:    &types.TracingConfigResponse{Mode: types.TracingModePassThrough},
		SnapStart: &types.SnapStartResponse{ApplyOn: types.SnapStartApplyOnNone,
			OptimizationStatus: types.SnapStartOptimizationStatusOff},
		LoggingConfig: &types.LoggingConfig{LogFormat: types.LogFormatText, LogGroup: aws.String("/aws/lambda/" + fn.Name)},
	}
}

func (v *version) setCode(a archive) {
	v.Code = a.blob
	v.Config.CodeSha256, v.Config.CodeSize = aws.String(a.sum), a.blob.Size
}

// touch marks a change: a new revision that was made now.
func (v *version) touch(s *Service, now time.Time) {
	v.Config.RevisionId, v.Config.LastModified = aws.String(s.host.IDs.UUID()), aws.String(now.Format(lastModified))
	v.Early = s.host.IDs.UUID()
}

// settled reports whether a function is neither Pending nor InProgress.
func (v version) settled(now time.Time) bool { return !now.Before(v.Ready) && !now.Before(v.Updated) }

// revision is the id of the state that a version is in: becoming active and the end of
// an update are changes too.
func (v version) revision(now time.Time) *string {
	if v.Early == "" || v.settled(now) {
		return v.Config.RevisionId
	}
	return aws.String(v.Early)
}

// show is the configuration with the states that depend on the time.
func (v version) show(now time.Time) types.FunctionConfiguration {
	c := v.listed(now)
	c.RuntimeVersionConfig = runtimeVersion(c)
	switch {
	case now.Before(v.Ready): // there was no update yet
		c.State, c.StateReasonCode = types.StatePending, types.StateReasonCodeCreating
		c.StateReason = aws.String(beingCreated)
	case now.Before(v.Updated):
		c.State, c.LastUpdateStatus = types.StateActive, types.LastUpdateStatusInProgress
		c.LastUpdateStatusReasonCode = "Creating" // the SDK has no name for it
		c.LastUpdateStatusReason = aws.String(beingCreated)
	default:
		c.State, c.LastUpdateStatus = types.StateActive, types.LastUpdateStatusSuccessful
	}
	return c
}

// beingCreated is the reason of updates too.
// Recorded on AWS in https://github.com/hashicorp/terraform-provider-aws/issues/43395.
const beingCreated = "The function is being created."

// listed is the configuration as lists have it: without states and the version of the
// runtime.
// Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
func (v version) listed(now time.Time) types.FunctionConfiguration {
	c := v.Config
	c.RevisionId = v.revision(now)
	return c
}

// runtimeVersion names the build of the runtime.
//
// AWS: has a new one with each patch. Here a runtime has one, whose id follows from its
// name.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html
func runtimeVersion(c types.FunctionConfiguration) *types.RuntimeVersionConfig {
	fn, err := ident.ParseARN(aws.ToString(c.FunctionArn))
	if err != nil { // it was made by us
		return nil
	}
	build := sha256.Sum256([]byte(c.Runtime))
	return &types.RuntimeVersionConfig{RuntimeVersionArn: aws.String("arn:aws:lambda:" + fn.Region + "::runtime:" +
		hex.EncodeToString(build[:]))}
}

func (s *Service) GetFunctionConfiguration(ctx context.Context,
	in *sdk.GetFunctionConfigurationInput) (*sdk.GetFunctionConfigurationOutput, error) {
	fn, v, err := s.get(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	out := sdk.GetFunctionConfigurationOutput{}
	copyConfig(&out, v.showAs(fn, gateway.From(ctx).Time))
	return &out, nil
}

// showAs is show under the name that was asked for: an alias keeps its own ARN.
func (v version) showAs(fn esm.Function, now time.Time) types.FunctionConfiguration {
	c := v.show(now)
	c.FunctionArn = aws.String(fn.ARN())
	return c
}

func (s *Service) get(ctx context.Context, name, qualifier *string) (fn esm.Function, v version, err error) {
	if fn, err = named(ctx, name, qualifier); err != nil {
		return fn, v, err
	}
	err = s.host.Store.View(func(tx *store.Tx) error {
		v, err = s.find(tx, fn)
		return err
	})
	return fn, v, err
}

func (s *Service) GetFunction(ctx context.Context, in *sdk.GetFunctionInput) (*sdk.GetFunctionOutput, error) {
	fn, v, err := s.get(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	c := v.showAs(fn, gateway.From(ctx).Time)
	out := &sdk.GetFunctionOutput{Configuration: &c, Code: &types.FunctionCodeLocation{
		RepositoryType: aws.String("S3"), Location: aws.String(s.location(v.Code.ID))}}
	err = s.host.Store.View(func(tx *store.Tx) error {
		f, _ := s.functions.Get(tx, fn.Scope, fn.Name) // the version was there
		if len(f.Tags) > 0 {
			out.Tags = f.Tags
		}
		if f.Reserved != nil {
			out.Concurrency = &types.Concurrency{ReservedConcurrentExecutions: f.Reserved}
		}
		return nil
	})
	return out, err
}

func (s *Service) ListFunctions(ctx context.Context, in *sdk.ListFunctionsInput) (*sdk.ListFunctionsOutput, error) {
	call := gateway.From(ctx)
	var all []version
	err := s.host.Store.View(func(tx *store.Tx) error {
		s.versions.Scan(tx, call.Scope, "", "", func(_ string, v version) bool {
			if *v.Config.Version == latest || in.FunctionVersion == types.FunctionVersionAll {
				all = append(all, v)
			}
			return true
		})
		return nil
	})
	key := func(v version) string { return versionKey(*v.Config.FunctionName, *v.Config.Version) }
	some, next := page(all, key, in.Marker, in.MaxItems, 50)
	out := &sdk.ListFunctionsOutput{NextMarker: next, Functions: []types.FunctionConfiguration{}}
	for _, v := range some {
		c := v.listed(call.Time)
		if in.FunctionVersion == types.FunctionVersionAll && *c.Version == latest {
			c.FunctionArn = aws.String(*c.FunctionArn + ":" + latest)
		}
		out.Functions = append(out.Functions, c)
	}
	return out, err
}

// DeleteFunction implements the operation: one version, or all there is of the
// function.
func (s *Service) DeleteFunction(ctx context.Context, in *sdk.DeleteFunctionInput) (*sdk.DeleteFunctionOutput, error) {
	fn, err := named(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if fn.Qualifier == latest {
		return nil, invalid("$LATEST version cannot be deleted without deleting the function.")
	}
	if fn.Qualifier != "" && !isVersion(fn.Qualifier) {
		return nil, invalid("Deletion of aliases is not currently supported.")
	}
	var gone []version
	err = s.host.Store.Update(func(tx *store.Tx) error {
		if _, err := s.find(tx, fn); err != nil {
			return err
		}
		if fn.Qualifier != "" {
			gone, err = s.deleteVersion(tx, fn)
			return err
		}
		gone = s.deleteAll(tx, fn)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, v := range gone {
		s.fleet.Retire(v.key())
	}
	s.sweep()
	return &sdk.DeleteFunctionOutput{}, nil
}

func (s *Service) deleteVersion(tx *store.Tx, fn esm.Function) ([]version, error) {
	var used []string
	s.aliases.Scan(tx, fn.Scope, store.Key(fn.Name, ""), "", func(_ string, a alias) bool {
		if _, weighted := a.Weights[fn.Qualifier]; a.Version == fn.Qualifier || weighted {
			used = append(used, a.Name)
		}
		return true
	})
	if len(used) > 0 {
		return nil, conflict("Function version %s is used by the following aliases: [%s]", fn.Qualifier,
			strings.Join(used, ", "))
	}
	v, _ := s.versions.Get(tx, fn.Scope, versionKey(fn.Name, fn.Qualifier)) // find has seen it
	s.versions.Delete(tx, fn.Scope, versionKey(fn.Name, fn.Qualifier))
	return []version{v}, nil
}

func (s *Service) deleteAll(tx *store.Tx, fn esm.Function) (gone []version) {
	prefix := store.Key(fn.Name, "")
	s.versions.Scan(tx, fn.Scope, prefix, "", func(_ string, v version) bool {
		gone = append(gone, v)
		return true
	})
	for _, v := range gone {
		s.versions.Delete(tx, fn.Scope, versionKey(fn.Name, *v.Config.Version))
	}
	clearOf(tx, s.aliases, fn, prefix)
	clearOf(tx, s.policies, fn, prefix)
	clearOf(tx, s.configs, fn, prefix)
	s.functions.Delete(tx, fn.Scope, fn.Name)
	return gone
}

// clearOf removes what a function has in one collection.
func clearOf[T any](tx *store.Tx, c *store.Collection[T], fn esm.Function, prefix string) {
	var keys []string
	c.Scan(tx, fn.Scope, prefix, "", func(k string, _ T) bool {
		keys = append(keys, k)
		return true
	})
	for _, k := range keys {
		c.Delete(tx, fn.Scope, k)
	}
}

// clone makes a configuration safe to change: what it points to is replaced,
// never written to.
func (v version) clone() version {
	v.Config.Layers = slices.Clone(v.Config.Layers)
	v.Layers = slices.Clone(v.Layers)
	return v
}
