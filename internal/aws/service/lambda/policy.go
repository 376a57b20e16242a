package lambda

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// permissions is the resource policy of a function or of one of its versions or
// aliases. Its key is the function's name and the qualifier, empty for none.
type permissions struct {
	Statements []statement
	Revision   string
}

// statement is one of those that AddPermission writes.
type statement struct {
	Sid       string                       `json:"Sid"`
	Effect    string                       `json:"Effect"`
	Principal any                          `json:"Principal"` // "*", or a map of one kind to one value
	Action    string                       `json:"Action"`
	Resource  string                       `json:"Resource,omitempty"`
	Condition map[string]map[string]string `json:"Condition,omitempty"`
}

func (s *Service) AddPermission(ctx context.Context, in *sdk.AddPermissionInput) (*sdk.AddPermissionOutput, error) {
	fn, err := named(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	st := statement{Sid: *in.StatementId, Effect: "Allow", Action: *in.Action, Resource: fn.ARN()}
	if st.Principal, err = principal(*in.Principal); err != nil {
		return nil, err
	}
	if in.SourceArn != nil || in.SourceAccount != nil {
		st.Condition = map[string]map[string]string{}
	}
	if in.SourceAccount != nil {
		st.Condition["StringEquals"] = map[string]string{"AWS:SourceAccount": *in.SourceAccount}
	}
	if in.SourceArn != nil {
		st.Condition["ArnLike"] = map[string]string{"AWS:SourceArn": *in.SourceArn}
	}
	err = s.host.Store.Update(func(tx *store.Tx) error {
		p, err := s.policy(tx, fn, in.RevisionId)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(p.Statements, func(o statement) bool { return o.Sid == st.Sid }) {
			return conflict(
				"The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing "+
					"statement.", st.Sid)
		}
		s.putPolicy(tx, fn, append(slices.Clone(p.Statements), st))
		return nil
	})
	text, _ := json.Marshal(st) // strings and maps of them
	return &sdk.AddPermissionOutput{Statement: aws.String(string(text))}, err
}

// principal reads the parameter of AddPermission: a service, an account, an
// ARN, or everybody.
func principal(given string) (any, error) {
	switch {
	case given == "*":
		return "*", nil
	case strings.HasSuffix(given, ".amazonaws.com"):
		return map[string]string{"Service": given}, nil
	case len(given) == 12 && isVersion(given):
		return map[string]string{"AWS": "arn:aws:iam::" + given + ":root"}, nil
	case strings.HasPrefix(given, "arn:"):
		return map[string]string{"AWS": given}, nil
	}
	return nil, invalid("The provided principal was invalid. Please check the principal and try again.")
}

// policy reads a policy; the zero policy when there is none.
func (s *Service) policy(tx *store.Tx, fn esm.Function, revision *string) (permissions, error) {
	if _, err := s.find(tx, fn); err != nil {
		return permissions{}, err
	}
	p, _ := s.policies.Get(tx, fn.Scope, store.Key(fn.Name, fn.Qualifier)) // none is an empty one
	if revision != nil && *revision != p.Revision {
		return p, staleRevision()
	}
	return p, nil
}

func (s *Service) putPolicy(tx *store.Tx, fn esm.Function, statements []statement) {
	key := store.Key(fn.Name, fn.Qualifier)
	if len(statements) == 0 {
		s.policies.Delete(tx, fn.Scope, key)
		return
	}
	s.policies.Put(tx, fn.Scope, key, permissions{Statements: statements, Revision: s.host.IDs.UUID()})
}

func (s *Service) RemovePermission(ctx context.Context, in *sdk.RemovePermissionInput) (*sdk.RemovePermissionOutput,
	error) {
	fn, err := named(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	return &sdk.RemovePermissionOutput{}, s.host.Store.Update(func(tx *store.Tx) error {
		p, err := s.policy(tx, fn, in.RevisionId)
		if err != nil {
			return err
		}
		rest := slices.DeleteFunc(slices.Clone(p.Statements), func(o statement) bool { return o.Sid == *in.StatementId })
		if len(rest) == len(p.Statements) {
			return notFound("Statement %s is not found in resource policy.", *in.StatementId)
		}
		s.putPolicy(tx, fn, rest)
		return nil
	})
}

func (s *Service) GetPolicy(ctx context.Context, in *sdk.GetPolicyInput) (*sdk.GetPolicyOutput, error) {
	fn, err := named(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	var p permissions
	err = s.host.Store.View(func(tx *store.Tx) error {
		if p, err = s.policy(tx, fn, nil); err == nil && len(p.Statements) == 0 {
			return notFound("The resource you requested does not exist.")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	text, err := p.document()
	return &sdk.GetPolicyOutput{Policy: aws.String(text), RevisionId: aws.String(p.Revision)}, err
}

// document is the policy as GetPolicy shows it.
func (p permissions) document() (string, error) {
	text, err := json.Marshal(struct {
		Version   string
		ID        string `json:"Id"`
		Statement []statement
	}{"2012-10-17", "default", p.Statements})
	return string(text), err
}

// ResourcePolicy implements gateway.Guard. Lambda itself needs no permission for
// its mappings and destinations.
func (s *Service) ResourcePolicy(tx *store.Tx, arn ident.ARN) (string, bool) {
	fn, err := esm.ParseFunction(arn.String(), arn.Scope())
	if err != nil {
		return "", false
	}
	p, ok := s.policies.Get(tx, fn.Scope, store.Key(fn.Name, fn.Qualifier))
	if !ok {
		return "", false
	}
	text, err := p.document()
	return text, err == nil
}

// ResourceTags implements gateway.Tagged: those of the function.
func (s *Service) ResourceTags(tx *store.Tx, arn ident.ARN) map[string]string {
	fn, err := esm.ParseFunction(arn.String(), arn.Scope())
	if err != nil {
		return nil
	}
	f, _ := s.functions.Get(tx, fn.Scope, fn.Name) // none has no tags
	return f.Tags
}
