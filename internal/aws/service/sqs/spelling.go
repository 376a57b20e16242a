package sqs

import "github.com/pipelab/pipelab/internal/aws/wire"

// spelling is how clients from before November 2023 speak to SQS: the AWS CLI and
// boto3 below botocore 1.31.81, Java's SDK 1 below 1.12.585 and 2 below 2.21.19,
// boto 2, forms by hand.
// Sources: the model sqs/2012-11-05 of botocore 1.29.165, and
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-xml.html
func spelling() *wire.Spelling {
	named := func(entry string) wire.MapSpelling {
		return wire.MapSpelling{Entry: entry, Key: "Name", Value: "Value"}
	}
	return &wire.Spelling{
		Namespace: "http://queue.amazonaws.com/doc/2012-11-05/",
		Located:   "QueueUrl",
		Lists: map[string]string{
			"AWSAccountIdList":          "AWSAccountId",
			"ActionNameList":            "ActionName",
			"AttributeNameList":         "AttributeName",
			"BatchResultErrorEntryList": "BatchResultErrorEntry",
			"BinaryList":                "BinaryListValue",
			"ChangeMessageVisibilityBatchRequestEntryList": "ChangeMessageVisibilityBatchRequestEntry",
			"ChangeMessageVisibilityBatchResultEntryList":  "ChangeMessageVisibilityBatchResultEntry",
			"DeleteMessageBatchRequestEntryList":           "DeleteMessageBatchRequestEntry",
			"DeleteMessageBatchResultEntryList":            "DeleteMessageBatchResultEntry",
			"ListMessageMoveTasksResultEntryList":          "ListMessageMoveTasksResultEntry",
			"MessageAttributeNameList":                     "MessageAttributeName",
			"MessageList":                                  "Message",
			"MessageSystemAttributeList":                   "MessageSystemAttributeName",
			"QueueUrlList":                                 "QueueUrl",
			"SendMessageBatchRequestEntryList":             "SendMessageBatchRequestEntry",
			"SendMessageBatchResultEntryList":              "SendMessageBatchResultEntry",
			"StringList":                                   "StringListValue",
			"TagKeyList":                                   "TagKey",
		},
		Maps: map[string]wire.MapSpelling{
			"MessageBodyAttributeMap":       named("MessageAttribute"),
			"MessageBodySystemAttributeMap": named("MessageSystemAttribute"),
			"MessageSystemAttributeMap":     named("Attribute"),
			"QueueAttributeMap":             named("Attribute"),
			"TagMap":                        {Entry: "Tag", Key: "Key", Value: "Value"},
		},
	}
}
