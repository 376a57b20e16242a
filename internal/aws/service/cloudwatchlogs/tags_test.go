package cloudwatchlogs_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/stretchr/testify/require"
)

// Of too many tags the two operations that set them have an error each: the model of
// the older one does not have the newer one's.
func TestTags_tooManyAreRefusedAsTheOperationDoes(t *testing.T) {
	t.Parallel()
	w := start(t)
	many := func(from int) map[string]string {
		tags := map[string]string{}
		for i := range 30 {
			tags[fmt.Sprint("t", from+i)] = "v"
		}
		return tags
	}
	_, err := w.logs.CreateLogGroup(ctx, &sdk.CreateLogGroupInput{LogGroupName: aws.String("g"), Tags: many(0)})
	require.NoError(t, err)
	_, err = w.logs.TagLogGroup(ctx, //nolint:staticcheck // clients of today still send it
		&sdk.TagLogGroupInput{LogGroupName: aws.String("g"), Tags: many(30)})
	var invalid *types.InvalidParameterException
	require.ErrorAs(t, err, &invalid)
	_, err = w.logs.TagResource(ctx, &sdk.TagResourceInput{
		ResourceArn: aws.String("arn:aws:logs:us-east-1:000000000000:log-group:g"), Tags: many(30)})
	var full *types.TooManyTagsException
	require.ErrorAs(t, err, &full)
}
