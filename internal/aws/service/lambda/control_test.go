package lambda_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
)

func TestVersions_areFrozenAndAliasesMove(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	w.python("f", "def handler(e, c): return ['one', c.function_version, c.invoked_function_arn]")
	one, err := w.lambda.PublishVersion(ctx, &sdk.PublishVersionInput{FunctionName: aws.String("f")})
	require.NoError(t, err)
	require.Equal(t, "1", *one.Version)
	again, err := w.lambda.PublishVersion(ctx, &sdk.PublishVersionInput{FunctionName: aws.String("f")})
	require.NoError(t, err)
	require.Equal(t, "1", *again.Version, "nothing has changed")
	_, err = w.lambda.UpdateFunctionCode(ctx, &sdk.UpdateFunctionCodeInput{FunctionName: aws.String("f"),
		ZipFile: zipped(t,
			map[string]string{"app.py": "def handler(e, c): return ['two', c.function_version, c.invoked_function_arn]"})})
	require.NoError(t, err)
	w.Advance(time.Second)
	two, err := w.lambda.PublishVersion(ctx, &sdk.PublishVersionInput{FunctionName: aws.String("f")})
	require.NoError(t, err)
	require.Equal(t, "2", *two.Version)
	alias, err := w.lambda.CreateAlias(ctx, &sdk.CreateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"),
		FunctionVersion: aws.String("1")})
	require.NoError(t, err)
	w.Advance(time.Second)
	require.JSONEq(t, `["one","1","`+*alias.AliasArn+`"]`, string(w.invoke("f:live", "{}").Payload))
	require.JSONEq(t, `["two","$LATEST","arn:aws:lambda:us-east-1:000000000000:function:f"]`,
		string(w.invoke("f", "{}").Payload))
	_, err = w.lambda.UpdateAlias(ctx, &sdk.UpdateAliasInput{FunctionName: aws.String("f"), Name: aws.String("live"),
		FunctionVersion: aws.String("1"),
		RoutingConfig:   &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 1}}})
	require.NoError(t, err)
	require.Contains(t, string(w.invoke("f:live", "{}").Payload), `"two"`)
	_, err = w.lambda.DeleteFunction(ctx, &sdk.DeleteFunctionInput{FunctionName: aws.String("f"),
		Qualifier: aws.String("1")})
	require.ErrorContains(t, err, "ResourceConflictException")
	versions, err := w.lambda.ListVersionsByFunction(ctx, &sdk.ListVersionsByFunctionInput{FunctionName: aws.String("f")})
	require.NoError(t, err)
	require.Len(t, versions.Versions, 3)
	_, err = w.lambda.DeleteAlias(ctx, &sdk.DeleteAliasInput{FunctionName: aws.String("f"), Name: aws.String("live")})
	require.NoError(t, err)
	_, err = w.lambda.DeleteFunction(ctx, &sdk.DeleteFunctionInput{FunctionName: aws.String("f"),
		Qualifier: aws.String("1")})
	require.NoError(t, err)
	_, err = w.lambda.DeleteFunction(ctx, &sdk.DeleteFunctionInput{FunctionName: aws.String("f")})
	require.NoError(t, err)
	_, err = w.lambda.Invoke(ctx, &sdk.InvokeInput{FunctionName: aws.String("f")})
	require.ErrorContains(t, err, "ResourceNotFoundException")
}

func TestConfiguration_isMergedAndTakesEffect(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	w.python("f", "import os\ndef handler(e, c): return [os.environ.get('AA'), c.memory_limit_in_mb]",
		func(in *sdk.CreateFunctionInput) {
			in.Environment = &types.Environment{Variables: map[string]string{"AA": "1"}}
			in.Tags = map[string]string{"team": "data"}
		})
	require.JSONEq(t, `["1","128"]`, string(w.invoke("f", "{}").Payload))
	_, err := w.lambda.UpdateFunctionConfiguration(ctx,
		&sdk.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), MemorySize: aws.Int32(256)})
	require.NoError(t, err)
	_, err = w.lambda.UpdateFunctionConfiguration(ctx, &sdk.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"),
		MemorySize: aws.Int32(512)})
	require.ErrorContains(t, err, "An update is in progress")
	w.Advance(time.Second)
	require.JSONEq(t, `["1","256"]`, string(w.invoke("f", "{}").Payload),
		"what was not given stays; the next run has what is new")
	got, err := w.lambda.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: aws.String("f")})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"team": "data"}, got.Tags)
	require.Equal(t, types.StateActive, got.Configuration.State)
}

func TestLayers_areOnThePath(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	layer, err := w.lambda.PublishLayerVersion(ctx, &sdk.PublishLayerVersionInput{LayerName: aws.String("words"),
		CompatibleRuntimes: []types.Runtime{types.RuntimePython312},
		Content: &types.LayerVersionContentInput{ZipFile: zipped(t,
			map[string]string{"python/words.py": "WORD = 'from the layer'"})}})
	require.NoError(t, err)
	require.Equal(t, int64(1), layer.Version)
	w.python("f", "import words\ndef handler(e, c): return words.WORD", func(in *sdk.CreateFunctionInput) {
		in.Layers = []string{*layer.LayerVersionArn}
	})
	require.Equal(t, `"from the layer"`, string(w.invoke("f", "{}").Payload))
	_, err = w.lambda.DeleteLayerVersion(ctx, &sdk.DeleteLayerVersionInput{LayerName: aws.String("words"),
		VersionNumber: aws.Int64(1)})
	require.NoError(t, err)
	require.Equal(t, `"from the layer"`, string(w.invoke("f", "{}").Payload), "functions keep a layer that is deleted")
	two, err := w.lambda.PublishLayerVersion(ctx, &sdk.PublishLayerVersionInput{LayerName: aws.String("words"),
		Content: &types.LayerVersionContentInput{ZipFile: zipped(t, map[string]string{"python/words.py": ""})}})
	require.NoError(t, err)
	require.Equal(t, int64(2), two.Version, "numbers are never given twice")
	list, err := w.lambda.ListLayers(ctx, &sdk.ListLayersInput{})
	require.NoError(t, err)
	require.Len(t, list.Layers, 1)
	_, err = w.lambda.GetLayerVersion(ctx, &sdk.GetLayerVersionInput{LayerName: aws.String("words"),
		VersionNumber: aws.Int64(1)})
	require.ErrorContains(t, err, "ResourceNotFoundException")
}

func TestPolicies_areKept(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	w.python("f", "def handler(e, c): pass")
	_, err := w.lambda.AddPermission(ctx, &sdk.AddPermissionInput{FunctionName: aws.String("f"),
		StatementId: aws.String("s3"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("s3.amazonaws.com"), SourceArn: aws.String("arn:aws:s3:::b"),
		SourceAccount: aws.String("000000000000")})
	require.NoError(t, err)
	got, err := w.lambda.GetPolicy(ctx, &sdk.GetPolicyInput{FunctionName: aws.String("f")})
	require.NoError(t, err)
	var doc struct{ Statement []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(*got.Policy), &doc))
	require.Equal(t, map[string]any{"Service": "s3.amazonaws.com"}, doc.Statement[0]["Principal"])
	require.Equal(t, "arn:aws:s3:::b",
		doc.Statement[0]["Condition"].(map[string]any)["ArnLike"].(map[string]any)["AWS:SourceArn"])
	_, err = w.lambda.RemovePermission(ctx, &sdk.RemovePermissionInput{FunctionName: aws.String("f"),
		StatementId: aws.String("s3")})
	require.NoError(t, err)
	_, err = w.lambda.GetPolicy(ctx, &sdk.GetPolicyInput{FunctionName: aws.String("f")})
	require.ErrorContains(t, err, "ResourceNotFoundException")
}

func TestWrongRequests_getAWSErrors(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	w.python("f", "def handler(e, c): pass")
	code := &types.FunctionCode{ZipFile: zipped(t, map[string]string{"app.py": ""})}
	f, none := aws.String("f"), aws.String("none")
	create := func(change func(*sdk.CreateFunctionInput)) error {
		in := &sdk.CreateFunctionInput{FunctionName: none, Role: aws.String(w.role), Runtime: types.RuntimePython312,
			Handler: aws.String("app.handler"), Code: code}
		change(in)
		_, err := w.lambda.CreateFunction(ctx, in)
		return err
	}
	invoke := func(in sdk.InvokeInput) error { _, err := w.lambda.Invoke(ctx, &in); return err }
	for name, c := range map[string]struct {
		code string
		do   func() error
	}{
		"create twice": {"ResourceConflictException", func() error {
			return create(func(in *sdk.CreateFunctionInput) { in.FunctionName = f })
		}},
		"create name": {"ValidationException", func() error {
			return create(func(in *sdk.CreateFunctionInput) { in.FunctionName = aws.String("a b") })
		}},
		"create role": {"InvalidParameterValueException", func() error {
			return create(func(in *sdk.CreateFunctionInput) { in.Role = aws.String("arn:aws:iam::000000000000:role/none") })
		}},
		"create no runtime": {"InvalidParameterValueException", func() error {
			return create(func(in *sdk.CreateFunctionInput) { in.Runtime = "" })
		}},
		"create old runtime": {"InvalidParameterValueException", func() error {
			return create(func(in *sdk.CreateFunctionInput) { in.Runtime = types.RuntimePython37 })
		}},
		"create no such": {"InvalidParameterValueException", func() error {
			return create(func(in *sdk.CreateFunctionInput) { in.Runtime = "cobol1" })
		}},
		"create java": {"NotImplemented", func() error {
			return create(func(in *sdk.CreateFunctionInput) { in.Runtime = types.RuntimeJava21 })
		}},
		"create memory": {"ValidationException", func() error {
			return create(func(in *sdk.CreateFunctionInput) { in.MemorySize = aws.Int32(64) })
		}},
		"create timeout": {"ValidationException", func() error {
			return create(func(in *sdk.CreateFunctionInput) { in.Timeout = aws.Int32(0) })
		}},
		"create no zip": {"InvalidParameterValueException", func() error {
			return create(func(in *sdk.CreateFunctionInput) { in.Code = &types.FunctionCode{ZipFile: []byte("no zip")} })
		}},
		"create no code": {"InvalidParameterValueException", func() error {
			return create(func(in *sdk.CreateFunctionInput) { in.Code = &types.FunctionCode{} })
		}},
		"create reserved": {"InvalidParameterValueException", func() error {
			return create(func(in *sdk.CreateFunctionInput) {
				in.Environment = &types.Environment{Variables: map[string]string{"AWS_REGION": "x"}}
			})
		}},
		"create variable": {"ValidationException", func() error {
			for _, name := range []string{"LD_PRELOAD=x", "A", "", "1A", "_A", "A B", "A\x00B", "A\n", "ÄB"} {
				err := create(func(in *sdk.CreateFunctionInput) {
					in.Environment = &types.Environment{Variables: map[string]string{name: "x"}}
				})
				var api smithy.APIError
				require.ErrorAs(t, err, &api, "%q", name)
				require.Equal(t, "ValidationException", api.ErrorCode(), "%q", name)
			}
			return create(func(in *sdk.CreateFunctionInput) {
				in.Environment = &types.Environment{Variables: map[string]string{"A=B": "x"}}
			})
		}},
		"create large env": {"InvalidParameterValueException", func() error {
			return create(func(in *sdk.CreateFunctionInput) {
				in.Environment = &types.Environment{Variables: map[string]string{"AA": strings.Repeat("x", 5000)}}
			})
		}},
		"create layer": {"InvalidParameterValueException", func() error {
			return create(func(in *sdk.CreateFunctionInput) {
				in.Layers = []string{"arn:aws:lambda:us-east-1:000000000000:layer:none:1"}
			})
		}},
		"create image": {"NotImplemented", func() error {
			return create(func(in *sdk.CreateFunctionInput) { in.PackageType = types.PackageTypeImage })
		}},
		"create vpc": {"NotImplemented", func() error {
			return create(func(in *sdk.CreateFunctionInput) { in.VpcConfig = &types.VpcConfig{SubnetIds: []string{"subnet-1"}} })
		}},
		"create topic": {"NotImplemented", func() error {
			return create(func(in *sdk.CreateFunctionInput) {
				in.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: aws.String("arn:aws:sns:us-east-1:000000000000:t")}
			})
		}},
		"get none": {"ResourceNotFoundException", func() error {
			_, err := w.lambda.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: none})
			return err
		}},
		"get version": {"ResourceNotFoundException", func() error {
			_, err := w.lambda.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: f, Qualifier: aws.String("7")})
			return err
		}},
		"qualifiers": {"InvalidParameterValueException", func() error {
			_, err := w.lambda.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: aws.String("f:1"),
				Qualifier: aws.String("2")})
			return err
		}},
		"update revision": {"PreconditionFailedException", func() error {
			_, err := w.lambda.UpdateFunctionConfiguration(ctx, &sdk.UpdateFunctionConfigurationInput{FunctionName: f,
				RevisionId: none})
			return err
		}},
		"delete latest": {"InvalidParameterValueException", func() error {
			_, err := w.lambda.DeleteFunction(ctx, &sdk.DeleteFunctionInput{FunctionName: f, Qualifier: aws.String("$LATEST")})
			return err
		}},
		"invoke none": {"ResourceNotFoundException", func() error { return invoke(sdk.InvokeInput{FunctionName: none}) }},
		"invoke no json": {"InvalidRequestContentException", func() error {
			return invoke(sdk.InvokeInput{FunctionName: f, Payload: []byte("{")})
		}},
		"code large": {"RequestEntityTooLargeException", func() error {
			_, err := w.lambda.UpdateFunctionCode(ctx, &sdk.UpdateFunctionCodeInput{FunctionName: f,
				ZipFile: make([]byte, 50<<20+1)})
			if err != nil && !strings.Contains(err.Error(), "for the UpdateFunctionCode operation") {
				return nil
			}
			return err
		}},
		"invoke large": {"RequestTooLargeException", func() error {
			return invoke(sdk.InvokeInput{FunctionName: f, Payload: []byte(`"` + strings.Repeat("x", 6<<20) + `"`)})
		}},
		"invoke large event": {"RequestTooLargeException", func() error {
			return invoke(sdk.InvokeInput{FunctionName: f, InvocationType: types.InvocationTypeEvent,
				Payload: []byte(`"` + strings.Repeat("x", 1<<20) + `"`)})
		}},
		"invoke client context": {"InvalidRequestContentException", func() error {
			return invoke(sdk.InvokeInput{FunctionName: f, ClientContext: aws.String("!")})
		}},
		"alias none": {"ResourceNotFoundException", func() error {
			_, err := w.lambda.GetAlias(ctx, &sdk.GetAliasInput{FunctionName: f, Name: none})
			return err
		}},
		"alias version": {"ResourceNotFoundException", func() error {
			_, err := w.lambda.CreateAlias(ctx, &sdk.CreateAliasInput{FunctionName: f, Name: none,
				FunctionVersion: aws.String("9")})
			return err
		}},
		"permission principal": {"InvalidParameterValueException", func() error {
			_, err := w.lambda.AddPermission(ctx, &sdk.AddPermissionInput{FunctionName: f, StatementId: none,
				Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("nobody")})
			return err
		}},
		"permission none": {"ResourceNotFoundException", func() error {
			_, err := w.lambda.RemovePermission(ctx, &sdk.RemovePermissionInput{FunctionName: f, StatementId: none})
			return err
		}},
		"config none": {"ResourceNotFoundException", func() error {
			_, err := w.lambda.GetFunctionEventInvokeConfig(ctx, &sdk.GetFunctionEventInvokeConfigInput{FunctionName: f})
			return err
		}},
		"url": {"NotImplemented", func() error {
			_, err := w.lambda.GetFunctionUrlConfig(ctx, &sdk.GetFunctionUrlConfigInput{FunctionName: f})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var api smithy.APIError
			require.ErrorAs(t, c.do(), &api)
			require.Equal(t, c.code, api.ErrorCode(), api.ErrorMessage())
			require.NotEmpty(t, api.ErrorMessage())
		})
	}
	out, err := w.lambda.Invoke(ctx, &sdk.InvokeInput{FunctionName: f, InvocationType: types.InvocationTypeDryRun})
	require.NoError(t, err)
	require.Equal(t, int32(204), out.StatusCode)
}

func TestTags_areAlsoOfMappings(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	w.python("f", "def handler(e, c): return 1")
	_, err := w.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	require.NoError(t, err)
	made, err := w.lambda.CreateEventSourceMapping(ctx, &sdk.CreateEventSourceMappingInput{FunctionName: aws.String("f"),
		EventSourceArn: aws.String("arn:aws:sqs:us-east-1:000000000000:jobs"), Tags: map[string]string{"team": "data"}})
	require.NoError(t, err)
	arn := made.EventSourceMappingArn
	_, err = w.lambda.TagResource(ctx, &sdk.TagResourceInput{Resource: arn, Tags: map[string]string{"a": "b"}})
	require.NoError(t, err)
	_, err = w.lambda.UntagResource(ctx, &sdk.UntagResourceInput{Resource: arn, TagKeys: []string{"team"}})
	require.NoError(t, err)
	all, err := w.lambda.ListTags(ctx, &sdk.ListTagsInput{Resource: arn})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"a": "b"}, all.Tags)
	none := aws.String("arn:aws:lambda:us-east-1:000000000000:event-source-mapping:00000000-0000-0000-0000-000000000000")
	_, err = w.lambda.ListTags(ctx, &sdk.ListTagsInput{Resource: none})
	require.ErrorContains(t, err, "ResourceNotFoundException")
}
