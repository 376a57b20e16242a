package lambda_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/require"
)

func TestCodeSigning_noFunctionHasAConfiguration(t *testing.T) {
	w := start(t)
	w.python("f", "def handler(e, c): return 1")
	out, err := w.lambda.GetFunctionCodeSigningConfig(t.Context(),
		&sdk.GetFunctionCodeSigningConfigInput{FunctionName: aws.String("f")})
	require.NoError(t, err)
	require.Nil(t, out.CodeSigningConfigArn)
	_, err = w.lambda.GetFunctionCodeSigningConfig(t.Context(),
		&sdk.GetFunctionCodeSigningConfigInput{FunctionName: aws.String("other")})
	require.ErrorContains(t, err, "ResourceNotFoundException")
}
