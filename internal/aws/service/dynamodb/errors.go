package dynamodb

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

// Messages of AWS, from its documentation where that states them and from
// experience elsewhere; the API's own text keeps its spelling.
const (
	invalid      = "One or more parameter values were invalid: "
	msgNotFound  = "Requested resource not found"
	msgKeySchema = "The provided key element does not match the schema"
	msgThrottled = "The level of configured provisioned throughput for the table was exceeded. " +
		"Consider increasing your provisioning level with the UpdateTable API."
	msgKeyThrottled = "The request rate on a partition key value exceeds the maximum throughput of a partition. " +
		"Distribute requests over more partition key values."
	msgIndexThrottled = "The level of configured provisioned throughput for one or more global secondary indexes of the " +
		"table was exceeded. " +
		"Consider increasing your provisioning level for the under-provisioned global secondary indexes with the " +
		"UpdateTable API"
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

func throttled(message string, reasons []types.ThrottlingReason) error {
	return &types.ProvisionedThroughputExceededException{Message: aws.String(message), ThrottlingReasons: reasons}
}

// The limits that a request can run into, as reasons end.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ThrottlingReason.html
const (
	provisioned = "ProvisionedThroughputExceeded"
	keyRange    = "KeyRangeThroughputExceeded"
)

// throttled says what ran into which limit: the table, or the index with this
// name. A table on demand has an exception of its own.
func (u usage) throttled(sc ident.Scope, index, limit string) error {
	message, what, arn := msgThrottled, "Table", u.table.arn(sc)
	if index != "" {
		message, what, arn = msgIndexThrottled, "Index", arn+"/index/"+index
	}
	if limit == keyRange {
		message = msgKeyThrottled
	}
	if u.write {
		what += "Write"
	} else {
		what += "Read"
	}
	reasons := []types.ThrottlingReason{{Reason: aws.String(what + limit), Resource: &arn}}
	if u.table.OnDemand {
		return &types.ThrottlingException{Message: aws.String(message), ThrottlingReasons: reasons}
	}
	return throttled(message, reasons)
}
