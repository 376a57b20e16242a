package gateway_test

import (
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	sdk "github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
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

// Which call it is depends on what was called before; what it is about does not.
func TestFault_choosesItsCallByWhatItCarries(t *testing.T) {
	t.Parallel()
	cloud := awstest.New(t, kinesis.New)
	client := sdk.NewFromConfig(cloud.Config(), func(o *sdk.Options) { o.RetryMaxAttempts = 1 })
	call := func(name string) error {
		_, err := client.CreateStream(t.Context(), &sdk.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(1)})
		return err
	}
	rule := gateway.Fault{ID: "one", Kind: gateway.FaultError, Service: "kinesis",
		Carrying: []string{"event-17"}, Count: 1}
	require.NoError(t, rule.Validate())
	cloud.Host.Faults.Add(rule)
	require.NoError(t, call("event-1"))
	require.ErrorContains(t, call("event-17"), "Injected fault one")
	require.NoError(t, call("event-17"), "only its first call fails")
	require.NoError(t, call("event-2"))
	cloud.Host.Faults.Add(gateway.Fault{ID: "both", Kind: gateway.FaultError, Carrying: []string{"event-3", "other"}})
	require.ErrorContains(t, call("other-event-3"), "Injected fault both")
	require.NoError(t, call("event-3"), "it carries one of the two")

	for _, kind := range []gateway.FaultKind{gateway.FaultEntries, gateway.FaultDuplicate, gateway.FaultReorder} {
		require.ErrorContains(t, gateway.Fault{Kind: kind, Carrying: []string{"x"}}.Validate(), "by what they carry")
	}
}

func TestFault_findsWhatACallCarriesWhereverItStands(t *testing.T) {
	t.Parallel()
	text := func(s string) ddbtypes.AttributeValue { return &ddbtypes.AttributeValueMemberS{Value: s} }
	event := func(data string) []byte {
		return []byte(`{"Records":[{"kinesis":{"data":"` + base64.StdEncoding.EncodeToString([]byte(data)) + `"}}]}`)
	}
	carrying := map[string]any{
		"a key":  &dynamodb.UpdateItemInput{Key: map[string]ddbtypes.AttributeValue{"id": text("seen#event-17")}},
		"a name": &dynamodb.UpdateItemInput{ExpressionAttributeNames: map[string]string{"event-17": "x"}},
		"an item of a transaction": &dynamodb.TransactWriteItemsInput{TransactItems: []ddbtypes.TransactWriteItem{
			{Update: &ddbtypes.Update{}},
			{Put: &ddbtypes.Put{Item: map[string]ddbtypes.AttributeValue{"id": text("event-17")}}}}},
		"a nested value": &dynamodb.PutItemInput{Item: map[string]ddbtypes.AttributeValue{
			"m": &ddbtypes.AttributeValueMemberM{
				Value: map[string]ddbtypes.AttributeValue{"l": &ddbtypes.AttributeValueMemberL{Value: []ddbtypes.AttributeValue{
					text("event-17")}}}}}},
		"a key of an object": &s3.PutObjectInput{Key: aws.String("in/event-17.json"), Body: strings.NewReader("")},
		"a payload":          &lambda.InvokeInput{Payload: []byte(`{"id":"event-17"}`)},
		"bytes":              []byte("event-17"),
		"base64, first":      event("event-17 is it"),
		"base64, second":     event("-event-17"),
		"base64, third":      event("--event-17-"),
	}
	for name, in := range carrying {
		faults := gateway.NewFaults()
		faults.Add(gateway.Fault{Kind: gateway.FaultError, Carrying: []string{"event-17"}})
		_, hit := faults.Strike(gateway.FaultError, gateway.Site{Input: in})
		require.True(t, hit, name)
	}
	body := strings.NewReader("event-17")
	for name, in := range map[string]any{"nothing": nil, "a body that is read once": &s3.PutObjectInput{Body: body},
		"another": event("event-18"), "no value": &dynamodb.PutItemInput{}} {
		faults := gateway.NewFaults()
		faults.Add(gateway.Fault{Kind: gateway.FaultError, Carrying: []string{"event-17"}})
		_, hit := faults.Strike(gateway.FaultError, gateway.Site{Input: in})
		require.False(t, hit, name)
	}
	require.Equal(t, 8, body.Len(), "nothing was read of it")
}
