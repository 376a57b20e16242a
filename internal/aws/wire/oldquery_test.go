package wire_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
)

// Clients of SQS from before it spoke JSON spell lists and maps in another way
// than its model does today; both are read.
func TestDecode_readsTheOldSpellingOfQueries(t *testing.T) {
	t.Parallel()
	reg := registryOf(t, "sqs")
	decode := func(form string) any {
		req := request("POST", "localhost", "/", "sqs", form+"&Version=2012-11-05&QueueUrl=q")
		target, err := reg.Route(req)
		require.NoError(t, err)
		in, err := target.Decode(req)
		require.NoError(t, err)
		return in
	}
	for _, entries := range []string{"Entries", "SendMessageBatchRequestEntry"} {
		in := decode("Action=SendMessageBatch&" + entries + ".1.Id=a&" + entries + ".1.MessageBody=x&" + entries +
			".2.Id=b&" + entries + ".2.MessageBody=y&" + entries + ".2.MessageAttribute.1.Name=n&" + entries +
			".2.MessageAttribute.1.Value.DataType=String&" + entries + ".2.MessageAttribute.1.Value.StringValue=v")
		sent := in.(*sqs.SendMessageBatchInput).Entries
		require.Len(t, sent, 2)
		require.Equal(t, []string{"a", "x", "b", "y"}, []string{*sent[0].Id, *sent[0].MessageBody, *sent[1].Id,
			*sent[1].MessageBody})
		require.Equal(t, "v", *sent[1].MessageAttributes["n"].StringValue)
	}
	for _, entries := range []string{"Entries", "DeleteMessageBatchRequestEntry"} {
		in := decode("Action=DeleteMessageBatch&" + entries + ".1.Id=a&" + entries + ".1.ReceiptHandle=r")
		require.Len(t, in.(*sqs.DeleteMessageBatchInput).Entries, 1)
	}
	set := decode("Action=SetQueueAttributes&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5")
	require.Equal(t, map[string]string{"DelaySeconds": "5"}, set.(*sqs.SetQueueAttributesInput).Attributes)
	tag := decode("Action=TagQueue&Tag.1.Key=a&Tag.1.Value=b&Tag.2.Key=c&Tag.2.Value=d")
	require.Equal(t, map[string]string{"a": "b", "c": "d"}, tag.(*sqs.TagQueueInput).Tags)
	get := decode("Action=GetQueueAttributes&AttributeName.1=All")
	require.EqualValues(t, "All", get.(*sqs.GetQueueAttributesInput).AttributeNames[0])
}
