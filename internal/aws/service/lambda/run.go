package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/runtime"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
)

// job is one run of a function.
type job struct {
	fn      esm.Function // as invoked
	version version
	id      string // that the function sees
	payload []byte
	client  string // client context, JSON
	trace   string // X-Amzn-Trace-Id of the caller
}

// result is an outcome with what was logged.
type result struct {
	runtime.Outcome
	log []byte
}

// run runs a function once and writes its log.
func (s *Service) run(ctx context.Context, j job) (result, error) {
	// A caller that goes away does not stop a function; the emulator does.
	work, end, ok := s.Begin(ctx)
	if !ok {
		return result{}, gateway.Stopping()
	}
	defer end()
	release, err := s.acquire(j.fn)
	if err != nil {
		return result{}, err
	}
	defer release()
	env, err := s.fleet.Acquire(work, j.version.key(), func() (runtime.Spec, error) { return s.spec(work, j) })
	if err != nil {
		if errors.Is(err, runtime.ErrUnsupported) {
			return result{}, gateway.Errorf(501, "NotImplemented", "%s", err.Error())
		}
		return result{}, err
	}
	defer s.fleet.Release(env)
	return s.invoke(work, env, j)
}

// invoke runs a job in an environment, between its lines in the log.
func (s *Service) invoke(ctx context.Context, env *runtime.Environment, j job) (result, error) {
	log := env.Sink().(*stream) // made by spec
	log.begin()
	log.Event(fmt.Sprintf("START RequestId: %s Version: %s\n", j.id, *j.version.Config.Version))
	trace := s.traceHeader(j.fn, j.trace, j.version.Config.TracingConfig.Mode)
	defer s.host.Processes.Enter(log.key, gateway.Process{Invocation: gateway.From(ctx).ID, Trace: trace, Program: env})()
	stopFlushing := s.flushAllAlong(ctx, log)
	out, err := env.Invoke(ctx, runtime.Invocation{
		ID: j.id, ARN: j.fn.ARN(), Trace: trace,
		ClientContext: j.client,
		Payload:       j.payload, Timeout: time.Duration(*j.version.Config.Timeout) * time.Second, Crash: s.crash(j),
	})
	stopFlushing()
	if err == nil {
		log.Event(fmt.Sprintf("END RequestId: %s\n", j.id))
		log.Event(report(j, out))
		if why := died(j, out, s.host.Clock.Now()); why != "" {
			log.Event(why)
		}
	}
	text := log.end()
	log.flush(ctx)
	return result{out, text}, err
}

// flushAllAlong passes a log on every second, because somebody may be following
// a long run. The function that it returns ends that and waits for the end.
func (s *Service) flushAllAlong(ctx context.Context, log *stream) (stop func()) {
	watching, cancel := context.WithCancel(ctx)
	var flushing sync.WaitGroup
	flushing.Go(func() {
		_ = s.Guard("log of a run", func() { // was logged
			for s.host.Clock.SleepMachine(watching, time.Second) == nil {
				log.flush(ctx)
			}
		})
	})
	return func() {
		cancel()
		flushing.Wait()
	}
}

// crash asks for an injected end of the process.
func (s *Service) crash(j job) runtime.Crash {
	site := gateway.Site{Service: "lambda", Operation: "Invoke", Resource: j.fn.Name, Input: j.payload}
	if _, hit := s.host.Faults.Strike(gateway.FaultCrash, site); hit {
		return runtime.CrashBefore
	}
	if _, hit := s.host.Faults.Strike(gateway.FaultCrashLate, site); hit {
		return runtime.CrashAfter
	}
	return runtime.NoCrash
}

// report is the last line of an invocation.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
func report(j job, out runtime.Outcome) string {
	ms := float64(out.Duration.Microseconds()) / 1000
	line := fmt.Sprintf(
		"REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %.0f ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		j.id, ms, math.Ceil(ms), *j.version.Config.MemorySize, out.Memory)
	if out.Init > 0 {
		line += fmt.Sprintf("Init Duration: %.2f ms\t", float64(out.Init.Microseconds())/1000)
	}
	switch {
	case out.TimedOut:
		line += "Status: timeout\t"
	case exited(out):
		line += "Status: error\tError Type: Runtime.ExitError\t"
	}
	return line + "\n"
}

// died says of a run that had no answer why not; "" for all others.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
func died(j job, out runtime.Outcome, now time.Time) string {
	switch {
	case out.TimedOut:
		return fmt.Sprintf("%s %s Task timed out after %d.00 seconds\n\n", now.UTC().Format("2006-01-02T15:04:05.000Z"), j.id,
			*j.version.Config.Timeout)
	case exited(out):
		var fault struct {
			Text string `json:"errorMessage"`
		}
		_ = json.Unmarshal(out.Payload, &fault) // is ours
		return fault.Text + "\nRuntime.ExitError\n"
	}
	return ""
}

// exited reports whether the process ended by itself.
func exited(out runtime.Outcome) bool {
	return out.Failed && strings.Contains(string(out.Payload), `"Runtime.ExitError"`)
}

// credentialLife is how long the credentials of an environment last, in
// seconds; it is replaced before.
//
// AWS: renews environments after hours, at moments that it does not publish.
const credentialLife = 3600

// spec says how to start an environment: code and layers unpacked, credentials
// of the execution role, a log stream of its own.
func (s *Service) spec(ctx context.Context, j job) (spec runtime.Spec, err error) {
	c := j.version.Config
	code, layers, release, err := s.unpacked(j.version)
	if err != nil {
		return spec, err
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	role, err := ident.ParseARN(*c.Role)
	if err != nil {
		return runtime.Spec{}, err
	}
	key, err := gateway.Invoke[sts.AssumeRoleOutput](ctx, s.host, gateway.Call{
		Principal: gateway.ServicePrincipal("lambda.amazonaws.com", role.Account), Scope: j.fn.Scope,
		// Source: https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html and
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
		SourceARN: esm.Function{Scope: j.fn.Scope, Name: j.fn.Name}.ARN(), SourceAccount: j.fn.Scope.Account, Service: "sts",
		Operation: "AssumeRole",
		Input: &sts.AssumeRoleInput{RoleArn: c.Role, RoleSessionName: c.FunctionName,
			DurationSeconds: aws.Int32(credentialLife)}})
	if err != nil {
		return runtime.Spec{}, invokeDenied(err)
	}
	now := s.host.Clock.Now()
	log := s.newStream(j, now)
	log.key = *key.Credentials.AccessKeyId
	env := []string{
		"AWS_REGION=" + j.fn.Scope.Region, "AWS_DEFAULT_REGION=" + j.fn.Scope.Region, "AWS_ENDPOINT_URL=" + s.host.Endpoint(),
		"AWS_ACCESS_KEY_ID=" + *key.Credentials.AccessKeyId, "AWS_SECRET_ACCESS_KEY=" + *key.Credentials.SecretAccessKey,
		"AWS_SESSION_TOKEN=" + *key.Credentials.SessionToken,
		"AWS_LAMBDA_FUNCTION_NAME=" + *c.FunctionName, "AWS_LAMBDA_FUNCTION_VERSION=" + *c.Version,
		fmt.Sprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%d", *c.MemorySize),
		"AWS_LAMBDA_LOG_GROUP_NAME=" + log.group, "AWS_LAMBDA_LOG_STREAM_NAME=" + log.name,
	}
	if c.Environment != nil {
		for name, value := range c.Environment.Variables {
			env = append(env, name+"="+value)
		}
	}
	handler := aws.ToString(c.Handler)
	return runtime.Spec{Runtime: string(c.Runtime), Handler: handler, Code: code, Layers: layers, Env: env,
		Memory: int(*c.MemorySize), Sink: log, Ended: release,
		// the longest run must end before the credentials do
		Expires: now.Add(credentialLife*time.Second - 16*time.Minute)}, nil
}

// unpacked are the folders of a version's code and layers, until release.
func (s *Service) unpacked(v version) (code, layers string, release func(), err error) {
	code, first, err := s.folder(v.Code.ID)
	if err != nil || len(v.Layers) == 0 {
		return code, "", first, err
	}
	layers, second, err := s.folder(v.Layers...)
	if err != nil {
		first()
		return "", "", nil, err
	}
	return code, layers, func() { first(); second() }, nil
}

// invokeDenied is the answer when the execution role cannot be assumed.
func invokeDenied(err error) error {
	if gateway.ErrorCode(err) != "AccessDenied" {
		return err
	}
	return gateway.Errorf(403, "AccessDeniedException", "The role defined for the function cannot be assumed by Lambda.")
}
