package esm

import (
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// receiveMax is how many messages one ReceiveMessage returns at most.
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
const receiveMax = 10

// queueWorker polls one queue for one mapping and runs batches side by side.
type queueWorker struct {
	*worker
	wake       *waker
	visibility time.Duration
	asked      time.Time // when that was read
	collected  []*message
	deadline   time.Time // of the batching window that collected has begun
	failures   int
	group      sync.WaitGroup

	mu      sync.Mutex
	running int       // batches at work
	busyAt  time.Time // since when all pollers of the beginning have been at work
}

// message is a received message on its way through the function.
type message struct {
	id, handle, group string
	event             []byte
	trace             string    // AWSTraceHeader
	until             time.Time // when the queue shows it again
}

// runQueue is the loop of a queue's worker.
//
// AWS: long polls run all the time. Here the queue is asked when it signals and
// while it holds messages that cannot be received yet; an empty queue is left
// alone.
func (w *worker) runQueue(wake *waker) {
	q := &queueWorker{worker: w, wake: wake}
	defer q.group.Wait()
	defer w.drainOnPanic()
	cancel := w.m.host.Signals.Listen(w.source.String(), func() {
		w.m.hold()
		wake.poke()
	})
	defer cancel()
	for {
		until, more := q.step()
		if more && w.soft.Err() == nil {
			continue
		}
		if err := wake.park(w.soft, until); err != nil {
			if w.hard.Err() == nil { // changed, not stopped: nothing received is left behind
				for len(q.collected) > 0 {
					q.dispatch()
				}
			}
			return
		}
	}
}

// step receives once if a poller is free. more asks for another step at once;
// otherwise the next one is due at until, or at a poke when that is zero.
func (q *queueWorker) step() (until time.Time, more bool) {
	now := q.m.host.Clock.Now()
	if free, at := q.poller(now); !free {
		return at, false
	}
	if n := q.ready(now); n > 0 {
		q.dispatch()
		return time.Time{}, true
	}
	msgs, err := q.receive(min(receiveMax, q.set.batch-len(q.collected)))
	if err != nil {
		q.failures++
		q.sourceFailed(err)
		return now.Add(backoff(q.failures + 3)), false
	}
	q.failures = 0
	if len(msgs) == 0 {
		return q.rest(now), false
	}
	q.take(msgs, now)
	return time.Time{}, true
}

// rest is when an empty queue is asked again: at the end of the batching
// window, and every second while messages are delayed or in flight, because
// those show up without being sent. Zero waits for the queue's signal.
func (q *queueWorker) rest(now time.Time) time.Time {
	more, err := q.attributes()
	if err != nil || !more {
		return q.deadline
	}
	next := now.Add(time.Second)
	if !q.deadline.IsZero() && q.deadline.Before(next) {
		next = q.deadline
	}
	return next
}

// ready counts the messages of the next batch, 0 when it has to wait.
func (q *queueWorker) ready(now time.Time) int {
	n, size := 0, int64(0)
	for _, m := range q.collected {
		size += int64(len(m.event)) + 1
		if n == q.set.batch || size > limit("batchPayloadBytes")-envelopeBytes && n > 0 {
			return n
		}
		n++
	}
	if n == q.set.batch || n > 0 && !now.Before(q.deadline) {
		return n
	}
	return 0
}

// receive asks the queue for up to n messages, without waiting.
func (q *queueWorker) receive(n int) ([]types.Message, error) {
	if q.m.host.Clock.Now().Sub(q.asked) > time.Minute {
		if _, err := q.attributes(); err != nil {
			return nil, err
		}
	}
	out, err := call[sqs.ReceiveMessageOutput](q.soft, q.m.host, q.role(), q.source.Scope(), "sqs", "ReceiveMessage",
		&sqs.ReceiveMessageInput{
			QueueUrl: &q.cfg.QueueURL, MaxNumberOfMessages: int32(n), MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// take turns messages into events; those that no filter wants are deleted.
func (q *queueWorker) take(msgs []types.Message, now time.Time) {
	var unwanted []*message
	for i := range msgs {
		m, doc := q.event(&msgs[i])
		m.until = now.Add(q.visibility)
		if !q.passes(doc) {
			unwanted = append(unwanted, m)
			continue
		}
		if len(q.collected) == 0 {
			q.deadline = now.Add(q.set.window)
		}
		q.collected = append(q.collected, m)
	}
	q.remove(unwanted)
}

func (q *queueWorker) passes(doc any) bool {
	for _, p := range q.set.filters {
		if matches(p, q.kind, doc) {
			return true
		}
	}
	return len(q.set.filters) == 0
}

// dispatch starts a batch of what is collected.
func (q *queueWorker) dispatch() {
	n := q.ready(q.deadline)
	if n == 0 {
		return
	}
	batches := [][]*message{q.collected[:n:n]}
	q.collected = q.collected[n:]
	for q.kind == kindFIFO && len(q.collected) > 0 { // one after the other: they may share a group
		n = max(1, q.ready(q.deadline))
		batches, q.collected = append(batches, q.collected[:n:n]), q.collected[n:]
	}
	if len(q.collected) == 0 {
		q.deadline = time.Time{}
	}
	q.mu.Lock()
	q.running++
	if q.running == int(limit("queuePollers")) {
		q.busyAt = q.m.host.Clock.Now()
	}
	q.mu.Unlock()
	q.m.host.Clock.Begin()
	q.group.Go(func() {
		defer q.m.host.Clock.End()
		q.protect(func() {
			for _, batch := range batches {
				if !q.process(batch) {
					break // the rest comes back with what failed before it
				}
			}
		})
		q.mu.Lock()
		q.running--
		q.mu.Unlock()
		q.wake.poke()
	})
}

// poller reports whether another batch may run now, else when to ask again.
// Batches run on five pollers at first, and on 300 more a minute while those
// are busy, up to MaximumConcurrency.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
func (q *queueWorker) poller(now time.Time) (free bool, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	most := int(limit("queuePollersMax"))
	if q.set.parallel > 0 {
		most = q.set.parallel
	}
	base, every := int(limit("queuePollers")), time.Minute/time.Duration(limit("queuePollersPerMinute"))
	if q.running < min(base, most) {
		return true, at
	}
	if q.running >= most {
		return false, at // a batch that ends pokes
	}
	due := q.busyAt.Add(time.Duration(q.running-base+1) * every)
	return !now.Before(due), due
}
