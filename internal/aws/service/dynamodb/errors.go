package dynamodb

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// Messages of AWS, from its documentation where that states them and from
// experience elsewhere; the API's own text keeps its spelling.
const (
	invalid      = "One or more parameter values were invalid: "
	msgNotFound  = "Requested resource not found"
	msgKeySchema = "The provided key element does not match the schema"
	msgThrottled = "The level of configured provisioned throughput for the table was exceeded. " +
		"Consider increasing your provisioning level with the UpdateTable API."
	msgIndexThrottled = "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. " +
		"Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable API"
)

// refuse makes a ValidationException.
func refuse(format string, args ...any) error {
	return gateway.Errorf(400, "ValidationException", format, args...)
}

// refused turns an error of item or expr into a ValidationException.
func refused(err error) error {
	if err == nil {
		return nil
	}
	return refuse("%s", err.Error())
}

func tableNotFound(name string) error {
	return &types.ResourceNotFoundException{Message: aws.String(msgNotFound + ": Table: " + name + " not found")}
}

func inUse(message string) error {
	return &types.ResourceInUseException{Message: aws.String(message)}
}

func throttled(message string) error {
	return &types.ProvisionedThroughputExceededException{Message: aws.String(message)}
}

// param is a request parameter that is not emulated, and whether it was given.
type param struct {
	name  string
	given bool
}

func unsupported(operation string, params ...param) error {
	for _, p := range params {
		if p.given {
			return gateway.Unsupported("dynamodb", operation, p.name)
		}
	}
	return nil
}
