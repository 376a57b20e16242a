package cloud

import (
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/cloudwatchlogs"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodbstreams"
	"github.com/pipelab/pipelab/internal/aws/service/iam"
	"github.com/pipelab/pipelab/internal/aws/service/kinesis"
	"github.com/pipelab/pipelab/internal/aws/service/lambda"
	"github.com/pipelab/pipelab/internal/aws/service/s3"
	"github.com/pipelab/pipelab/internal/aws/service/sqs"
	"github.com/pipelab/pipelab/internal/aws/service/sts"
)

// services are the constructors of everything that is emulated, in the order
// in which they start.
func services() []func(*gateway.Host) gateway.Service {
	return []func(*gateway.Host) gateway.Service{
		kinesis.New,
		as(dynamodb.New),
		as(dynamodbstreams.New),
		as(sqs.New),
		as(cloudwatchlogs.New),
		as(s3.New),
		as(iam.New),
		as(sts.New),
		as(lambda.New), // last: its mappings read what the others hold
	}
}

// as forgets a service's own type.
func as[S gateway.Service](make func(*gateway.Host) S) func(*gateway.Host) gateway.Service {
	return func(h *gateway.Host) gateway.Service { return make(h) }
}
