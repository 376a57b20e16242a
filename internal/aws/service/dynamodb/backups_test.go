package dynamodb_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

func TestContinuousBackups_areEnabledAndRecoveryIsNot(t *testing.T) {
	c := newCloud(t)
	c.orders(t)
	out, err := c.db.DescribeContinuousBackups(t.Context(),
		&sdk.DescribeContinuousBackupsInput{TableName: aws.String("orders")})
	require.NoError(t, err)
	require.Equal(t, types.ContinuousBackupsStatusEnabled, out.ContinuousBackupsDescription.ContinuousBackupsStatus)
	require.Equal(t, types.PointInTimeRecoveryStatusDisabled,
		out.ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus)
	_, err = c.db.DescribeContinuousBackups(t.Context(),
		&sdk.DescribeContinuousBackupsInput{TableName: aws.String("other")})
	require.ErrorContains(t, err, "TableNotFoundException")
}
