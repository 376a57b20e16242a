package toy_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/aws/flows/toy"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/cfn"
	"github.com/pipelab/pipelab/internal/loopback"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/sdkhttp"
)

const (
	patience = 20 * time.Second
	tick     = 5 * time.Millisecond
)

// world is a whole cloud with the toy service in it, behind what guards its port.
type world struct {
	cfg     aws.Config
	url     string
	host    *gateway.Host
	counter *toy.Client
}

func start(t *testing.T) *world {
	t.Helper()
	listener, err := loopback.Listen(t.Context(), "")
	require.NoError(t, err)
	w := &world{url: "http://" + listener.Addr().String()}
	log := slog.New(slog.DiscardHandler)
	c, err := cloud.New(t.Context(), w.url, cloud.Options{Log: log, Clock: clock.New(), Token: "token",
		Services: []func(*gateway.Host) gateway.Service{func(h *gateway.Host) gateway.Service {
			w.host = h
			return toy.New(h)
		}},
		Provision: func(client aws.HTTPClient, endpoint string, scope ident.Scope) cfn.Provider {
			cfg := aws.Config{Region: scope.Region, BaseEndpoint: &endpoint, HTTPClient: client,
				Credentials: credentials.NewStaticCredentialsProvider(scope.Account, "x", "")}
			p := provision.New(cfg, scope.Account, nil)
			p.Register(toy.Types(toy.NewClient(cfg))...)
			return p
		}})
	require.NoError(t, err)
	server := loopback.Server(c, log)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.NoError(t, c.Close())
	})
	w.cfg = aws.Config{Region: ident.DefaultRegion, BaseEndpoint: &w.url, HTTPClient: sdkhttp.New(),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	w.counter = toy.NewClient(w.cfg)
	return w
}

func (w *world) count(t *testing.T, in map[string]any) int32 {
	t.Helper()
	var out toy.CountOutput
	require.NoError(t, w.counter.Call(t.Context(), "Count", in, &out))
	return out.Total
}

func code(t *testing.T, err error) string {
	t.Helper()
	var refused smithy.APIError
	require.ErrorAs(t, err, &refused)
	return refused.ErrorCode()
}

const template = `
Resources:
  Queue:
    Type: AWS::SQS::Queue
  Policy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Statement:
          - Effect: Allow
            Principal: { Service: toy.amazonaws.com }
            Action: sqs:SendMessage
            Resource: !GetAtt Queue.Arn
  Counter:
    Type: PipeLab::Toy::Counter
    Properties: { Name: clicks, TargetArn: !GetAtt Queue.Arn }
Outputs:
  Counter: { Value: !GetAtt Counter.Arn }
  Queue: { Value: !Ref Queue }
`

// A stack makes a counter and its queue; what is counted reaches the queue under
// the call that counted it; and when the stack goes, so does the counter.
func TestToy_isAServiceInOneFolder(t *testing.T) {
	t.Parallel()
	w := start(t)
	stacks, queues := cloudformation.NewFromConfig(w.cfg), sqs.NewFromConfig(w.cfg)
	_, err := stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: aws.String("s"),
		TemplateBody: aws.String(template)})
	require.NoError(t, err)
	outputs := map[string]string{}
	require.Eventually(t, func() bool {
		out, err := stacks.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String("s")})
		require.NoError(t, err)
		for _, o := range out.Stacks[0].Outputs {
			outputs[*o.OutputKey] = *o.OutputValue
		}
		require.NotContains(t, out.Stacks[0].StackStatus, "ROLLBACK", aws.ToString(out.Stacks[0].StackStatusReason))
		return out.Stacks[0].StackStatus == types.StackStatusCreateComplete
	}, patience, tick)
	require.Equal(t, "arn:aws:toy:us-east-1:000000000000:counter:clicks", outputs["Counter"])

	require.EqualValues(t, 1, w.count(t, map[string]any{"Name": "clicks"}))
	require.EqualValues(t, 8, w.count(t, map[string]any{"Name": "clicks", "Amount": 7}))
	require.EqualValues(t, 8, w.count(t, map[string]any{"Name": "clicks", "Amount": 0}), "a zero is not absent")
	var totals []int
	for len(totals) < 3 {
		got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(outputs["Queue"]),
			WaitTimeSeconds: 20})
		require.NoError(t, err)
		require.NotEmpty(t, got.Messages)
		for _, m := range got.Messages {
			var told struct{ Total int }
			require.NoError(t, json.Unmarshal([]byte(*m.Body), &told))
			totals = append(totals, told.Total)
		}
	}
	require.ElementsMatch(t, []int{1, 8, 8}, totals)

	_, err = stacks.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String("s")})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return w.counter.Call(t.Context(), "Count", map[string]any{"Name": "clicks"}, nil) != nil
	}, patience, tick)
	err = w.counter.Call(t.Context(), "Count", map[string]any{"Name": "clicks"}, nil)
	require.Equal(t, "NoSuchCounterException", code(t, err))
}

// The trace tells that the delivery's call was caused by the call that counted.
func TestToy_isRecorded(t *testing.T) {
	t.Parallel()
	w := start(t)
	queues := sqs.NewFromConfig(w.cfg)
	q, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	require.NoError(t, err)
	require.NoError(t, w.counter.Call(t.Context(), "CreateCounter", map[string]any{"Name": "clicks",
		"TargetArn": "arn:aws:sqs:us-east-1:000000000000:q"}, nil))
	_, err = queues.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: q.QueueUrl,
		Attributes: map[string]string{"Policy": `{"Statement":{"Effect":"Allow",` +
			`"Principal":{"Service":"toy.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"*",` +
			`"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:toy:us-east-1:000000000000:counter:clicks"}}}}`}})
	require.NoError(t, err)
	w.count(t, map[string]any{"Name": "clicks"})
	got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.QueueUrl, WaitTimeSeconds: 20})
	require.NoError(t, err)
	require.Len(t, got.Messages, 1)
	calls := w.trace(t)
	counted, sent := calls["toy.Count"], calls["sqs.SendMessage"]
	require.Equal(t, "clicks", counted["resource"])
	require.NotEmpty(t, counted["id"])
	require.Equal(t, counted["id"], sent["parent"])
}

// trace are the latest calls by their names.
func (w *world) trace(t *testing.T) map[string]map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/_pipelab/trace", nil)
	require.NoError(t, err)
	req.Header.Set(gateway.TokenHeader, "token")
	calls := map[string]map[string]any{}
	for lines := json.NewDecoder(strings.NewReader(w.get(t, req))); lines.More(); {
		var c map[string]any
		require.NoError(t, lines.Decode(&c))
		calls[fmt.Sprintf("%v.%v", c["service"], c["operation"])] = c
	}
	return calls
}

func (w *world) get(t *testing.T, req *http.Request) string {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}

// Model, members and errors are those of the folder.
func TestToy_answersAsItsModelSays(t *testing.T) {
	t.Parallel()
	w := start(t)
	call := func(op string, in map[string]any) string {
		err := w.counter.Call(t.Context(), op, in, nil)
		if err == nil {
			return ""
		}
		return code(t, err)
	}
	require.Empty(t, call("CreateCounter", map[string]any{"Name": "clicks"}))
	require.Equal(t, "CounterExistsException", call("CreateCounter", map[string]any{"Name": "clicks"}))
	require.Equal(t, "ValidationException", call("CreateCounter", map[string]any{"Name": "UPPER"}))
	require.Equal(t, "ValidationException", call("Count", map[string]any{}))
	require.Equal(t, "NotImplemented", call("CreateCounter", map[string]any{"Name": "a", "Colour": "red"}))
	require.Equal(t, "NotImplemented", call("ListCounters", nil))
	require.Equal(t, "UnknownOperationException", call("Nothing", nil))
}

// The service's URLs lie behind the guard of the port: no other name reaches it.
func TestToy_hasADoorOfItsOwn(t *testing.T) {
	t.Parallel()
	w := start(t)
	require.NoError(t, w.counter.Call(t.Context(), "CreateCounter", map[string]any{"Name": "clicks"}, nil))
	w.count(t, map[string]any{"Name": "clicks", "Amount": 5})
	for host, want := range map[string]string{"clicks.counters.localhost": "5",
		"clicks.counters.eu-west-1.amazonaws.com": "5", "nothing.counters.localhost": "404 page not found\n"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url, nil)
		require.NoError(t, err)
		req.Host = host
		require.Equal(t, want, w.get(t, req), host)
	}
	for _, host := range []string{"clicks.counters.evil.example", "counters.localhost"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url, nil)
		require.NoError(t, err)
		req.Host = host
		require.NotEqual(t, "5", w.get(t, req), host)
	}
}

// A port speaks the service's protocol from start to stop: a reset closes its
// connections, and the port stays the same.
func TestToy_hasAPortOfItsOwn(t *testing.T) {
	t.Parallel()
	w := start(t)
	address := w.host.Address("toy")
	require.True(t, strings.HasPrefix(address, "127.0.0.1:"), address)
	require.Empty(t, w.host.Address("nobody"))
	require.NoError(t, w.counter.Call(t.Context(), "CreateCounter", map[string]any{"Name": "clicks"}, nil))
	w.count(t, map[string]any{"Name": "clicks"})

	conn, lines := dial(t, address)
	require.Equal(t, "1", ask(t, conn, lines, "clicks"))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/_localstack/state/reset", nil)
	require.NoError(t, err)
	w.get(t, req)
	_, err = lines.ReadString('\n')
	require.Error(t, err, "connections do not outlast the state that they spoke of")
	require.Equal(t, address, w.host.Address("toy"))
	conn, lines = dial(t, address)
	require.Equal(t, "none", ask(t, conn, lines, "clicks"))
}

func dial(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the cloud may have closed it
	return conn, bufio.NewReader(conn)
}

func ask(t *testing.T, conn net.Conn, lines *bufio.Reader, name string) string {
	t.Helper()
	_, err := fmt.Fprintln(conn, name)
	require.NoError(t, err)
	answer, err := lines.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(answer)
}
