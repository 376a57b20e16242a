package cloud

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/cfn"
)

// Makers make every service.
func Makers() []func(*gateway.Host) gateway.Service {
	return services(Options{Provision: func(aws.HTTPClient, string, ident.Scope) cfn.Provider { return nil }})
}
