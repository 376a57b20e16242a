package kinesis

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Expired records leave the store; that readers do not see them would not do.
func TestExpire_removesRecordsFromTheStore(t *testing.T) {
	t.Parallel()
	var s *Service
	cloud := awstest.New(t, func(h *gateway.Host) gateway.Service {
		s = New(h).(*Service)
		return s
	})
	client := sdk.NewFromConfig(cloud.Config())
	_, err := client.CreateStream(t.Context(), &sdk.CreateStreamInput{StreamName: aws.String("s"),
		ShardCount: aws.Int32(2)})
	require.NoError(t, err)
	cloud.Advance(time.Second)
	put := func() {
		for _, k := range []string{"a", "b", "c", "d"} {
			_, err := client.PutRecord(t.Context(), &sdk.PutRecordInput{StreamName: aws.String("s"), PartitionKey: &k,
				Data: []byte("x")})
			require.NoError(t, err)
		}
	}
	stored := func() (n int) {
		require.NoError(t, cloud.Host.Store.View(func(tx *store.Tx) error {
			s.records.ScanAll(tx, func(ident.Scope, string, record) bool { n++; return true })
			return nil
		}))
		return n
	}
	put()
	cloud.Advance(12 * time.Hour)
	put()
	require.Equal(t, 8, stored())
	cloud.Advance(13 * time.Hour)
	require.Equal(t, 4, stored())
	cloud.Gateway.Stop()
	require.NoError(t, cloud.Gateway.Start(t.Context()))
	cloud.Advance(13 * time.Hour)
	require.Zero(t, stored(), "a restart takes the removal up again")
	put()
	_, err = client.IncreaseStreamRetentionPeriod(t.Context(),
		&sdk.IncreaseStreamRetentionPeriodInput{StreamName: aws.String("s"), RetentionPeriodHours: aws.Int32(72)})
	require.NoError(t, err)
	cloud.Advance(48 * time.Hour)
	require.Equal(t, 4, stored())
	_, err = client.DecreaseStreamRetentionPeriod(t.Context(),
		&sdk.DecreaseStreamRetentionPeriodInput{StreamName: aws.String("s"), RetentionPeriodHours: aws.Int32(24)})
	require.NoError(t, err)
	require.Zero(t, stored())
}
