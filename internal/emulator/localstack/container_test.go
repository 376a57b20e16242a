package localstack

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/containerd/errdefs"
	dockercontainer "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	pins "github.com/pipelab/pipelab/localstack"
)

// needs skips a test where no engine answers or an image has not been built;
// localstack/test.sh sees to both and lets nothing be skipped. PIPELAB_CONTAINERS
// says no where these tests are run apart from the others.
func needs(t *testing.T, kind emulator.Kind) *engine {
	t.Helper()
	without := t.Skipf
	switch os.Getenv("PIPELAB_CONTAINERS") {
	case "required":
		without = t.Fatalf
	case "no":
		t.Skip("PIPELAB_CONTAINERS=no")
	}
	e, err := connect(context.Background())
	if err != nil {
		without("%v; localstack/test.sh sets one up", err)
	}
	ref := pins.Pins()[strings.ToUpper(string(kind))+"_BUILT_IMAGE"]
	if _, err := e.ImageInspect(context.Background(), ref); err != nil {
		without("%v; build it: localstack/image/build.sh", err)
	}
	return e
}

// kinds runs a test with each image, both at once.
func kinds(t *testing.T, test func(t *testing.T, kind emulator.Kind, e *engine)) {
	for _, kind := range []emulator.Kind{emulator.LocalStack, emulator.MiniStack} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test(t, kind, needs(t, kind))
		})
	}
}

// lines is a writer for Progress that shows in the test's log.
type lines struct{ t *testing.T }

func (l lines) Write(p []byte) (int, error) {
	l.t.Log(string(bytes.TrimSpace(p)))
	return len(p), nil
}

func TestDriver_startsWhatRealClientsCanUse(t *testing.T) {
	kinds(t, func(t *testing.T, kind emulator.Kind, e *engine) {
		ctx := t.Context()
		d := &Driver{Kind: kind, Progress: lines{t}}
		require.Equal(t, string(kind), d.Name())
		running, err := d.Start(ctx, emulator.Options{})
		require.NoError(t, err)
		defer running.Close()
		cfg := running.Endpoint().AWSConfig()

		buckets := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
		_, err = buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("bucket")})
		require.NoError(t, err)
		_, err = buckets.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("a b/ü"),
			Body: bytes.NewReader([]byte("body"))})
		require.NoError(t, err)

		// What LocalStack would download on first use is in the image.
		streams := kinesis.NewFromConfig(cfg)
		_, err = streams.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("stream"),
			ShardCount: aws.Int32(2)})
		require.NoError(t, err)
		tables := dynamodb.NewFromConfig(cfg)
		_, err = tables.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: aws.String("table"),
			BillingMode: types.BillingModePayPerRequest,
			KeySchema:   []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
			AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"),
				AttributeType: types.ScalarAttributeTypeS}}})
		require.NoError(t, err)

		// A queue's URL, whose host is only known inside, is no hindrance.
		queues := sqs.NewFromConfig(cfg)
		q, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("queue")})
		require.NoError(t, err)
		require.Contains(t, *q.QueueUrl, "000000000000")
		_, err = queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String("m")})
		require.NoError(t, err)

		require.Contains(t, running.Capabilities(), emulator.LambdaFunctions, "both images run functions without the engine")
		require.NotContains(t, running.Capabilities(), emulator.CallTrace)
		_, err = running.Control().Trace(ctx, 0)
		require.Error(t, err, "what is not among the capabilities answers an error")

		// A container of a function, as LocalStack's own executor starts them, goes
		// with the one that it belongs to.
		side, err := e.ContainerCreate(ctx, client.ContainerCreateOptions{Config: &dockercontainer.Config{
			Image: pins.Pins()["MINISTACK_BUILT_IMAGE"], Labels: map[string]string{labelOf: running.(*instance).label}}})
		require.NoError(t, err)
		require.NoError(t, running.Close())
		_, err = e.ContainerInspect(ctx, side.ID, client.ContainerInspectOptions{})
		require.True(t, errdefs.IsNotFound(err), "%v", err)
		require.NotContains(t, mine(t, e), running.(*instance).id)
	})
}

func TestDriver_refusesStateThatItCannotKeep(t *testing.T) {
	_, err := (&Driver{}).Start(t.Context(), emulator.Options{Dir: t.TempDir()})
	require.ErrorContains(t, err, "keeps nothing across restarts")
}

// mine lists what this process has started and not removed.
func mine(t testing.TB, e *engine) []string {
	t.Helper()
	me, err := self()
	require.NoError(t, err)
	found, err := e.ContainerList(context.Background(),
		client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", labelOwner+"="+me.String())})
	require.NoError(t, err)
	ids := []string{}
	for _, c := range found.Items {
		ids = append(ids, c.ID)
	}
	return ids
}

// orphans lists the containers of processes that are gone.
func orphans(t testing.TB, e *engine) (ids []string) {
	t.Helper()
	found, err := e.ContainerList(context.Background(),
		client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", labelOwner)})
	require.NoError(t, err)
	host, err := os.Hostname()
	require.NoError(t, err)
	for _, c := range found.Items {
		if o, err := parseOwner(c.Labels[labelOwner]); err == nil && o.gone(host) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// A process of its own, since its death is what matters.
func TestStart_removesWhatADeadProcessLeft(t *testing.T) {
	if os.Getenv("PIPELAB_DIE") != "" {
		running, err := (&Driver{Kind: emulator.MiniStack}).Start(context.Background(), emulator.Options{})
		if err == nil {
			fmt.Println(running.Endpoint().URL)
		}
		os.Exit(0) // without Close
	}
	e := needs(t, emulator.MiniStack)
	out, err := again(t, "PIPELAB_DIE=1").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "http://")
	left := func() []string { return orphans(t, e) }
	require.NotEmpty(t, left(), "the dead process has left one")
	n, err := Sweep(t.Context())
	require.NoError(t, err)
	require.Positive(t, n)
	require.Empty(t, left())

	out, err = again(t, "PIPELAB_DIE=1").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "http://")
	require.NotEmpty(t, left(), "the second one has too")
	running, err := (&Driver{Kind: emulator.MiniStack}).Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	require.NoError(t, running.Close())
	require.Empty(t, left())
}

func again(t *testing.T, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	return cmd
}

// An image whose program ends as LocalStack does without a token.
func TestStart_explainsAContainerThatEnds(t *testing.T) {
	e := needs(t, emulator.MiniStack)
	ctx := t.Context()
	made, err := e.ContainerCreate(ctx, client.ContainerCreateOptions{Image: pins.Pins()["MINISTACK_BUILT_IMAGE"]})
	require.NoError(t, err)
	defer func() {
		_, _ = e.ContainerRemove(context.Background(), made.ID, client.ContainerRemoveOptions{Force: true})
	}()
	for exit, says := range map[int]string{55: "account token (exit code 55)", 7: "exit code 7: out of luck"} {
		ref := fmt.Sprintf("pipelab/test:exit-%d", exit)
		_, err = e.ContainerCommit(ctx, made.ID, client.ContainerCommitOptions{Reference: ref,
			Changes: []string{fmt.Sprintf(`ENTRYPOINT ["sh", "-c", "echo out of luck; exit %d"]`, exit)}})
		require.NoError(t, err)
		_, err = (&Driver{Image: ref}).Start(ctx, emulator.Options{})
		var problem *Error
		require.ErrorAs(t, err, &problem)
		require.Contains(t, problem.Message, says)
		_, err = e.ImageRemove(ctx, ref, client.ImageRemoveOptions{Force: true})
		require.NoError(t, err)
	}
}

func TestStart_saysThatAnImageCannotBePulled(t *testing.T) {
	needs(t, emulator.MiniStack)
	_, err := (&Driver{Image: "127.0.0.1:1/nothing/here:1"}).Start(t.Context(), emulator.Options{})
	var problem *Error
	require.ErrorAs(t, err, &problem)
	require.Contains(t, problem.Message, "127.0.0.1:1/nothing/here:1 cannot be pulled")
	require.Contains(t, problem.Hint, "localstack/image/build.sh")
}

func TestStart_leavesNothingWhenItIsInterrupted(t *testing.T) {
	e := needs(t, emulator.MiniStack)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := (&Driver{Kind: emulator.MiniStack}).Start(ctx, emulator.Options{})
		ended <- err
	}()
	for len(mine(t, e)) == 0 { // until the engine has one
		select {
		case err := <-ended:
			require.NoError(t, err, "it ended before there was anything to interrupt")
		default:
		}
	}
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Empty(t, mine(t, e))
}
