package cfn

import (
	"context"
	"errors"
	"reflect"
	"slices"
)

// Request is one deployment.
type Request struct {
	Stack      string
	Template   *Template
	Parameters map[string]string
	Imports    map[string]string // exports of other stacks by name
	// Begun says that the operation has begun already, for what the engine knows nothing
	// of, as the stack's tags: it comes to an end also where no resource changes.
	Begun bool
}

// Change is one line of a change set.
type Change struct {
	Action      string   `json:"action"` // Add, Modify or Remove
	LogicalID   string   `json:"logicalId"`
	PhysicalID  string   `json:"physicalId,omitempty"`
	Type        string   `json:"type"`
	Replacement string   `json:"replacement,omitempty"` // of Modify: True, False or Conditional
	Properties  []string `json:"properties,omitempty"`  // of Modify: what differs
}

// deployment is a request made ready: parameters bound, conditions decided.
type deployment struct {
	engine *Engine
	doc    *Document
	t      *Template
	graph  *Graph
	eval   *evaluation
	types  map[string]*Schema
	active []string // logical ids in dependency order
	levels [][]string
}

func (e *Engine) prepare(d *Document, req Request) (*deployment, error) {
	params, err := req.Template.bind(req.Parameters)
	if err != nil {
		return nil, err
	}
	pseudo := map[string]string{"AWS::AccountId": e.Account, "AWS::Region": e.Region, "AWS::Partition": "aws",
		"AWS::StackName": d.Stack, "AWS::StackId": d.StackID, "AWS::URLSuffix": "amazonaws.com"}
	eval, err := newEvaluation(req.Template, params, pseudo, req.Imports)
	if err != nil {
		return nil, located(req.Template, err)
	}
	p := &deployment{engine: e, doc: d, t: req.Template, graph: graphOf(req.Template), eval: eval,
		types: e.Provider.Types()}
	levels, err := p.graph.Levels()
	if err != nil {
		return nil, err
	}
	for _, l := range levels {
		l = slices.DeleteFunc(l, func(id string) bool { return !eval.active(p.t.Resource(id).Condition) })
		p.levels, p.active = append(p.levels, l), append(p.active, l...)
	}
	return p, nil
}

// located turns an error about a node into a problem with its place.
func located(t *Template, err error) error {
	var at *evalError
	if !errors.As(err, &at) || at.at == nil {
		return err
	}
	ps := &Problems{File: t.File}
	ps.Add(at.at, "", "%s", at.msg)
	return ps
}

// Plan says what a deployment would change. An empty list means nothing.
func (e *Engine) Plan(ctx context.Context, req Request) ([]Change, error) {
	d, err := e.Load(ctx, req.Stack)
	if err != nil {
		return nil, err
	}
	if d == nil || d.finished() {
		d = e.newDocument(req.Stack)
	}
	p, err := e.prepare(d, req)
	if err != nil {
		return nil, err
	}
	return p.changes(ctx)
}

// Same reports whether a deployment would change nothing at all: no resource
// and no output.
func (e *Engine) Same(ctx context.Context, req Request) (bool, error) {
	d, err := e.Load(ctx, req.Stack)
	if err != nil || d == nil || d.finished() || d.Status == "" {
		return false, err
	}
	p, err := e.prepare(d, req)
	if err != nil {
		return false, err
	}
	changes, err := p.changes(ctx)
	if err != nil || len(changes) > 0 {
		return false, err
	}
	return p.sameOutputs(), nil
}

// sameOutputs compares the template's outputs with those in force.
func (p *deployment) sameOutputs() bool {
	p.useDeployed()
	outs, err := p.outputs()
	return err == nil && reflect.DeepEqual(outs, p.doc.Outputs)
}

// changes compares the template with what is deployed.
func (p *deployment) changes(ctx context.Context) ([]Change, error) {
	later := map[string]bool{} // resources whose attributes will change
	p.eval.attribute = func(id, attr string) (any, error) {
		rec := p.doc.Resources[id]
		if rec == nil || later[id] {
			return nil, errUnknown
		}
		return rec.attribute(attr)
	}
	var out []Change
	ps := &Problems{File: p.t.File}
	for _, id := range p.active {
		def := p.t.Resource(id)
		props, err := p.eval.properties(def, p.types[def.Type])
		var at *evalError
		switch {
		case errors.As(err, &at):
			ps.Add(at.at, "", "%s", at.msg)
			continue
		case err != nil:
			return nil, err
		}
		c, err := p.change(ctx, def, props)
		if err != nil {
			return nil, err
		}
		if c != nil {
			later[id] = c.Action == "Add" || c.Replacement != "False"
			out = append(out, *c)
		}
	}
	for _, id := range slices.Backward(p.doc.Order) {
		if !slices.Contains(p.active, id) {
			rec := p.doc.Resources[id]
			out = append(out, Change{Action: "Remove", LogicalID: id, PhysicalID: rec.PhysicalID, Type: rec.Type})
		}
	}
	return out, ps.err()
}

func (p *deployment) change(ctx context.Context, def *ResourceDef, props map[string]any) (*Change, error) {
	rec := p.doc.Resources[def.LogicalID]
	c := &Change{Action: "Add", LogicalID: def.LogicalID, Type: def.Type}
	if rec == nil {
		return c, nil
	}
	if rec.Type != def.Type {
		// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html
		return nil, located(p.t, failAt(&Node{Pos: def.TypePos},
			"Update of resource type is not permitted. The new template modifies resource type of the following resources: [%s]",
			def.LogicalID))
	}
	names, replace := changed(p.types[def.Type], rec.Properties, props)
	if len(names) == 0 {
		if !p.engine.Verify {
			return nil, nil
		}
		_, err := p.engine.Provider.Read(ctx, rec.resource(p.doc))
		if errors.Is(err, ErrNotFound) {
			return c, nil
		}
		return nil, err
	}
	c.Action, c.PhysicalID, c.Properties, c.Replacement = "Modify", rec.PhysicalID, names, "False"
	if replace {
		c.Replacement = "True"
		if hasUnknown(props) {
			c.Replacement = "Conditional"
		}
	}
	return c, nil
}

// outputs evaluates the outputs over deployed resources.
func (p *deployment) outputs() ([]OutputValue, error) {
	var out []OutputValue
	for _, o := range p.t.Outputs {
		if !p.eval.active(o.Condition) {
			continue
		}
		v := OutputValue{Key: o.Name, Description: o.Description}
		var err error
		if v.Value, err = p.eval.text(o.Value); err != nil {
			return nil, located(p.t, err)
		}
		if o.Export != nil {
			if v.Export, err = p.eval.text(o.Export); err != nil {
				return nil, located(p.t, err)
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// echoed hides the values of parameters with NoEcho in what is stored.
func (p *deployment) echoed() map[string]string {
	out := map[string]string{}
	for k, v := range p.eval.params {
		if d := p.t.Parameter(k); d != nil && d.NoEcho {
			v = "****"
		}
		out[k] = v
	}
	return out
}
