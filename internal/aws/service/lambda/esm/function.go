package esm

import (
	"context"
	"fmt"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

// Function names a function, and a version or alias of it.
type Function struct {
	Scope     ident.Scope
	Name      string
	Qualifier string // version or alias, empty for none
}

// ParseFunction takes the forms of a FunctionName: name, name:alias, partial
// ARN (account:function:name), ARN, each with or without a qualifier.
func ParseFunction(s string, scope ident.Scope) (Function, error) {
	f := Function{Scope: scope}
	rest := s
	if strings.HasPrefix(s, "arn:") {
		a, err := ident.ParseARN(s)
		if err != nil || a.Service != "lambda" {
			return f, fmt.Errorf("%q is no function", s)
		}
		f.Scope, rest = a.Scope(), a.Resource
	} else if head, tail, ok := strings.Cut(s, ":function:"); ok {
		if i := strings.LastIndexByte(head, ':'); i >= 0 { // region:account
			f.Scope.Region, head = head[:i], head[i+1:]
		}
		f.Scope.Account, rest = head, tail
	}
	rest = strings.TrimPrefix(rest, "function:")
	f.Name, f.Qualifier, _ = strings.Cut(rest, ":")
	if f.Name == "" {
		return f, fmt.Errorf("%q is no function", s)
	}
	return f, nil
}

// ARN is the name in full.
func (f Function) ARN() string {
	r := "function:" + f.Name
	if f.Qualifier != "" {
		r += ":" + f.Qualifier
	}
	return f.Scope.ARN("lambda", r)
}

// configuration asks the lambda service for the function.
func (m *Mappings) configuration(ctx context.Context, f Function) (*sdk.GetFunctionConfigurationOutput, error) {
	in := &sdk.GetFunctionConfigurationInput{FunctionName: &f.Name}
	if f.Qualifier != "" {
		in.Qualifier = &f.Qualifier
	}
	return gateway.Invoke[sdk.GetFunctionConfigurationOutput](ctx, m.host, gateway.Call{
		Principal: gateway.ServicePrincipal("lambda.amazonaws.com", f.Scope.Account), Scope: f.Scope,
		Service: "lambda", Operation: "GetFunctionConfiguration", Input: in,
	})
}

// answer is how an invocation went.
type answer struct {
	// err is set when the function did not run: throttled, gone, out of order.
	err       error
	failed    string // FunctionError, empty for success
	payload   []byte
	version   string
	requestID string
	status    int32
}

// invoke calls the function with what carries says, and waits for its answer.
func (w *worker) invoke(payload []byte, carries []uint32, trace string) answer {
	in := &sdk.InvokeInput{FunctionName: &w.fn.Name, InvocationType: types.InvocationTypeRequestResponse, Payload: payload}
	if w.fn.Qualifier != "" {
		in.Qualifier = &w.fn.Qualifier
	}
	id := w.m.host.IDs.UUID()
	out, err := gateway.Invoke[sdk.InvokeOutput](w.hard, w.m.host, gateway.Call{
		ID: id, Principal: gateway.ServicePrincipal("lambda.amazonaws.com", w.fn.Scope.Account), Scope: w.fn.Scope,
		Service: "lambda", Operation: "Invoke", Input: in, Carries: carries, Trace: trace,
	})
	switch {
	case err != nil && gateway.ErrorCode(err) == "RequestTooLargeException":
		return answer{failed: "Unhandled", requestID: id, status: 413, version: "$LATEST"}
	case w.hard.Err() != nil: // cut short by Stop: the answer does not count
		return answer{err: w.hard.Err(), requestID: id}
	case err != nil:
		w.report(resultFailed)
		return answer{err: err, requestID: id}
	}
	a := answer{failed: text(out.FunctionError), payload: out.Payload, version: text(out.ExecutedVersion), requestID: id,
		status: out.StatusCode}
	if a.version == "" {
		a.version = "$LATEST"
	}
	if a.status == 0 {
		a.status = 200
	}
	if a.failed != "" {
		w.report(resultFailed)
	} else {
		w.report(resultOK)
	}
	return a
}

// role is who reads the source: the function's execution role.
func (w *worker) role() gateway.Principal {
	return gateway.RolePrincipal(w.cfg.Role, w.fn.Name, w.fn.Scope.Account)
}

// call invokes another service as the execution role.
func call[O any](ctx context.Context, h *gateway.Host, who gateway.Principal, scope ident.Scope, service,
	operation string, in any) (*O, error) {
	return gateway.Invoke[O](ctx, h, gateway.Call{Principal: who, Scope: scope, Service: service, Operation: operation,
		Input: in})
}
