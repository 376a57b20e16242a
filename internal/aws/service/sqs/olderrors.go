package sqs

import "github.com/pipelab/pipelab/internal/aws/wire"

// oldErrors are the errors of SQS whose code or status was another when it spoke
// the query protocol; its model does not hold them any more.
// Source: the awsQueryError traits of the SDK's SQS model, and
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
func oldErrors() map[string]wire.Fault {
	old := func(code string, status int) wire.Fault { return wire.Fault{Code: code, Status: status} }
	const prefix = "AWS.SimpleQueueService."
	return map[string]wire.Fault{
		"QueueDoesNotExist":            old(prefix+"NonExistentQueue", 400),
		"QueueNameExists":              old("QueueAlreadyExists", 400),
		"PurgeQueueInProgress":         old(prefix+"PurgeQueueInProgress", 403),
		"QueueDeletedRecently":         old(prefix+"QueueDeletedRecently", 400),
		"MessageNotInflight":           old(prefix+"MessageNotInflight", 400),
		"EmptyBatchRequest":            old(prefix+"EmptyBatchRequest", 400),
		"TooManyEntriesInBatchRequest": old(prefix+"TooManyEntriesInBatchRequest", 400),
		"BatchEntryIdsNotDistinct":     old(prefix+"BatchEntryIdsNotDistinct", 400),
		"BatchRequestTooLong":          old(prefix+"BatchRequestTooLong", 400),
		"InvalidBatchEntryId":          old(prefix+"InvalidBatchEntryId", 400),
		"UnsupportedOperation":         old(prefix+"UnsupportedOperation", 400),
		"OverLimit":                    old("OverLimit", 403),
		"RequestThrottled":             old("RequestThrottled", 403),
		"InvalidSecurity":              old("InvalidSecurity", 403),
		"InvalidAddress":               old("InvalidAddress", 404),
		"ReceiptHandleIsInvalid":       old("ReceiptHandleIsInvalid", 404),
		"ResourceNotFoundException":    old("ResourceNotFoundException", 404),
	}
}

// errorNames are the names of errors in JSON. Those that the model lacks are of the
// frame in which AWS's services run, which calls two of them otherwise than the query
// protocol did.
// Source: recordings of AWS; SDKs show the names as QueryErrorCode.
func errorNames() wire.ErrorNames {
	const common = "com.amazon.coral.service#"
	return wire.ErrorNames{Own: "com.amazonaws.sqs#", Common: common, Named: map[string]string{
		"InvalidParameterValue": common + "InvalidParameterValueException",
		"MissingParameter":      common + "MissingRequiredParameterException",
	}}
}
