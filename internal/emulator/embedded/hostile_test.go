//go:build linux

package embedded_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/prefork"
)

// hostileFunction does what an event says and answers what came of it.
const hostileFunction = `
import fcntl, os, signal, socket, time, urllib.request, urllib.error, boto3

lock = open(os.environ["TMPDIR"] + "/lock", "w") # held by all that it starts
fcntl.flock(lock, fcntl.LOCK_SH)

def attempt(act):
    try:
        return "DONE %s" % (act(),)
    except urllib.error.HTTPError as error:
        return "refused: %d" % error.code
    except (OSError, MemoryError, ValueError) as error:
        return "refused: %s" % error

def call(method, path):
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + path, method=method,
        data=b"{}" if method == "POST" else None)
    return urllib.request.urlopen(request).status

def handler(event, context):
    do = event["do"]
    if do == "work":
        with open(os.environ["TMPDIR"] + "/x", "w") as file:
            file.write("x")
        return {"queues": "QueueUrls" in boto3.client("sqs").list_queues(), "lock": lock.name}
    if do == "look":
        parent = str(os.getppid())
        places = event["places"] + ["/etc/shadow"] + ["/proc/%s/%s" % (p, name) for p in
            (parent, event["judge"]) for name in ("environ", "cmdline", "mem", "maps")]
        return [attempt(lambda: open(place, "rb").read(20)) for place in places]
    if do == "change":
        return [attempt(lambda: open(place, "w")) for place in event["places"] + [__file__, "/tmp/left-by-a-function"]]
    if do == "control":
        return [attempt(lambda: call(method, path)) for method, path in event["calls"]]
    if do == "environment":
        return dict(os.environ)
    if do == "connect":
        return [attempt(lambda: socket.create_connection(("127.0.0.1", event["port"]), 5)),
                attempt(lambda: socket.create_server(("127.0.0.1", 0)))]
    if do == "kill":
        return [attempt(lambda: os.kill(victim, signal.SIGKILL)) for victim in (os.getppid(), int(event["judge"]),
            event["bystander"])]
    if do == "daemon":
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for n in range(3):
                    os.close(n)
                while True:
                    time.sleep(0.01)
            os._exit(0)
        os.wait()
        return lock.name
    if do == "fork":
        while True:
            try:
                os.fork()
            except OSError:
                pass
    if do == "memory":
        held = []
        while True:
            held.append(os.urandom(1 << 20))
    if do == "disk":
        n = 0
        while True:
            n += 1
            with open(os.environ["TMPDIR"] + "/%d" % n, "wb") as file:
                file.write(b"x" * (1 << 20))
    if do == "share":
        boto3.client("dynamodb").list_tables()
        sqs = boto3.client("sqs")
        sqs.send_message(QueueUrl=event["to"], MessageBody=" ".join(os.environ[name] for name in
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")))
        while not sqs.receive_message(QueueUrl=event["until"], WaitTimeSeconds=20).get("Messages"):
            pass
        return "ok"
    if do == "loop":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            pass
    if do == "print":
        while True:
            print("x" * 1000)
`

// cell is an emulator whose functions are confined, and what they must not touch.
type cell struct {
	emulator.Emulator
	lambda  *lambda.Client
	outside string
}

func newCell(t *testing.T, interpreters *prefork.Interpreters) *cell {
	t.Helper()
	policy, err := confine.New(t.Context())
	if err != nil {
		t.Skip(err)
	}
	policy.Memory, policy.Processes, policy.Disk = 300<<20, 20, 20<<20
	e, err := embedded.Driver{Confine: policy, Interpreters: interpreters}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	c := &cell{Emulator: e, lambda: lambda.NewFromConfig(e.Endpoint().AWSConfig()), outside: t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(c.outside, "result.json"), []byte("SECRET"), 0o600))
	role, err := iam.NewFromConfig(e.Endpoint().AWSConfig()).CreateRole(t.Context(),
		&iam.CreateRoleInput{RoleName: aws.String("worker"),
			AssumeRolePolicyDocument: aws.String(
				`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},` +
					`"Action":"sts:AssumeRole"}]}`)})
	require.NoError(t, err)
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	f, err := z.Create("app.py")
	require.NoError(t, err)
	_, err = f.Write([]byte(hostileFunction))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	_, err = c.lambda.CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: aws.String("f"),
		Role: role.Role.Arn, Runtime: types.RuntimePython312,
		Handler: aws.String("app.handler"), Timeout: aws.Int32(20), MemorySize: aws.Int32(3000),
		Code:        &types.FunctionCode{ZipFile: code.Bytes()},
		Environment: &types.Environment{Variables: map[string]string{"AWS_ENDPOINT_URL": e.Endpoint().URL}}})
	require.NoError(t, err)
	_, _, err = e.Control().Advance(t.Context(), time.Second)
	require.NoError(t, err)
	return c
}

func (c *cell) invoke(t *testing.T, event map[string]any) *lambda.InvokeOutput {
	t.Helper()
	event["judge"] = fmt.Sprint(os.Getpid())
	payload, err := json.Marshal(event)
	require.NoError(t, err)
	out, err := c.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: payload})
	require.NoError(t, err)
	return out
}

// attempts are the answers to attempts, of which none succeeded.
func (c *cell) refused(t *testing.T, event map[string]any, n int) []string {
	t.Helper()
	out := c.invoke(t, event)
	require.Nil(t, out.FunctionError, string(out.Payload))
	var answers []string
	require.NoError(t, json.Unmarshal(out.Payload, &answers))
	require.Len(t, answers, n)
	for _, a := range answers {
		require.True(t, strings.HasPrefix(a, "refused: "), "%s", a)
	}
	return answers
}

// died is the message of an invocation whose process was ended.
func (c *cell) died(t *testing.T, do string) string {
	t.Helper()
	out := c.invoke(t, map[string]any{"do": do})
	require.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
	return string(out.Payload)
}

// sharesItsKey makes the function hand its access key to another program while it
// is at work. What that one does with it is no call of the function's.
func (c *cell) sharesItsKey(t *testing.T) {
	queue := sqs.NewFromConfig(c.Endpoint().AWSConfig())
	url := map[string]string{}
	for _, name := range []string{"keys", "done"} {
		q, err := queue.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
		require.NoError(t, err)
		url[name] = *q.QueueUrl
	}
	last, err := c.Control().LastCall(t.Context())
	require.NoError(t, err)
	ended := make(chan *lambda.InvokeOutput)
	go func() { ended <- c.invoke(t, map[string]any{"do": "share", "to": url["keys"], "until": url["done"]}) }()
	var given []string
	for len(given) == 0 {
		out, err := queue.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(url["keys"]),
			WaitTimeSeconds: 20})
		require.NoError(t, err)
		if len(out.Messages) > 0 {
			given = strings.Fields(*out.Messages[0].Body)
		}
	}
	stolen := c.Endpoint().AWSConfig()
	stolen.Credentials = credentials.NewStaticCredentialsProvider(given[0], given[1], given[2])
	_, err = dynamodb.NewFromConfig(stolen).ListTables(t.Context(), &dynamodb.ListTablesInput{})
	require.NoError(t, err)
	_, err = queue.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(url["done"]),
		MessageBody: aws.String("done")})
	require.NoError(t, err)
	out := <-ended
	require.Nil(t, out.FunctionError, string(out.Payload))
	calls, err := c.Control().Trace(t.Context(), last)
	require.NoError(t, err)
	var parents []bool
	for _, call := range calls {
		if call.Operation == "ListTables" {
			parents = append(parents, call.Parent != "")
		}
	}
	require.Equal(t, []bool{true, false}, parents, "the function's own call, and the other's by its key")
}

// gone fails unless a lock can be had: then nobody is left that held it.
func gone(t *testing.T, lock *os.File) {
	t.Helper()
	require.Eventually(t, func() bool { return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil },
		10*time.Second, time.Millisecond, "a process of the function is left")
}

func TestHostileFunctions(t *testing.T) {
	warm := prefork.New()
	t.Cleanup(warm.Close)
	for name, interpreters := range map[string]*prefork.Interpreters{"started": nil, "forked": warm} {
		t.Run(name, func(t *testing.T) {
			c := newCell(t, interpreters)
			_, err := sqs.NewFromConfig(c.Endpoint().AWSConfig()).CreateQueue(t.Context(),
				&sqs.CreateQueueInput{QueueName: aws.String("q")})
			require.NoError(t, err)

			t.Run("what is right works", func(t *testing.T) {
				out := c.invoke(t, map[string]any{"do": "work"})
				require.Nil(t, out.FunctionError, string(out.Payload))
				require.Contains(t, string(out.Payload), `"queues": true`)
			})
			t.Run("reads nothing outside", func(t *testing.T) {
				c.refused(t, map[string]any{"do": "look", "places": []string{filepath.Join(c.outside, "result.json")}}, 10)
			})
			t.Run("changes nothing outside", func(t *testing.T) {
				c.refused(t, map[string]any{"do": "change", "places": []string{filepath.Join(c.outside, "result.json")}}, 3)
			})
			t.Run("commands no emulator", func(t *testing.T) {
				calls := [][2]string{{"GET", "/_pipelab/clock"}, {"GET", "/_pipelab/trace"}, {"GET", "/_pipelab/faults"},
					{"DELETE", "/_pipelab/faults"},
					{"POST", "/_pipelab/clock/advance"}, {"POST", "/_pipelab/reset"}, {"POST", "/_pipelab/snapshots"},
					{"POST", "/_localstack/state/reset"}, {"POST", "/moto-api/reset"}}
				for _, a := range c.refused(t, map[string]any{"do": "control", "calls": calls}, len(calls)) {
					require.Equal(t, fmt.Sprintf("refused: %d", http.StatusForbidden), a)
				}
			})
			t.Run("knows no token", func(t *testing.T) {
				out := c.invoke(t, map[string]any{"do": "environment"})
				require.Contains(t, string(out.Payload), "AWS_LAMBDA_RUNTIME_API")
				require.NotContains(t, string(out.Payload), c.Endpoint().Token)
			})
			t.Run("reaches no other service", func(t *testing.T) {
				other, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
				require.NoError(t, err)
				c.refused(t, map[string]any{"do": "connect", "port": other.Addr().(*net.TCPAddr).Port}, 2)
				require.NoError(t, other.Close())
			})
			t.Run("kills nobody", func(t *testing.T) {
				bystander := exec.Command("sleep", "600")
				require.NoError(t, bystander.Start())
				c.refused(t, map[string]any{"do": "kill", "bystander": bystander.Process.Pid}, 3)
				require.NoError(t, bystander.Process.Kill())
				require.ErrorContains(t, bystander.Wait(), "killed") // by the test, just now
			})
			t.Run("gives its key away", func(t *testing.T) { c.sharesItsKey(t) })
			t.Run("forks without end", func(t *testing.T) {
				require.Contains(t, c.died(t, "fork"), "more than 20 processes")
			})
			t.Run("takes memory without end", func(t *testing.T) {
				require.Contains(t, c.died(t, "memory"), "more than 300 MiB of memory")
			})
			t.Run("fills the disk", func(t *testing.T) {
				require.Contains(t, c.died(t, "disk"), "wrote more than 20 MiB")
			})
			t.Run("does not end", func(t *testing.T) {
				_, err := c.lambda.UpdateFunctionConfiguration(t.Context(),
					&lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("f"), Timeout: aws.Int32(1)})
				require.NoError(t, err)
				_, _, err = c.Control().Advance(t.Context(), time.Second)
				require.NoError(t, err)
				require.Contains(t, c.died(t, "loop"), "Task timed out after 1.00 seconds")
				require.Contains(t, c.died(t, "print"), "Task timed out after 1.00 seconds")
				var kept int
				pages := cloudwatchlogs.NewFilterLogEventsPaginator(cloudwatchlogs.NewFromConfig(c.Endpoint().AWSConfig()),
					&cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/f")})
				for pages.HasMorePages() {
					page, err := pages.NextPage(t.Context())
					require.NoError(t, err)
					for _, e := range page.Events {
						kept += len(aws.ToString(e.Message))
					}
				}
				require.Less(t, kept, 40<<20)
			})
			t.Run("leaves a daemon", func(t *testing.T) {
				out := c.invoke(t, map[string]any{"do": "daemon"})
				require.Nil(t, out.FunctionError, string(out.Payload))
				var lock string
				require.NoError(t, json.Unmarshal(out.Payload, &lock))
				held, err := os.Open(lock) // before its folder goes
				require.NoError(t, err)
				defer held.Close()
				require.NoError(t, c.Close())
				gone(t, held)
			})
			b, err := os.ReadFile(filepath.Join(c.outside, "result.json"))
			require.NoError(t, err)
			require.Equal(t, "SECRET", string(b))
		})
	}
}
