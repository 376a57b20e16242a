package check

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/pipelab/pipelab/internal/digest"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/report"
)

// trail is the trace of a check, ordered so that one record can be followed in it.
type trail struct {
	s        *session
	calls    []emulator.Call
	byID     map[string]int
	children map[string][]int // by the id of the call that caused them
	carriers map[uint32][]int // by the fingerprint of a record
	crashes  map[string]int   // that the check has made, by function

	mappings []lambdatypes.EventSourceMappingConfiguration
	queued   map[string]string // where messages are, by id; of all queues
	changes  map[string][]change

	found  []row    // what the check found; nil before rows
	looked []string // where
	output *string  // of its programs; nil before printed
}

func (s *session) newTrail(ctx context.Context) *trail {
	calls, err := s.trace(ctx)
	if err != nil || len(calls) == 0 {
		return nil
	}
	t := &trail{s: s, calls: calls, byID: map[string]int{}, children: map[string][]int{}, carriers: map[uint32][]int{},
		crashes: s.crashes(ctx), changes: map[string][]change{}}
	for i, c := range calls {
		t.byID[c.ID] = i
		if c.Parent != "" {
			t.children[c.Parent] = append(t.children[c.Parent], i)
		}
		for _, r := range c.Carries {
			t.carriers[r] = append(t.carriers[r], i)
		}
	}
	return t
}

// delivery is one call that brought a record to a function.
type delivery struct {
	call  emulator.Call
	place int // in the batch, from 1; 0 where it is no batch
	of    int
	run   *oneRun // nil where its log says nothing
}

// isRun reports whether a call runs a function.
func isRun(c emulator.Call) bool { return c.Service == "lambda" && c.Operation == "Invoke" }

// carried are the deliveries of a record of a stream or a queue, and the calls that
// handed it on.
func (t *trail) carried(id string) (runs []delivery, handed []emulator.Call) {
	mark := digest.Fingerprint(id)
	for _, i := range t.carriers[mark] {
		c := t.calls[i]
		if !isRun(c) {
			if c.Source != "" {
				handed = append(handed, c)
			}
			continue
		}
		d := delivery{call: c, place: slices.Index(c.Carries, mark) + 1, of: len(c.Carries)}
		if all := t.s.logged[c.ID]; len(all) > 0 {
			d.run = all[0]
		}
		runs = append(runs, d)
	}
	return runs, handed
}

// caused are the deliveries that a call has caused, such as that of an object, and the
// calls that handed it on.
func (t *trail) caused(id string) (runs []delivery, handed []emulator.Call) {
	at, known := t.byID[id]
	if !known {
		return nil, nil
	}
	tries := 0
	for _, i := range t.children[id] {
		c := t.calls[i]
		switch {
		case isRun(c) && t.accepts(c):
			r, h := t.caused(c.ID)
			runs, handed = append(runs, r...), append(handed, h...)
		case isRun(c):
			d := delivery{call: c}
			// An event keeps its id in all its attempts, and the log knows it by that.
			if all := t.s.logged[c.ID]; len(all) > 0 {
				d.run = all[0]
			} else if all := t.s.logged[id]; tries < len(all) {
				d.run = all[tries]
				tries++
			}
			runs = append(runs, d)
		case c.Source != "":
			handed = append(handed, c)
			r, h := t.onward(c)
			runs, handed = append(runs, r...), append(handed, h...)
		}
	}
	if c := t.calls[at]; len(runs) == 0 && isRun(c) && !t.accepts(c) {
		if all := t.s.logged[c.ID]; len(all) > 0 {
			runs = append(runs, delivery{call: c, run: all[0]})
		}
	}
	return runs, handed
}

// accepts reports whether a call of Invoke only took an event, to be run by others.
func (t *trail) accepts(c emulator.Call) bool {
	return slices.ContainsFunc(t.children[c.ID], func(i int) bool { return isRun(t.calls[i]) && t.calls[i].Internal })
}

// onward follows what was handed on to a queue or a topic.
func (t *trail) onward(c emulator.Call) (runs []delivery, handed []emulator.Call) {
	for _, mark := range c.Carries {
		for _, i := range t.carriers[mark] {
			if isRun(t.calls[i]) {
				d := delivery{call: t.calls[i], place: slices.Index(t.calls[i].Carries, mark) + 1, of: len(t.calls[i].Carries)}
				if all := t.s.logged[d.call.ID]; len(all) > 0 {
					d.run = all[0]
				}
				runs = append(runs, d)
			}
		}
	}
	if len(runs) > 0 {
		return runs, nil
	}
	return t.caused(c.ID)
}

// outcome says how a delivery ended, and where in the learner's files; "" when that is
// not known.
func (t *trail) outcome(d delivery) (what, where string, failed bool) {
	switch {
	case d.call.Error != "":
		return "the call was answered with " + d.call.Error, "", true
	case d.run == nil:
		return "", "", false
	case d.run.failed == nil:
		return "the run ended well", "", false
	}
	f := d.run.failed
	if f.exited && strings.Contains(f.error, "killed") && !f.memory && t.crashes[d.call.Resource] > 0 {
		return "this check made the run crash", "", true
	}
	var c report.Cause
	t.s.raised(&c, f.error)
	switch {
	case f.timedOut:
		what = "the run timed out"
	case f.memory:
		what = "the run needed more memory than it may have"
	case c.Error != "":
		what = "the run raised " + beginning(c.Error)
	default:
		what = "the run ended without an answer"
	}
	return what, c.Where, true
}

// mostRaised bounds an exception in a step, in bytes: the cause tells all of it.
const mostRaised = 90

func beginning(s string) string {
	if len(s) <= mostRaised {
		return s
	}
	return strings.TrimRight(strings.ToValidUTF8(s[:mostRaised], ""), " ") + "…"
}

// writes are what a run has changed: its last write, and the first one that was refused.
func (t *trail) writes(run string) (last, refused *emulator.Call) {
	for _, i := range t.children[run] {
		c := &t.calls[i]
		if c.Source != "" || isRead(c.Operation) || c.Service == "cloudwatchlogs" {
			continue
		}
		if c.Error == "" {
			last = c
		} else if refused == nil {
			refused = c
		}
	}
	return last, refused
}

func isRead(operation string) bool {
	for _, verb := range []string{"Get", "List", "Describe", "Query", "Scan", "BatchGet", "Head", "Receive", "Assume",
		"TransactGet", "Decrypt"} {
		if strings.HasPrefix(operation, verb) {
			return true
		}
	}
	return false
}

// thing is what a call is about, in words.
func thing(c emulator.Call) string {
	switch c.Service {
	case "s3":
		bucket, key, _ := strings.Cut(c.Resource, "/")
		if key == "" {
			return "the bucket " + short(bucket)
		}
		return "the object " + key + " in the bucket " + short(bucket)
	case "sqs":
		return "the queue " + short(path.Base(c.Resource))
	case "dynamodb":
		if c.Resource != "" {
			return "the table " + short(c.Resource)
		}
	case "kinesis":
		return "the stream " + short(c.Resource)
	case "sns":
		return "the topic " + short(path.Base(c.Resource))
	}
	if c.Resource == "" {
		return c.Service
	}
	return short(c.Resource)
}

// waiting says of a record that no function was called with what is set up for it.
func (t *trail) waiting(ctx context.Context, r *sending) string {
	if t.mappings == nil {
		t.mappings = []lambdatypes.EventSourceMappingConfiguration{}
		pages := lambda.NewListEventSourceMappingsPaginator(lambda.NewFromConfig(t.s.looks),
			&lambda.ListEventSourceMappingsInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				break // what cannot be seen is not told
			}
			t.mappings = append(t.mappings, page.EventSourceMappings...)
		}
	}
	var out []string
	for _, m := range t.mappings {
		source := aws.ToString(m.EventSourceArn)
		if !strings.Contains(source, "/"+r.target+"/") && !strings.HasSuffix(source, "/"+r.target) &&
			!strings.HasSuffix(source, ":"+r.target) {
			continue
		}
		_, function, _ := strings.Cut(aws.ToString(m.FunctionArn), ":function:")
		out = append(out, short(function)+": "+mappingClause(m))
	}
	if len(out) == 0 {
		return "no function was called with it"
	}
	return "no function was called with it (" + strings.Join(out, "; ") + ")"
}

// lies says in which queue a message is now, "" for none or where that cannot be seen.
func (t *trail) lies(ctx context.Context, message string) string {
	if t.queued == nil {
		t.queued = map[string]string{}
		if !slices.Contains(t.s.o.Emulator.Capabilities(), emulator.SQSView) {
			return ""
		}
		pages := sqs.NewListQueuesPaginator(sqs.NewFromConfig(t.s.looks), &sqs.ListQueuesInput{})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				break
			}
			for _, url := range page.QueueUrls {
				t.look(ctx, url)
			}
		}
	}
	return t.queued[message]
}

func (t *trail) look(ctx context.Context, queue string) {
	_ = t.s.o.Emulator.Control().View(ctx, "sqs", "messages", t.s.config.Region, queue, func(raw json.RawMessage) error {
		var m struct {
			ID       string
			Receives int64
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			return err
		}
		t.queued[m.ID] = fmt.Sprintf("it is in the queue %s now, received %s", short(path.Base(queue)),
			report.Count(int(m.Receives), "time"))
		return nil
	}) // what cannot be seen is not told
}
