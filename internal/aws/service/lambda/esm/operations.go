package esm

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Operations are the control plane, for the lambda service to describe. A
// mapping's function is a condition key of all that change or read it.
// Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
func (m *Mappings) Operations() []gateway.Operation {
	c := gateway.Control
	return []gateway.Operation{
		gateway.Op(c, m.CreateEventSourceMapping, gateway.Anything(),
			gateway.Keyed(func(in *sdk.CreateEventSourceMappingInput, c *gateway.Call) map[string][]string {
				return functionKey(c, in.FunctionName)
			})),
		gateway.Op(c, m.GetEventSourceMapping, onMapping, gateway.Keyed(
			func(in *sdk.GetEventSourceMappingInput, c *gateway.Call) map[string][]string {
				return m.keyOf(c, in.UUID, nil)
			})),
		gateway.Op(c, m.ListEventSourceMappings, gateway.Anything()),
		gateway.Op(c, m.UpdateEventSourceMapping, onMapping,
			gateway.Keyed(func(in *sdk.UpdateEventSourceMappingInput, c *gateway.Call) map[string][]string {
				return m.keyOf(c, in.UUID, in.FunctionName)
			})),
		gateway.Op(c, m.DeleteEventSourceMapping, onMapping,
			gateway.Keyed(func(in *sdk.DeleteEventSourceMappingInput, c *gateway.Call) map[string][]string {
				return m.keyOf(c, in.UUID, nil)
			})),
	}
}

// onMapping gives an operation the ARN of the mapping that it is about.
func onMapping(op *gateway.Operation) {
	id := gateway.Member(op.Input, "UUID")
	op.Resources = func(c *gateway.Call) []string {
		return []string{c.Scope.ARN("lambda", "event-source-mapping:"+id(c.Input))}
	}
}

func functionKey(c *gateway.Call, name *string) map[string][]string {
	fn, err := ParseFunction(aws.ToString(name), c.Scope)
	if err != nil {
		return nil // the handler says what is wrong
	}
	return map[string][]string{"lambda:FunctionArn": {fn.ARN()}}
}

// keyOf is the function of a mapping: the one that the request names, or else
// the one that it has.
func (m *Mappings) keyOf(c *gateway.Call, id, name *string) map[string][]string {
	if name != nil {
		return functionKey(c, name)
	}
	var keys map[string][]string
	_ = m.host.Store.View(func(tx *store.Tx) error { // only reads
		if found, ok := m.mappings.Get(tx, c.Scope, aws.ToString(id)); ok {
			keys = map[string][]string{"lambda:FunctionArn": {aws.ToString(found.Config.FunctionArn)}}
		}
		return nil
	})
	return keys
}
