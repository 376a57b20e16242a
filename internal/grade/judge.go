package grade

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/pipelab/pipelab/internal/cfn"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/rmtree"
	"github.com/pipelab/pipelab/internal/trial"
	"github.com/pipelab/pipelab/internal/version"
)

// judge runs a submission, once more when it was us who failed: chance and a
// busy machine are the likeliest reasons, and a second failure stands. The
// error is ctx's.
func (r *run) judge(ctx context.Context, u *unit) (judged, error) {
	j, err := r.once(ctx, u)
	if err != nil || !j.failed() {
		return j, err
	}
	j, err = r.once(ctx, u)
	j.Retried = true
	return j, err
}

// failed reports whether something went wrong that is not the submission's.
func (j *judged) failed() bool {
	return j.Problem != "" || j.Result != nil && slices.ContainsFunc(j.Result.Checks, func(c report.Check) bool {
		return c.Verdict == report.Error
	})
}

// once runs a submission in an emulator and a folder of its own.
func (r *run) once(ctx context.Context, u *unit) (j judged, err error) {
	j.Key, j.Deadline = u.key, r.Deadline
	began := r.Clock.Now()
	dir := u.dir + ".run"
	defer func() {
		if p := recover(); p != nil {
			j.Problem = fmt.Sprintf("pipelab itself failed: %v", p)
		}
		_ = rmtree.RemoveAll(dir) // what is left goes with the output's folder for work
		j.Timing.Millis = r.Clock.Now().Sub(began).Milliseconds()
	}()
	if err := u.lay(dir); err != nil {
		j.Problem = fmt.Sprintf("its files could not be copied: %v", err)
		return j, ctx.Err()
	}
	inner, cancel := context.WithTimeout(ctx, r.Deadline)
	defer cancel()
	o := trial.Options{Lab: u.lab, Driver: r.Driver, Clock: r.Clock, Deploy: r.Deploy, Interpreters: r.Interpreters,
		Confine: r.Confine, Expressions: r.expressions, Builds: r.builds, Seed: u.seed, Folder: dir}
	var seen *sightings
	if r.o.Assignment.Variants {
		seen = watch(u.seed)
		o.Saw = seen.saw
	}
	out, failed := trial.Run(inner, o)
	if err := ctx.Err(); err != nil {
		return j, err
	}
	j.Result = out.Result
	switch {
	case inner.Err() != nil && (failed != nil || out.Deploy != nil):
		j.Result = r.late(u, out.Result)
	case failed != nil:
		j.Problem, j.Result = failed.Error(), nil
	case out.Deploy != nil && ours(out.Deploy):
		j.Problem = "deploying failed, and not by the submission's fault: " + out.Deploy.Error()
	case out.Deploy != nil:
		j.Deploy = out.Deploy.Error()
		why := "it could not be deployed"
		if crowded := (*trial.CrowdedError)(nil); errors.As(out.Deploy, &crowded) {
			why = crowded.Why
		}
		j.Result = r.all(u, report.Fail, why)
	}
	if full := noSpace(dir, os.TempDir()); full != "" && (j.Result == nil || !j.Result.Passed()) {
		j.Problem = full // whatever failed may have failed by that
	}
	if seen != nil {
		j.Seeds = seen.list()
	}
	j.stabilise(dir, out.Endpoint)
	return j, nil
}

// lay copies into a folder what a submission is told apart by and nothing else:
// a file that is in no digest must not take part in what the digest stands for.
func (u *unit) lay(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	w := &writer{dir: dir}
	for _, f := range u.files {
		if err := w.copyFile(f.Name, filepath.Join(u.dir, filepath.FromSlash(f.Name))); err != nil {
			return err
		}
	}
	return nil
}

// all gives every check one verdict.
func (r *run) all(u *unit, v report.Verdict, message string) *report.Result {
	out := &report.Result{Version: version.Result, Lab: u.lab.ID, Seed: u.seed, Emulator: r.Driver.Name(),
		Checks: []report.Check{}}
	for _, c := range u.lab.Order() {
		out.Checks = append(out.Checks, report.Check{ID: c.ID, Title: c.Title, Verdict: v, Possible: c.Points,
			Message: message, Hidden: u.lab.Hidden[c.ID]})
	}
	return out
}

// late keeps what was judged before the deadline and gives the rest the verdict
// timeout.
func (r *run) late(u *unit, judged *report.Result) *report.Result {
	out := r.all(u, report.Timeout, fmt.Sprintf("the deadline of the whole submission, %s, passed before it was judged",
		r.Deadline))
	if judged == nil {
		return out
	}
	for i := range out.Checks {
		if i >= len(judged.Checks) {
			break
		}
		c := judged.Checks[i]
		if last := i == len(judged.Checks)-1; last && c.Verdict == report.Error {
			continue // cut short by the deadline
		}
		out.Checks[i] = c
	}
	return out
}

// ours reports whether a deployment failed by our fault: everything that is
// not known to be the template's or the script's.
func ours(err error) bool {
	var problems *cfn.Problems
	var failed *cfn.DeployError
	var script *deploy.ScriptError
	var folder *deploy.FolderError
	var crowded *trial.CrowdedError
	switch {
	case errors.As(err, &crowded):
		return false
	case errors.As(err, &problems), errors.As(err, &script), errors.As(err, &folder),
		errors.Is(err, deploy.ErrNothing):
		return false
	case !errors.As(err, &failed):
		return true
	}
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		status := response.HTTPStatusCode()
		return status >= http.StatusInternalServerError && status != http.StatusNotImplemented // they asked for it
	}
	var network *net.OpError
	var file *os.PathError
	return errors.As(err, &network) || errors.As(err, &file)
}

// stabilise takes out of a result what differs between two runs of one
// submission and means nothing: where it ran, how long it took.
func (j *judged) stabilise(dir, endpoint string) {
	var clean cleaner
	clean.init(dir, endpoint)
	j.Problem, j.Deploy = clean.text(j.Problem), clean.text(j.Deploy)
	if j.Result == nil {
		return
	}
	j.Timing.Checks = map[string]Spent{}
	for i := range j.Result.Checks {
		c := &j.Result.Checks[i]
		j.Timing.Checks[c.ID] = Spent{Millis: c.Millis, Calls: c.Calls}
		c.Millis, c.Calls = 0, 0
		c.Message, c.Expected, c.Seen = clean.text(c.Message), clean.text(c.Expected), clean.text(c.Seen)
		for n := range c.Sent {
			c.Sent[n] = clean.text(c.Sent[n])
		}
		if c.Way != nil {
			for n := range c.Way.Steps {
				st := &c.Way.Steps[n]
				st.At, st.What = time.Time{}, clean.text(st.What)
			}
		}
	}
}

// cleaner replaces what is different in each run.
type cleaner struct {
	plain    *strings.Replacer
	temp     *regexp.Regexp
	code     *regexp.Regexp
	requests *regexp.Regexp
}

func (c *cleaner) init(dir, endpoint string) {
	pairs := []string{dir + string(filepath.Separator), "", dir, "."}
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		pairs = append(pairs, u.Host, "127.0.0.1:4566")
	}
	c.plain = strings.NewReplacer(pairs...)
	c.temp = regexp.MustCompile(`(/pipelab-[a-z]+-)[0-9]+`)
	c.code = regexp.MustCompile(`(/(?:code-[0-9a-f]{16}|tmp)-)[0-9]{10}`) // a function's folders
	// Of calls, and of what the emulator has given a number: in sentences, in names of
	// resources, and in JSON that may be within JSON.
	c.requests = regexp.MustCompile(`(?i)((?:request ?id|uuid)(?:: ?| |[\\\\]*": ?[\\\\]*")|event-source-mapping:)` +
		`[0-9a-z-]{20,}`)
}

func (c *cleaner) text(s string) string {
	s = c.plain.Replace(s)
	s = c.temp.ReplaceAllString(s, "${1}0")
	s = c.code.ReplaceAllString(s, "${1}0")
	return c.requests.ReplaceAllString(s, "${1}0")
}
