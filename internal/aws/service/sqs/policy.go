package sqs

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// ResourcePolicy implements gateway.Guard: the queue's attribute Policy.
func (s *Service) ResourcePolicy(tx *store.Tx, arn ident.ARN) (string, bool) {
	q, _ := s.queues.Get(tx, arn.Scope(), arn.Resource) // none has no policy
	text := q.Attributes["Policy"]
	return text, text != ""
}

// ResourceTags implements gateway.Tagged.
func (s *Service) ResourceTags(tx *store.Tx, arn ident.ARN) map[string]string {
	q, _ := s.queues.Get(tx, arn.Scope(), arn.Resource) // none has no tags
	return q.Tags
}

// statement is one of the statements that AddPermission writes.
type statement struct {
	Sid       string
	Effect    string
	Principal map[string][]string
	Action    []string
	Resource  string
}

type policy struct {
	Version   string
	ID        string `json:"Id"`
	Statement []json.RawMessage
}

func (q *queue) policy(arn string) (policy, error) {
	p := policy{Version: "2008-10-17", ID: arn + "/SQSDefaultPolicy"}
	if raw := q.Attributes["Policy"]; raw != "" {
		if err := json.Unmarshal([]byte(raw), &p); err != nil {
			return p, badValue("Policy")
		}
	}
	return p, nil
}

// AddPermission adds a statement to the queue's policy.
func (s *Service) AddPermission(ctx context.Context, in *sqs.AddPermissionInput) (*sqs.AddPermissionOutput, error) {
	err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
		arn := queueARN(sc, q.Name)
		p, err := q.policy(arn)
		if err != nil {
			return err
		}
		st := statement{Sid: aws.ToString(in.Label), Effect: "Allow", Principal: map[string][]string{}, Resource: arn}
		for _, raw := range p.Statement {
			var old statement
			if json.Unmarshal(raw, &old) == nil && old.Sid == st.Sid {
				return invalidReason(st.Sid, "Label", "Already exists.")
			}
		}
		for _, account := range in.AWSAccountIds {
			st.Principal["AWS"] = append(st.Principal["AWS"], "arn:aws:iam::"+account+":root")
		}
		for _, action := range in.Actions {
			st.Action = append(st.Action, "SQS:"+action)
		}
		p.Statement = append(p.Statement, json.RawMessage(text(st)))
		q.Attributes = merged(q.Attributes, map[string]string{"Policy": text(p)})
		s.queues.Put(tx, sc, q.Name, q)
		return nil
	})
	return &sqs.AddPermissionOutput{}, err
}

// RemovePermission removes the statement with a label.
func (s *Service) RemovePermission(ctx context.Context, in *sqs.RemovePermissionInput) (*sqs.RemovePermissionOutput,
	error) {
	err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
		p, err := q.policy(queueARN(sc, q.Name))
		if err != nil {
			return err
		}
		n := len(p.Statement)
		p.Statement = slices.DeleteFunc(p.Statement, func(raw json.RawMessage) bool {
			var st struct{ Sid string }
			return json.Unmarshal(raw, &st) == nil && st.Sid == aws.ToString(in.Label)
		})
		if len(p.Statement) == n {
			return invalidReason(aws.ToString(in.Label), "Label", "can't find label on existing policy.")
		}
		doc := ""
		if len(p.Statement) > 0 {
			doc = text(p)
		}
		q.Attributes = merged(q.Attributes, map[string]string{"Policy": doc})
		s.queues.Put(tx, sc, q.Name, q)
		return nil
	})
	return &sqs.RemovePermissionOutput{}, err
}
