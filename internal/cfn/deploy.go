package cfn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Result is what a deployment came to.
type Result struct {
	StackID string
	Status  string
	Outputs []OutputValue
	Changes []Change // empty: everything was as the template says already
}

// DeployError says which resource failed and why; the stack has been rolled
// back when it is returned, unless Rollback is set.
type DeployError struct {
	Stack    string
	File     string
	Pos      Pos
	Failed   []string // logical ids
	Err      error    // of the first of them
	Rollback error    // why the rollback failed too
}

// Error names the resource, its line and the reason.
func (e *DeployError) Error() string {
	s := fmt.Sprintf("%s:%d:%d: stack %s: %s: %v", e.File, e.Pos.Line, e.Pos.Column, e.Stack, strings.Join(e.Failed, ", "),
		e.Err)
	if e.Rollback != nil {
		s += fmt.Sprintf("; the rollback failed too: %v", e.Rollback)
	}
	return s
}

// Unwrap returns the reason.
func (e *DeployError) Unwrap() error { return e.Err }

// finished tells that a stack holds nothing any more.
func (d *Document) finished() bool {
	return d.Status == "DELETE_COMPLETE" || d.Status == "ROLLBACK_COMPLETE" && len(d.Resources) == 0
}

// Deploy makes the stack what the template says. An operation that was cut
// short before is cleaned up first. On failure everything is put back as it
// was and the error is a *DeployError; problems of the template, which leave
// the stack untouched, are *Problems.
func (e *Engine) Deploy(ctx context.Context, req Request) (*Result, error) {
	if err := e.Recover(ctx, req.Stack); err != nil {
		return nil, err
	}
	d, err := e.Load(ctx, req.Stack)
	if err != nil {
		return nil, err
	}
	if d == nil || d.finished() {
		fresh := e.newDocument(req.Stack)
		if d != nil {
			fresh.Generation = d.Generation // retained resources keep their names to themselves
		}
		d = fresh
	}
	p, err := e.prepare(d, req)
	if err != nil {
		return nil, err
	}
	changes, err := p.changes(ctx)
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 && d.Status != "" && !req.Begun {
		if p.sameOutputs() {
			return &Result{StackID: d.StackID, Status: d.Status, Outputs: d.Outputs}, nil
		}
	}
	return p.run(ctx, changes)
}

// useDeployed lets references see what is deployed.
func (p *deployment) useDeployed() {
	p.eval.attribute = func(id, attr string) (v any, err error) {
		p.engine.with(func() {
			rec := p.doc.Resources[id]
			if rec == nil {
				err = fmt.Errorf("resource %s does not exist", id)
				return
			}
			v, err = rec.attribute(attr)
		})
		return v, err
	}
}

func (p *deployment) run(ctx context.Context, changes []Change) (*Result, error) {
	e, d := p.engine, p.doc
	kind := "UPDATE"
	if d.Status == "" {
		kind = "CREATE"
	}
	d.PrevOrder, d.PrevOutputs, d.PrevParams = d.Order, d.Outputs, d.Parameters
	d.Order, d.Parameters = slices.Clone(p.active), p.echoed()
	if err := e.stackStatus(ctx, d, kind+"_IN_PROGRESS", "User Initiated"); err != nil {
		return nil, err
	}
	p.useDeployed()
	failed := p.apply(ctx)
	if failed == nil {
		outs, err := p.outputs()
		if err == nil {
			d.Outputs = outs
			return p.finish(ctx, kind, changes)
		}
		failed = &DeployError{Stack: d.Stack, File: p.t.File, Failed: []string{"Outputs"}, Err: err}
	}
	if err := e.interrupted(ctx); err != nil {
		return nil, err
	}
	verb := strings.ToLower(kind)
	reason := fmt.Sprintf("The following resource(s) failed to %s: [%s]. ", verb, strings.Join(failed.Failed, ", "))
	failed.Rollback = e.rollback(e.toTheEnd(ctx), d, kind, reason)
	return nil, failed
}

// apply brings each resource to what the template says, level by level.
func (p *deployment) apply(ctx context.Context) *DeployError {
	for _, level := range p.levels {
		errs := make([]error, len(level))
		var wg sync.WaitGroup
		for i, id := range level {
			wg.Go(func() { errs[i] = p.resource(ctx, p.t.Resource(id)) })
		}
		wg.Wait()
		var failed *DeployError
		for i, err := range errs {
			if err == nil {
				continue
			}
			if failed == nil {
				failed = &DeployError{Stack: p.doc.Stack, File: p.t.File, Pos: p.t.Resource(level[i]).Pos, Err: err}
			}
			failed.Failed = append(failed.Failed, level[i])
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

// resource creates, updates, replaces or leaves alone one resource.
func (p *deployment) resource(ctx context.Context, def *ResourceDef) error {
	s := p.types[def.Type]
	if err := ctx.Err(); err != nil {
		return err
	}
	props, err := p.eval.properties(def, s)
	if err != nil {
		return err
	}
	var old *Record
	p.engine.with(func() { old = p.doc.Resources[def.LogicalID] })
	next := &Record{LogicalID: def.LogicalID, Type: def.Type, Properties: props,
		DependsOn:      p.graph.Dependencies(def.LogicalID),
		DeletionPolicy: def.DeletionPolicy, UpdateReplacePolicy: def.UpdateReplacePolicy}
	if old != nil && p.engine.Verify {
		if _, err := p.engine.Provider.Read(ctx, old.resource(p.doc)); errors.Is(err, ErrNotFound) {
			old = nil
		}
	}
	if old == nil {
		next.New = true
		return p.create(ctx, next, s)
	}
	names, replace := changed(s, old.Properties, props)
	before := *old
	before.Before = nil
	next.Before = &before
	if replace {
		next.Replacing = true
		if name, custom := props[s.Name].(string); custom && name == old.Name {
			return fmt.Errorf("CloudFormation cannot update a stack when a custom-named resource requires replacing. "+
				"Rename %s and update the stack again.", name)
		}
		return p.create(ctx, next, s)
	}
	next.PhysicalID, next.Name, next.Ref, next.Attributes, next.Status = old.PhysicalID, old.Name, old.Ref, old.Attributes,
		old.Status
	if len(names) == 0 {
		p.engine.with(func() { p.doc.Resources[next.LogicalID] = next })
		return nil
	}
	return p.update(ctx, next)
}

func (p *deployment) create(ctx context.Context, rec *Record, s *Schema) error {
	e, d := p.engine, p.doc
	rec.Name = e.nameFor(d, s, rec.LogicalID, rec.Properties)
	rec.Status = "CREATE_IN_PROGRESS"
	e.with(func() { d.Resources[rec.LogicalID] = rec })
	if err := e.save(ctx, d); err != nil { // before the call, so that a kill leaves a trace
		return err
	}
	e.emit(d, rec, rec.Status, "")
	state, err := e.Provider.Create(ctx, rec.resource(d))
	return p.settle(ctx, rec, state, err, "CREATE")
}

func (p *deployment) update(ctx context.Context, rec *Record) error {
	e, d := p.engine, p.doc
	rec.Status = "UPDATE_IN_PROGRESS"
	e.with(func() { d.Resources[rec.LogicalID] = rec })
	if err := e.save(ctx, d); err != nil {
		return err
	}
	e.emit(d, rec, rec.Status, "")
	r := rec.resource(d)
	r.Previous = rec.Before.Properties
	state, err := e.Provider.Update(ctx, r)
	return p.settle(ctx, rec, state, err, "UPDATE")
}

// settle stores the outcome of a call. A creation that failed half-way gives
// the id of what it left behind, so that the rollback removes it.
func (p *deployment) settle(ctx context.Context, rec *Record, state State, err error, kind string) error {
	e := p.engine
	if err != nil && e.interrupted(ctx) != nil {
		return err // stays in progress: whether the call took effect is found out by Recover
	}
	e.with(func() {
		if state.PhysicalID != "" {
			rec.learn(state)
		}
		rec.Status = kind + "_COMPLETE"
		if err != nil {
			rec.Status = kind + "_FAILED"
		}
	})
	if saved := e.save(ctx, p.doc); saved != nil {
		return errors.Join(err, saved)
	}
	reason := ""
	if err != nil {
		reason = err.Error()
	}
	e.emit(p.doc, rec, rec.Status, reason)
	return err
}

// finish ends a deployment whose resources are all in place.
func (p *deployment) finish(ctx context.Context, kind string, changes []Change) (*Result, error) {
	e, d := p.engine, p.doc
	if kind == "UPDATE" {
		if err := e.stackStatus(ctx, d, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ""); err != nil {
			return nil, err
		}
		e.cleanUp(e.toTheEnd(ctx), d)
		if err := e.interrupted(ctx); err != nil {
			return nil, err
		}
	}
	d.settleAll()
	if err := e.stackStatus(ctx, d, kind+"_COMPLETE", ""); err != nil {
		return nil, err
	}
	return &Result{StackID: d.StackID, Status: d.Status, Outputs: d.Outputs, Changes: changes}, nil
}

// settleAll forgets what a rollback would have needed.
func (d *Document) settleAll() {
	for id := range maps.Keys(d.Resources) {
		r := *d.Resources[id]
		r.Before, r.New, r.Replacing = nil, false, false
		d.Resources[id] = &r
	}
	d.PrevOrder, d.PrevOutputs, d.PrevParams = nil, nil, nil
}
