package lambda

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// Errors carry a type: whose fault it was.
func byUser() *string { return aws.String("User") }

func invalid(format string, args ...any) error {
	return &types.InvalidParameterValueException{Message: aws.String(fmt.Sprintf(format, args...)), Type: byUser()}
}

func conflict(format string, args ...any) error {
	return &types.ResourceConflictException{Message: aws.String(fmt.Sprintf(format, args...)), Type: byUser()}
}

func notFound(format string, args ...any) error {
	return &types.ResourceNotFoundException{Message: aws.String(fmt.Sprintf(format, args...)), Type: byUser()}
}

func missingFunction(arn string) error { return notFound("Function not found: %s", arn) }

func staleRevision() error {
	return &types.PreconditionFailedException{Type: byUser(),
		Message: aws.String("The Revision Id provided does not match the latest Revision Id. " +
			"Call the GetFunction/GetAlias API to retrieve the latest Revision Id")}
}
