package outbox

import (
	"context"
	"fmt"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Deliver makes one attempt at once, without a row: for a delivery whose sender
// waits for the outcome, such as a test message. ctx carries the call at hand.
func (o *Outbox) Deliver(ctx context.Context, d Delivery) error {
	if d.ID == "" {
		d.ID = o.ids.UUID()
	}
	d.Made = o.clock.Now()
	return o.try(ctx, &d)
}

// Check asks the target whether it would let a delivery in, without delivering
// it; nil also from targets that cannot tell.
func (o *Outbox) Check(ctx context.Context, d Delivery) error {
	t, err := o.target(&d)
	if err != nil || t.Check == nil {
		return err
	}
	return t.Check(ctx, &d)
}

// target finds the adapter of a delivery. That there is none does not pass.
func (o *Outbox) target(d *Delivery) (Target, error) {
	name := d.Adapter
	if name == "" {
		arn, err := ident.ParseARN(d.Target)
		if err != nil {
			return Target{}, &GiveUp{err}
		}
		name = arn.Service
	}
	t, ok := o.targets[name]
	if !ok {
		return Target{}, &GiveUp{fmt.Errorf("nothing delivers to %s", d.Target)}
	}
	return t, nil
}

// try makes one attempt; a panic in it is a failed one.
func (o *Outbox) try(ctx context.Context, d *Delivery) (err error) {
	t, err := o.target(d)
	if err != nil {
		return err
	}
	if panicked := o.Guard("delivery to "+d.Target, func() { err = t.Deliver(ctx, d) }); panicked != nil {
		d.commit = nil // of an attempt that did not come to its end
		return panicked
	}
	return err
}

// attempt makes one attempt at a row and settles it.
func (o *Outbox) attempt(ctx context.Context, key string) {
	var d Delivery
	found := false
	_ = o.store.View(func(tx *store.Tx) error { // reads only: no error
		d, found = o.rows.Get(tx, everywhere, key)
		return nil
	})
	if !found {
		return // emptied by a reset, which schedules anew
	}
	err := o.try(ctx, &d)
	if err != nil && ctx.Err() != nil {
		return // cut short by Stop: it does not count, and comes again
	}
	o.settle(key, d, err)
}

// settle stores what became of an attempt: a row is removed, or has its next
// attempt, together with what the adapter commits.
func (o *Outbox) settle(key string, d Delivery, failed error) {
	now := o.clock.Now()
	commit := d.commit
	d.commit = nil
	again := false
	if failed != nil {
		d.Attempts++
		d.Due, again = d.next(failed, now)
		o.report(&d, failed, again)
	}
	err := o.store.Update(func(tx *store.Tx) error {
		for _, fn := range commit {
			fn(tx)
		}
		if again {
			o.rows.Put(tx, everywhere, key, d)
			return nil
		}
		o.rows.Delete(tx, everywhere, key)
		if failed != nil && d.DeadLetter != nil {
			o.Send(tx, d.deadLetter())
		}
		return nil
	})
	if err != nil { // the row is as it was: the attempt is made again
		o.log.Error("delivery not settled", "target", d.Target, "error", err)
		d.Due, again = now.Add(d.Policy.wait(d.Attempts+1)), true
	}
	if again {
		o.again(key, d)
		return
	}
	o.settled(key, d)
}

// report logs a failed attempt: one that was the last concerns somebody.
func (o *Outbox) report(d *Delivery, err error, again bool) {
	if again {
		o.log.Debug("not delivered", "target", d.Target, "attempts", d.Attempts, "error", err)
		return
	}
	o.log.Warn("delivery given up", "source", d.SourceARN, "target", d.Target, "attempts", d.Attempts, "error", err)
}
