package cloud

import "github.com/pipelab/pipelab/internal/aws/gateway"

// services are the constructors of everything that is emulated, in the order
// in which they start.
func services() []func(*gateway.Host) gateway.Service {
	return []func(*gateway.Host) gateway.Service{}
}
