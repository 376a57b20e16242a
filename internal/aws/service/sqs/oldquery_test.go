package sqs_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
)

// old sends a form to a path, as clients from before 2023 do; without a body it is a
// GET. It returns the answer without what differs from call to call.
func old(t *testing.T, c *awstest.Cloud, method, path, form string) (status int, doc string) {
	t.Helper()
	uri, body := c.URL+path, strings.NewReader(form)
	if method == http.MethodGet {
		uri, body = uri+"?"+form, strings.NewReader("")
	}
	req, err := http.NewRequestWithContext(t.Context(), method, uri, body)
	require.NoError(t, err)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260302/us-east-1/sqs/aws4_request, "+
		"SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Contains(t, resp.Header.Get("Content-Type"), "text/xml")
	return resp.StatusCode, string(b)
}

const version = "&Version=2012-11-05"

// The forms are those that botocore 1.29.165 sends.
func TestOldForms_carryEverything(t *testing.T) {
	t.Parallel()
	c, client := start(t)
	post := func(form string) string {
		status, doc := old(t, c, "POST", "/", form+version)
		require.Equal(t, 200, status, doc)
		require.Contains(t, doc, ` xmlns="http://queue.amazonaws.com/doc/2012-11-05/"`)
		return doc
	}
	doc := post("Action=CreateQueue&QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5" +
		"&Attribute.2.Name=VisibilityTimeout&Attribute.2.Value=7&Tag.1.Key=a&Tag.1.Value=b")
	require.Contains(t, doc, "<CreateQueueResult><QueueUrl>"+c.URL+"/000000000000/q</QueueUrl></CreateQueueResult>")
	at := "&QueueUrl=" + url.QueryEscape(c.URL+"/000000000000/q")
	post("Action=TagQueue&Tag.1.Key=c&Tag.1.Value=d" + at)
	require.Contains(t, post("Action=ListQueueTags"+at), "<Tag><Key>a</Key><Value>b</Value></Tag>"+
		"<Tag><Key>c</Key><Value>d</Value></Tag>")
	post("Action=UntagQueue&TagKey.1=a" + at)
	require.NotContains(t, post("Action=ListQueueTags"+at), "<Key>a<")
	post("Action=SetQueueAttributes&Attribute.1.Name=DelaySeconds&Attribute.1.Value=0" + at)
	doc = post("Action=GetQueueAttributes&AttributeName.1=DelaySeconds&AttributeName.2=VisibilityTimeout" + at)
	require.Contains(t, doc,
		"<GetQueueAttributesResult><Attribute><Name>DelaySeconds</Name><Value>0</Value></Attribute>"+
			"<Attribute><Name>VisibilityTimeout</Name><Value>7</Value></Attribute></GetQueueAttributesResult>")
	// boto 2 leaves the numbers out.
	post("Action=SetQueueAttributes&Attribute.Name=VisibilityTimeout&Attribute.Value=9" + at)
	require.Contains(t, post("Action=GetQueueAttributes&AttributeName=VisibilityTimeout"+at),
		"<Name>VisibilityTimeout</Name><Value>9</Value>")
	require.Contains(t, post("Action=ListQueues"), "<ListQueuesResult><QueueUrl>"+c.URL+"/000000000000/q</QueueUrl>")
	post("Action=AddPermission&Label=l&AWSAccountId.1=111111111111&ActionName.1=SendMessage" + at)
	got, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: aws.String(c.URL +
		"/000000000000/q"), AttributeNames: []types.QueueAttributeName{"Policy"}})
	require.NoError(t, err)
	require.Contains(t, got.Attributes["Policy"], "111111111111")
	require.Contains(t, got.Attributes["Policy"], "SendMessage")
}

func TestOldForms_carryMessages(t *testing.T) {
	t.Parallel()
	c, client := start(t)
	path := strings.TrimPrefix(*create(t, client, "q", nil), c.URL)
	call := func(method, form string) string {
		status, doc := old(t, c, method, path, form+version)
		require.Equal(t, 200, status, doc)
		return doc
	}
	doc := call("GET", "Action=SendMessage&MessageBody=one&MessageAttribute.1.Name=n&MessageAttribute.1.Value.DataType="+
		"String&MessageAttribute.1.Value.StringValue=v&MessageAttribute.2.Name=b&MessageAttribute.2.Value.DataType=Binary"+
		"&MessageAttribute.2.Value.BinaryValue=AP8%3D&MessageSystemAttribute.1.Name=AWSTraceHeader"+
		"&MessageSystemAttribute.1.Value.DataType=String&MessageSystemAttribute.1.Value.StringValue=Root%3D1")
	require.Contains(t, doc, "<MD5OfMessageBody>f97c5d29941bfb1b2fdab0874906ab82</MD5OfMessageBody>")
	doc = call("POST", "Action=ReceiveMessage&AttributeName.1=All&MessageAttributeName.1=All")
	for _, part := range []string{"<ReceiveMessageResult><Message><", "<Body>one</Body>",
		"<MessageAttribute><Name>n</Name><Value><DataType>String</DataType><StringValue>v</StringValue></Value>",
		"<BinaryValue>AP8=</BinaryValue>", "<Attribute><Name>AWSTraceHeader</Name><Value>Root=1</Value></Attribute>",
		"<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>"} {
		require.Contains(t, doc, part)
	}
	handle := strings.Split(strings.Split(doc, "<ReceiptHandle>")[1], "</ReceiptHandle>")[0]
	doc = call("POST", "Action=ChangeMessageVisibilityBatch&ChangeMessageVisibilityBatchRequestEntry.1.Id=a"+
		"&ChangeMessageVisibilityBatchRequestEntry.1.ReceiptHandle="+url.QueryEscape(handle)+
		"&ChangeMessageVisibilityBatchRequestEntry.1.VisibilityTimeout=0")
	require.Contains(t, doc, "<ChangeMessageVisibilityBatchResultEntry><Id>a</Id></ChangeMessageVisibilityBatchResult")
	// Numbers may have gaps.
	doc = call("POST", "Action=SendMessageBatch&SendMessageBatchRequestEntry.2.Id=x&SendMessageBatchRequestEntry.2."+
		"MessageBody=two&SendMessageBatchRequestEntry.10.Id=y&SendMessageBatchRequestEntry.10.MessageBody=%01")
	require.Contains(t, doc, "<SendMessageBatchResultEntry><Id>x</Id>")
	require.Contains(t, doc, "<BatchResultErrorEntry><Code>InvalidMessageContents</Code><Id>y</Id>")
	doc = call("POST", "Action=ReceiveMessage&MaxNumberOfMessages=10")
	require.Equal(t, 2, strings.Count(doc, "<Message>"))
	handle = strings.Split(strings.Split(doc, "<ReceiptHandle>")[1], "</ReceiptHandle>")[0]
	doc = call("POST", "Action=DeleteMessageBatch&DeleteMessageBatchRequestEntry.1.Id=d"+
		"&DeleteMessageBatchRequestEntry.1.ReceiptHandle="+url.QueryEscape(handle))
	require.Contains(t, doc, "<DeleteMessageBatchResultEntry><Id>d</Id></DeleteMessageBatchResultEntry>")
	require.NotContains(t, call("GET", "Action=PurgeQueue"), "PurgeQueueResult")
}

func TestOldForms_areRefusedInXML(t *testing.T) {
	t.Parallel()
	c, client := start(t)
	path := strings.TrimPrefix(*create(t, client, "q", nil), c.URL)
	for form, want := range map[string]string{
		"Action=Nothing" + version: "<Code>InvalidAction</Code><Message>The action Nothing is not valid for this endpoint." +
			"</Message><Detail/></Error>",
		"QueueUrl=q": "<Code>MissingAction</Code>",
		"Action=SendMessage" + version: "<Code>MissingParameter</Code><Message>The request must contain the parameter " +
			"MessageBody.</Message>",
		"Action=GetQueueUrl&QueueName=none" + version: "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>",
	} {
		status, doc := old(t, c, "POST", path, form)
		require.Equal(t, 400, status, doc)
		require.Contains(t, doc, want)
		require.Contains(t, doc, `<ErrorResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><Error><Type>Sender<`)
	}
}

// Every tutorial asks for a message's attributes by the old name of the member.
func TestReceive_takesTheNamesOfAMessagesAttributesInAttributeNames(t *testing.T) {
	_, client := start(t)
	url := create(t, client, "q", nil)
	_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("m")})
	require.NoError(t, err)
	receive := func(name string) (*sqs.ReceiveMessageOutput, error) {
		return client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url,
			AttributeNames: []types.QueueAttributeName{types.QueueAttributeName(name)}})
	}
	out, err := receive("ApproximateReceiveCount")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"ApproximateReceiveCount": "1"}, out.Messages[0].Attributes)
	_, err = receive("Colour")
	require.ErrorContains(t, err, "InvalidAttributeName")
}
