package esm_test

import (
	"context"
	"crypto/md5" //nolint:gosec // SQS's own check sum
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// standIn is as much of SQS as mappings need: visibility, receive counts,
// redrive, groups, and a signal when a message is sent.
type standIn struct {
	gateway.Passive
	host *gateway.Host

	mu     sync.Mutex
	queues map[string]*standInQueue
	next   int
}

type standInQueue struct {
	name  string
	attrs map[string]string
	msgs  []*standInMessage
}

type standInMessage struct {
	m     types.Message
	sent  time.Time
	until time.Time
	count int
	group string
}

func newStandIn(h *gateway.Host) gateway.Service {
	return &standIn{host: h, queues: map[string]*standInQueue{}}
}

func (s *standIn) Name() string { return "sqs" }

func (s *standIn) Operations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op(gateway.Control, s.create), gateway.Op(gateway.Control, s.url), gateway.Op(gateway.Control, s.get), gateway.Op(gateway.Control, s.set),
		gateway.Op(gateway.Data, s.send), gateway.Op(gateway.Data, s.sendBatch), gateway.Op(gateway.Data, s.receive), gateway.Op(gateway.Data, s.remove),
	}
}

func (s *standIn) arn(name string) string { return "arn:aws:sqs:us-east-1:000000000000:" + name }

func (s *standIn) queue(url *string) (*standInQueue, error) {
	name := (*url)[strings.LastIndexByte(*url, '/')+1:]
	if q := s.queues[name]; q != nil {
		return q, nil
	}
	return nil, &types.QueueDoesNotExist{Message: aws.String("The specified queue does not exist.")}
}

func (s *standIn) create(_ context.Context, in *sqs.CreateQueueInput) (*sqs.CreateQueueOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &standInQueue{name: *in.QueueName, attrs: map[string]string{"VisibilityTimeout": "30"}}
	for k, v := range in.Attributes {
		q.attrs[k] = v
	}
	s.queues[q.name] = q
	return &sqs.CreateQueueOutput{QueueUrl: aws.String(s.host.Endpoint() + "/000000000000/" + q.name)}, nil
}

func (s *standIn) url(_ context.Context, in *sqs.GetQueueUrlInput) (*sqs.GetQueueUrlOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.queue(in.QueueName); err != nil {
		return nil, err
	}
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String(s.host.Endpoint() + "/000000000000/" + *in.QueueName)}, nil
}

func (s *standIn) get(_ context.Context, in *sqs.GetQueueAttributesInput) (*sqs.GetQueueAttributesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	seen, hidden := 0, 0
	for _, m := range q.msgs {
		if m.until.After(s.host.Clock.Now()) {
			hidden++
		} else {
			seen++
		}
	}
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{"VisibilityTimeout": q.attrs["VisibilityTimeout"],
		"ApproximateNumberOfMessages": fmt.Sprint(seen), "ApproximateNumberOfMessagesNotVisible": fmt.Sprint(hidden), "ApproximateNumberOfMessagesDelayed": "0"}}, nil
}

func (s *standIn) set(_ context.Context, in *sqs.SetQueueAttributesInput) (*sqs.SetQueueAttributesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	for k, v := range in.Attributes {
		q.attrs[k] = v
	}
	return &sqs.SetQueueAttributesOutput{}, nil
}

func sum(s string) *string {
	b := md5.Sum([]byte(s)) //nolint:gosec // see above
	return aws.String(hex.EncodeToString(b[:]))
}

func (s *standIn) add(url, body *string, attrs map[string]types.MessageAttributeValue, group *string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(url)
	if err != nil {
		return "", err
	}
	s.next++
	m := &standInMessage{sent: s.host.Clock.Now(), group: aws.ToString(group),
		m: types.Message{MessageId: aws.String(fmt.Sprint("id-", s.next)), Body: body, MD5OfBody: sum(*body), MessageAttributes: attrs}}
	if len(attrs) > 0 {
		m.m.MD5OfMessageAttributes = sum("attributes")
	}
	q.msgs = append(q.msgs, m)
	return q.name, nil
}

func (s *standIn) send(_ context.Context, in *sqs.SendMessageInput) (*sqs.SendMessageOutput, error) {
	name, err := s.add(in.QueueUrl, in.MessageBody, in.MessageAttributes, in.MessageGroupId)
	if err != nil {
		return nil, err
	}
	s.host.Signals.Notify(s.arn(name))
	return &sqs.SendMessageOutput{}, nil
}

func (s *standIn) sendBatch(_ context.Context, in *sqs.SendMessageBatchInput) (*sqs.SendMessageBatchOutput, error) {
	out, name := &sqs.SendMessageBatchOutput{Failed: []types.BatchResultErrorEntry{}}, ""
	for _, e := range in.Entries {
		var err error
		if name, err = s.add(in.QueueUrl, e.MessageBody, e.MessageAttributes, e.MessageGroupId); err != nil {
			return nil, err
		}
		out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: e.Id, MessageId: e.Id, MD5OfMessageBody: sum(*e.MessageBody)})
	}
	s.host.Signals.Notify(s.arn(name))
	return out, nil
}

func (s *standIn) receive(_ context.Context, in *sqs.ReceiveMessageInput) (*sqs.ReceiveMessageOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	now, out, locked := s.host.Clock.Now(), &sqs.ReceiveMessageOutput{}, map[string]bool{}
	seconds, _ := strconv.Atoi(q.attrs["VisibilityTimeout"])
	most := max(1, int(in.MaxNumberOfMessages))
	var redrive struct {
		Max string `json:"maxReceiveCount"`
	}
	_ = json.Unmarshal([]byte(q.attrs["RedrivePolicy"]), &redrive) // absent is no policy
	limit, _ := strconv.Atoi(redrive.Max)
	kept := q.msgs[:0:0]
	for _, m := range q.msgs {
		if m.until.After(now) {
			locked[m.group] = m.group != "" || locked[m.group]
		} else if !locked[m.group] && len(out.Messages) < most {
			if limit > 0 && m.count >= limit {
				s.queues["dead"].msgs = append(s.queues["dead"].msgs, m)
				continue
			}
			m.count++
			m.until = now.Add(time.Duration(seconds) * time.Second)
			m.m.ReceiptHandle = aws.String(fmt.Sprint(*m.m.MessageId, "/", m.count))
			m.m.Attributes = map[string]string{"ApproximateReceiveCount": fmt.Sprint(m.count), "SentTimestamp": fmt.Sprint(m.sent.UnixMilli()),
				"SenderId": "000000000000", "ApproximateFirstReceiveTimestamp": fmt.Sprint(now.UnixMilli())}
			if m.group != "" {
				m.m.Attributes["MessageGroupId"] = m.group
			}
			out.Messages = append(out.Messages, m.m)
		}
		kept = append(kept, m)
	}
	q.msgs = kept
	return out, nil
}

func (s *standIn) remove(_ context.Context, in *sqs.DeleteMessageBatchInput) (*sqs.DeleteMessageBatchOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queue(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	for _, e := range in.Entries {
		for i, m := range q.msgs {
			if aws.ToString(m.m.ReceiptHandle) == *e.ReceiptHandle {
				q.msgs = append(q.msgs[:i:i], q.msgs[i+1:]...)
				break
			}
		}
	}
	return &sqs.DeleteMessageBatchOutput{Failed: []types.BatchResultErrorEntry{}, Successful: []types.DeleteMessageBatchResultEntry{}}, nil
}
