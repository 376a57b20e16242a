package cloudformation

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

const (
	self    = "cloudformation.amazonaws.com"
	session = "AWSCloudFormation" // name of the sessions of stacks' roles, as CloudTrail shows it
)

// starter is who asked for a stack's operation, and with which call. It is stored,
// so that an operation that is taken up again goes on for the same caller.
type starter struct {
	Principal gateway.Principal
	Call      string
	Via       []string
}

// startedBy is who makes a call.
func startedBy(c *gateway.Call) starter {
	return starter{Principal: c.Principal, Call: c.ID, Via: c.Via}
}

// via are the services through which CloudFormation calls others with the
// permissions of its caller. A role that is its own has none.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-calledvia
func via(before []string) []string { return append(slices.Clone(before), self) }

// behalf is for whom a stack's operation calls other services: its role if it has
// one, or else who asked for the operation. A stack of an older state, which knows
// neither, is the account's own.
// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html
func (st *stack) behalf(scope ident.Scope) gateway.Behalf {
	b := gateway.Behalf{Principal: st.By.Principal, Scope: scope, Parent: st.By.Call, Via: via(st.By.Via)}
	switch {
	case st.Role != "":
		b.Principal, b.Via = gateway.RolePrincipal(st.Role, session, scope.Account), nil
	case b.Principal.Kind == "":
		b.Principal = gateway.RootOf(scope.Account)
	}
	return b
}

// begin makes a call's sender the one for whom the stack is worked on from now,
// with the role that the call names. A stack keeps its role; whoever may operate on
// the stack uses it. A role that cannot be assumed is an error.
func (s *Service) begin(ctx context.Context, st *stack, role *string) error {
	call := gateway.From(ctx)
	st.By = startedBy(call)
	if role != nil {
		st.Role = *role
	}
	if st.Role == "" {
		return nil
	}
	a, err := ident.ParseARN(st.Role)
	if err != nil || a.Service != "iam" {
		return invalid("%s is not a valid RoleARN", st.Role)
	}
	_, err = gateway.Invoke[sts.AssumeRoleOutput](ctx, s.host, gateway.Call{
		Principal: gateway.ServicePrincipal(self, call.Scope.Account), SourceARN: st.ID, Scope: call.Scope, Service: "sts",
		Operation: "AssumeRole",
		Input:     &sts.AssumeRoleInput{RoleArn: &st.Role, RoleSessionName: aws.String(session)}})
	if gateway.ErrorCode(err) != "" {
		return invalid("Role %s is invalid or cannot be assumed", st.Role)
	}
	return err
}

// passing adds to the permissions that an operation needs the one to pass the role
// that it names.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
func passing(op *gateway.Operation) {
	role := gateway.Member(op.Input, "RoleARN")
	if role == nil {
		return
	}
	own := *op
	op.Permissions = func(c *gateway.Call) []gateway.Need {
		needs := own.Needs(c)
		if arn := role(c.Input); arn != "" {
			needs = append(needs, gateway.Need{Action: "iam:PassRole", Resources: []string{arn},
				Keys: map[string][]string{"iam:PassedToService": {self}}})
		}
		return needs
	}
}
