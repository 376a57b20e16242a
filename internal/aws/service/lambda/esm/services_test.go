package esm_test

import "github.com/pipelab/pipelab/internal/aws/gateway"

func queueServices() []func(*gateway.Host) gateway.Service { return nil }
