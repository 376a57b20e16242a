package cloudformation

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/worker"
	"github.com/pipelab/pipelab/internal/cfn"
)

// resume brings operations to rest that were cut short, for whom they were begun.
func (s *Service) resume(context.Context) error {
	type cut struct {
		scope ident.Scope
		st    stack
	}
	var all []cut
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		s.stacks.ScanAll(tx, func(sc ident.Scope, _ string, st stack) bool {
			if busy(st.Status) {
				all = append(all, cut{sc, st})
			}
			return true
		})
		return nil
	})
	for _, c := range all {
		s.do(c.scope, c.st, func(ctx context.Context, e *cfn.Engine) error {
			if c.st.Status == types.StackStatusDeleteInProgress {
				return e.Delete(ctx, c.st.Name)
			}
			if d, err := e.Load(ctx, c.st.Name); err != nil || d == nil { // nothing was begun
				s.note(c.scope, c.st.ID, cfn.Event{Type: cfn.StackType, LogicalID: c.st.Name, PhysicalID: c.st.ID,
					Status: string(types.StackStatusRollbackComplete), Reason: "The operation was interrupted."})
				return err
			}
			return e.Recover(ctx, c.st.Name)
		})
	}
	return nil
}

// busy reports whether an operation is under way.
func busy(status types.StackStatus) bool {
	return strings.HasSuffix(string(status), "_IN_PROGRESS") && status != types.StackStatusReviewInProgress
}

// engine deploys one stack, for whom its row says.
func (s *Service) engine(scope ident.Scope, st stack) *cfn.Engine {
	client := s.host.Client(st.behalf(scope))
	return &cfn.Engine{
		Provider: s.provision(client, s.host.Endpoint(), scope), Store: documents{s, scope, st.ID},
		Account: scope.Account, Region: scope.Region, StackID: st.ID, Resumable: true,
		Progress: func(e cfn.Event) { s.note(scope, st.ID, e) },
	}
}

// document is the engine's state of a stack, nil when it has none.
func (s *Service) document(ctx context.Context, scope ident.Scope, st stack) (*cfn.Document, error) {
	return (&cfn.Engine{Store: documents{s, scope, st.ID}}).Load(ctx, st.Name)
}

// do runs an operation of a stack in the background. One that panics is rolled
// back, as one is that was cut short.
func (s *Service) do(scope ident.Scope, st stack, run func(context.Context, *cfn.Engine) error) {
	s.Go("operation of stack "+st.Name, func(ctx context.Context) {
		e := s.engine(scope, st)
		var err error
		panicked := s.Guard("operation of stack "+st.Name, func() { err = run(ctx, e) })
		if errors.Is(panicked, worker.ErrPanic) && ctx.Err() == nil {
			err = e.Recover(ctx, st.Name)
		}
		if err != nil && ctx.Err() == nil {
			s.host.Log.Debug("stack operation failed", "stack", st.Name, "error", err)
		}
	})
}
