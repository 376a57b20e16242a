package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/store"
)

func (s *Service) Invoke(ctx context.Context, in *sdk.InvokeInput) (*sdk.InvokeOutput, error) {
	j, hold, err := s.prepare(ctx, in)
	defer hold.Release()
	switch {
	case err != nil:
		return nil, err
	case in.InvocationType == types.InvocationTypeDryRun:
		return &sdk.InvokeOutput{StatusCode: 204}, nil
	case in.InvocationType == types.InvocationTypeEvent:
		return &sdk.InvokeOutput{StatusCode: 202}, s.enqueue(ctx, j)
	}
	if err := s.stopRecursion(j.fn, j.trace); err != nil {
		return nil, err
	}
	out, err := s.run(ctx, j)
	if err != nil {
		return nil, err
	}
	answer := &sdk.InvokeOutput{StatusCode: 200, Payload: out.Payload, ExecutedVersion: j.version.Config.Version}
	if out.Failed {
		answer.FunctionError = aws.String("Unhandled")
	}
	if in.LogType == types.LogTypeTail {
		tail := out.log
		if n := int(limit("logTailBytes")); len(tail) > n {
			tail = tail[len(tail)-n:]
		}
		answer.LogResult = aws.String(base64.StdEncoding.EncodeToString(tail))
	}
	return answer, nil
}

// prepare finds what an invocation runs and checks what it brings.
func (s *Service) prepare(ctx context.Context, in *sdk.InvokeInput) (j job, hold *store.Hold, err error) {
	fn, err := named(ctx, in.FunctionName, in.Qualifier)
	if err != nil {
		return j, nil, err
	}
	v, hold, err := s.callable(fn)
	if err != nil || in.InvocationType == types.InvocationTypeDryRun {
		return j, hold, err
	}
	client, err := clientContext(in.ClientContext)
	if err != nil {
		return j, hold, err
	}
	if err := checkPayload(in.Payload, in.InvocationType == types.InvocationTypeEvent); err != nil {
		return j, hold, err
	}
	j = job{fn: fn, version: v, id: requestID(ctx), payload: in.Payload, client: client, trace: gateway.From(ctx).Trace}
	if len(j.payload) == 0 {
		j.payload = []byte("{}")
	}
	return j, hold, nil
}

// InvokeAsync implements the operation that came before Invoke.
func (s *Service) InvokeAsync(ctx context.Context, in *sdk.InvokeAsyncInput) (*sdk.InvokeAsyncOutput, error) {
	payload, err := io.ReadAll(io.LimitReader(in.InvokeArgs, limit("asyncPayloadBytes")+1))
	if err != nil {
		return nil, err
	}
	j, hold, err := s.prepare(ctx, &sdk.InvokeInput{FunctionName: in.FunctionName,
		InvocationType: types.InvocationTypeEvent, Payload: payload})
	defer hold.Release()
	if err != nil {
		return nil, err
	}
	return &sdk.InvokeAsyncOutput{Status: 202}, s.enqueue(ctx, j)
}

// callable finds the version that an invocation runs, if it may run. Its code
// stays until the hold is released: an update meanwhile must not take it from a
// process that is only starting.
func (s *Service) callable(fn esm.Function) (v version, hold *store.Hold, err error) {
	err = s.host.Store.View(func(tx *store.Tx) error {
		if v, err = s.find(tx, fn); err != nil {
			return err
		}
		if a, ok := s.aliases.Get(tx, fn.Scope, store.Key(fn.Name, fn.Qualifier)); ok {
			v, err = s.weighted(tx, fn, a, v)
		}
		if err == nil {
			hold = tx.Hold(bodiesOf(v)...)
		}
		return err
	})
	if err == nil && s.host.Clock.Now().Before(v.Ready) {
		err = conflict(
			"The operation cannot be performed at this time. The function is currently in the following state: Pending")
	}
	return v, hold, err
}

// weighted draws the version that an alias means this time.
func (s *Service) weighted(tx *store.Tx, fn esm.Function, a alias, first version) (version, error) {
	for number, weight := range a.Weights { // one at most
		if float64(s.host.IDs.Uint64()>>11)/(1<<53) < weight {
			return s.find(tx, esm.Function{Scope: fn.Scope, Name: fn.Name, Qualifier: number})
		}
	}
	return first, nil
}

func clientContext(given *string) (string, error) {
	if given == nil {
		return "", nil
	}
	text, err := base64.StdEncoding.DecodeString(*given)
	if err != nil || !json.Valid(text) {
		return "", &types.InvalidRequestContentException{Type: byUser(),
			Message: aws.String("Client context must be a valid Base64-encoded JSON object.")}
	}
	return string(text), nil
}

func checkPayload(payload []byte, async bool) error {
	most := limit("syncPayloadBytes")
	if async {
		most = limit("asyncPayloadBytes")
	}
	if int64(len(payload)) > most {
		return &types.RequestTooLargeException{Type: byUser(),
			Message: aws.String(fmt.Sprintf("%d byte payload is too large for the %s invocation type (limit %d bytes)",
				len(payload), map[bool]string{true: "Event", false: "RequestResponse"}[async], most))}
	}
	if len(payload) == 0 || json.Valid(payload) {
		return nil
	}
	var anything any
	err := json.Unmarshal(payload, &anything)
	return &types.InvalidRequestContentException{Type: byUser(),
		Message: aws.String("Could not parse request body into json: Could not parse payload into json: " + err.Error())}
}

// acquire takes one of the concurrent invocations that a function may have; its
// own when it has reserved some, else one of the account's. The function that
// it returns gives it back.
func (s *Service) acquire(fn esm.Function) (release func(), err error) {
	most, reason := limit("concurrency"), types.ThrottleReasonConcurrentInvocationLimitExceeded
	at := slot{scope: fn.Scope} // the account's pool has no name
	err = s.host.Store.View(func(tx *store.Tx) error {
		f, ok := s.functions.Get(tx, fn.Scope, fn.Name)
		if !ok {
			return missingFunction(fn.ARN())
		}
		most -= s.reservedOf(tx, fn.Scope, "")
		if f.Reserved != nil {
			at.name, most, reason = fn.Name, int64(*f.Reserved),
				types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if int64(s.slots[at]) >= most {
		return nil, &types.TooManyRequestsException{Message: aws.String("Rate Exceeded."), Reason: reason, Type: byUser()}
	}
	s.slots[at]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.slots[at]--
	}, nil
}
