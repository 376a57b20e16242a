package cloudformation

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/cfn"
)

// changeSet is a planned deployment. Its key is the stack's id and its name.
type changeSet struct {
	Name, ID, Stack, StackID string
	Description              string
	Type                     types.ChangeSetType
	Desired                  desired `json:"Order"`
	Template                 string  // of Order
	Changes                  []cfn.Change
	Status                   types.ChangeSetStatus
	Reason                   string
	Execution                types.ExecutionStatus
	OnFailure                types.OnStackFailure
	Role                     string // for the stack, once this is executed; empty keeps the one that it has
	Created                  time.Time
}

// unchanged is the reason that deployment tools look for.
const unchanged = "The submitted information didn't contain changes. Submit different information to create a change " +
	"set."

func (s *Service) CreateChangeSet(ctx context.Context, in *sdk.CreateChangeSetInput) (*sdk.CreateChangeSetOutput,
	error) {
	if err := gateway.Refuse("cloudformation", "CreateChangeSet",
		gateway.Asked{What: "ChangeSetType IMPORT", Is: in.ChangeSetType == types.ChangeSetTypeImport},
		gateway.Asked{What: "OnStackFailure DO_NOTHING", Is: in.OnStackFailure == types.OnStackFailureDoNothing},
		gateway.Asked{What: "ImportExistingResources", Is: aws.ToBool(in.ImportExistingResources)},
		gateway.Asked{What: "IncludeNestedStacks", Is: aws.ToBool(in.IncludeNestedStacks)}); err != nil {
		return nil, err
	}
	if err := deployable("CreateChangeSet", in.DeploymentConfig); err != nil {
		return nil, err
	}
	call := gateway.From(ctx)
	set := changeSet{Name: *in.ChangeSetName, Stack: *in.StackName, Type: in.ChangeSetType,
		Description: aws.ToString(in.Description), Created: call.Time,
		Role:      aws.ToString(in.RoleARN),
		OnFailure: in.OnStackFailure, Status: types.ChangeSetStatusCreateComplete, Execution: types.ExecutionStatusAvailable}
	if set.Type == "" {
		set.Type = types.ChangeSetTypeUpdate
	}
	now, err := s.target(ctx, set)
	if err != nil {
		return nil, err
	}
	o, err := s.read(ctx, request{body: in.TemplateBody, url: in.TemplateURL, previous: aws.ToBool(in.UsePreviousTemplate),
		parameters: in.Parameters, capabilities: in.Capabilities, tags: in.Tags}, now)
	if err != nil {
		return nil, err
	}
	if in.Tags == nil {
		o.Tags = now.Tags
	}
	set.Desired, set.Template, set.Stack = o, o.Template, now.Name
	set.StackID, set.ID = now.ID, call.Scope.ARN("cloudformation", "changeSet/"+set.Name+"/"+s.host.IDs.UUID())
	req, err := s.engineRequest(call.Scope, now.Name, o)
	if err != nil {
		return nil, err
	}
	planned := now
	if err := s.begin(ctx, &planned, in.RoleARN); err != nil {
		return nil, err
	}
	engine := s.engine(call.Scope, planned)
	if set.Changes, err = engine.Plan(ctx, req); err != nil {
		return nil, problem(err)
	}
	same, err := engine.Same(ctx, req)
	if err != nil {
		return nil, err
	}
	if same && sameTags(now.Tags, o.Tags) {
		set.Status, set.Reason, set.Execution = types.ChangeSetStatusFailed, unchanged, types.ExecutionStatusUnavailable
	}
	err = s.host.Store.Update(func(tx *store.Tx) error {
		key := store.Key(now.ID, set.Name)
		if _, ok := s.sets.Get(tx, call.Scope, key); ok {
			return &types.AlreadyExistsException{Message: aws.String("ChangeSet " + set.Name + " already exists")}
		}
		if id, taken := s.names.Get(tx, call.Scope, now.Name); taken && id != now.ID {
			return &types.AlreadyExistsException{Message: aws.String("Stack [" + now.Name + "] already exists")}
		}
		if now.Status == types.StackStatusReviewInProgress {
			s.names.Put(tx, call.Scope, now.Name, now.ID)
			s.reviewed(tx, call, now)
		}
		s.sets.Put(tx, call.Scope, key, set)
		return nil
	})
	return &sdk.CreateChangeSetOutput{Id: aws.String(set.ID), StackId: aws.String(now.ID)}, err
}

// reviewed puts a stack that is in review. A new one has one event, which deployment tools
// wait on from.
func (s *Service) reviewed(tx *store.Tx, call *gateway.Call, st stack) {
	if st.NextEvent == 0 {
		s.keep(tx, call.Scope, &st, event{LogicalID: st.Name, PhysicalID: st.ID, Type: cfn.StackType,
			Status: string(st.Status), Reason: "User Initiated", Time: call.Time})
	}
	s.stacks.Put(tx, call.Scope, st.ID, st)
}

// target is the stack that a change set is for: one in force, or a new one in
// review.
func (s *Service) target(ctx context.Context, set changeSet) (stack, error) {
	call := gateway.From(ctx)
	st, err := s.get(ctx, &set.Stack)
	exists := err == nil && st.Status != types.StackStatusDeleteComplete
	if set.Type != types.ChangeSetTypeCreate {
		if !exists {
			return st, missingStack(set.Stack)
		}
		return st, updatable(st)
	}
	if !exists {
		if err := checkName(set.Stack); err != nil {
			return st, err
		}
		return stack{Name: set.Stack, ID: s.newID(call.Scope, set.Stack), Created: call.Time,
			Status: types.StackStatusReviewInProgress}, nil
	}
	if st.Status != types.StackStatusReviewInProgress {
		return st, invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", st.Name,
			set.Name)
	}
	return st, nil
}

// set finds a change set by its name and stack, or by its id.
func (s *Service) set(ctx context.Context, name, stackName *string) (set changeSet, err error) {
	scope := gateway.From(ctx).Scope
	missing := &types.ChangeSetNotFoundException{Message: aws.String("ChangeSet [" + aws.ToString(name) +
		"] does not exist")}
	err = s.host.Store.View(func(tx *store.Tx) error {
		if ident.IsARN(aws.ToString(name)) {
			found := false
			s.sets.Scan(tx, scope, "", "", func(_ string, c changeSet) bool {
				if c.ID == *name {
					set, found = c, true
				}
				return !found
			})
			if !found {
				return missing
			}
			return nil
		}
		if stackName == nil {
			return invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
		}
		st, err := s.find(tx, scope, *stackName)
		if err != nil {
			return missingStack(*stackName)
		}
		var ok bool
		if set, ok = s.sets.Get(tx, scope, store.Key(st.ID, *name)); !ok {
			return missing
		}
		return nil
	})
	return set, err
}

func (s *Service) DescribeChangeSet(ctx context.Context, in *sdk.DescribeChangeSetInput) (*sdk.DescribeChangeSetOutput,
	error) {
	set, err := s.set(ctx, in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeChangeSetOutput{ChangeSetName: aws.String(set.Name), ChangeSetId: aws.String(set.ID),
		StackName: aws.String(set.Stack), StackId: aws.String(set.StackID),
		Description: some(set.Description), Status: set.Status, StatusReason: some(set.Reason),
		ExecutionStatus: set.Execution, CreationTime: aws.Time(set.Created),
		Capabilities: set.Desired.Capabilities, Tags: set.Desired.Tags, Changes: []types.Change{},
		OnStackFailure: set.OnFailure}
	// was right when it came
	if t, err := parse(set.Template, s.schemas()); err == nil {
		out.Parameters = parameters(t, set.Desired.Parameters)
	}
	for _, c := range set.Changes {
		out.Changes = append(out.Changes, types.Change{Type: types.ChangeTypeResource, ResourceChange: shown(c)})
	}
	return out, nil
}

func shown(c cfn.Change) *types.ResourceChange {
	out := &types.ResourceChange{Action: types.ChangeAction(c.Action), LogicalResourceId: aws.String(c.LogicalID),
		PhysicalResourceId: some(c.PhysicalID), ResourceType: aws.String(c.Type),
		Replacement: types.Replacement(c.Replacement), Scope: []types.ResourceAttribute{},
		Details: []types.ResourceChangeDetail{}}
	if len(c.Properties) > 0 {
		out.Scope = append(out.Scope, types.ResourceAttributeProperties)
	}
	for _, p := range c.Properties {
		again := types.RequiresRecreationNever
		if c.Replacement != "False" {
			again = types.RequiresRecreationConditionally
		}
		out.Details = append(out.Details, types.ResourceChangeDetail{ChangeSource: types.ChangeSourceDirectModification,
			Evaluation: types.EvaluationTypeStatic,
			Target: &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, Name: aws.String(p),
				RequiresRecreation: again}})
	}
	return out
}

// ExecuteChangeSet implements the operation. The other change sets of the stack
// are void then.
func (s *Service) ExecuteChangeSet(ctx context.Context, in *sdk.ExecuteChangeSetInput) (*sdk.ExecuteChangeSetOutput,
	error) {
	call := gateway.From(ctx)
	set, err := s.set(ctx, in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	if set.Execution != types.ExecutionStatusAvailable {
		return nil, &types.InvalidChangeSetStatusException{Message: aws.String("ChangeSet [" + set.ID +
			"] cannot be executed in its current status of [" + string(set.Status) + "]")}
	}
	st, err := s.get(ctx, &set.StackID)
	if err != nil {
		return nil, err
	}
	if set.Desired.parsed, err = parse(set.Template, s.schemas()); err != nil {
		return nil, err
	}
	req, err := s.engineRequest(call.Scope, st.Name, set.Desired)
	if err != nil {
		return nil, err
	}
	if err := s.begin(ctx, &st, some(set.Role)); err != nil {
		return nil, err
	}
	st.ChangeSet, st.Token = set.ID, aws.ToString(in.ClientRequestToken)
	if set.Type == types.ChangeSetTypeCreate {
		st.take(set.Desired)
		st.Status = types.StackStatusCreateInProgress
		if set.OnFailure == types.OnStackFailureDelete {
			st.OnFailure = types.OnFailureDelete
		}
		err = s.host.Store.Update(func(tx *store.Tx) error {
			now, err := s.find(tx, call.Scope, st.ID)
			if err == nil && now.Status != types.StackStatusReviewInProgress {
				err = updatable(now)
			}
			if err != nil {
				return err
			}
			s.stacks.Put(tx, call.Scope, st.ID, st)
			s.executed(tx, call.Scope, set)
			return nil
		})
		if err == nil {
			s.deploy(call.Scope, st, req)
		}
		return &sdk.ExecuteChangeSetOutput{}, err
	}
	if err := s.update(call, st, set.Desired, req); err != nil {
		return nil, err
	}
	return &sdk.ExecuteChangeSetOutput{}, s.host.Store.Update(func(tx *store.Tx) error {
		s.executed(tx, call.Scope, set)
		return nil
	})
}

// executed marks a change set and removes the others of its stack.
func (s *Service) executed(tx *store.Tx, scope ident.Scope, set changeSet) {
	var others []string
	s.sets.Scan(tx, scope, store.Key(set.StackID, ""), "", func(key string, c changeSet) bool {
		if c.ID != set.ID {
			others = append(others, key)
		}
		return true
	})
	for _, key := range others {
		s.sets.Delete(tx, scope, key)
	}
	set.Execution = types.ExecutionStatusExecuteComplete
	s.sets.Put(tx, scope, store.Key(set.StackID, set.Name), set)
}

func (s *Service) DeleteChangeSet(ctx context.Context, in *sdk.DeleteChangeSetInput) (*sdk.DeleteChangeSetOutput,
	error) {
	set, err := s.set(ctx, in.ChangeSetName, in.StackName)
	if gateway.ErrorCode(err) == "ChangeSetNotFound" || gateway.ErrorCode(err) == "ChangeSetNotFoundException" {
		return &sdk.DeleteChangeSetOutput{}, nil // as AWS: it is gone
	}
	if err != nil {
		return nil, err
	}
	return &sdk.DeleteChangeSetOutput{}, s.host.Store.Update(func(tx *store.Tx) error {
		s.sets.Delete(tx, gateway.From(ctx).Scope, store.Key(set.StackID, set.Name))
		return nil
	})
}

func (s *Service) ListChangeSets(ctx context.Context, in *sdk.ListChangeSetsInput) (*sdk.ListChangeSetsOutput, error) {
	st, err := s.named(ctx, in.StackName)
	if err != nil {
		return nil, err
	}
	out := &sdk.ListChangeSetsOutput{Summaries: []types.ChangeSetSummary{}}
	err = s.host.Store.View(func(tx *store.Tx) error {
		s.sets.Scan(tx, gateway.From(ctx).Scope, store.Key(st.ID, ""), "", func(_ string, c changeSet) bool {
			out.Summaries = append(out.Summaries, types.ChangeSetSummary{ChangeSetId: aws.String(c.ID),
				ChangeSetName: aws.String(c.Name), StackId: aws.String(c.StackID), StackName: aws.String(c.Stack),
				Status: c.Status, StatusReason: some(c.Reason), ExecutionStatus: c.Execution, CreationTime: aws.Time(c.Created),
				Description: some(c.Description)})
			return true
		})
		return nil
	})
	slices.SortFunc(out.Summaries, func(a, b types.ChangeSetSummary) int {
		return a.CreationTime.Compare(*b.CreationTime)
	})
	return out, err
}
