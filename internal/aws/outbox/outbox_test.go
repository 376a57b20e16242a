package outbox_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/outbox"
	"github.com/pipelab/pipelab/internal/aws/store"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// post is an outbox with a target that notes what it gets.
type post struct {
	*outbox.Outbox
	t     *testing.T
	store *store.Store
	clock *clock.Clock
	log   *bytes.Buffer

	mu   sync.Mutex
	got  []string                     // minutes after the epoch, and payload
	fail func(*outbox.Delivery) error // what the target answers; nil takes everything
}

func open(t *testing.T, dir string, clk *clock.Clock) *post {
	t.Helper()
	p := &post{t: t, store: store.New(store.Options{Dir: dir}), clock: clk, log: &bytes.Buffer{}}
	p.Outbox = outbox.New(p.store, p.clock, ident.NewSeeded(1), slog.New(slog.NewTextHandler(p.log, nil)))
	p.Register(outbox.Target{Name: "sqs", Deliver: p.take, Check: func(_ context.Context, d *outbox.Delivery) error {
		return p.fail(d)
	}})
	require.NoError(t, p.store.Open())
	return p
}

func start(t *testing.T) *post {
	t.Helper()
	p := open(t, "", clock.NewManual(epoch))
	require.NoError(t, p.Start(t.Context()))
	t.Cleanup(p.Stop)
	return p
}

func (p *post) take(_ context.Context, d *outbox.Delivery) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, p.clock.Now().Sub(epoch).String()+" "+string(d.Payload))
	if p.fail != nil {
		return p.fail(d)
	}
	return nil
}

func (p *post) send(all ...outbox.Delivery) {
	p.t.Helper()
	require.NoError(p.t, p.store.Update(func(tx *store.Tx) error {
		for _, d := range all {
			p.Send(tx, d)
		}
		return nil
	}))
}

func (p *post) pass(d time.Duration) []string {
	p.t.Helper()
	require.NoError(p.t, p.clock.Advance(context.Background(), d))
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

func to(queue, payload string) outbox.Delivery {
	return outbox.Delivery{Target: "arn:aws:sqs:us-east-1:000000000000:" + queue, Payload: []byte(payload)}
}

func TestSend_deliversWhatIsCommittedWhenItIsDue(t *testing.T) {
	t.Parallel()
	p := start(t)
	late := to("q", "late")
	late.Due = epoch.Add(time.Minute)
	p.send(late, to("q", "a"), to("q", "b"))
	err := p.store.Update(func(tx *store.Tx) error {
		p.Send(tx, to("q", "never"))
		return errors.New("the producer failed")
	})
	require.Error(t, err)
	require.Equal(t, []string{"0s a", "0s b"}, p.pass(0))
	require.Equal(t, []string{"1m0s late"}, p.pass(time.Hour))
	require.Empty(t, p.pass(1000*time.Hour), "delivered once")
}

func TestPolicy_saysHowLongADeliveryIsTried(t *testing.T) {
	t.Parallel()
	p := start(t)
	var ids []string
	p.fail = func(d *outbox.Delivery) error {
		ids = append(ids, d.ID)
		return errors.New("queue is full")
	}
	d := to("q", "x")
	d.Policy = outbox.Policy{Attempts: 5, First: time.Minute, Longest: 3 * time.Minute}
	p.send(d)
	require.Equal(t, []string{"0s x", "1m0s x", "3m0s x", "6m0s x", "9m0s x"}, p.pass(24*time.Hour))
	require.NotEmpty(t, ids[0])
	require.Equal(t, ids[0], ids[4], "one delivery, whatever the number of attempts")
	require.Contains(t, p.log.String(), "queue is full")

	d.Policy = outbox.Policy{Age: 10 * time.Minute, First: time.Minute}
	p.send(d)
	require.Equal(t, []string{"24h0m0s x", "24h1m0s x", "24h3m0s x", "24h7m0s x", "24h12m0s x"}, p.pass(24*time.Hour),
		"the longest wait is five minutes unless the policy says otherwise")
}

func TestRetry_isTheAdaptersOwnSchedule(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.fail = func(d *outbox.Delivery) error {
		d.State = append(d.State, '1') // valid JSON, as it grows
		if len(d.State) == 3 {
			return &outbox.GiveUp{Err: errors.New("enough")}
		}
		return &outbox.Retry{After: time.Duration(len(d.State)) * time.Hour, Err: errors.New("not yet")}
	}
	p.send(to("q", "x"))
	require.Equal(t, []string{"0s x", "1h0m0s x", "3h0m0s x"}, p.pass(240*time.Hour))
}

func TestDeadLetter_takesThePlaceOfWhatIsGivenUp(t *testing.T) {
	t.Parallel()
	p := start(t)
	var dead outbox.Delivery
	p.fail = func(d *outbox.Delivery) error {
		if d.DeadLetter != nil {
			return errors.New("no such queue")
		}
		dead = *d
		return nil
	}
	d := to("q", "x")
	d.Cause, d.Sender, d.SourceARN = "call-1", outbox.Sender{Service: "s3.amazonaws.com", Account: "1"}, "arn:aws:s3:::b"
	d.Policy.Attempts = 2
	letters := to("dlq", "")
	letters.Payload = nil
	d.DeadLetter = &letters
	p.send(d)
	require.Equal(t, []string{"0s x", "1s x", "1s x"}, p.pass(time.Hour))
	require.Equal(t, letters.Target, dead.Target)
	require.Equal(t, []any{d.Cause, d.Sender, d.SourceARN}, []any{dead.Cause, dead.Sender, dead.SourceARN})
}

func TestCommit_isPartOfWhatSettlesTheAttempt(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.fail = func(d *outbox.Delivery) error {
		if string(d.Payload) == "first" {
			d.Commit(func(tx *store.Tx) { p.Send(tx, to("q", "second")) })
		}
		return nil
	}
	p.send(to("q", "first"))
	require.Equal(t, []string{"0s first", "0s second"}, p.pass(0))
}

func TestOrder_letsOneOutAtATime(t *testing.T) {
	t.Parallel()
	p := start(t)
	var all []outbox.Delivery
	for _, payload := range []string{"a1", "b1", "a2", "a3"} {
		d := to("q", payload)
		d.Order = payload[:1]
		all = append(all, d)
	}
	stuck := true
	p.fail = func(d *outbox.Delivery) error {
		if stuck && string(d.Payload) == "a1" {
			return &outbox.Retry{After: time.Minute, Err: errors.New("busy")}
		}
		return nil
	}
	p.send(all...)
	require.Equal(t, []string{"0s a1", "0s b1"}, p.pass(time.Second))
	stuck = false
	require.Equal(t, []string{"1m0s a1", "1m0s a2", "1m0s a3"}, p.pass(time.Hour))
}

func TestAttempt_survivesAPanicOfItsAdapter(t *testing.T) {
	t.Parallel()
	p := start(t)
	times := 0
	p.fail = func(d *outbox.Delivery) error {
		d.Commit(func(*store.Tx) { require.Equal(t, 2, times, "only the attempt that counts commits") })
		if times++; times == 1 {
			panic("adapter is broken")
		}
		return nil
	}
	p.send(to("q", "x"))
	require.Equal(t, []string{"0s x", "1s x"}, p.pass(time.Hour))
	require.Contains(t, p.log.String(), "adapter is broken")
}

func TestTarget_unknownIsGivenUp(t *testing.T) {
	t.Parallel()
	p := start(t)
	d := to("q", "x")
	d.Target = "arn:aws:sns:us-east-1:000000000000:topic"
	p.send(d)
	require.Empty(t, p.pass(time.Hour))
	require.Contains(t, p.log.String(), "nothing delivers to")
	require.Error(t, p.Deliver(t.Context(), d))
	require.Error(t, p.Check(t.Context(), d))
}

func TestDeliver_isOneAttemptWithoutARow(t *testing.T) {
	t.Parallel()
	p := start(t)
	refused := errors.New("refused")
	p.fail = func(*outbox.Delivery) error { return refused }
	require.ErrorIs(t, p.Deliver(t.Context(), to("q", "test")), refused)
	require.ErrorIs(t, p.Check(t.Context(), to("q", "test")), refused)
	require.Equal(t, []string{"0s test"}, p.pass(time.Hour))
}

func TestStart_takesUpWhatAnotherProcessHasLeft(t *testing.T) {
	t.Parallel()
	dir, clk := t.TempDir(), clock.NewManual(epoch)
	p := open(t, dir, clk)
	require.NoError(t, p.Start(t.Context()))
	p.fail = func(*outbox.Delivery) error { return errors.New("target is down") }
	d := to("q", "x")
	d.Policy = outbox.Policy{First: time.Hour, Longest: time.Hour}
	p.send(d)
	require.Equal(t, []string{"0s x", "1h0m0s x"}, p.pass(90*time.Minute))
	p.Stop()
	require.NoError(t, p.store.Close())

	p = open(t, dir, clk)
	p.send(to("q", "before Start")) // numbered behind what is there
	require.NoError(t, p.Start(t.Context()))
	t.Cleanup(p.Stop)
	require.Equal(t, []string{"1h30m0s before Start", "2h0m0s x"}, p.pass(24*time.Hour),
		"in its own time, and the next attempt is the one that counts")
	require.NoError(t, p.store.Close())
}

// A delivery that a transaction commits while Start looks for what is left is
// known to both.
func TestStart_schedulesADeliveryOnce(t *testing.T) {
	t.Parallel()
	p := open(t, "", clock.NewManual(epoch))
	const rounds = 300
	for range rounds {
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			p.send(to("q", "x"))
		}()
		require.NoError(t, p.Start(t.Context()))
		<-sent
		require.Len(t, p.pass(time.Minute), 1)
		p.Stop()
	}
}

func TestStop_leavesNothingOfAnEarlierStateBehind(t *testing.T) {
	t.Parallel()
	p := start(t)
	entered, leave := make(chan struct{}), make(chan struct{})
	p.fail = func(*outbox.Delivery) error {
		close(entered)
		<-leave
		return errors.New("cut short")
	}
	ordered := to("q", "x")
	ordered.Order = "line"
	p.send(ordered, ordered)
	moved := make(chan error, 1)
	go func() { moved <- p.clock.Advance(context.Background(), 0) }()
	<-entered
	p.Cancel()
	close(leave)
	p.Stop() // waits for the attempt
	require.NoError(t, <-moved)
	require.NoError(t, p.store.Reset())
	p.fail = nil
	require.NoError(t, p.Start(t.Context()))
	p.pass(0)
	require.Empty(t, p.pass(1000*time.Hour), "what was in flight is not of this state")
	p.send(ordered)
	require.Equal(t, []string{"1000h0m0s x"}, p.pass(0), "and holds up nothing")
}
