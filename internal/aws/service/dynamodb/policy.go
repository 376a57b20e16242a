package dynamodb

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/streamlog"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// resourcePolicy is the policy of a table or of a stream, or that it was removed.
type resourcePolicy struct {
	Document string `json:"document"` // in its canonical form; empty once removed
	Revision int64  `json:"revision"` // when it was changed last, in milliseconds
}

func (p resourcePolicy) id() *string { return aws.String(strconv.FormatInt(p.Revision, 10)) }

// noPolicy is the expected revision of a resource without a policy.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutResourcePolicy.html
const noPolicy = "NO_POLICY"

const (
	msgOwnAccount = "This action is only supported by accounts that match the resource owner’s account."
	msgNoPolicy   = "Resource-based policy not found for the provided ResourceArn: "
	msgLockedOut  = "The new resource policy will not allow you to update the resource policy in the future."
)

// subject is what a policy is attached to: a table, or a stream of one. Indexes
// have the policy of their table.
type subject struct {
	arn          ident.ARN
	table, label string
}

// key is that of the policies: the ARN's resource without its type.
func (r subject) key() string { return strings.TrimPrefix(r.arn.Resource, "table/") }

// named is what messages call the subject.
func (r subject) named() string {
	if r.label != "" {
		return "stream " + r.label
	}
	return "table " + r.table
}

// subjectOf reads a ResourceArn.
func subjectOf(c *gateway.Call, arn *string) (subject, error) {
	text := aws.ToString(arn)
	if !ident.IsARN(text) {
		return subject{}, refuse(invalid+"ARNs must start with 'arn:': %s", text)
	}
	a, err := ident.ParseARN(text)
	parts := strings.Split(a.Resource, "/")
	switch {
	case err != nil || a.Service != "dynamodb" || parts[0] != "table" || len(parts) != 2 && len(parts) != 4:
		return subject{}, refuse(invalid+"Provided Arn is not a DynamoDB resource arn: %s", text)
	case a.Partition != "aws" || a.Region != c.Scope.Region:
		return subject{}, refuse(invalid+"Invalid resource Arn: %s", text)
	case a.Account != c.Scope.Account:
		return subject{}, refuse(msgOwnAccount)
	case len(parts) == 2:
		return subject{arn: a, table: parts[1]}, nil
	case parts[2] == "stream":
		return subject{arn: a, table: parts[1], label: parts[3]}, nil
	case parts[2] == "index":
		return subject{}, refuse(
			invalid+"Invalid resource arn provided, only table or stream is accepted. Provided resource arn: %s", text)
	}
	return subject{}, refuse(invalid+"Provided Arn is not a DynamoDB resource arn: %s", text)
}

// policyOf returns a policy and whether there is one.
func (s *Service) policyOf(tx *store.Tx, r subject) (resourcePolicy, bool) {
	p, _ := s.policies.Get(tx, r.arn.Scope(), r.key()) // none has no document
	return p, p.Document != ""
}

// exists finds out whether the subject is there. A stream outlives its table by a
// day, its policy does not.
func (s *Service) exists(tx *store.Tx, r subject, now time.Time) (*Table, error) {
	if r.label != "" {
		id := streamlog.Stream{Table: r.table, Label: r.label}.ID()
		if _, ok := s.log.Get(tx, r.arn.Scope(), id, now); !ok {
			return nil, &types.ResourceNotFoundException{Message: aws.String(msgNotFound + ": Stream: " + r.label +
				" not found for Table: " + r.table)}
		}
	}
	t, ok := s.find(tx, r.arn.Scope(), r.table, now)
	if !ok && r.label == "" {
		return nil, tableNotFound(r.table)
	}
	return t, nil
}

// changePolicy runs fn on the policy of a subject that may be changed, which fn
// may change.
func (s *Service) changePolicy(c *gateway.Call, r subject, expected *string,
	fn func(w *work, was resourcePolicy, has bool) error) error {
	return s.write(c.Scope, c.Time, func(w *work) error {
		t, err := s.exists(w.tx, r, w.now)
		switch {
		case err != nil:
			return err
		case t == nil || t.status(w.now) == types.TableStatusCreating:
			return tableNotFound(r.table) // as AWS says of one that is being created
		case t.status(w.now) == types.TableStatusDeleting:
			return t.changeable(w)
		}
		was, has := s.policyOf(w.tx, r)
		if err := was.expect(r, expected, has); err != nil {
			return err
		}
		return fn(w, was, has)
	})
}

// expect compares a policy's revision with the one that a request expects.
func (p resourcePolicy) expect(r subject, expected *string, has bool) error {
	text := ""
	switch {
	case expected == nil, has && *expected == *p.id(), !has && *expected == noPolicy:
		return nil
	case !has:
		text = "Requested update for policy with revision id " + *expected + ", but " + r.named() +
			" has no associated policy."
	case *expected == noPolicy:
		text = "Requested policy update expecting none to be present for " + r.named() +
			", but a policy exists with revision id " + *p.id() + "."
	default:
		text = "Requested update for policy with revision id " + *expected + ", but the policy associated to target " +
			r.named() + " has revision id " + *p.id() + "."
	}
	return &types.PolicyNotFoundException{Message: aws.String(msgNoPolicy + text)}
}

// settled refuses a change soon after the one before.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-considerations.html
func (p resourcePolicy) settled(r subject, now time.Time) error {
	pause := limit("policyChangeMillis")
	again := time.UnixMilli(p.Revision + pause)
	if p.Revision == 0 || !now.Before(again) {
		return nil
	}
	return &types.ThrottlingException{Message: aws.String("Resource-based policy for " + r.named() +
		" modified within the previous " + strconv.FormatInt(pause, 10) + " milliseconds. Please try again after " +
		again.UTC().Format("2006-01-02T15:04:05.000Z") + ".")}
}

// next is the policy after a change. Revisions grow, also where the clock does not.
func (p resourcePolicy) next(document string, now time.Time) resourcePolicy {
	return resourcePolicy{Document: document, Revision: max(now.UnixMilli(), p.Revision+1)}
}

// PutResourcePolicy attaches a policy to a table or a stream. The same policy, in
// whatever spelling, changes nothing and keeps its revision.
func (s *Service) PutResourcePolicy(ctx context.Context,
	in *dynamodb.PutResourcePolicyInput) (*dynamodb.PutResourcePolicyOutput, error) {
	c := gateway.From(ctx)
	r, err := subjectOf(c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	doc, err := policyFor(r.label != "", aws.ToString(in.Policy))
	if err != nil {
		return nil, err
	}
	if !in.ConfirmRemoveSelfResourceAccess && s.host.Forbids(c, doc, "dynamodb:PutResourcePolicy", r.arn) {
		return nil, gateway.Errorf(400, "AccessDeniedException", msgLockedOut)
	}
	out := &dynamodb.PutResourcePolicyOutput{}
	err = s.changePolicy(c, r, in.ExpectedRevisionId, func(w *work, was resourcePolicy, _ bool) error {
		now := was.next(canonical(doc), w.now)
		if was.Document == now.Document {
			out.RevisionId = was.id()
			return nil
		}
		if err := was.settled(r, w.now); err != nil {
			return err
		}
		s.policies.Put(w.tx, w.sc, r.key(), now)
		out.RevisionId = now.id()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// GetResourcePolicy returns a policy.
func (s *Service) GetResourcePolicy(ctx context.Context,
	in *dynamodb.GetResourcePolicyInput) (*dynamodb.GetResourcePolicyOutput, error) {
	c, out := gateway.From(ctx), &dynamodb.GetResourcePolicyOutput{}
	r, err := subjectOf(c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	err = s.host.Store.View(func(tx *store.Tx) error {
		if _, err := s.exists(tx, r, c.Time); err != nil {
			return err
		}
		p, ok := s.policyOf(tx, r)
		if !ok {
			return &types.PolicyNotFoundException{Message: aws.String(msgNoPolicy + r.arn.String())}
		}
		out.Policy, out.RevisionId = &p.Document, p.id()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteResourcePolicy removes a policy; without one it does nothing.
func (s *Service) DeleteResourcePolicy(ctx context.Context,
	in *dynamodb.DeleteResourcePolicyInput) (*dynamodb.DeleteResourcePolicyOutput, error) {
	c, out := gateway.From(ctx), &dynamodb.DeleteResourcePolicyOutput{}
	r, err := subjectOf(c, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	err = s.changePolicy(c, r, in.ExpectedRevisionId, func(w *work, was resourcePolicy, has bool) error {
		if !has {
			return nil
		}
		if err := was.settled(r, w.now); err != nil {
			return err
		}
		s.policies.Put(w.tx, w.sc, r.key(), was.next("", w.now)) // the next change has to wait for this one, too
		out.RevisionId = was.id()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// dropPolicies removes the policies of a table that is deleted, and of its streams.
func (w *work) dropPolicies(table string) {
	w.s.policies.Delete(w.tx, w.sc, table)
	empty(w, w.s.policies, table+"/")
}

// ResourcePolicy implements gateway.Guard, for the streams that package
// dynamodbstreams reads too: an index has the policy of its table.
func (s *Service) ResourcePolicy(tx *store.Tx, arn ident.ARN) (string, bool) {
	key, ok := strings.CutPrefix(arn.Resource, "table/")
	if !ok {
		return "", false
	}
	key, _, _ = strings.Cut(key, "/index/")
	p, _ := s.policies.Get(tx, arn.Scope(), key) // none has no document
	return p.Document, p.Document != ""
}
