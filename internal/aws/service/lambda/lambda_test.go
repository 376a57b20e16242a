package lambda_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	iamservice "github.com/pipelab/pipelab/internal/aws/service/iam"
	"github.com/pipelab/pipelab/internal/aws/service/lambda"
	sqsservice "github.com/pipelab/pipelab/internal/aws/service/sqs"
	stsservice "github.com/pipelab/pipelab/internal/aws/service/sts"
	"github.com/pipelab/pipelab/internal/confine"
)

func as[S gateway.Service](make func(*gateway.Host) S) func(*gateway.Host) gateway.Service {
	return func(h *gateway.Host) gateway.Service { return make(h) }
}

// world is a cloud with a role that functions can have.
type world struct {
	*awstest.Cloud
	t      testing.TB
	lambda *sdk.Client
	sqs    *sqs.Client
	role   string
}

func start(t testing.TB) *world { return startConfined(t, nil) }

// startConfined starts one where functions may do what a policy says.
func startConfined(t testing.TB, policy *confine.Policy) *world {
	t.Helper()
	confined := func(h *gateway.Host) gateway.Service {
		h.Confine = policy
		return lambda.New(h)
	}
	return worldOf(t, awstest.New(t, as(iamservice.New), as(stsservice.New), as(sqsservice.New), confined))
}

func worldOf(t testing.TB, c *awstest.Cloud) *world {
	t.Helper()
	w := &world{Cloud: c, t: t, lambda: sdk.NewFromConfig(c.Config()), sqs: sqs.NewFromConfig(c.Config())}
	out, err := iam.NewFromConfig(c.Config()).CreateRole(context.Background(),
		&iam.CreateRoleInput{RoleName: aws.String("worker"),
			AssumeRolePolicyDocument: aws.String(
				`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},` +
					`"Action":"sts:AssumeRole"}]}`)})
	require.NoError(t, err)
	w.role = *out.Role.Arn
	return w
}

// zipped packs files; names that end in "+x" are executable.
func zipped(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for name, text := range files {
		h := &zip.FileHeader{Name: strings.TrimSuffix(name, "+x"), Method: zip.Deflate}
		h.SetMode(0o644)
		if strings.HasSuffix(name, "+x") {
			h.SetMode(0o755)
		}
		f, err := z.CreateHeader(h)
		require.NoError(t, err)
		_, err = f.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return buf.Bytes()
}

// python creates a function whose handler is app.handler and waits for it.
func (w *world) python(name, code string, more ...func(*sdk.CreateFunctionInput)) *sdk.CreateFunctionOutput {
	w.t.Helper()
	in := &sdk.CreateFunctionInput{FunctionName: aws.String(name), Role: aws.String(w.role),
		Runtime: types.RuntimePython312, Handler: aws.String("app.handler"),
		Timeout: aws.Int32(20), Code: &types.FunctionCode{ZipFile: zipped(w.t, map[string]string{"app.py": code})}}
	for _, m := range more {
		m(in)
	}
	out, err := w.lambda.CreateFunction(context.Background(), in)
	require.NoError(w.t, err)
	w.Advance(time.Second)
	return out
}

func (w *world) invoke(name, payload string) *sdk.InvokeOutput {
	w.t.Helper()
	out, err := w.lambda.Invoke(context.Background(), &sdk.InvokeInput{FunctionName: aws.String(name),
		Payload: []byte(payload), LogType: types.LogTypeTail})
	require.NoError(w.t, err)
	return out
}

func logOf(t testing.TB, out *sdk.InvokeOutput) string {
	t.Helper()
	text, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	require.NoError(t, err)
	return string(text)
}

// fault is what a failed invocation answers.
type fault struct {
	Type, Message string
	Stack         []string
}

func faultOf(t testing.TB, out *sdk.InvokeOutput) fault {
	t.Helper()
	require.Equal(t, "Unhandled", aws.ToString(out.FunctionError))
	var f struct {
		Type    string   `json:"errorType"`
		Message string   `json:"errorMessage"`
		Stack   []string `json:"stackTrace"`
	}
	require.NoError(t, json.Unmarshal(out.Payload, &f))
	return fault{f.Type, f.Message, f.Stack}
}

// greedy takes more than a function of 128 MB has before it has a handler.
const greedy = "b = bytearray(300000000)\nfor i in range(0, len(b), 4096): b[i] = 1\nimport time\ntime.sleep(1)\ndef " +
	"handler(e, c): return 1"

func TestInvoke_memoryCountsFromTheStart(t *testing.T) {
	w := start(t)
	w.python("greedy", greedy)
	for range 5 { // each tries anew
		f := faultOf(t, w.invoke("greedy", `{}`))
		require.Equal(t, "Runtime.ExitError", f.Type)
		require.Contains(t, f.Message, "Error: Runtime exited with error: signal: killed")
		require.NotContains(t, f.Message, "no more are started")
	}
}

// Where programs are confined, one that breaks a limit each time before it hears of
// an event does not keep the judge busy for ever. A new version is a new start.
func TestInvoke_hopelessFunctionsAreNotStartedAgain(t *testing.T) {
	policy, err := confine.New(t.Context())
	if errors.Is(err, confine.ErrUnavailable) {
		t.Skip(err)
	}
	require.NoError(t, err)
	w := startConfined(t, policy)
	for name, code := range map[string]string{"greedy": greedy,
		"forks": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"} {
		w.python(name, code)
		for i := range 5 {
			f := faultOf(t, w.invoke(name, `{}`))
			require.Equal(t, "Runtime.ExitError", f.Type)
			require.Contains(t, f.Message, "Runtime exited with error: signal: killed")
			require.Equal(t, i >= 3, strings.Contains(f.Message, "; so did 3 in a row, and no more are started"), f.Message)
		}
		_, err := w.lambda.UpdateFunctionCode(t.Context(), &sdk.UpdateFunctionCodeInput{FunctionName: aws.String(name),
			ZipFile: zipped(t, map[string]string{"app.py": "def handler(e, c): return 7"})})
		require.NoError(t, err)
		w.Advance(time.Second)
		require.Equal(t, "7", string(w.invoke(name, `{}`).Payload))
	}
	// What happens to one event says nothing about the next.
	// Where the kernel refuses a fork before the watch has looked, it tries again.
	w.python("at-work", "import os\ndef handler(e, c):\n    while e['harm']:\n        try:\n            os.fork()\n"+
		"        except OSError:\n            pass\n    return 7")
	for range 4 {
		require.Equal(t, "Runtime.ExitError", faultOf(t, w.invoke("at-work", `{"harm":true}`)).Type)
	}
	require.Equal(t, "7", string(w.invoke("at-work", `{"harm":false}`).Payload))
}

func TestInvoke_runsAPythonHandler(t *testing.T) {
	w := start(t)
	w.python("greet", `
import logging, os
calls = 0
def handler(event, context):
    global calls
    calls += 1
    print("hello", event["name"])
    logging.warning("two\nlines")
    return {"calls": calls, "name": event["name"], "function": context.function_name,
            "version": context.function_version, "memory": context.memory_limit_in_mb,
            "arn": context.invoked_function_arn, "left": context.get_remaining_time_in_millis() > 15000,
            "stage": os.environ["STAGE"], "region": os.environ["AWS_REGION"], 
            "home": os.environ.get("SECRET_OF_OURS", "none")}
`, func(in *sdk.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"STAGE": "test"}}
	})
	t.Setenv("SECRET_OF_OURS", "x")
	out := w.invoke("greet", `{"name":"Ada"}`)
	require.Nil(t, out.FunctionError, string(out.Payload))
	require.JSONEq(t,
		`{"calls":1,"name":"Ada","function":"greet","version":"$LATEST","memory":"128","left":true,"stage":"test",
		"arn":"arn:aws:lambda:us-east-1:000000000000:function:greet","region":"us-east-1","home":"none"}`,
		string(out.Payload))
	require.Equal(t, int32(200), out.StatusCode)
	require.Equal(t, "$LATEST", *out.ExecutedVersion)
	text := logOf(t, out)
	require.Regexp(t,
		`(?s)^START RequestId: \S+ Version: \$LATEST\nhello Ada\n\[WARNING\]\t\S+Z\t\S+\ttwo\nlines\n.*END RequestId: `+
			`\S+\nREPORT RequestId: \S+\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: `+
			`\d+ MB\tInit Duration`, text)
	// The second invocation is warm.
	require.Contains(t, string(w.invoke("greet", `{"name":"Bob"}`).Payload), `"calls": 2`)
}

func TestInvoke_shapesFunctionErrors(t *testing.T) {
	w := start(t)
	for name, c := range map[string]struct {
		code, handler, kind, message string
		timeout                      int32
	}{
		"raises": {code: "def handler(e, c):\n    return e['missing']", kind: "KeyError", message: "'missing'"},
		"import": {code: "import no_such_module_here\ndef handler(e, c): pass", kind: "Runtime.ImportModuleError",
			message: "Unable to import module 'app': No module named 'no_such_module_here'"},
		"syntax": {code: "def handler(e, c:\n    pass", kind: "Runtime.UserCodeSyntaxError",
			message: "Syntax error in module 'app'"},
		"missing": {code: "def other(e, c): pass", kind: "Runtime.HandlerNotFound",
			message: "Handler 'handler' missing on module 'app'"},
		"marshal": {code: "def handler(e, c): return {1, 2}", kind: "Runtime.MarshalError",
			message: "Unable to marshal response: Object of type set is not JSON serializable"},
		"exits": {code: "import os\ndef handler(e, c): os._exit(3)", kind: "Runtime.ExitError",
			message: "Error: Runtime exited with error: exit status 3"},
		"timeout": {code: "import time\ndef handler(e, c): time.sleep(60)", kind: "Sandbox.Timedout",
			message: "Error: Task timed out after 1.00 seconds", timeout: 1},
		"large": {code: "def handler(e, c): return 'x' * 7000000", kind: "Function.ResponseSizeTooLarge",
			message: "Response payload size exceeded maximum allowed payload size (6291556 bytes)."},
		"memory": {code: "def handler(e, c):\n    b = bytearray(300000000)\n    for i in range(0, len(b), 4096): b[i] = " +
			"1\n    import time; time.sleep(1)", kind: "Runtime.ExitError", message: "signal: killed"},
		"badname": {code: "def handler(e, c): pass", handler: "nodots", kind: "Runtime.MalformedHandlerName",
			message: "Bad handler 'nodots'"},
		"initfail": {code: "raise RuntimeError('not today')", kind: "RuntimeError", message: "not today"},
	} {
		t.Run(name, func(t *testing.T) {
			w.python(name, c.code, func(in *sdk.CreateFunctionInput) {
				if c.handler != "" {
					in.Handler = aws.String(c.handler)
				}
				if c.timeout > 0 {
					in.Timeout = aws.Int32(c.timeout)
				}
			})
			out := w.invoke(name, `{}`)
			f := faultOf(t, out)
			require.Equal(t, c.kind, f.Type, string(out.Payload))
			require.Contains(t, f.Message, c.message)
			if name == "raises" {
				require.Len(t, f.Stack, 1)
				require.Contains(t, f.Stack[0], "return e['missing']")
				require.Contains(t, logOf(t, out), "[ERROR] KeyError: 'missing'\nTraceback")
			}
			// A second invocation finds an environment in order, not a dead one.
			require.Equal(t, c.kind, faultOf(t, w.invoke(name, `{}`)).Type)
		})
	}
}

func TestInvoke_runsNodeAndBootstraps(t *testing.T) {
	w := start(t)
	create := func(name string, runtime types.Runtime, handler string, files map[string]string) {
		_, err := w.lambda.CreateFunction(context.Background(), &sdk.CreateFunctionInput{FunctionName: aws.String(name),
			Role:    aws.String(w.role),
			Runtime: runtime, Handler: aws.String(handler), Timeout: aws.Int32(20),
			Code: &types.FunctionCode{ZipFile: zipped(t, files)}})
		require.NoError(t, err)
		w.Advance(time.Second)
	}
	create("common", types.RuntimeNodejs22x, "index.handler", map[string]string{"index.js": `
exports.handler = async (event, context) => { console.log("got", event.n); return { n: event.n + 1,
    name: context.functionName }; };`})
	out := w.invoke("common", `{"n":41}`)
	require.JSONEq(t, `{"n":42,"name":"common"}`, string(out.Payload))
	require.Regexp(t, `Z\t\S{36}\tINFO\tgot 41\n`, logOf(t, out))
	create("module", types.RuntimeNodejs22x, "src/app.handler", map[string]string{"src/app.mjs": `
export const handler = (event, context, callback) => callback(new TypeError("no"));`})
	require.Equal(t, fault{Type: "TypeError", Message: "no"}, faultOf(t, w.invoke("module", `{}`)))
	create("own", types.RuntimeProvidedal2023, "x", map[string]string{"bootstrap+x": `#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  headers=$(mktemp)
  body=$(python3 -c '
import sys, urllib.request
r = urllib.request.urlopen(sys.argv[1] + "/next")
print(r.headers["Lambda-Runtime-Aws-Request-Id"]); print(r.read().decode())' "$api")
  id=$(echo "$body" | head -1); event=$(echo "$body" | tail -n +2)
  echo "event $event"
  python3 -c '
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], sys.argv[2].encode())' "$api/$id/response" "{\"echo\":$event}"
done`})
	out = w.invoke("own", `{"a":1}`)
	require.JSONEq(t, `{"echo":{"a":1}}`, string(out.Payload))
	require.Contains(t, logOf(t, out), `event {"a":1}`)
	create("empty", types.RuntimeProvidedal2023, "x", map[string]string{"readme": "no bootstrap"})
	require.Equal(t, "Runtime.InvalidEntrypoint", faultOf(t, w.invoke("empty", `{}`)).Type)
}

func TestInvoke_crashesByFaults(t *testing.T) {
	w := start(t)
	marker := t.TempDir() + "/ran"
	w.python("crashes", fmt.Sprintf("def handler(e, c):\n    open(%q, 'a').write('x')\n    return 'done'", marker))
	ran := func() int {
		b, err := os.ReadFile(marker)
		if os.IsNotExist(err) {
			return 0
		}
		require.NoError(t, err)
		return len(b)
	}
	w.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultCrash, Service: "lambda", Resource: "crashes", Count: 1})
	require.Equal(t, "Runtime.ExitError", faultOf(t, w.invoke("crashes", `{}`)).Type)
	require.Zero(t, ran())
	w.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultCrashLate, Service: "lambda", Resource: "crashes", Count: 1})
	f := faultOf(t, w.invoke("crashes", `{}`))
	require.Contains(t, f.Message, "signal: killed")
	require.Equal(t, 1, ran(), "its work is done, its answer lost")
	require.Equal(t, `"done"`, string(w.invoke("crashes", `{}`).Payload))
}

func TestInvoke_limitsConcurrency(t *testing.T) {
	w := start(t)
	marker := t.TempDir() + "/busy"
	w.python("one",
		fmt.Sprintf("import os, time\ndef handler(e, c):\n    open(%q, 'w')\n    while os.path.exists(%q): time.sleep(0.01)",
			marker, marker))
	ctx := context.Background()
	_, err := w.lambda.PutFunctionConcurrency(ctx, &sdk.PutFunctionConcurrencyInput{FunctionName: aws.String("one"),
		ReservedConcurrentExecutions: aws.Int32(1)})
	require.NoError(t, err)
	first := make(chan error, 1)
	go func() {
		_, err := w.lambda.Invoke(ctx, &sdk.InvokeInput{FunctionName: aws.String("one")})
		first <- err
	}()
	require.Eventually(t, func() bool { _, err := os.Stat(marker); return err == nil }, 15*time.Second, 5*time.Millisecond)
	_, err = w.lambda.Invoke(ctx, &sdk.InvokeInput{FunctionName: aws.String("one")})
	var many *types.TooManyRequestsException
	require.ErrorAs(t, err, &many)
	require.Equal(t, types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded, many.Reason)
	require.NoError(t, os.Remove(marker))
	require.NoError(t, <-first)
	_, err = w.lambda.PutFunctionConcurrency(ctx, &sdk.PutFunctionConcurrencyInput{FunctionName: aws.String("one"),
		ReservedConcurrentExecutions: aws.Int32(901)})
	require.ErrorContains(t, err, "below its minimum value of [100]")
}

func (w *world) queue(name string) (url, arn string) {
	w.t.Helper()
	out, err := w.sqs.CreateQueue(context.Background(), &sqs.CreateQueueInput{QueueName: aws.String(name)})
	require.NoError(w.t, err)
	return *out.QueueUrl, "arn:aws:sqs:us-east-1:000000000000:" + name
}

func (w *world) messages(url string) []sqstypes.Message {
	w.t.Helper()
	out, err := w.sqs.ReceiveMessage(context.Background(),
		&sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10,
			MessageAttributeNames: []string{"All"}, VisibilityTimeout: 0})
	require.NoError(w.t, err)
	return out.Messages
}

func TestInvoke_retriesEventsAndTellsDestinations(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	failed, failedARN := w.queue("failed")
	done, doneARN := w.queue("done")
	dead, deadARN := w.queue("dead")
	marker := t.TempDir() + "/runs"
	w.python("job",
		fmt.Sprintf(
			"def handler(e, c):\n    open(%q, 'a').write(c.aws_request_id + '\\n')\n    if e.get('bad'): raise "+
				"ValueError('bad event')\n    return {'ok': True}", marker),
		func(in *sdk.CreateFunctionInput) { in.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: &deadARN} })
	_, err := w.lambda.PutFunctionEventInvokeConfig(ctx,
		&sdk.PutFunctionEventInvokeConfigInput{FunctionName: aws.String("job"),
			DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &failedARN},
				OnSuccess: &types.OnSuccess{Destination: &doneARN}}})
	require.NoError(t, err)
	send := func(payload string) {
		out, err := w.lambda.Invoke(ctx, &sdk.InvokeInput{FunctionName: aws.String("job"),
			InvocationType: types.InvocationTypeEvent, Payload: []byte(payload)})
		require.NoError(t, err)
		require.Equal(t, int32(202), out.StatusCode)
		require.Empty(t, out.Payload)
	}
	runs := func() []string {
		b, err := os.ReadFile(marker)
		require.NoError(t, err)
		return strings.Fields(string(b))
	}
	send(`{"good":1}`)
	w.Advance(0)
	require.Len(t, runs(), 1)
	got := w.messages(done)
	require.Len(t, got, 1)
	var r map[string]any
	require.NoError(t, json.Unmarshal([]byte(*got[0].Body), &r))
	require.Equal(t, "Success", r["requestContext"].(map[string]any)["condition"])
	require.Equal(t, map[string]any{"ok": true}, r["responsePayload"])
	require.Equal(t, map[string]any{"good": 1.0}, r["requestPayload"])
	require.Equal(t, "arn:aws:lambda:us-east-1:000000000000:function:job:$LATEST",
		r["requestContext"].(map[string]any)["functionArn"])

	send(`{"bad":1}`)
	w.Advance(0)
	require.Len(t, runs(), 2)
	w.Advance(59 * time.Second)
	require.Len(t, runs(), 2)
	w.Advance(time.Second)
	require.Len(t, runs(), 3)
	require.Empty(t, w.messages(failed))
	w.Advance(2 * time.Minute)
	all := runs()
	require.Len(t, all, 4)
	require.Equal(t, all[1], all[3], "retries keep the request id")
	got = w.messages(failed)
	require.Len(t, got, 1)
	require.NoError(t, json.Unmarshal([]byte(*got[0].Body), &r))
	require.Equal(t, "RetriesExhausted", r["requestContext"].(map[string]any)["condition"])
	require.Equal(t, 3.0, r["requestContext"].(map[string]any)["approximateInvokeCount"])
	require.Equal(t, "Unhandled", r["responseContext"].(map[string]any)["functionError"])
	require.Equal(t, "ValueError", r["responsePayload"].(map[string]any)["errorType"])
	got = w.messages(dead)
	require.Len(t, got, 1)
	require.JSONEq(t, `{"bad":1}`, *got[0].Body)
	require.Equal(t, "bad event", *got[0].MessageAttributes["ErrorMessage"].StringValue)
	require.Equal(t, all[3], *got[0].MessageAttributes["RequestID"].StringValue)
	w.Advance(6 * time.Hour)
	require.Len(t, runs(), 4)
}

func TestInvoke_eventsGrowTooOldAndAreDuplicated(t *testing.T) {
	w := start(t)
	ctx := context.Background()
	failed, failedARN := w.queue("failed")
	w.python("job", "def handler(e, c): return 1")
	_, err := w.lambda.PutFunctionEventInvokeConfig(ctx,
		&sdk.PutFunctionEventInvokeConfigInput{FunctionName: aws.String("job"), MaximumEventAgeInSeconds: aws.Int32(60),
			DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &failedARN}}})
	require.NoError(t, err)
	w.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultDuplicate, Service: "lambda", Resource: "job", Count: 1})
	_, err = w.lambda.Invoke(ctx, &sdk.InvokeInput{FunctionName: aws.String("job"),
		InvocationType: types.InvocationTypeEvent})
	require.NoError(t, err)
	w.Advance(0)
	runs := 0
	calls, _ := w.Gateway.Trace().After(0, 1000)
	for _, c := range calls {
		if c.Operation == "AssumeRole" {
			runs++
		}
	}
	require.Equal(t, 1, runs, "both runs in one environment")
	// No concurrency left by others: throttled until the event is too old.
	_, err = w.lambda.PutFunctionConcurrency(ctx, &sdk.PutFunctionConcurrencyInput{FunctionName: aws.String("job"),
		ReservedConcurrentExecutions: aws.Int32(0)})
	require.NoError(t, err)
	_, err = w.lambda.Invoke(ctx, &sdk.InvokeInput{FunctionName: aws.String("job"),
		InvocationType: types.InvocationTypeEvent})
	require.NoError(t, err)
	w.Advance(0)
	got := w.messages(failed)
	require.Len(t, got, 1, "without any concurrency an event is not retried")
}

func TestInvoke_callsOfAFunctionBelongToItsInvocation(t *testing.T) {
	w := start(t)
	// The runtime's own signature is not needed to be known: the key is enough.
	w.python("calls", `
import os, urllib.request
def call():
    scope = os.environ["AWS_ACCESS_KEY_ID"] + "/20260101/us-east-1/sqs/aws4_request"
    urllib.request.urlopen(urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], b"{}", {
        "X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0",
        "Authorization": "AWS4-HMAC-SHA256 Credential=" + scope + ", SignedHeaders=host, Signature=x"}))
def handler(e, c):
    for n in range(e["calls"]): call()
    return "done"
`)
	w.invoke("calls", `{"calls": 2}`)
	invocation, children := "", 0
	entries, _ := w.Gateway.Trace().After(0, 1000)
	for _, e := range entries {
		if e.Operation == "Invoke" {
			invocation = e.ID
		}
	}
	for _, e := range entries {
		if e.Operation == "ListQueues" && e.Parent == invocation {
			children++
		}
	}
	require.Equal(t, 2, children)

	w.Host.Faults.Add(gateway.Fault{Kind: gateway.FaultCrash, Service: "sqs", Operation: "ListQueues", Skip: 2, Count: 1})
	before := w.Gateway.Trace().Last()
	f := faultOf(t, w.invoke("calls", `{"calls": 9}`))
	require.Equal(t, "Runtime.ExitError", f.Type)
	require.Contains(t, f.Message, "signal: killed")
	entries, _ = w.Gateway.Trace().After(before, 1000)
	children = 0
	for _, e := range entries {
		if e.Operation == "ListQueues" {
			children++
		}
	}
	require.Equal(t, 3, children, "the third call is the last that the process makes")
	require.Equal(t, `"done"`, string(w.invoke("calls", `{"calls": 1}`).Payload))
}
