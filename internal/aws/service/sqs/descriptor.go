package sqs

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Describe implements gateway.Service. Resources of actions:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
func (s *Service) Describe() gateway.Descriptor {
	return gateway.Descriptor{
		Name: "sqs", Title: "SQS", Views: s.views(), Targets: s.targets(),
		Errors: gateway.Errors{
			Denied: wire.Fault{Code: "AccessDenied", Status: http.StatusForbidden},
			Throttled: wire.Fault{Code: "RequestThrottled", Status: http.StatusForbidden,
				Message: "The request was denied due to request throttling."},
			Unidentified: gateway.QueryUnidentified(), // kept from its query protocol
			Wording: wire.Wording{Invalid: wire.Fault{Code: "InvalidParameterValue"},
				Missing: wire.Fault{Code: "MissingParameter", Message: "The request must contain the parameter %s."},
				Old:     oldErrors(), Spelling: spelling(), Names: errorNames(),
				InvalidChoices: wire.Fault{Code: "InvalidAttributeName"}}, // its enums name attributes
		},
		Members: gateway.Members{Used: members()},
		Operations: gateway.With(append(s.queueOperations(), s.messageOperations()...),
			gateway.Prefix("sqs"),
			gateway.About(fromURL, "QueueUrl"), gateway.About(queueNamed, "QueueName"),
			gateway.ByARN("SourceArn"),
			gateway.Traced(gateway.LastPart, "QueueUrl"), gateway.Traced(nil, "QueueName")),
	}
}

func queueNamed(name string, scope ident.Scope) string { return queueARN(scope, name) }

// fromURL is the ARN of the queue with this URL; the handler says what is wrong
// with a URL of none.
func fromURL(url string, scope ident.Scope) string {
	scope, name, err := locate(scope, &url)
	if err != nil {
		return "*"
	}
	return queueARN(scope, name)
}

func (s *Service) queueOperations() []gateway.Operation {
	c := gateway.Control
	return []gateway.Operation{
		gateway.Op(c, s.CreateQueue),
		gateway.Op(c, s.DeleteQueue),
		gateway.Op(c, s.GetQueueUrl, gateway.On(func(in *sqs.GetQueueUrlInput, c *gateway.Call) []string {
			scope := c.Scope
			if in.QueueOwnerAWSAccountId != nil {
				scope.Account = *in.QueueOwnerAWSAccountId
			}
			return []string{queueARN(scope, aws.ToString(in.QueueName))}
		})),
		gateway.Op(c, s.ListQueues),
		gateway.Op(c, s.GetQueueAttributes),
		gateway.Op(c, s.SetQueueAttributes),
		gateway.Op(c, s.PurgeQueue),
		gateway.Op(c, s.TagQueue),
		gateway.Op(c, s.UntagQueue),
		gateway.Op(c, s.ListQueueTags),
		gateway.Op(c, s.AddPermission),
		gateway.Op(c, s.RemovePermission),
		gateway.Op(c, s.ListDeadLetterSourceQueues),
		gateway.Op(c, s.StartMessageMoveTask),
		gateway.Op(c, s.CancelMessageMoveTask,
			gateway.On(func(in *sqs.CancelMessageMoveTaskInput, _ *gateway.Call) []string {
				return []string{ofTask(aws.ToString(in.TaskHandle))}
			})),
		gateway.Op(c, s.ListMessageMoveTasks),
	}
}

// messageOperations move messages. A batch needs the permission of the single
// call: "you can't specify SendMessageBatch".
// Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
func (s *Service) messageOperations() []gateway.Operation {
	d := gateway.Data
	return []gateway.Operation{
		gateway.Op(d, s.SendMessage),
		gateway.Op(d, s.SendMessageBatch, gateway.Action("sqs:SendMessage"), gateway.Batched(splitMessages)),
		gateway.Op(d, s.ReceiveMessage, gateway.First(oldNames)),
		gateway.Op(d, s.DeleteMessage),
		gateway.Op(d, s.DeleteMessageBatch, gateway.Action("sqs:DeleteMessage")),
		gateway.Op(d, s.ChangeMessageVisibility),
		gateway.Op(d, s.ChangeMessageVisibilityBatch, gateway.Action("sqs:ChangeMessageVisibility")),
	}
}

// ofTask is the ARN of the queue whose task has this handle.
func ofTask(handle string) string {
	var task struct {
		SourceARN string `json:"sourceArn"`
	}
	b, err := base64.StdEncoding.DecodeString(handle)
	if err != nil || json.Unmarshal(b, &task) != nil || task.SourceARN == "" {
		return "*" // no handle of ours: the handler says so
	}
	return task.SourceARN
}
