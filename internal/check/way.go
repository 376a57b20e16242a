package check

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/datagen"
	"github.com/pipelab/pipelab/internal/digest"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/report"
)

// Bounds of what looking for a way costs and shows.
const (
	mostTried = 300 // records that are followed to find the one that went wrong
	mostSteps = 12  // of a way
	wayTime   = 5 * time.Second
)

// way follows one record that went wrong through the trace; nil where none can be
// found. Nothing in it is guessed: where the trace ends, it ends.
func (s *session) way(ctx context.Context) *report.Way {
	if len(s.ways) == 0 || !slices.Contains(s.o.Emulator.Capabilities(), emulator.TraceInside) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, wayTime)
	defer cancel()
	t := s.newTrail(ctx)
	if t == nil {
		return nil
	}
	all := s.sendings()
	k := knowing(all)
	chosen, found := k.candidates(s.suspect), true
	if len(chosen) == 0 { // nothing says which: only what went wrong visibly is worth telling
		found = false
		for i := range all {
			chosen = append(chosen, i)
		}
	}
	same := map[string][]int{} // a record may have been sent twice
	for i := range all {
		same[all[i].of()] = append(same[all[i].of()], i)
	}
	var best *journey
	at := 0
	for _, i := range chosen[:min(len(chosen), mostTried)] {
		j := &journey{}
		for n, other := range same[all[i].of()][:min(3, len(same[all[i].of()]))] {
			j.again = n > 0
			t.follow(ctx, &all[other], j)
		}
		if best == nil || j.weight(&all[i]) > best.weight(&all[at]) {
			best, at = j, i
		}
	}
	if best == nil || !found && best.weight(&all[at]) < failedLast || !found && all[at].flag(datagen.FlagPoison) {
		return nil
	}
	return &report.Way{Record: k.name(at, &all[at]), Steps: best.told()}
}

// of tells records apart that are the same for a pipeline.
func (r *sending) of() string {
	if r.item != nil {
		return string(r.kind) + canonical(r.fields)
	}
	return strings.Join([]string{string(r.kind), r.target, r.key, r.text}, "\x00")
}

// journey is what became of a record.
type journey struct {
	steps []step
	at    time.Time // when the latest call in it began
	again bool      // a further copy of the record is followed

	delivered, done int // how often it came to a function, and ended well
	lost            int // the worst that became of it
}

// step is one of its steps, and when it was, also where that is not shown.
type step struct {
	at time.Time
	report.Step
}

// What became of a record, the more telling the greater.
const (
	asPlanned  = iota
	sentTwice  // by the check itself
	twice      // delivered and done more than once
	unwritten  // a write of a run that ended well was refused
	nowhere    // no function was called with it, or nobody wrote it
	failedLast // its last run ended in error
	givenUp    // and that was the end of it
)

func (j *journey) weight(r *sending) int {
	out := j.lost
	switch {
	case r.flag(datagen.FlagPoison):
		return -1 // that this one fails is right
	case j.again:
		out = max(out, sentTwice)
	}
	if j.done > 1 {
		out = max(out, twice)
	}
	return out
}

func (j *journey) add(c *emulator.Call, where, format string, args ...any) {
	st := step{at: j.at, Step: report.Step{What: fmt.Sprintf(format, args...), Where: where}}
	if c != nil {
		j.at, st.at, st.At = c.Time, c.Time, c.Time
	}
	j.steps = append(j.steps, st)
}

// told are the steps in their order, not too many of them.
func (j *journey) told() (out []report.Step) {
	slices.SortStableFunc(j.steps, func(a, b step) int { return a.at.Compare(b.at) })
	for i, st := range j.steps {
		if len(j.steps) > mostSteps && i >= mostSteps-2 && i < len(j.steps)-1 {
			if i == mostSteps-2 {
				out = append(out, report.Step{What: fmt.Sprintf("… and %d more of such steps", len(j.steps)-mostSteps+1)})
			}
			continue
		}
		out = append(out, st.Step)
	}
	return out
}

// follow adds the way of one record to a journey.
func (t *trail) follow(ctx context.Context, r *sending, j *journey) {
	var sent *emulator.Call
	if i, ok := t.byID[r.call]; ok {
		sent = &t.calls[i]
		j.at = sent.Time
	}
	t.sent(r, sent, j)
	var runs []delivery
	var handed []emulator.Call
	switch r.kind {
	case toStream, toQueue:
		runs, handed = t.carried(r.id)
	case toBucket, toFunction:
		runs, handed = t.caused(r.call)
	case toTable:
		ids := t.changed(ctx, r)
		if len(ids) == 0 { // the table has no stream, or one without what was written
			j.add(nil, "", "nothing more is in the trace")
			return
		}
		for _, id := range ids {
			more, h := t.carried(id)
			runs, handed = append(runs, more...), append(handed, h...)
		}
	case toProgram:
		t.written(r, j)
		return
	}
	t.delivered(runs, j)
	last := len(runs) > 0 && j.lost >= failedLast
	for i, c := range handed {
		switch {
		case c.Error != "":
			j.add(&c, "", "handing it to %s was answered with %s", thing(c), c.Error)
		case last && (i == len(handed)-1 || c.Source != ""):
			j.lost = givenUp
			j.add(&c, "", "given up → %s", thing(c))
		default:
			j.add(&c, "", "handed on to %s", thing(c))
		}
	}
	switch {
	case len(handed) > 0 || len(runs) > 0 && !last:
	case r.kind == toQueue && t.lies(ctx, r.id) != "":
		j.add(nil, "", "%s", t.lies(ctx, r.id))
		j.lost = max(j.lost, nowhere)
	case len(runs) > 0:
		j.add(nil, "", "nothing more is in the trace")
	case r.kind == toStream || r.kind == toQueue || r.kind == toTable:
		j.add(nil, "", "%s; nothing more is in the trace", t.waiting(ctx, r))
		j.lost = max(j.lost, nowhere)
	case r.kind == toBucket:
		j.add(nil, "", "nothing more is in the trace: nobody was told of it")
		j.lost = max(j.lost, nowhere)
	default:
		j.add(nil, "", "nothing more is in the trace")
	}
}

// sent is the first step.
func (t *trail) sent(r *sending, c *emulator.Call, j *journey) {
	again := ""
	if j.again {
		again = " again"
	}
	name := short(path.Base(r.target))
	switch r.kind {
	case toStream:
		j.add(c, "", "sent%s to the stream %s, %s", again, name, r.at)
	case toQueue:
		j.add(c, "", "sent%s to the queue %s", again, name)
	case toTable:
		j.add(c, "", "written%s to the table %s", again, name)
	case toBucket:
		j.add(c, "", "put%s into the bucket %s", again, name)
	case toFunction:
		j.add(c, "", "%s was invoked%s with it", name, again)
	case toProgram:
		j.add(c, "", "line %d of what %s read%s", r.line, r.target, again)
	}
}

// delivered tells how the functions dealt with a record. Failures that are alike are
// told once.
func (t *trail) delivered(runs []delivery, j *journey) {
	slices.SortStableFunc(runs, func(a, b delivery) int { return a.call.Time.Compare(b.call.Time) })
	for i := 0; i < len(runs); i++ {
		d := runs[i]
		what, where, failed := t.outcome(d)
		j.delivered++
		n := i + 1
		for failed && n < len(runs) {
			w, at, f := t.outcome(runs[n])
			if !f || w != what || at != where || runs[n].call.Resource != d.call.Resource {
				break
			}
			n++
			j.delivered++
		}
		text := "delivered to " + short(d.call.Resource) + d.batch()
		if i > 0 {
			text = "delivered again to " + short(d.call.Resource) + d.batch()
		}
		if what != "" {
			text += "; " + what
		}
		j.add(&d.call, where, "%s", text)
		if n-i > 1 {
			j.add(&runs[n-1].call, "", "tried %d times in all, and each time so", n-i)
		}
		i = n - 1
		if failed {
			j.lost = max(j.lost, failedLast)
			if last, _ := t.writes(runs[i].call.ID); last != nil {
				j.add(last, "", "what that run had written by then stays: %s, %s", last.Operation, thing(*last))
			}
			continue
		}
		if j.lost == failedLast {
			j.lost = asPlanned
		}
		j.done++
		t.wrote(d, j)
	}
}

// batch is a delivery's place among others.
func (d delivery) batch() string {
	if d.of < 2 || d.place < 1 {
		return ""
	}
	return fmt.Sprintf(", as record %d of %d", d.place, d.of)
}

// wrote tells what a run that ended well has written.
func (t *trail) wrote(d delivery, j *journey) {
	last, no := t.writes(d.call.ID)
	if no != nil {
		j.add(no, "", "%s of that run, %s, was answered with %s", no.Operation, thing(*no), no.Error)
		if last == nil || last.Seq < no.Seq {
			j.lost = max(j.lost, unwritten)
		}
	}
	switch {
	case last != nil:
		j.add(last, "", "last write of that run: %s, %s", last.Operation, thing(*last))
	case no == nil && d.run != nil:
		j.add(nil, "", "that run wrote nothing")
		j.lost = max(j.lost, nowhere)
	}
}

// written tells where the check found what a program had read.
func (t *trail) written(r *sending, j *journey) {
	id := ""
	if r.entry != nil {
		id = r.entry.ID
	}
	if id == "" {
		j.add(nil, "", "nothing more is in the trace")
		return
	}
	found := 0
	for _, row := range t.rows() {
		if strings.Contains(row.text, id) && mentions(row.text, id) {
			found++
			t.in(row.place, row.value, j)
		}
	}
	looked := t.looked
	printed := t.printed()
	switch {
	case found == 0 && printed != "":
		if mentions(printed, id) {
			j.add(nil, "", "found in what it printed")
			return
		}
		j.add(nil, "", "not in what it printed; nothing more is in the trace")
		j.lost = max(j.lost, nowhere)
	case found == 0 && len(looked) > 0:
		j.add(nil, "", "not in %s; nothing more is in the trace", strings.Join(looked, ", nor in "))
		j.lost = max(j.lost, nowhere)
	case found == 0:
		j.add(nil, "", "nothing more is in the trace")
	case found > 1:
		j.lost = max(j.lost, twice)
	}
}

// row is one thing that the check found in a place, with its text.
type row struct {
	place, text string
	value       any
}

// rows are what the check found in places that it looked at. Their texts are made once:
// hundreds of records are looked for in them.
func (t *trail) rows() []row {
	if t.found != nil {
		return t.found
	}
	t.found = []row{}
	for _, name := range t.s.names {
		values, ok := t.s.seen[name].([]any)
		place := t.s.shownPlace(t.s.probes[name])
		if !ok || place == "" {
			continue
		}
		t.looked = append(t.looked, place)
		for _, v := range values {
			t.found = append(t.found, row{place, canonical(v), v})
		}
	}
	return t.found
}

// printed is what the programs have written to their standard output.
func (t *trail) printed() string {
	if t.output != nil {
		return *t.output
	}
	var b strings.Builder
	for _, all := range t.s.runs {
		list, _ := all.([]any)
		for _, one := range list {
			b.WriteString(text(field(one, "stdout")) + "\n")
		}
	}
	out := strings.TrimSpace(b.String())
	t.output = &out
	return out
}

// in tells of one place where a record is, and of what came of it there.
func (t *trail) in(place string, row any, j *journey) {
	shard, sequence := text(field(row, "shard")), text(field(row, "sequence"))
	if shard == "" || sequence == "" {
		if key := text(field(row, "key")); key != "" {
			place = "the object " + key + " in " + place
		}
		j.add(nil, "", "found in %s", place)
		return
	}
	id := digest.InShard(shard, sequence)
	var put *emulator.Call
	for _, i := range t.carriers[digest.Fingerprint(id)] {
		if t.calls[i].Service == "kinesis" {
			put = &t.calls[i]
		}
	}
	j.add(put, "", "found in %s, %s, with the partition key %s", place, shard, text(field(row, "key")))
	runs, _ := t.carried(id)
	t.delivered(runs, j)
}
