package cloud

import (
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodbstreams"
	"github.com/pipelab/pipelab/internal/aws/service/kinesis"
)

// services are the constructors of everything that is emulated, in the order
// in which they start.
func services() []func(*gateway.Host) gateway.Service {
	return []func(*gateway.Host) gateway.Service{
		kinesis.New,
		func(h *gateway.Host) gateway.Service { return dynamodb.New(h) },
		func(h *gateway.Host) gateway.Service { return dynamodbstreams.New(h) },
	}
}
