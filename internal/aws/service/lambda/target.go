package lambda

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/outbox"
)

// targets let deliveries reach functions, and take the events that those
// have accepted further.
func (s *Service) targets() []outbox.Target {
	return []outbox.Target{
		{Name: "lambda", Deliver: s.invokeTarget(types.InvocationTypeEvent),
			Check: s.invokeTarget(types.InvocationTypeDryRun)},
		{Name: eventQueue, Deliver: s.attempt},
	}
}

// invokeTarget invokes the function of a delivery.
func (s *Service) invokeTarget(how types.InvocationType) func(context.Context, *outbox.Delivery) error {
	return func(ctx context.Context, d *outbox.Delivery) error {
		in := &sdk.InvokeInput{FunctionName: &d.Target, InvocationType: how, Payload: d.Payload}
		_, err := gateway.Deliver[sdk.InvokeOutput](ctx, s.host, d, "lambda", "Invoke", in)
		return err
	}
}
