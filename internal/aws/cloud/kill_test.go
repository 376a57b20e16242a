package cloud_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// victim is set in the process that is killed: the folder of its state.
const victim = "PIPELAB_KILL_STATE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victim); dir != "" {
		fmt.Fprintln(os.Stderr, work(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// deed is something that the victim does again and again, and how much of it a
// cloud holds. Each n is larger than the one before.
type deed struct {
	name string
	do   func(ctx context.Context, w *world, n int) error
	seen func(ctx context.Context, w *world) (n int, err error)
}

// deeds use every service that stores something.
var deeds = []deed{
	{"object", putObject("plain"), seenObject("plain")},
	{"version", putObject("history"), seenObject("history")},
	{"part", uploadPart, seenPart},
	{"item", putItem, seenItem},
	{"message", sendMessage, seenMessages},
	{"record", putRecord, seenRecords},
	{"log event", putLog, seenLogs},
	{"role", updateRole, seenRole},
	{"layer", publishLayer, seenLayer},
	{"stack", createStack, seenStacks},
}

// Whenever a process is killed, whatever it has acknowledged is there when its
// state is opened again, also behind a write that was cut short; and a byte that
// is changed afterwards is noticed. PIPELAB_STORE_KILLS sets the number of kills.
func TestNew_losesNothingThatWasAcknowledgedBeforeAKill(t *testing.T) {
	t.Parallel()
	kills := 12
	if n, err := strconv.Atoi(os.Getenv("PIPELAB_STORE_KILLS")); err == nil {
		kills = n
	}
	r := rand.New(rand.NewPCG(1, uint64(kills)))
	var dir string
	var done map[string]int
	total, flips := 0, 0
	for i := range kills {
		if i%10 == 0 { // what piles up makes rounds slow
			dir, done = t.TempDir(), map[string]int{}
			w := start(t, dir, nil)
			prepare(t, w)
			w.close()
		}
		total += kill(t, dir, done, 20+r.IntN(200))
		flips += flip(t, dir, r)
		if r.IntN(2) == 0 {
			cutShort(t, dir, r)
		}
		w := start(t, dir, nil)
		for _, d := range deeds {
			n, err := d.seen(t.Context(), w)
			require.NoError(t, err, "kill %d: %s", i, d.name)
			require.GreaterOrEqual(t, n, done[d.name], "kill %d: %s", i, d.name)
			done[d.name] = n
		}
		w.close()
	}
	t.Logf("%d kills, %d acknowledged calls, none lost; %d damaged bytes, all noticed", kills, total, flips)
}

// kill starts a process on a state, waits until it has acknowledged so many
// calls, and kills it. It returns how many were acknowledged in all.
func kill(t *testing.T, dir string, done map[string]int, after int) (count int) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victim+"="+dir)
	for name, n := range done {
		cmd.Env = append(cmd.Env, "DONE_"+strings.ReplaceAll(name, " ", "_")+"="+strconv.Itoa(n))
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		name, n, _ := strings.Cut(lines.Text(), "=")
		done[name], err = strconv.Atoi(n)
		require.NoError(t, err, lines.Text())
		if count++; count == after {
			require.NoError(t, cmd.Process.Kill())
		}
	}
	require.Error(t, cmd.Wait())
	require.GreaterOrEqual(t, count, after, "it ended by itself: %s", stderr.String())
	return count
}

// flip changes a byte of a copy of the state, which then must not open, and must
// be left as it is.
func flip(t *testing.T, dir string, r *rand.Rand) int {
	damaged := t.TempDir()
	require.NoError(t, os.CopyFS(damaged, os.DirFS(dir)))
	files, err := filepath.Glob(filepath.Join(damaged, "[js]*-*"))
	require.NoError(t, err)
	path := files[r.IntN(len(files))]
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	at := r.IntN(len(content))
	content[at] ^= byte(1 + r.IntN(255))
	require.NoError(t, os.WriteFile(path, content, 0o600))
	_, err = cloud.New(t.Context(), "http://127.0.0.1:1", options(damaged, nil))
	require.Error(t, err, "%s, byte %d of %d", path, at, len(content))
	if !strings.Contains(err.Error(), filepath.Base(path)) {
		require.ErrorIs(t, err, store.ErrCorrupt)
	}
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, after), "a damaged file is left alone")
	return 1
}

// cutShort leaves the beginning of a write at the end of the last journal.
func cutShort(t *testing.T, dir string, r *rand.Rand) {
	files, err := filepath.Glob(filepath.Join(dir, "journal-*"))
	require.NoError(t, err)
	last := files[0]
	for _, f := range files {
		if len(f) > len(last) || len(f) == len(last) && f > last {
			last = f
		}
	}
	f, err := os.OpenFile(last, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.Write(bytes.Repeat([]byte{byte(1 + r.IntN(255))}, 1+r.IntN(19)))
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// work is the victim: it does all deeds at once and says after each that it was
// acknowledged. It returns only when one fails.
func work(dir string) error {
	ctx := context.Background()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	o := options(dir, clock.New())
	c, err := cloud.New(ctx, url, o)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: c, ReadHeaderTimeout: time.Minute}
	failed := make(chan error, len(deeds)+1)
	go func() { failed <- server.Serve(listener) }()
	w := &world{clock: o.Clock}
	w.connect(url)
	var mu sync.Mutex
	for _, d := range deeds {
		go func() {
			n, _ := strconv.Atoi(os.Getenv("DONE_" + strings.ReplaceAll(d.name, " ", "_")))
			for {
				n++
				if err := d.do(ctx, w, n); err != nil {
					failed <- fmt.Errorf("%s %d: %w", d.name, n, err)
					return
				}
				mu.Lock()
				fmt.Printf("%s=%d\n", d.name, n)
				mu.Unlock()
			}
		}()
	}
	return <-failed
}

func prepare(t *testing.T, w *world) {
	ctx := t.Context()
	for _, b := range []string{"plain", "history"} {
		_, err := w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &b})
		require.NoError(t, err)
	}
	_, err := w.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: aws.String("history"),
		VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}})
	require.NoError(t, err)
	_, err = w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String("plain"),
		Key: aws.String("big")})
	require.NoError(t, err)
	_, err = w.ddb.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: aws.String("tab"),
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: "S"}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}},
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true),
			StreamViewType: types.StreamViewTypeNewImage}})
	require.NoError(t, err)
	_, err = w.kinesis.CreateStream(ctx, &kinesis.CreateStreamInput{StreamName: aws.String("s"), ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	_, err = w.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q")})
	require.NoError(t, err)
	_, err = w.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("g")})
	require.NoError(t, err)
	_, err = w.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String("g"),
		LogStreamName: aws.String("s")})
	require.NoError(t, err)
	_, err = w.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("r"), Description: aws.String("0"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` +
			`{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	require.NoError(t, err)
	// Tables and streams are active, for the process that takes over, too.
	w.control(http.MethodPost, "clock/advance", `{"duration":"1m"}`)
	for _, d := range deeds[:4] { // what is looked for must be there
		require.NoError(t, d.do(ctx, w, 1), d.name)
	}
}
