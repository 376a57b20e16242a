package lab

import (
	"github.com/invopop/jsonschema"

	"github.com/pipelab/pipelab/internal/awsapi"
)

// service holds the name of a service to those that are known. There is one name
// for each, the SDK package's, which the trace has too; CloudWatch Logs was once
// called by the name that it signs with.
func (v *validator) service(path string, name *string) {
	if *name == "logs" {
		*name = "cloudwatchlogs"
	}
	v.oneOf(path, *name, awsapi.Names()...)
}

// call holds a call to the operations that the SDK's client has.
func (v *validator) call(path string, c *Call) {
	v.service(path+".service", &c.Service)
	s, ok := awsapi.Find(c.Service)
	if !ok || c.Operation == "" {
		return
	}
	if _, ok := s.Operation(c.Operation); !ok {
		names := make([]string, len(s.Operations))
		for i, o := range s.Operations {
			names[i] = o.Name
		}
		v.at(path+".operation", nearest(c.Operation, names), "%s has no operation %q", c.Service, c.Operation)
	}
}

// JSONSchemaExtend lists the services that can be called.
func (Call) JSONSchemaExtend(s *jsonschema.Schema) {
	service, ok := s.Properties.Get("service")
	if !ok {
		return
	}
	for _, name := range awsapi.Names() {
		service.Enum = append(service.Enum, name)
	}
}
