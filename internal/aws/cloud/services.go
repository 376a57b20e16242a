package cloud

import (
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/cloudformation"
	"github.com/pipelab/pipelab/internal/aws/service/cloudwatchlogs"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodbstreams"
	"github.com/pipelab/pipelab/internal/aws/service/iam"
	"github.com/pipelab/pipelab/internal/aws/service/kinesis"
	"github.com/pipelab/pipelab/internal/aws/service/lambda"
	"github.com/pipelab/pipelab/internal/aws/service/s3"
	"github.com/pipelab/pipelab/internal/aws/service/sqs"
	"github.com/pipelab/pipelab/internal/aws/service/sts"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/cfn"
)

// services are the constructors of everything that is emulated, in the order
// in which they start.
func services(o Options) []func(*gateway.Host) gateway.Service {
	all := []func(*gateway.Host) gateway.Service{
		kinesis.New,
		as(dynamodb.New),
		as(dynamodbstreams.New),
		as(sqs.New),
		as(cloudwatchlogs.New),
		as(s3.New),
		as(iam.New),
		as(sts.New),
		as(lambda.New), // after those whose data its mappings read
	}
	all = append(all, o.Services...)
	if o.Provision != nil {
		all = append(all, func(h *gateway.Host) gateway.Service { return cloudformation.New(h, o.Provision) })
	}
	return all
}

// Describe returns what all services say of themselves, for those who need to
// know them without a cloud: nothing is started.
func Describe() []gateway.Descriptor {
	clk := clock.NewManual(time.Time{})
	defer clk.Close()
	host := gateway.New(store.New(store.Options{}), clk, ident.NewSource(), slog.New(slog.DiscardHandler)).Host()
	var all []gateway.Descriptor
	none := func(aws.HTTPClient, string, ident.Scope) cfn.Provider { return nil }
	for _, make := range services(Options{Provision: none}) {
		all = append(all, make(host).Describe())
	}
	return all
}

// as forgets a service's own type.
func as[S gateway.Service](make func(*gateway.Host) S) func(*gateway.Host) gateway.Service {
	return func(h *gateway.Host) gateway.Service { return make(h) }
}
