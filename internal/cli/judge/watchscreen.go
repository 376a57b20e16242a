package judge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	tea "charm.land/bubbletea/v2"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/control"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/workspace"
)

// watchScreen is watch on a screen: one goroutine judges, and sends what it finds to the
// screen, which reads the keys.
func watchScreen(ctx context.Context, a *app.App, ws *workspace.Workspace, changes *watcher, only []string,
	f checkFlags) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var program *tea.Program
	quiet := *a
	quiet.Err = &said{tell: func(line string) { program.Send(saying(line)) }}
	w, err := a.WorkIn(ctx, ws) // speaks on the terminal: an emulator may have to be started
	if err != nil {
		return err
	}
	w = w.For(&quiet)
	again := make(chan struct{})
	s := newScreen(a, w, len(only) == 0, again)
	program = tea.NewProgram(s, tea.WithContext(ctx), tea.WithInput(a.In), tea.WithOutput(app.Beneath(a.Out)),
		tea.WithEnvironment(a.Environ), tea.WithoutSignalHandler())
	var working sync.WaitGroup
	var failed error
	working.Go(func() {
		failed = judgeOnAndOn(ctx, &quiet, w, changes, only, f, again, program.Send)
		program.Quit()
	})
	_, err = program.Run()
	stopped := ctx.Err()
	cancel()
	working.Wait() // the emulator that judges is closed before this returns
	switch {
	case stopped != nil:
		return stopped
	case err != nil:
		return err
	case failed != nil && !errors.Is(failed, context.Canceled):
		return failed
	}
	a.Statusf("%s", s.summary())
	if s.interrupted {
		return app.Silent(app.ExitInterrupted)
	}
	return nil
}

// judgeOnAndOn judges now, and whenever a file changes or somebody asks for it, until
// ctx ends.
func judgeOnAndOn(ctx context.Context, a *app.App, w *app.Work, changes *watcher, only []string, f checkFlags,
	again <-chan struct{}, send func(tea.Msg)) error {
	for {
		send(begun{})
		end := ended{at: a.Now()}
		var first evidence
		var last uint64
		mark := func(e emulator.Emulator) { last, _ = e.Control().LastCall(ctx) } // else the trace begins earlier
		result, err := judge(ctx, a, w, only, f, listener{mark, func(c report.Check, e emulator.Emulator) {
			if first.check == "" && open(c) {
				first = collect(ctx, a, c.ID, e, last)
			}
			mark(e)
			send(checked(c))
		}})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			err = record(a, w, result, len(only) == 0)
		}
		var told *app.Error
		if err != nil && !errors.As(err, &told) {
			return err
		}
		end.at, end.result, end.problem, end.first = a.Now(), result, told, first
		if err == nil && len(only) == 0 && result.Passed() {
			end.finish = finished(a, w, result)
		}
		judged, err := w.Digest()
		if err != nil {
			return err
		}
		send(end)
		if err := changes.wait(ctx, judged, again); err != nil {
			return err
		}
	}
}

// open reports whether a check is one to work on: what was skipped waits for another.
func open(c report.Check) bool { return c.Verdict != report.Pass && c.Verdict != report.Skipped }

// evidence is what a check left in the emulator: it is gone when the next check begins.
type evidence struct{ check, logs, trace string }

func collect(ctx context.Context, a *app.App, id string, e emulator.Emulator, after uint64) evidence {
	found := evidence{check: id}
	var printed bytes.Buffer
	into := *a
	into.Out, into.JSON = &printed, false
	l := &logs{a: &into, client: cloudwatchlogs.NewFromConfig(e.Endpoint().AWSConfig()), seen: map[string]bool{}}
	err := l.run(ctx, false)
	found.logs = printed.String()
	if err != nil {
		found.logs += "the logs could not be read: " + report.Console(err.Error())
	}
	if !slices.Contains(e.Capabilities(), emulator.CallTrace) {
		found.trace = "this emulator records no calls"
		return found
	}
	calls, err := e.Control().Trace(ctx, after)
	if err != nil {
		found.trace = "the trace could not be read: " + report.Console(err.Error())
	}
	var lines strings.Builder
	for _, c := range calls {
		lines.WriteString(control.Line(c))
	}
	found.trace += lines.String()
	return found
}

// finished is what finish says, with what comes next before the long rest: a screen is
// read from its top.
func finished(a *app.App, w *app.Work, r *report.Result) string {
	var text bytes.Buffer
	into := *a
	into.Err = &text
	heading(&into, w)
	if err := onward(&into, w); err != nil {
		fmt.Fprintln(&text, report.Console(err.Error()))
	}
	lessons(&into, w, r)
	return strings.Trim(text.String(), "\n")
}

// said hands on the last line of each write.
type said struct{ tell func(line string) }

// Write implements io.Writer.
func (s *said) Write(p []byte) (int, error) {
	lines := strings.Split(strings.TrimRight(string(p), "\n"), "\n")
	s.tell(strings.TrimSpace(lines[len(lines)-1]))
	return len(p), nil
}
