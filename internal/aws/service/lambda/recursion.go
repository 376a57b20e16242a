package lambda

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// stopRecursion refuses an invocation of a chain in which the function has run too
// often already.
//
// AWS: detects loops through SQS, SNS, S3 and Invoke when the function uses an SDK that
// sends the header. Here the emulator knows which function makes a call, so any client
// will do. AWS tells in the account's health dashboard; here the emulator's log does.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
func (s *Service) stopRecursion(fn esm.Function, header string) error {
	if header == "" || int64(esm.ParseTraceHeader(header).Runs(fn)) < limit("recursion") {
		return nil
	}
	if s.recursion(fn) == types.RecursiveLoopAllow {
		return nil
	}
	s.host.Log.Warn("a recursive loop was stopped", "function", fn.ARN(), "runs", limit("recursion"))
	return &types.RecursiveInvocationException{Type: byUser(),
		Message: aws.String(recursiveText)}
}

// recursion is what is to become of loops: AWS stops them unless it is told not to.
func (s *Service) recursion(fn esm.Function) (mode types.RecursiveLoop) {
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		f, _ := s.functions.Get(tx, fn.Scope, fn.Name) // of one that is gone it does not matter
		mode = f.Recursion
		return nil
	})
	if mode == "" {
		mode = types.RecursiveLoopTerminate
	}
	return mode
}

// traceHeader is what a run of a function is given, and hands on with its calls.
//
// AWS: samples a part of the requests to functions with active tracing. Here all of
// them are marked; there is no X-Ray that would take their segments.
func (s *Service) traceHeader(fn esm.Function, caller string, mode types.TracingMode) string {
	t := esm.ParseTraceHeader(caller)
	if t.Root == "" {
		t.Root = "1-" + s.host.IDs.Hex(8) + "-" + s.host.IDs.Hex(24)
	}
	t.Parent = s.host.IDs.Hex(16)
	if t.Sampled == "" {
		t.Sampled = "0"
		if mode == types.TracingModeActive {
			t.Sampled = "1"
		}
	}
	return t.Again(fn).String()
}

func (s *Service) PutFunctionRecursionConfig(ctx context.Context,
	in *sdk.PutFunctionRecursionConfigInput) (*sdk.PutFunctionRecursionConfigOutput, error) {
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	return &sdk.PutFunctionRecursionConfigOutput{RecursiveLoop: in.RecursiveLoop},
		s.change(fn, func(_ *store.Tx, f *function) error {
			f.Recursion = in.RecursiveLoop
			return nil
		})
}

func (s *Service) GetFunctionRecursionConfig(ctx context.Context,
	in *sdk.GetFunctionRecursionConfigInput) (*sdk.GetFunctionRecursionConfigOutput, error) {
	fn, err := unqualified(ctx, in.FunctionName)
	if err != nil {
		return nil, err
	}
	err = s.host.Store.View(func(tx *store.Tx) error {
		if _, ok := s.functions.Get(tx, fn.Scope, fn.Name); !ok {
			return missingFunction(fn.ARN())
		}
		return nil
	})
	return &sdk.GetFunctionRecursionConfigOutput{RecursiveLoop: s.recursion(fn)}, err
}

// recursive reports whether an invocation was refused as part of a loop.
func recursive(err error) bool { return gateway.ErrorCode(err) == "RecursiveInvocationException" }

// recursiveText says why an invocation is refused; AWS publishes no text.
const recursiveText = "Lambda has detected your function being invoked in a recursive loop with other AWS resources."
