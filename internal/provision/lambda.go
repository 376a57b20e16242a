package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/cfn"
)

// codeSource is Code of a function or Content of a layer: inline text, an
// object in S3, or local code that was packed before.
func codeSource(inline bool) cfn.Property {
	f := props{"S3Bucket": cfn.Str(), "S3Key": cfn.Str(), "S3ObjectVersion": cfn.Str(), localPath: cfn.Str(),
		localDigest: cfn.Str()}
	if inline {
		f["ZipFile"] = cfn.Str()
	}
	code := cfn.Object(f).Req()
	code.Local = true
	return code
}

func (p *Provider) lambdaTypes() []resourceType {
	return []resourceType{
		{schema: schema("AWS::Lambda::Function", "FunctionName", 64, props{
			"FunctionName": cfn.Str().Replaces(), "Code": codeSource(true), "Handler": cfn.Str(), "Runtime": cfn.Str(),
			"Role": cfn.Str().Req(), "Description": cfn.Str(), "Timeout": cfn.Int(1, 900), "MemorySize": cfn.Int(128, 10240),
			"Environment": cfn.Object(props{"Variables": cfn.MapOf(cfn.Str())}), "Layers": cfn.ListOf(cfn.Str()),
			"DeadLetterConfig":             cfn.Object(props{"TargetArn": cfn.Str()}),
			"ReservedConcurrentExecutions": cfn.Property{Type: cfn.TInteger},
			"Architectures":                cfn.ListOf(cfn.Str("x86_64", "arm64")), "PackageType": cfn.Str("Zip").Replaces(),
			"EphemeralStorage": cfn.Object(props{"Size": cfn.Int(512, 10240).Req()}), "Tags": cfn.TagList(),
			"LoggingConfig": cfn.Object(props{"LogGroup": cfn.Str(), "LogFormat": cfn.Str("Text", "JSON"),
				"ApplicationLogLevel": cfn.Str(), "SystemLogLevel": cfn.Str()}),
			"TracingConfig": cfn.Object(props{"Mode": cfn.Str("Active", "PassThrough")}),
			"RecursiveLoop": cfn.Str("Allow", "Terminate")}, "Arn"),
			create: p.createFunction, update: p.updateFunction, delete: p.deleteFunction, read: p.readFunction},
		{schema: schema("AWS::Lambda::LayerVersion", "", 0, props{
			"LayerName": cfn.Str().Replaces(), "Content": codeSource(false).Replaces(), "Description": cfn.Str().Replaces(),
			"CompatibleRuntimes": cfn.ListOf(cfn.Str()).Replaces(), "CompatibleArchitectures": cfn.ListOf(cfn.Str()).Replaces(),
			"LicenseInfo": cfn.Str().Replaces()}, "LayerVersionArn"),
			create: p.createLayer, delete: p.deleteLayer, read: p.readLayer},
	}
}

// settings are the properties that CreateFunction and
// UpdateFunctionConfiguration share, with the values of those left out.
func settings(m map[string]any) map[string]any {
	out := map[string]any{"Timeout": 3, "MemorySize": 128, "Description": "",
		"Environment": map[string]any{"Variables": map[string]any{}},
		"Layers":      []any{}, "DeadLetterConfig": map[string]any{"TargetArn": ""},
		"EphemeralStorage": map[string]any{"Size": 512}, "TracingConfig": map[string]any{"Mode": "PassThrough"}}
	for _, k := range []string{"Handler", "Runtime", "Role", "Description", "Timeout", "MemorySize", "Environment",
		"Layers", "DeadLetterConfig",
		"EphemeralStorage", "LoggingConfig", "TracingConfig"} {
		if v, ok := m[k]; ok {
			out[k] = v
		}
	}
	return out
}

func (p *Provider) createFunction(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in := &lambda.CreateFunctionInput{}
	config := settings(r.Properties)
	for _, k := range []string{"Layers", "DeadLetterConfig", "Environment", "Description", "EphemeralStorage",
		"TracingConfig"} {
		if _, given := r.Properties[k]; !given {
			delete(config, k)
		}
	}
	for _, k := range []string{"Architectures", "PackageType"} {
		if v, ok := r.Properties[k]; ok {
			config[k] = v
		}
	}
	if err := into(config, in); err != nil {
		return cfn.State{}, err
	}
	code, err := p.functionCode(r.Properties)
	if err != nil {
		return cfn.State{}, err
	}
	in.FunctionName, in.Code, in.Tags = aws.String(r.Name), code, tags(r.Properties)
	if _, err := p.lambda.CreateFunction(ctx, in); err != nil {
		return cfn.State{}, err
	}
	st, err := p.functionReady(ctx, r.Name)
	if err != nil {
		return cfn.State{PhysicalID: r.Name}, err
	}
	if err := p.recursion(ctx, r); err != nil {
		return st, err
	}
	return st, p.reserve(ctx, r)
}

// recursion says what becomes of loops; without it AWS stops them.
func (p *Provider) recursion(ctx context.Context, r cfn.Resource) error {
	if !changed(r, "RecursiveLoop") {
		return nil
	}
	in := &lambda.PutFunctionRecursionConfigInput{FunctionName: aws.String(r.Name),
		RecursiveLoop: types.RecursiveLoop(text(r.Properties, "RecursiveLoop"))}
	if in.RecursiveLoop == "" {
		in.RecursiveLoop = types.RecursiveLoopTerminate
	}
	_, err := p.lambda.PutFunctionRecursionConfig(ctx, in)
	return err
}

// oneSource refuses code that comes from several places: one of them would count and
// the others would not.
func oneSource(code map[string]any) error {
	var from [][]string
	for _, names := range [][]string{{"ZipFile"}, {"S3Bucket", "S3Key", "S3ObjectVersion"}, {localPath, localDigest}} {
		names = slices.DeleteFunc(names, func(n string) bool { return code[n] == nil })
		if len(names) > 0 {
			from = append(from, names)
		}
	}
	if len(from) > 1 {
		return fmt.Errorf("code comes from one place, not from %s", strings.Join(slices.Concat(from...), ", "))
	}
	return nil
}

func (p *Provider) functionCode(m map[string]any) (*types.FunctionCode, error) {
	code := object(m, "Code")
	if err := oneSource(code); err != nil {
		return nil, err
	}
	out := &types.FunctionCode{}
	if inline, ok := code["ZipFile"].(string); ok {
		zipped, err := zipInline(text(m, "Runtime"), text(m, "Handler"), inline)
		out.ZipFile = zipped
		return out, err
	}
	if digest := text(code, localDigest); digest != "" {
		zipped, err := p.asset(digest)
		out.ZipFile = zipped
		return out, err
	}
	if text(code, "S3Bucket") == "" || text(code, "S3Key") == "" {
		return nil, errors.New("Code needs ZipFile, or S3Bucket and S3Key, or a local path")
	}
	return out, into(code, out)
}

func (p *Provider) asset(digest string) ([]byte, error) {
	if p.assets == nil {
		return nil, errors.New("local code can only be deployed by pipelab; give S3Bucket and S3Key")
	}
	return p.assets.Get(digest)
}

// functionReady waits until the function can be called and its last update is
// done.
func (p *Provider) functionReady(ctx context.Context, name string) (st cfn.State, err error) {
	err = ask(ctx, func() (bool, error) {
		c, err := p.lambda.GetFunctionConfiguration(ctx,
			&lambda.GetFunctionConfigurationInput{FunctionName: aws.String(name)})
		if err != nil {
			return false, err
		}
		if c.State == types.StateFailed || c.LastUpdateStatus == types.LastUpdateStatusFailed {
			return false, fmt.Errorf("function %s: %s%s", name, aws.ToString(c.StateReason),
				aws.ToString(c.LastUpdateStatusReason))
		}
		st = cfn.State{PhysicalID: name, Attributes: map[string]any{"Arn": aws.ToString(c.FunctionArn)}}
		return c.State != types.StatePending && c.LastUpdateStatus != types.LastUpdateStatusInProgress, nil
	})
	return st, err
}

func (p *Provider) reserve(ctx context.Context, r cfn.Resource) error {
	if !changed(r, "ReservedConcurrentExecutions") {
		return nil
	}
	if r.Properties["ReservedConcurrentExecutions"] == nil {
		_, err := p.lambda.DeleteFunctionConcurrency(ctx,
			&lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String(r.Name)})
		return err
	}
	_, err := p.lambda.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String(r.Name),
		ReservedConcurrentExecutions: aws.Int32(int32(number(r.Properties, "ReservedConcurrentExecutions", 0)))})
	return err
}

func (p *Provider) updateFunction(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	st := cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes}
	name := aws.String(r.PhysicalID)
	if changed(r, "Code") || changed(r, "Architectures") {
		code, err := p.functionCode(r.Properties)
		if err != nil {
			return st, err
		}
		in := &lambda.UpdateFunctionCodeInput{FunctionName: name, ZipFile: code.ZipFile, S3Bucket: code.S3Bucket,
			S3Key:           code.S3Key,
			S3ObjectVersion: code.S3ObjectVersion}
		for _, a := range list(r.Properties, "Architectures") {
			in.Architectures = append(in.Architectures, types.Architecture(fmt.Sprint(a)))
		}
		if _, err := p.lambda.UpdateFunctionCode(ctx, in); err != nil {
			return st, err
		}
		if _, err := p.functionReady(ctx, r.PhysicalID); err != nil {
			return st, err
		}
	}
	in := &lambda.UpdateFunctionConfigurationInput{}
	if err := into(settings(r.Properties), in); err != nil {
		return st, err
	}
	in.FunctionName = name
	if in.LoggingConfig == nil && r.Previous["LoggingConfig"] != nil { // taken away: as it is without one
		in.LoggingConfig = &types.LoggingConfig{LogFormat: types.LogFormatText,
			LogGroup: aws.String("/aws/lambda/" + r.PhysicalID)}
	}
	if _, err := p.lambda.UpdateFunctionConfiguration(ctx, in); err != nil {
		return st, err
	}
	if err := p.tagFunction(ctx, r); err != nil {
		return st, err
	}
	if err := errors.Join(p.recursion(ctx, r), p.reserve(ctx, r)); err != nil {
		return st, err
	}
	return p.functionReady(ctx, r.PhysicalID)
}

func (p *Provider) tagFunction(ctx context.Context, r cfn.Resource) error {
	arn := aws.String(text(r.Attributes, "Arn"))
	if gone := lost(tags(r.Previous), tags(r.Properties)); len(gone) > 0 {
		if _, err := p.lambda.UntagResource(ctx, &lambda.UntagResourceInput{Resource: arn, TagKeys: gone}); err != nil {
			return err
		}
	}
	if now := tags(r.Properties); changed(r, "Tags") && len(now) > 0 {
		_, err := p.lambda.TagResource(ctx, &lambda.TagResourceInput{Resource: arn, Tags: now})
		return err
	}
	return nil
}

func (p *Provider) deleteFunction(ctx context.Context, r cfn.Resource) error {
	_, err := p.lambda.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String(r.PhysicalID)})
	return err
}

func (p *Provider) readFunction(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	c, err := p.lambda.GetFunctionConfiguration(ctx,
		&lambda.GetFunctionConfigurationInput{FunctionName: aws.String(r.PhysicalID)})
	if err != nil {
		return cfn.State{}, err
	}
	return cfn.State{PhysicalID: r.PhysicalID, Attributes: map[string]any{"Arn": aws.ToString(c.FunctionArn)}}, nil
}

func (p *Provider) createLayer(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in := &lambda.PublishLayerVersionInput{}
	given := map[string]any{}
	for k, v := range r.Properties {
		if k != "Content" {
			given[k] = v
		}
	}
	if err := into(given, in); err != nil {
		return cfn.State{}, err
	}
	if in.LayerName == nil {
		in.LayerName = aws.String(r.Stack + "-" + r.LogicalID)
	}
	content := object(r.Properties, "Content")
	if err := oneSource(content); err != nil {
		return cfn.State{}, err
	}
	in.Content = &types.LayerVersionContentInput{}
	if digest := text(content, localDigest); digest != "" {
		zipped, err := p.asset(digest)
		if err != nil {
			return cfn.State{}, err
		}
		in.Content.ZipFile = zipped
	} else if err := into(content, in.Content); err != nil {
		return cfn.State{}, err
	}
	out, err := p.lambda.PublishLayerVersion(ctx, in)
	if err != nil {
		return cfn.State{}, err
	}
	return cfn.State{PhysicalID: *out.LayerVersionArn,
		Attributes: map[string]any{"LayerVersionArn": *out.LayerVersionArn}}, nil
}
