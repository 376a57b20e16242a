package s3_test

import (
	"archive/zip"
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
)

// A bucket may call a function only if the function's policy lets this bucket in.
func TestNotifications_needTheFunctionsPermission(t *testing.T) {
	e, err := embedded.Driver{}.Start(context.Background(), emulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	cfg := e.Endpoint().AWSConfig()
	role, err := iam.NewFromConfig(cfg).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("r"),
		AssumeRolePolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},` +
				`"Action":"sts:AssumeRole"}]}`)})
	require.NoError(t, err)
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	_, err = z.Create("app.py")
	require.NoError(t, err)
	require.NoError(t, z.Close())
	functions := lambda.NewFromConfig(cfg)
	f, err := functions.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String("f"), Role: role.Role.Arn,
		Runtime: lambdatypes.RuntimePython312,
		Handler: aws.String("app.handler"), Code: &lambdatypes.FunctionCode{ZipFile: code.Bytes()}})
	require.NoError(t, err)
	_, _, err = e.Control().Advance(ctx, time.Second) // until it is active
	require.NoError(t, err)
	buckets := sdk.NewFromConfig(cfg, func(o *sdk.Options) { o.UsePathStyle = true })
	_, err = buckets.CreateBucket(ctx, &sdk.CreateBucketInput{Bucket: aws.String("uploads")})
	require.NoError(t, err)
	notify := func() error {
		_, err := buckets.PutBucketNotificationConfiguration(ctx,
			&sdk.PutBucketNotificationConfigurationInput{Bucket: aws.String("uploads"),
				NotificationConfiguration: &types.NotificationConfiguration{
					LambdaFunctionConfigurations: []types.LambdaFunctionConfiguration{{
						LambdaFunctionArn: f.FunctionArn, Events: []types.Event{"s3:ObjectCreated:*"}}}}})
		return err
	}
	permit := func(id, source string) {
		_, err := functions.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: aws.String("f"), StatementId: &id,
			Action:    aws.String("lambda:InvokeFunction"),
			Principal: aws.String("s3.amazonaws.com"), SourceArn: &source})
		require.NoError(t, err)
	}
	refused(t, notify(), "InvalidArgument", 400)
	permit("other", "arn:aws:s3:::another-bucket")
	refused(t, notify(), "InvalidArgument", 400)
	permit("right", "arn:aws:s3:::uploads")
	require.NoError(t, notify())
}
