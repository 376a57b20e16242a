package control_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
	"github.com/pipelab/pipelab/internal/emulator"
)

func TestMain(m *testing.M) { clitest.Main(m) }

func send(t *testing.T, e emulator.Emulator, queue string) {
	t.Helper()
	client := sqs.NewFromConfig(e.Endpoint().AWSConfig())
	q, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &queue})
	require.NoError(t, err)
	_, err = client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String("m")})
	require.NoError(t, err)
}

func TestTrace_showsCalls(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	_, e := c.Work(t)
	require.Equal(t, clitest.Answer{Err: "no calls were made yet\n"}, c.Run("trace"))
	require.Equal(t, app.ExitOK, c.Run("trace", "--json").Code)
	send(t, e, "orders")
	a := c.Run("trace")
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Regexp(t, `(?m)^\d\d:\d\d:\d\d\.\d{3} +[\d.]+ms   sqs\.CreateQueue orders: ok$`, a.Out)
	lines := strings.Split(strings.TrimSpace(c.Run("trace", "--json").Out), "\n")
	require.Len(t, lines, 2)
	for _, l := range lines {
		var call struct{ Service, Operation string }
		require.NoError(t, json.Unmarshal([]byte(l), &call))
		require.Equal(t, "sqs", call.Service)
	}
	require.Empty(t, c.Run("trace", "--service", "kinesis").Out)

	// Until Ctrl-C: the second call ends it, as a person would.
	ctx, cancel := context.WithCancel(t.Context())
	c.Out = &clitest.Seen{Do: func(all string) {
		if strings.Contains(all, "sqs.SendMessage") {
			cancel()
		}
	}}
	require.Equal(t, clitest.Answer{Code: app.ExitInterrupted}, c.RunContext(ctx, "trace", "--follow"))
}

func TestTime_movesAndStands(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	c.Work(t)
	require.Regexp(t, `^\S+  \(0s ahead of this machine\)\n$`, c.Run("time", "show").Out)
	require.Regexp(t, `  \(25h0m0s ahead of this machine\)\n$`, c.Run("time", "advance", "25h").Out)
	var held [2]struct {
		Now           string
		OffsetSeconds *float64
	}
	for i, line := range []string{"hold", "show"} {
		require.NoError(t, json.Unmarshal([]byte(c.Run("time", line, "--json").Out), &held[i]))
		require.NotNil(t, held[i].OffsetSeconds)
	}
	require.Equal(t, held[0].Now, held[1].Now, "it stands still")
	require.Equal(t, app.ExitOK, c.Run("time", "release").Code)
	for _, wrong := range []string{"1day", "", "9999999999h"} {
		c.Says(t, app.ExitUsage, "is not a duration", "write it as 90s, 15m or 25h", "time", "advance", wrong)
	}
	c.Says(t, app.ExitUsage, `"-1h" is not a duration`, "write it as", "time", "advance", "--", "-1h")
}

func TestFault_isAddedListedAndCleared(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	_, e := c.Work(t)
	require.Equal(t, clitest.Answer{Err: "no faults are in force\n"}, c.Run("fault", "list"))
	require.Equal(t, clitest.Answer{Out: "[]\n"}, c.Run("fault", "list", "--json"))
	require.Equal(t, clitest.Answer{Out: "mine\n"}, c.Run("fault", "add", "error", "--id", "mine", "--service", "sqs",
		"--operation", "SendMessage", "--status", "400", "--error", "Refused"))
	client := sqs.NewFromConfig(e.Endpoint().AWSConfig())
	q, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	require.NoError(t, err)
	_, err = client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String("m")})
	require.ErrorContains(t, err, "Refused")
	require.Regexp(t, `^mine +error +sqs SendMessage, hit 1 time\n$`, c.Run("fault", "list").Out)
	c.Fits(t, 40, "fault list")
	require.Equal(t, "about\n", c.Run("fault", "add", "error", "--id", "about", "--service", "sqs",
		"--carrying", "order-17", "--count", "1").Out)
	for name, fails := range map[string]bool{"order-1": false, "order-17": true} {
		_, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name},
			func(o *sqs.Options) { o.RetryMaxAttempts = 1 })
		require.Equal(t, fails, err != nil, name)
	}
	require.Regexp(t, `(?m)^about +error +sqs that carries order-17, hit 1 time$`, c.Run("fault", "list").Out)
	require.Contains(t, c.Run("fault", "add", "latency", "--latency", "1ms").Err+c.Run("fault", "list").Out, "every call")

	c.Says(t, app.ExitUsage, "nonsense", "see: pipelab fault add --help", "fault", "add", "nonsense")
	c.Says(t, app.ExitUsage, "by what they carry", "see: pipelab fault add --help", "fault", "add", "entries",
		"--carrying", "x")
	c.Says(t, app.ExitUsage, "share", "see: pipelab fault add --help", "fault", "add", "error", "--share", "2")
	c.Says(t, app.ExitUsage, "--count", "see: pipelab fault add --help", "fault", "add", "error", "--count", "some")
	require.Equal(t, clitest.Answer{}, c.Run("fault", "clear", "mine"))
	require.Equal(t, clitest.Answer{}, c.Run("fault", "clear"))
	require.Equal(t, "[]\n", c.Run("fault", "list", "--json").Out)
}

func TestControl_interruptedChangesNothing(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	w, _ := c.Work(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, line := range []string{"trace", "time show", "time advance 1h", "time hold", "fault list", "fault add error",
		"fault clear", "reset", "env", "run -- true", "deploy", "check", "logs"} {
		require.Equal(t, clitest.Answer{Code: app.ExitInterrupted}, c.RunContext(ctx, strings.Fields(line)...), line)
	}
	_, known, err := w.Daemon()
	require.NoError(t, err)
	require.True(t, known, "the emulator is as it was")
	require.Equal(t, "[]\n", c.Run("fault", "list", "--json").Out)

	require.NoError(t, os.Remove(w.Path("daemon.json")))
	require.NoError(t, os.Mkdir(w.Path("daemon.json"), 0o700))
	c.Says(t, app.ExitEnvironment, "daemon.json", "", "trace")
}

func TestReset_leavesWhatTheLabProvides(t *testing.T) {
	t.Parallel()
	c := clitest.New(t)
	w, e := c.Work(t)
	send(t, e, "mine")
	a := c.Run("reset")
	require.Equal(t, clitest.Answer{Err: "the emulated AWS holds what the lab provides, and nothing else\n"}, a)
	out, err := sqs.NewFromConfig(e.Endpoint().AWSConfig()).ListQueues(t.Context(), nil)
	require.NoError(t, err)
	o, err := w.Outputs()
	require.NoError(t, err)
	require.Equal(t, []string{o.Provided["ProvidedUrl"]}, out.QueueUrls)
}
