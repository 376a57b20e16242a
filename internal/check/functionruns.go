package check

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

// functionCauses are the learner's functions that ended in error, and those that
// nothing has called, unless a program that was to set them off has failed.
func (s *session) functionCauses(ctx context.Context, programs bool) (out []report.Cause, decisive bool) {
	functions := s.ownFunctions(ctx)
	called := map[string]bool{}
	if calls, err := s.trace(ctx); err == nil {
		for _, c := range calls {
			if c.Service == "lambda" && c.Operation == "Invoke" {
				called[c.Resource] = true
			}
		}
	}
	var idle []lambdatypes.FunctionConfiguration
	crashes := s.crashes(ctx)
	for _, f := range functions {
		runs := s.functionRuns(ctx, logGroup(f.LoggingConfig, f.FunctionName))
		maps.Copy(s.logged, runs.byID)
		if runs.n == 0 && !called[aws.ToString(f.FunctionName)] {
			idle = append(idle, f)
			continue
		}
		runs.forget(crashes[aws.ToString(f.FunctionName)])
		if c, whole := s.functionCause(f, runs); c != nil {
			out, decisive = append(out, *c), decisive || whole
		}
	}
	sends, runs := s.stimulates()
	for _, f := range idle {
		if programs || !sends && !runs {
			break
		}
		// What programs send may not be for it, nor what another one is called for; but
		// one that nothing names is never called.
		triggers := s.triggers(ctx, f)
		if another := len(idle) < len(functions); (another || !sends) && (len(triggers) > 0 || s.callsDirectly()) {
			continue
		}
		why := whyIdle(triggers)
		if no := s.refusedTo(ctx, aws.ToString(f.FunctionName)); no != "" {
			why = no
		}
		out, decisive = append(out, report.Cause{What: "nothing has called your function " + logical(f) + ": " + why}), true
	}
	return out, decisive
}

// refusedTo says what a function's role may not do that its mapping has to, such as to
// read the queue; "" where nothing was refused.
func (s *session) refusedTo(ctx context.Context, function string) string {
	calls, err := s.trace(ctx)
	if err != nil {
		return ""
	}
	for _, c := range calls {
		if strings.HasPrefix(c.Error, "AccessDenied") && c.Internal && strings.HasSuffix(c.Principal, "/"+function) {
			return fmt.Sprintf("its role may not call %s.%s on %s, which its mapping does with it (%s)", c.Service, c.Operation,
				short(path.Base(c.Resource)), c.Error)
		}
	}
	return ""
}

// ownFunctions are all but those that the lab provides.
func (s *session) ownFunctions(ctx context.Context) (out []lambdatypes.FunctionConfiguration) {
	pages := lambda.NewListFunctionsPaginator(lambda.NewFromConfig(s.looks), &lambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return out // what cannot be seen explains nothing
		}
		for _, f := range page.Functions {
			if !strings.HasPrefix(aws.ToString(f.FunctionName), s.o.Lab.ID+"-provided-") {
				out = append(out, f)
			}
		}
	}
	slices.SortFunc(out, func(a, b lambdatypes.FunctionConfiguration) int {
		return strings.Compare(aws.ToString(a.FunctionName), aws.ToString(b.FunctionName))
	})
	return out
}

// stackName is a name that CloudFormation makes: stack, logical id, twelve characters.
// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-name.html
var stackName = regexp.MustCompile(`-([A-Za-z0-9]+)-[0-9A-Z]{12}$`)

// logical is a function's name in the learner's template.
func logical(f lambdatypes.FunctionConfiguration) string {
	return short(aws.ToString(f.FunctionName))
}

// invocations are how a function's runs went, as its log tells.
type invocations struct {
	n      int
	failed []failedRun
	byID   map[string][]*oneRun // of the request, in their order: an event that is tried again keeps its id
}

// oneRun is one invocation.
type oneRun struct{ failed *failedRun }

// failedRun is one that ended in error.
type failedRun struct {
	error    string // as it was logged
	timedOut bool
	exited   bool
	memory   bool     // it had used all that it may
	printed  []string // before that
}

// mostEvents bounds how many events of a log are read for an explanation.
const mostEvents = 20_000

// functionRuns reads a function's log. What was logged before the check began counts
// only where the emulator cannot go back to a state, and then it is the same function's.
func (s *session) functionRuns(ctx context.Context, group string) (out invocations) {
	streams := map[string]*runReader{}
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(cloudwatchlogs.NewFromConfig(s.looks),
		&cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group})
	for n := 0; pages.HasMorePages() && n < mostEvents; {
		page, err := pages.NextPage(ctx)
		if err != nil {
			break // a function that never ran has no group
		}
		for _, e := range page.Events {
			n++
			r := streams[aws.ToString(e.LogStreamName)]
			if r == nil {
				r = &runReader{out: &out}
				streams[aws.ToString(e.LogStreamName)] = r
			}
			r.event(strings.TrimRight(aws.ToString(e.Message), "\n"))
		}
	}
	for _, r := range streams {
		r.close()
	}
	return out
}

// runReader reads the log of one environment, whose invocations come one after the
// other.
type runReader struct {
	out     *invocations
	run     *oneRun    // the invocation at hand
	failed  *failedRun // how it failed
	printed []string
}

// nodeFault is how Node's runtime logs an error that was not caught.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html
var nodeFault = regexp.MustCompile(
	`\tERROR\t(?:Invoke Error|Uncaught Exception|Unhandled Promise Rejection) ?\t(\{.*\})$`)

// pythonFault is Python's.
var pythonFault = regexp.MustCompile(`^\[ERROR\] [A-Za-z_][\w.]*:`)

func (r *runReader) event(text string) {
	switch {
	case strings.HasPrefix(text, "START RequestId: "):
		r.close()
		r.out.n++
		id, _, _ := strings.Cut(strings.TrimPrefix(text, "START RequestId: "), " ")
		r.run = &oneRun{}
		if r.out.byID == nil {
			r.out.byID = map[string][]*oneRun{}
		}
		r.out.byID[id] = append(r.out.byID[id], r.run)
	case strings.HasPrefix(text, "END RequestId: "):
	case strings.HasPrefix(text, "REPORT RequestId: "):
		if strings.Contains(text, "\tStatus: timeout") {
			r.fail().timedOut = true
		}
		if strings.Contains(text, "\tError Type: Runtime.ExitError") {
			r.fail().exited = true
			r.failed.memory = full(text)
		}
	case strings.Contains(text, " Task timed out after "):
		_, after, _ := strings.Cut(text, " Task timed out after ")
		r.fail().error, r.fail().timedOut = strings.TrimSpace(after), true
	case strings.HasSuffix(text, "\nRuntime.ExitError"):
		_, after, _ := strings.Cut(text, " Error: ")
		r.fail().error, r.fail().exited = strings.TrimSuffix(after, "\nRuntime.ExitError"), true
	case pythonFault.MatchString(text):
		r.fail().error = text
	case nodeFault.MatchString(text):
		r.fail().error = nodeError(nodeFault.FindStringSubmatch(text)[1])
	default:
		r.printed = append(r.printed, text)
	}
}

func (r *runReader) fail() *failedRun {
	if r.failed == nil {
		r.failed = &failedRun{}
	}
	return r.failed
}

// close ends the invocation at hand.
func (r *runReader) close() {
	if r.failed != nil {
		r.failed.printed = r.printed
		r.out.failed = append(r.out.failed, *r.failed)
		if r.run != nil {
			r.run.failed = r.failed
		}
	}
	r.run, r.failed, r.printed = nil, nil, nil
}

// used is the memory of a function and of an invocation, in MB.
var used = regexp.MustCompile(`\tMemory Size: (\d+) MB\tMax Memory Used: (\d+) MB`)

// full reports whether a REPORT line tells of an invocation that used all its memory.
func full(report string) bool {
	m := used.FindStringSubmatch(report)
	if m == nil {
		return false
	}
	size, _ := strconv.Atoi(m[1]) // digits
	most, _ := strconv.Atoi(m[2])
	return most >= size
}

// nodeError is the stack of an error of Node.
func nodeError(fault string) string {
	var f struct {
		Kind    string   `json:"errorType"`
		Message string   `json:"errorMessage"`
		Trace   []string `json:"trace"`
		Stack   []string `json:"stack"`
	}
	if json.Unmarshal([]byte(fault), &f) != nil {
		return fault
	}
	stack := slices.Concat(f.Trace, f.Stack)
	if len(stack) > 0 {
		stack = stack[1:]
	}
	return strings.Join(append([]string{f.Kind + ": " + f.Message}, stack...), "\n")
}

// forget leaves out so many runs that an injected crash has ended: no failure of the
// function.
func (i *invocations) forget(crashes int) {
	i.failed = slices.DeleteFunc(i.failed, func(r failedRun) bool {
		if crashes == 0 || !r.exited || !strings.Contains(r.error, "killed") {
			return false
		}
		crashes--
		i.n--
		return true
	})
}

// functionCause words how a function failed; nil when it did not.
func (s *session) functionCause(f lambdatypes.FunctionConfiguration, runs invocations) (c *report.Cause,
	decisive bool) {
	failed := runs.failed
	if len(failed) == 0 {
		return nil, false
	}
	most := commonest(failed)
	how := "failed"
	switch {
	case most.timedOut:
		how = fmt.Sprintf("timed out after %d s", aws.ToInt32(f.Timeout))
	case most.memory:
		how = fmt.Sprintf("needed more than its %d MB of memory", aws.ToInt32(f.MemorySize))
	case most.exited:
		how = "ended without an answer"
	}
	c = &report.Cause{What: fmt.Sprintf("your function %s %s in %d of %s", logical(f), how, len(failed),
		report.Count(runs.n, "invocation"))}
	raised := s.raised(c, most.error)
	c.Log = lastLines(strings.Join(most.printed, "\n"))
	switch {
	case most.exited && c.Error == "":
		c.Error = atMost(most.error, brieflyLong)
	case strings.HasPrefix(raised.Error, notWritten):
		*c = report.Cause{What: "your function " + logical(f) + " is still to be written", Where: c.Where}
	}
	return c, len(failed) == runs.n
}

// commonest is the first of the failures that are the most alike.
func commonest(failed []failedRun) failedRun {
	count, best := map[string]int{}, failed[0]
	kind := func(r failedRun) string {
		first, _, _ := strings.Cut(r.error, "\n")
		return fmt.Sprint(first, r.timedOut, r.exited)
	}
	for _, r := range failed {
		if count[kind(r)]++; count[kind(r)] > count[kind(best)] {
			best = r
		}
	}
	for _, r := range failed {
		if kind(r) == kind(best) {
			return r
		}
	}
	return best
}

// crashes counts, by function, how often the check made one crash.
func (s *session) crashes(ctx context.Context) map[string]int {
	out := map[string]int{}
	if !slices.ContainsFunc(s.steps(), func(st lab.Step) bool { return st.Fault != nil }) {
		return out
	}
	faults, _ := s.o.Emulator.Control().Faults(ctx) // none where there can be none
	for _, f := range faults {
		if strings.HasPrefix(f.Rule.Kind, "crash") {
			out[f.Rule.Resource] += f.Hits
		}
	}
	return out
}

// callsDirectly reports whether any check of the lab invokes functions itself: they
// need nothing else that calls them.
func (s *session) callsDirectly() bool {
	for i := range s.o.Lab.Checks {
		for _, st := range s.o.Lab.Checks[i].Steps {
			if st.Invoke != nil || st.Deliver != nil {
				return true
			}
		}
	}
	return false
}

// stimulates reports whether the check sends anything itself that functions could be
// called for, and whether it runs programs that may.
func (s *session) stimulates() (sends, runs bool) {
	for _, st := range s.steps() {
		runs = runs || st.Run != nil
		sends = sends || st.PutObject != nil || st.PutRecords != nil || st.SendMessages != nil || st.PutItems != nil ||
			st.UpdateItem != nil || st.DeleteItem != nil || st.DeleteObject != nil
	}
	return sends, runs
}

// steps are those of the check, or of the one that it looks at.
func (s *session) steps() []lab.Step {
	for i := range s.o.Lab.Checks {
		if c := &s.o.Lab.Checks[i]; len(s.check.Steps) == 0 && c.ID == s.check.Observes {
			return c.Steps
		}
	}
	return s.check.Steps
}
