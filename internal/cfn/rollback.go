package cfn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Recover brings a stack whose operation was cut short (the process was
// killed) to rest: what was being created or updated is rolled back, what was
// being deleted or cleaned up is finished. A stack at rest stays as it is.
func (e *Engine) Recover(ctx context.Context, stack string) error {
	d, err := e.Load(ctx, stack)
	if err != nil || d == nil {
		return err
	}
	const reason = "The operation was interrupted. "
	switch d.Status {
	case "CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS":
		return e.rollback(ctx, d, "CREATE", reason)
	case "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED":
		return e.rollback(ctx, d, "UPDATE", reason)
	case "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
		e.cleanUp(ctx, d)
		if err := e.interrupted(ctx); err != nil {
			return err
		}
		d.settleAll()
		return e.stackStatus(ctx, d, "UPDATE_COMPLETE", "")
	case "DELETE_IN_PROGRESS":
		return e.Delete(ctx, stack)
	}
	return nil
}

// rollback undoes, in reverse order, what the running operation has done.
func (e *Engine) rollback(ctx context.Context, d *Document, kind, reason string) error {
	prefix := "ROLLBACK"
	if kind == "UPDATE" {
		prefix = "UPDATE_ROLLBACK"
	}
	if err := e.stackStatus(ctx, d, prefix+"_IN_PROGRESS", reason+"Rollback requested by user."); err != nil {
		return err
	}
	var errs []error
	for _, id := range slices.Backward(d.Order) {
		rec := d.Resources[id]
		if rec == nil {
			continue
		}
		if err := e.undo(ctx, d, rec); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", id, err))
		}
		if err := e.interrupted(ctx); err != nil {
			return err
		}
	}
	if len(errs) > 0 {
		err := errors.Join(errs...)
		return errors.Join(err, e.stackStatus(ctx, d, prefix+"_FAILED", err.Error()))
	}
	d.Order, d.Outputs, d.Parameters = d.PrevOrder, d.PrevOutputs, d.PrevParams
	d.settleAll()
	return e.stackStatus(ctx, d, prefix+"_COMPLETE", "")
}

// undo returns one resource to what it was before the operation.
func (e *Engine) undo(ctx context.Context, d *Document, rec *Record) error {
	if rec.New || rec.Replacing {
		if err := e.remove(ctx, d, rec, rec.DeletionPolicy == "Retain" && rec.Status != "CREATE_FAILED"); err != nil {
			return err
		}
		e.with(func() {
			delete(d.Resources, rec.LogicalID)
			if rec.Before != nil {
				d.Resources[rec.LogicalID] = rec.Before
			}
		})
		return e.save(ctx, d)
	}
	if rec.Before == nil || !strings.HasPrefix(rec.Status, "UPDATE_") ||
		canonical(rec.Before.Properties) == canonical(rec.Properties) {
		return nil
	}
	e.emit(d, rec, "UPDATE_IN_PROGRESS", "")
	r := rec.Before.resource(d)
	r.Previous = rec.Properties
	state, err := e.Provider.Update(ctx, r)
	if err != nil {
		e.emit(d, rec, "UPDATE_FAILED", err.Error())
		return err
	}
	back := *rec.Before
	back.learn(state)
	back.Status = "UPDATE_COMPLETE"
	e.with(func() { d.Resources[rec.LogicalID] = &back })
	e.emit(d, &back, back.Status, "")
	return e.save(ctx, d)
}

// remove deletes the object behind a record, unless it is to be retained or
// was never made.
func (e *Engine) remove(ctx context.Context, d *Document, rec *Record, retain bool) error {
	gone := *rec
	if gone.PhysicalID == "" && gone.Status == "CREATE_IN_PROGRESS" {
		// The process died during the call: look whether it took effect.
		state, err := e.Provider.Read(ctx, gone.resource(d))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		gone.PhysicalID, gone.Attributes = state.PhysicalID, state.Attributes
	}
	if gone.PhysicalID == "" {
		return nil
	}
	if retain {
		e.emit(d, &gone, "DELETE_SKIPPED", "")
		return nil
	}
	e.emit(d, &gone, "DELETE_IN_PROGRESS", "")
	if err := e.Provider.Delete(ctx, gone.resource(d)); err != nil && !errors.Is(err, ErrNotFound) {
		e.emit(d, &gone, "DELETE_FAILED", err.Error())
		return err
	}
	e.emit(d, &gone, "DELETE_COMPLETE", "")
	return nil
}

// cleanUp deletes, after a successful update, what it replaced and what the
// template no longer has. As on AWS a failure here does not fail the update:
// the object stays behind and the event says so.
func (e *Engine) cleanUp(ctx context.Context, d *Document) {
	for _, id := range slices.Backward(d.PrevOrder) {
		rec := d.Resources[id]
		switch {
		case rec == nil:
		case !slices.Contains(d.Order, id):
			_ = e.remove(ctx, d, rec, rec.DeletionPolicy != "Delete") // reported by its event
			e.with(func() { delete(d.Resources, id) })
		case rec.Replacing && rec.Before != nil:
			_ = e.remove(ctx, d, rec.Before, rec.Before.UpdateReplacePolicy != "Delete") // reported by its event
			done := *rec
			done.Before, done.Replacing = nil, false
			e.with(func() { d.Resources[id] = &done })
		}
	}
}

// Delete removes a stack and everything in it, in reverse order of creation.
// A stack that does not exist is no error. What cannot be deleted stays in the
// stack, which then has the status DELETE_FAILED, and the error names it.
func (e *Engine) Delete(ctx context.Context, stack string) error {
	d, err := e.Load(ctx, stack)
	if err != nil || d == nil || d.Status == "DELETE_COMPLETE" {
		return err
	}
	switch d.Status {
	case "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS":
		if err := e.Recover(ctx, stack); err != nil {
			return err
		}
		if d, err = e.Load(ctx, stack); err != nil {
			return err
		}
	}
	if err := e.stackStatus(ctx, d, "DELETE_IN_PROGRESS", "User Initiated"); err != nil {
		return err
	}
	var errs []error
	blocked := map[string]bool{} // what a resource that is still there needs
	for _, id := range slices.Backward(d.Order) {
		rec := d.Resources[id]
		if rec == nil {
			continue
		}
		if !blocked[id] {
			if err := e.remove(ctx, d, rec, rec.DeletionPolicy == "Retain" ||
				rec.DeletionPolicy == "RetainExceptOnCreate"); err != nil {
				if err := e.interrupted(ctx); err != nil {
					return err
				}
				errs = append(errs, fmt.Errorf("%s: %w", id, err))
				blocked[id] = true
			}
		}
		if blocked[id] {
			for _, dep := range rec.DependsOn {
				blocked[dep] = true
			}
			continue
		}
		e.with(func() { delete(d.Resources, id) })
		if err := e.save(ctx, d); err != nil {
			return err
		}
	}
	if len(errs) > 0 {
		err := errors.Join(errs...)
		return errors.Join(err, e.stackStatus(ctx, d, "DELETE_FAILED", err.Error()))
	}
	d.Outputs = nil
	return e.stackStatus(ctx, d, "DELETE_COMPLETE", "")
}
