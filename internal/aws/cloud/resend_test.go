package cloud_test

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// closing breaks the first answer after its header, as the transport of Go does when
// the SDK has closed the request's body too early.
type closing struct {
	agent  string // instead of the SDK's own; empty leaves it
	header http.Header
	broke  bool
}

func (c *closing) Do(r *http.Request) (*http.Response, error) {
	if c.agent != "" {
		r.Header.Set("User-Agent", c.agent)
	}
	for k := range c.header {
		r.Header.Set(k, c.header.Get(k))
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil || c.broke {
		return resp, err
	}
	c.broke = true
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(broken{})
	return resp, nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) {
	return 0, &net.OpError{Op: "read", Net: "tcp", Err: net.ErrClosed}
}

func TestServeHTTP_givesAGoProgramTheAnswerAgainThatItsTransportLost(t *testing.T) {
	w := serve(t, cloud.Options{})
	queue, err := sqs.NewFromConfig(w.config()).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	require.NoError(t, err)
	// sent sends a message by a client that loses the first answer, and counts what came of it.
	sent := func(body string, client aws.HTTPClient, attempts int) (n int, err error) {
		c := w.config()
		c.HTTPClient, c.Retryer, c.RetryMaxAttempts = client, nil, attempts
		out, err := sqs.NewFromConfig(c).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue.QueueUrl,
			MessageBody: &body})
		if err == nil {
			require.NotEmpty(t, *out.MessageId, "it is the answer to this call")
		}
		for {
			got, e := sqs.NewFromConfig(w.config()).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
				QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10,
				MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
			require.NoError(t, e)
			for _, m := range got.Messages {
				if *m.Body == body {
					n++
				}
			}
			if len(got.Messages) == 0 {
				return n, err
			}
		}
	}
	n, err := sent("once", &closing{}, 3)
	require.NoError(t, err)
	require.Equal(t, 1, n)

	n, err = sent("another program", &closing{agent: "Boto3/1.40"}, 3)
	require.NoError(t, err)
	require.Equal(t, 2, n, "AWS carries out what is sent again")

	id := http.Header{"Amz-Sdk-Invocation-Id": {"11111111-1111-1111-1111-111111111111"}}
	_, err = sent("first", &closing{header: id}, 1)
	require.Error(t, err)
	n, err = sent("a call of its own", &closing{header: id, broke: true}, 1)
	require.NoError(t, err)
	require.Equal(t, 1, n, "a first attempt is never answered from what is kept")

	fault := func(rule string) {
		a := w.send(http.MethodPost, "/_pipelab/faults", rule, gateway.TokenHeader, secret)
		require.Equal(t, http.StatusCreated, a.status, a.body)
	}
	fault(`{"kind":"after","service":"sqs","operation":"SendMessage","count":1,"status":500}`)
	n, err = sent("a fault", &closing{broke: true}, 3)
	require.NoError(t, err)
	require.Equal(t, 2, n, "an answer that a fault took away was never sent")
}
