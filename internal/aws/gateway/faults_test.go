package gateway_test

import (
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/kinesis"
)

func TestGather_letsCallsGoOnTogether(t *testing.T) {
	t.Parallel()
	cloud := awstest.New(t, kinesis.New)
	client := sdk.NewFromConfig(cloud.Config())
	list := func() {
		_, err := client.ListStreams(t.Context(), &sdk.ListStreamsInput{})
		require.NoError(t, err)
	}
	cloud.Host.Faults.Add(gateway.Fault{ID: "g", Kind: gateway.FaultGather, Operation: "ListStreams", Count: 3,
		Latency: time.Hour})
	var group sync.WaitGroup
	ended := make(chan struct{}, 3)
	call := func() {
		group.Go(func() {
			list()
			ended <- struct{}{}
		})
	}
	call()
	call()
	require.Eventually(t, func() bool {
		_, hits := cloud.Host.Faults.List()
		return hits[0] == 2
	}, 10*time.Second, time.Millisecond)
	require.Empty(t, ended, "two wait for the third")
	call()
	group.Wait()
	list() // the gate stays open

	cloud.Host.Faults.Clear("g")
	cloud.Host.Faults.Add(gateway.Fault{ID: "g", Kind: gateway.FaultGather, Operation: "ListStreams", Count: 3,
		Latency: time.Millisecond})
	list() // nobody else comes: it goes on, and so does all that comes later
	_, hits := cloud.Host.Faults.List()
	require.Equal(t, []int{3}, hits)

	for _, bad := range []gateway.Fault{{Kind: gateway.FaultGather}, {Kind: gateway.FaultGather, Count: 1},
		{Kind: gateway.FaultGather, Count: 3, Share: 0.5}} {
		require.Error(t, bad.Validate())
	}
}
