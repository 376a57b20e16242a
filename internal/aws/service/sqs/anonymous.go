package sqs

import (
	"net/http"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// PublicPolicy implements gateway.Public: a queue's policy may let in everybody.
// Source:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-basic-examples-of-sqs-policies.html
func (s *Service) PublicPolicy(tx *store.Tx, arn ident.ARN) string {
	q, ok := s.queues.Get(tx, ident.Scope{Account: arn.Account, Region: arn.Region}, arn.Resource)
	if !ok {
		return ""
	}
	return q.Attributes["Policy"]
}

// Closed implements gateway.Public.
func (s *Service) Closed(_ *store.Tx, _ *gateway.Call, arn ident.ARN) error {
	at := s.host.Endpoint() + "/"
	if arn.Resource != "" {
		at = s.queueURL(ident.Scope{Account: arn.Account, Region: arn.Region}, arn.Resource)
	}
	return gateway.Errorf(http.StatusForbidden, "AccessDenied", "Access to the resource %s is denied.", at)
}
