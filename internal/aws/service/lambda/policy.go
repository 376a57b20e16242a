package lambda

import (
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// policy is the resource policy of a function or of one of its versions or
// aliases. Its key is the function's name and the qualifier, empty for none.
type policy struct {
	Statements []statement
	Revision   string
}

type statement struct {
	Sid       string                       `json:"Sid"`
	Effect    string                       `json:"Effect"`
	Principal principals                   `json:"Principal"`
	Action    oneOrMany[string]            `json:"Action"`
	Resource  string                       `json:"Resource,omitempty"`
	Condition map[string]map[string]string `json:"Condition,omitempty"`
}

// principals is "*", or lists by kind.
type principals struct {
	All     bool
	Service oneOrMany[string]
	AWS     oneOrMany[string]
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *principals) UnmarshalJSON(b []byte) error {
	if string(b) == `"*"` {
		p.All = true
		return nil
	}
	var kinds map[string]oneOrMany[string]
	if err := json.Unmarshal(b, &kinds); err != nil {
		return err
	}
	p.Service, p.AWS = kinds["Service"], kinds["AWS"]
	return nil
}

// MarshalJSON implements json.Marshaler.
func (p principals) MarshalJSON() ([]byte, error) {
	switch {
	case p.All:
		return []byte(`"*"`), nil
	case len(p.Service) > 0:
		return json.Marshal(map[string]string{"Service": p.Service[0]})
	default:
		return json.Marshal(map[string]string{"AWS": p.AWS[0]})
	}
}

// MarshalJSON implements json.Marshaler: one value stands alone.
func (o oneOrMany[T]) MarshalJSON() ([]byte, error) {
	if len(o) == 1 {
		return json.Marshal(o[0])
	}
	return json.Marshal([]T(o))
}

func (s *Service) AddPermission(ctx context.Context, in *sdk.AddPermissionInput) (*sdk.AddPermissionOutput, error) {
	if err := refuse("AddPermission", parameter{"EventSourceToken", in.EventSourceToken != nil},
		parameter{"FunctionUrlAuthType", in.FunctionUrlAuthType != ""},
		parameter{"PrincipalOrgID", in.PrincipalOrgID != nil},
		parameter{"InvokedViaFunctionUrl", in.InvokedViaFunctionUrl != nil}); err != nil {
		return nil, err
	}
	fn, err := named(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	st := statement{Sid: *in.StatementId, Effect: "Allow", Action: oneOrMany[string]{*in.Action}, Resource: fn.ARN()}
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
func principal(given string) (principals, error) {
	switch {
	case given == "*":
		return principals{All: true}, nil
	case strings.HasSuffix(given, ".amazonaws.com"):
		return principals{Service: oneOrMany[string]{given}}, nil
	case len(given) == 12 && isVersion(given):
		return principals{AWS: oneOrMany[string]{"arn:aws:iam::" + given + ":root"}}, nil
	case strings.HasPrefix(given, "arn:"):
		return principals{AWS: oneOrMany[string]{given}}, nil
	}
	return principals{}, invalid("The provided principal was invalid. Please check the principal and try again.")
}

// policy reads a policy; the zero policy when there is none.
func (s *Service) policy(tx *store.Tx, fn esm.Function, revision *string) (policy, error) {
	if _, err := s.find(tx, fn); err != nil {
		return policy{}, err
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
	s.policies.Put(tx, fn.Scope, key, policy{Statements: statements, Revision: s.host.IDs.UUID()})
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
	var p policy
	err = s.host.Store.View(func(tx *store.Tx) error {
		if p, err = s.policy(tx, fn, nil); err == nil && len(p.Statements) == 0 {
			return notFound("The resource you requested does not exist.")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(struct {
		Version   string
		ID        string `json:"Id"`
		Statement []statement
	}{"2012-10-17", "default", p.Statements})
	return &sdk.GetPolicyOutput{Policy: aws.String(string(text)), RevisionId: aws.String(p.Revision)}, err
}

// fromSource reports whether a statement lets a resource in.
func fromSource(st statement, arn string) bool {
	pattern, given := st.Condition["ArnLike"]["AWS:SourceArn"]
	if !given {
		return true
	}
	match, err := path.Match(pattern, arn)
	return err == nil && match
}

// permitted refuses services that the function's policy does not let in.
// Lambda itself needs no permission for its mappings and destinations.
func (s *Service) permitted(ctx context.Context, tx *store.Tx, fn esm.Function) error {
	call := gateway.From(ctx)
	who := call.Principal
	if who.Kind != gateway.AWSService || who.Service == "lambda.amazonaws.com" {
		return nil
	}
	p, _ := s.policies.Get(tx, fn.Scope, store.Key(fn.Name, fn.Qualifier)) // none permits nothing
	for _, st := range p.Statements {
		action := len(st.Action) > 0 && (st.Action[0] == "*" || strings.EqualFold(st.Action[0], "lambda:*") ||
			strings.EqualFold(st.Action[0], "lambda:InvokeFunction"))
		account, given := st.Condition["StringEquals"]["AWS:SourceAccount"]
		if action && (st.Principal.All || slices.Contains(st.Principal.Service, who.Service)) &&
			(!given || account == who.Account) &&
			fromSource(st, call.SourceARN) {
			return nil
		}
	}
	return gateway.Errorf(403, "AccessDeniedException",
		"User: %s is not authorized to perform: lambda:InvokeFunction on resource: %s "+
			"because no resource-based policy allows the lambda:InvokeFunction action", who.Service, fn.ARN())
}
