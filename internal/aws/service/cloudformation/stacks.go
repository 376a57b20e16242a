package cloudformation

import (
	"context"
	"maps"
	"regexp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/cfn"
)

// desired is what a stack or a change set is asked to become.
type desired struct {
	Template     string
	Parameters   map[string]string
	Capabilities []types.Capability
	Tags         []types.Tag
	parsed       *cfn.Template
}

// request is what the requests for it have in common.
type request struct {
	body, url    *string
	previous     bool // use the template in force
	parameters   []types.Parameter
	capabilities []types.Capability
	tags         []types.Tag
	direct       bool // not by a change set
}

// read makes the desired state of a request. now is the stack in force, zero for none.
func (s *Service) read(ctx context.Context, w request, now stack) (desired, error) {
	o := desired{Parameters: map[string]string{}, Capabilities: w.capabilities, Tags: w.tags}
	if int64(len(w.tags)) > limit("tags") {
		return o, invalid("Tags cannot be more than %d", limit("tags"))
	}
	var err error
	if w.previous {
		if w.body != nil || w.url != nil {
			return o, invalid("You cannot specify both usePreviousTemplate and Template Body/Template URL.")
		}
		o.Template = now.Template
	} else if o.Template, err = s.source(ctx, w.body, w.url); err != nil {
		return o, err
	}
	for _, p := range w.parameters {
		key := aws.ToString(p.ParameterKey)
		switch {
		case !aws.ToBool(p.UsePreviousValue):
			o.Parameters[key] = aws.ToString(p.ParameterValue)
		case p.ParameterValue != nil:
			return o, invalid(
				"Invalid input for parameter key %s. Cannot specify usePreviousValue as true and non empty value for a parameter",
				key)
		default:
			v, ok := now.Parameters[key]
			if !ok {
				return o, invalid("Invalid input for parameter key %s. There is no previous value for it", key)
			}
			o.Parameters[key] = v
		}
	}
	if o.parsed, err = parse(o.Template, s.schemas()); err != nil {
		return o, err
	}
	for key := range o.Parameters {
		if o.parsed.Parameter(key) == nil {
			return o, invalid("Parameters: [%s] do not exist in the template", key)
		}
	}
	return o, acknowledged(o.parsed, w.capabilities, w.direct)
}

// engineRequest is the desired state for the engine.
func (s *Service) engineRequest(scope ident.Scope, name string, o desired) (cfn.Request, error) {
	exports, err := s.exports(scope, name)
	values := map[string]string{}
	for k, e := range exports {
		values[k] = aws.ToString(e.Value)
	}
	return cfn.Request{Stack: name, Template: o.parsed, Parameters: maps.Clone(o.Parameters), Imports: values}, err
}

// exports are the exported outputs of all stacks but one.
func (s *Service) exports(scope ident.Scope, but string) (map[string]types.Export, error) {
	var all []stack
	err := s.host.Store.View(func(tx *store.Tx) error {
		s.names.Scan(tx, scope, "", "", func(name, id string) bool {
			if st, ok := s.stacks.Get(tx, scope, id); ok && name != but {
				all = append(all, st)
			}
			return true
		})
		return nil
	})
	out := map[string]types.Export{}
	for _, st := range all {
		d, loadErr := s.document(context.Background(), scope, st)
		if loadErr != nil {
			return nil, loadErr
		}
		if d == nil {
			continue
		}
		for _, o := range d.Outputs {
			if o.Export != "" {
				out[o.Export] = types.Export{Name: aws.String(o.Export), Value: aws.String(o.Value),
					ExportingStackId: aws.String(st.ID)}
			}
		}
	}
	return out, err
}

func (s *Service) CreateStack(ctx context.Context, in *sdk.CreateStackInput) (*sdk.CreateStackOutput, error) {
	if in.OnFailure == types.OnFailureDoNothing {
		return nil, gateway.Unsupported("cloudformation", "CreateStack", "OnFailure DO_NOTHING")
	}
	if err := deployable("CreateStack", in.DeploymentConfig); err != nil {
		return nil, err
	}
	if err := checkName(*in.StackName); err != nil {
		return nil, err
	}
	call := gateway.From(ctx)
	o, err := s.read(ctx, request{body: in.TemplateBody, url: in.TemplateURL, parameters: in.Parameters,
		capabilities: in.Capabilities, tags: in.Tags, direct: true}, stack{})
	if err != nil {
		return nil, err
	}
	st := stack{Name: *in.StackName, Protected: aws.ToBool(in.EnableTerminationProtection), OnFailure: in.OnFailure,
		Token: aws.ToString(in.ClientRequestToken)}
	req, err := s.engineRequest(call.Scope, st.Name, o)
	if err != nil {
		return nil, err
	}
	st.ID = s.newID(call.Scope, st.Name)
	if err := s.begin(ctx, &st, in.RoleARN); err != nil {
		return nil, err
	}
	// wrong values and references: before anything is made
	if _, err := s.engine(call.Scope, st).Plan(ctx, req); err != nil {
		return nil, problem(err)
	}
	st.take(o)
	st.Created, st.Status = call.Time, types.StackStatusCreateInProgress
	err = s.host.Store.Update(func(tx *store.Tx) error {
		if id, taken := s.names.Get(tx, call.Scope, st.Name); taken {
			old, _ := s.stacks.Get(tx, call.Scope, id) // a name leads to a stack
			return &types.AlreadyExistsException{Message: aws.String("Stack [" + old.Name + "] already exists")}
		}
		s.names.Put(tx, call.Scope, st.Name, st.ID)
		s.stacks.Put(tx, call.Scope, st.ID, st)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.deploy(call.Scope, st, req)
	return &sdk.CreateStackOutput{StackId: aws.String(st.ID)}, nil
}

// deployable refuses what is not emulated of a deployment's configuration. The standard
// mode is what is done without one; the current CDK says so in each call.
func deployable(operation string, c *types.DeploymentConfig) error {
	if c == nil {
		return nil
	}
	return gateway.Refuse("cloudformation", operation,
		gateway.Asked{What: "DeploymentConfig Mode " + string(c.Mode),
			Is: c.Mode != "" && c.Mode != types.DeploymentConfigModeStandard},
		gateway.Asked{What: "DeploymentConfig DisableRollback", Is: aws.ToBool(c.DisableRollback)})
}

// checkName holds the rules for names of new stacks.
// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
func checkName(name string) error {
	if len(name) > 128 || !regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]*$`).MatchString(name) {
		return invalid(
			"1 validation error detected: Value '%s' at 'stackName' failed to satisfy constraint: Member must satisfy regular "+
				"expression pattern: [a-zA-Z][-a-zA-Z0-9]*", name)
	}
	return nil
}

func (s *Service) newID(scope ident.Scope, name string) string {
	return scope.ARN("cloudformation", "stack/"+name+"/"+s.host.IDs.UUID())
}

// take makes the stack what is ordered.
func (st *stack) take(o desired) {
	st.Template, st.Parameters, st.Capabilities, st.Tags = o.Template, o.Parameters, o.Capabilities, o.Tags
}

// deploy makes the desired state so in the background. A failed one goes back to
// what was in force.
func (s *Service) deploy(scope ident.Scope, st stack, req cfn.Request) {
	var before *stack
	if st.Status != types.StackStatusCreateInProgress {
		before = st.before
	}
	req.Begun = true
	s.do(scope, st, func(ctx context.Context, e *cfn.Engine) error {
		_, err := e.Deploy(ctx, req)
		if err == nil {
			return nil
		}
		if before != nil {
			s.restore(scope, st.ID, *before)
		}
		if st.OnFailure == types.OnFailureDelete && before == nil && ctx.Err() == nil {
			return e.Delete(ctx, st.Name)
		}
		return err
	})
}

// restore puts back template and parameters after a failed update.
func (s *Service) restore(scope ident.Scope, id string, before stack) {
	err := s.host.Store.Update(func(tx *store.Tx) error {
		if st, ok := s.stacks.Get(tx, scope, id); ok {
			st.Template, st.Parameters, st.Capabilities, st.Tags = before.Template, before.Parameters, before.Capabilities,
				before.Tags
			s.stacks.Put(tx, scope, id, st)
		}
		return nil
	})
	if err != nil {
		s.host.Log.Error("stack not restored", "error", err)
	}
}

func (s *Service) UpdateStack(ctx context.Context, in *sdk.UpdateStackInput) (*sdk.UpdateStackOutput, error) {
	call := gateway.From(ctx)
	if err := deployable("UpdateStack", in.DeploymentConfig); err != nil {
		return nil, err
	}
	st, err := s.named(ctx, in.StackName)
	if err != nil {
		return nil, err
	}
	if err := updatable(st); err != nil {
		return nil, err
	}
	o, err := s.read(ctx, request{body: in.TemplateBody, url: in.TemplateURL, previous: aws.ToBool(in.UsePreviousTemplate),
		parameters: in.Parameters, capabilities: in.Capabilities,
		tags: in.Tags, direct: true}, st)
	if err != nil {
		return nil, err
	}
	if in.Tags == nil {
		o.Tags = st.Tags
	}
	req, err := s.engineRequest(call.Scope, st.Name, o)
	if err != nil {
		return nil, err
	}
	same, err := s.engine(call.Scope, st).Same(ctx, req)
	if err != nil {
		return nil, problem(err)
	}
	if same && sameTags(st.Tags, o.Tags) {
		return nil, invalid("No updates are to be performed.")
	}
	if err := s.begin(ctx, &st, in.RoleARN); err != nil {
		return nil, err
	}
	st.Token = aws.ToString(in.ClientRequestToken)
	return &sdk.UpdateStackOutput{StackId: aws.String(st.ID)}, s.update(call, st, o, req)
}

func sameTags(a, b []types.Tag) bool {
	return slices.EqualFunc(a, b, func(x, y types.Tag) bool { return *x.Key == *y.Key && *x.Value == *y.Value })
}

// updatable refuses to touch a stack that is busy or broken.
func updatable(st stack) error {
	switch st.Status {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete:
		return nil
	}
	return invalid("Stack:%s is in %s state and can not be updated.", st.ID, st.Status)
}

// update begins an update that was found right.
func (s *Service) update(call *gateway.Call, st stack, o desired, req cfn.Request) error {
	err := s.host.Store.Update(func(tx *store.Tx) error {
		now, err := s.find(tx, call.Scope, st.ID)
		if err == nil {
			err = updatable(now)
		}
		if err != nil {
			return err
		}
		before := now
		st.NextEvent, st.before = now.NextEvent, &before
		st.take(o)
		st.Updated, st.Status, st.Reason = call.Time, types.StackStatusUpdateInProgress, ""
		s.stacks.Put(tx, call.Scope, st.ID, st)
		return nil
	})
	if err == nil {
		s.deploy(call.Scope, st, req)
	}
	return err
}

// DeleteStack implements the operation; deleting what is not there succeeds.
func (s *Service) DeleteStack(ctx context.Context, in *sdk.DeleteStackInput) (*sdk.DeleteStackOutput, error) {
	if in.DeletionMode == types.DeletionModeForceDeleteStack {
		return nil, gateway.Unsupported("cloudformation", "DeleteStack", "DeletionMode FORCE_DELETE_STACK")
	}
	if err := deployable("DeleteStack", in.DeploymentConfig); err != nil {
		return nil, err
	}
	call := gateway.From(ctx)
	st, err := s.get(ctx, in.StackName)
	if err != nil || gone(st) {
		return &sdk.DeleteStackOutput{}, nil // as AWS: nothing to do
	}
	if err := deletable(st); err != nil {
		return nil, err
	}
	if err := s.begin(ctx, &st, in.RoleARN); err != nil {
		return nil, err
	}
	already := false
	err = s.host.Store.Update(func(tx *store.Tx) error {
		now, err := s.find(tx, call.Scope, st.ID)
		if already = err != nil || gone(now); already {
			return nil
		}
		if err := deletable(now); err != nil {
			return err
		}
		now.By, now.Role = st.By, st.Role
		st = now
		st.Status, st.Token = types.StackStatusDeleteInProgress, aws.ToString(in.ClientRequestToken)
		s.stacks.Put(tx, call.Scope, st.ID, st)
		return nil
	})
	if err != nil || already {
		return &sdk.DeleteStackOutput{}, err
	}
	s.do(call.Scope, st, func(ctx context.Context, e *cfn.Engine) error {
		d, err := e.Load(ctx, st.Name)
		if err != nil {
			return err
		}
		if d == nil { // a stack in review: nothing was made
			s.note(call.Scope, st.ID, cfn.Event{Type: cfn.StackType, LogicalID: st.Name, PhysicalID: st.ID,
				Status: string(types.StackStatusDeleteComplete)})
			return nil
		}
		return e.Delete(ctx, st.Name)
	})
	return &sdk.DeleteStackOutput{}, nil
}

// gone reports whether a stack is deleted, or about to be.
func gone(st stack) bool {
	return st.Status == types.StackStatusDeleteComplete || st.Status == types.StackStatusDeleteInProgress
}

// deletable refuses to delete a stack that is protected or busy.
func deletable(st stack) error {
	switch {
	case st.Protected:
		return invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", st.Name)
	case busy(st.Status):
		return invalid("Stack:%s is in %s state and can not be deleted.", st.ID, st.Status)
	}
	return nil
}

// ContinueUpdateRollback implements the operation.
func (s *Service) ContinueUpdateRollback(ctx context.Context,
	in *sdk.ContinueUpdateRollbackInput) (*sdk.ContinueUpdateRollbackOutput, error) {
	call := gateway.From(ctx)
	st, err := s.get(ctx, in.StackName)
	if err != nil {
		return nil, err
	}
	continuable := func(st stack) error {
		if st.Status != types.StackStatusUpdateRollbackFailed {
			return invalid("Stack:%s is in %s state and can not continue rollback.", st.ID, st.Status)
		}
		return nil
	}
	if err := continuable(st); err != nil {
		return nil, err
	}
	if err := s.begin(ctx, &st, in.RoleARN); err != nil {
		return nil, err
	}
	err = s.host.Store.Update(func(tx *store.Tx) error {
		now, err := s.find(tx, call.Scope, st.ID)
		if err == nil {
			err = continuable(now)
		}
		if err != nil {
			return err
		}
		now.By, now.Role = st.By, st.Role
		st = now
		st.Status = types.StackStatusUpdateRollbackInProgress
		s.stacks.Put(tx, call.Scope, st.ID, st)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.do(call.Scope, st, func(ctx context.Context, e *cfn.Engine) error { return e.Recover(ctx, st.Name) })
	return &sdk.ContinueUpdateRollbackOutput{}, nil
}

func (s *Service) UpdateTerminationProtection(ctx context.Context,
	in *sdk.UpdateTerminationProtectionInput) (*sdk.UpdateTerminationProtectionOutput, error) {
	call := gateway.From(ctx)
	var st stack
	err := s.host.Store.Update(func(tx *store.Tx) (err error) {
		if st, err = s.find(tx, call.Scope, *in.StackName); err != nil {
			return err
		}
		st.Protected = *in.EnableTerminationProtection
		s.stacks.Put(tx, call.Scope, st.ID, st)
		return nil
	})
	return &sdk.UpdateTerminationProtectionOutput{StackId: aws.String(st.ID)}, err
}
