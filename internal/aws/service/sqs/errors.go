package sqs

import (
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

func missingQueue() error {
	return &types.QueueDoesNotExist{Message: aws.String("The specified queue does not exist.")}
}

func invalidAddress(raw string) error {
	return &types.InvalidAddress{Message: aws.String(fmt.Sprintf("The address %s is not valid for this endpoint.", raw))}
}

// invalidParameter is the code that SQS uses for most wrong values; the SDK
// has no type for it.
func invalidParameter(format string, args ...any) error {
	return gateway.Errorf(http.StatusBadRequest, "InvalidParameterValue", format, args...)
}

func missingParameter(name string) error {
	return gateway.Errorf(http.StatusBadRequest, "MissingParameter", "The request must contain the parameter %s.", name)
}

func invalidReason(value any, name, reason string) error {
	return invalidParameter("Value %v for parameter %s is invalid. Reason: %s", value, name, reason)
}

func badAttribute(name string) error {
	return &types.InvalidAttributeName{Message: aws.String("Unknown Attribute " + name + ".")}
}

func badValue(name string) error {
	return &types.InvalidAttributeValue{Message: aws.String("Invalid value for the parameter " + name + ".")}
}
