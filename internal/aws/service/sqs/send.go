package sqs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// dedup remembers a message of a FIFO queue for five minutes. Its key is the
// queue's name, the group if that is the scope, and the deduplication id.
type dedup struct {
	Message string // id that repetitions are answered with
	Number  uint64
	Until   time.Time
}

var (
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,256}$`)
	fifoID        = regexp.MustCompile("^[A-Za-z0-9!-/:-@\\[-`{-~]{1,128}$")
)

// entry is what SendMessage and an entry of SendMessageBatch have in common.
type entry struct {
	body, group, dedup string
	delay              *int32 // nil when none was sent
	attributes         map[string]types.MessageAttributeValue
	system             map[string]types.MessageSystemAttributeValue
}

// size is what counts against the limits: body, and names, types and values of
// attributes.
func (e *entry) size() int {
	n := len(e.body)
	for name, v := range e.attributes {
		n += len(name) + len(aws.ToString(v.DataType)) + len(aws.ToString(v.StringValue)) + len(v.BinaryValue)
	}
	return n
}

// check says what is wrong with a message for a queue.
func (e *entry) check(q *queue) error {
	if e.body == "" {
		return missingParameter("MessageBody")
	}
	for _, r := range e.body {
		// The characters of XML 1.0, as the API's reference says.
		if r != '\t' && r != '\n' && r != '\r' && (r < 0x20 || r > 0xd7ff && r < 0xe000 || r == 0xfffe || r == 0xffff) {
			return &types.InvalidMessageContents{Message: aws.String(
				"Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | " +
					"#x10000 to #x10FFFF")}
		}
	}
	maximum, _ := strconv.Atoi(q.attribute("MaximumMessageSize")) // was checked when it was set
	if e.size() > maximum {
		return invalidParameter("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", maximum)
	}
	if d := aws.ToInt32(e.delay); d < 0 || d > 900 {
		return invalidReason(d, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
	}
	if err := e.checkAttributes(); err != nil {
		return err
	}
	if !q.fifo() {
		if e.dedup != "" {
			return invalidParameter(
				"The request include parameter MessageDeduplicationId which is not valid for this queue type")
		}
		return nil
	}
	return e.checkFIFO(q)
}

func (e *entry) checkAttributes() error {
	if int64(len(e.attributes)) > limit("messageAttributes") {
		return invalidParameter("Number of message attributes [%d] exceeds the allowed maximum [%d].", len(e.attributes),
			limit("messageAttributes"))
	}
	for name, v := range e.attributes {
		kind, _, _ := strings.Cut(aws.ToString(v.DataType), ".")
		switch {
		case !attributeName.MatchString(name) || strings.HasPrefix(strings.ToLower(name), "aws.") ||
			strings.HasPrefix(strings.ToLower(name), "amazon."):
			return invalidParameter(
				"The message attribute name '%s' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen "+
					"(-) and period (.) and must not start with AWS. or Amazon.", name)
		case v.DataType == nil || *v.DataType == "":
			return invalidParameter("The message attribute '%s' must contain non-empty message attribute type.", name)
		case kind != "String" && kind != "Number" && kind != "Binary":
			return invalidParameter(
				"The type of message attribute '%s' is invalid. You must use only the following supported type prefixes: Binary, "+
					"Number, String.", name)
		case kind == "Binary" && len(v.BinaryValue) == 0, kind != "Binary" && aws.ToString(v.StringValue) == "":
			return invalidParameter(
				"The message attribute '%s' must contain non-empty message attribute value for message attribute type '%s'.", name,
				kind)
		}
		if kind == "Number" {
			if _, err := strconv.ParseFloat(*v.StringValue, 64); err != nil {
				return invalidParameter("Can't cast the value of message attribute '%s' to a number.", name)
			}
		}
	}
	for name := range e.system {
		if name != "AWSTraceHeader" {
			return invalidParameter("Message system attribute name '%s' is invalid.", name)
		}
	}
	return nil
}

func (e *entry) checkFIFO(q *queue) error {
	switch {
	case e.group == "":
		return missingParameter("MessageGroupId")
	case !fifoID.MatchString(e.group):
		return invalidReason(e.group, "MessageGroupId",
			"MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	case e.dedup != "" && !fifoID.MatchString(e.dedup):
		return invalidReason(e.dedup, "MessageDeduplicationId",
			"MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	case e.dedup == "" && q.attribute("ContentBasedDeduplication") != "true":
		return invalidParameter(
			"The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	case aws.ToInt32(e.delay) != 0:
		return invalidReason(*e.delay, "DelaySeconds", "The request include parameter that is not valid for this queue type.")
	}
	return nil
}

// add stores a checked message and returns it; a repetition within five
// minutes is answered with the first one's id and number, and not stored.
func (s *Service) add(tx *store.Tx, sc ident.Scope, q *queue, e *entry, c *gateway.Call) message {
	now := c.Time
	m := message{ID: s.host.IDs.UUID(), Body: e.body, Attributes: e.attributes,
		Trace:  c.Trace, // unless the message has its own
		Sender: sender(c), Sent: now, Visible: now, Group: e.group, Dedup: e.dedup}
	if own, ok := e.system["AWSTraceHeader"]; ok {
		m.Trace = aws.ToString(own.StringValue)
	}
	delay := q.seconds("DelaySeconds")
	if e.delay != nil && !q.fifo() { // of FIFO queues only the queue's own counts
		delay = time.Duration(*e.delay) * time.Second
	}
	m.Visible = now.Add(delay)
	if !q.fifo() {
		m.Number = q.Next
		q.Next++
		s.put(tx, sc, q.Name, m)
		return m
	}
	if m.Dedup == "" {
		sum := sha256.Sum256([]byte(e.body)) // the body only, not the attributes
		m.Dedup = hex.EncodeToString(sum[:])
	}
	key := q.Name + "/" + m.Dedup
	if q.attribute("DeduplicationScope") == "messageGroup" {
		key = q.Name + "/" + m.Group + "/" + m.Dedup
	}
	s.forget(tx, sc, q.Name, now)
	if d, ok := s.dedups.Get(tx, sc, key); ok {
		m.ID, m.Number = d.Message, d.Number
		return m
	}
	m.Number = q.Next
	q.Next++
	until := now.Add(time.Duration(limit("deduplicationSeconds")) * time.Second)
	s.dedups.Put(tx, sc, key, dedup{Message: m.ID, Number: m.Number, Until: until})
	s.expiring.Put(tx, sc, fmt.Sprintf("%s/%020d/%020d", q.Name, until.UnixNano(), m.Number), key)
	s.put(tx, sc, q.Name, m)
	return m
}

// forget drops the deduplication ids whose time is over.
func (s *Service) forget(tx *store.Tx, sc ident.Scope, name string, now time.Time) {
	var over []string
	end := fmt.Sprintf("%s/%020d/", name, now.UnixNano()+1) // five minutes are over when they are full
	s.expiring.Scan(tx, sc, name+"/", "", func(key, _ string) bool {
		if key >= end {
			return false
		}
		over = append(over, key)
		return true
	})
	for _, key := range over {
		id, _ := s.expiring.Get(tx, sc, key)
		s.dedups.Delete(tx, sc, id)
		s.expiring.Delete(tx, sc, key)
	}
}

// sequence is a message's number in a FIFO queue as AWS shows it: twenty
// digits that rise within a group, here within the queue.
func sequence(q *queue, m *message) *string {
	if !q.fifo() {
		return nil
	}
	return aws.String(fmt.Sprintf("%020d", 18000000000000000000+m.Number))
}

// sender is the id of who sends a message.
func sender(c *gateway.Call) string {
	switch {
	case c.Principal.Service != "":
		return c.Principal.Service
	case c.Principal.ID != "":
		return c.Principal.ID
	}
	return c.Principal.Account
}

// delayOf is a delay that was sent, 0 too: it goes before the queue's own.
func delayOf(c *gateway.Call, path string, seconds int32) *int32 {
	if !c.Has(path) {
		return nil
	}
	return &seconds
}

// SendMessage adds one message.
func (s *Service) SendMessage(ctx context.Context, in *sqs.SendMessageInput) (*sqs.SendMessageOutput, error) {
	c := gateway.From(ctx)
	e := entry{body: aws.ToString(in.MessageBody), group: aws.ToString(in.MessageGroupId),
		dedup:      aws.ToString(in.MessageDeduplicationId),
		delay:      delayOf(c, "DelaySeconds", in.DelaySeconds),
		attributes: in.MessageAttributes, system: in.MessageSystemAttributes}
	out := &sqs.SendMessageOutput{}
	var topic string
	err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
		if err := e.check(&q); err != nil {
			return err
		}
		m := s.add(tx, sc, &q, &e, c)
		s.queues.Put(tx, sc, q.Name, q)
		out.MessageId, out.SequenceNumber, topic = aws.String(m.ID), sequence(&q, &m), queueARN(sc, q.Name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.MD5OfMessageBody, out.MD5OfMessageAttributes = aws.String(digest([]byte(e.body))), attributesDigest(e.attributes)
	out.MD5OfMessageSystemAttributes = attributesDigest(systemAttributes(e.system))
	s.host.Signals.Notify(topic)
	return out, nil
}

func systemAttributes(in map[string]types.MessageSystemAttributeValue) map[string]types.MessageAttributeValue {
	out := map[string]types.MessageAttributeValue{}
	for k, v := range in {
		out[k] = types.MessageAttributeValue{DataType: v.DataType, StringValue: v.StringValue, BinaryValue: v.BinaryValue}
	}
	return out
}

var batchID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// checkBatch looks at the ids of a batch.
func checkBatch[E any](entries []E, id func(*E) *string) error {
	if len(entries) == 0 {
		return &types.EmptyBatchRequest{Message: aws.String(
			"There should be at least one SendMessageBatchRequestEntry in the request.")}
	}
	if int64(len(entries)) > limit("batchEntries") {
		return &types.TooManyEntriesInBatchRequest{Message: aws.String(
			fmt.Sprintf("Maximum number of entries per request are %d. You have sent %d.", limit("batchEntries"), len(entries)))}
	}
	seen := map[string]bool{}
	for i := range entries {
		name := aws.ToString(id(&entries[i]))
		switch {
		case !batchID.MatchString(name):
			return &types.InvalidBatchEntryId{Message: aws.String(
				"A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 " +
					"letters long.")}
		case seen[name]:
			return &types.BatchEntryIdsNotDistinct{Message: aws.String("Id " + name + " repeated.")}
		}
		seen[name] = true
	}
	return nil
}

// failedEntry is an entry of a batch that went wrong by itself.
func failedEntry(id *string, err error) types.BatchResultErrorEntry {
	out := types.BatchResultErrorEntry{Id: id, Code: aws.String(gateway.ErrorCode(err)), SenderFault: true}
	if api, ok := err.(smithy.APIError); ok { //nolint:errorlint // made here, never wrapped
		out.Message = aws.String(api.ErrorMessage())
		out.SenderFault = api.ErrorFault() != smithy.FaultServer
	}
	return out
}

// SendMessageBatch adds up to ten messages; each may fail by itself.
func (s *Service) SendMessageBatch(ctx context.Context, in *sqs.SendMessageBatchInput) (*sqs.SendMessageBatchOutput,
	error) {
	c := gateway.From(ctx)
	if err := checkBatch(in.Entries, func(e *types.SendMessageBatchRequestEntry) *string { return e.Id }); err != nil {
		return nil, err
	}
	entries, total := make([]entry, len(in.Entries)), 0
	for i, e := range in.Entries {
		entries[i] = entry{body: aws.ToString(e.MessageBody), group: aws.ToString(e.MessageGroupId),
			dedup:      aws.ToString(e.MessageDeduplicationId),
			delay:      delayOf(c, fmt.Sprintf("Entries.%d.DelaySeconds", i), e.DelaySeconds),
			attributes: e.MessageAttributes, system: e.MessageSystemAttributes}
		total += entries[i].size()
	}
	if int64(total) > limit("messageBytes") {
		return nil,
			&types.BatchRequestTooLong{Message: aws.String(
				fmt.Sprintf("Batch requests cannot be longer than %d bytes. You have sent %d bytes.", limit("messageBytes"),
					total))}
	}
	out := &sqs.SendMessageBatchOutput{Successful: []types.SendMessageBatchResultEntry{},
		Failed: []types.BatchResultErrorEntry{}}
	var topic string
	err := s.in(ctx, in.QueueUrl, func(tx *store.Tx, sc ident.Scope, q queue) error {
		topic = queueARN(sc, q.Name)
		for i := range entries {
			e, id := &entries[i], in.Entries[i].Id
			err := e.check(&q)
			if _, hit := s.host.Faults.Take(gateway.FaultEntries, "sqs", "SendMessageBatch", q.Name); hit && err == nil {
				err = errEntry()
			}
			if err != nil {
				out.Failed = append(out.Failed, failedEntry(id, err))
				continue
			}
			m := s.add(tx, sc, &q, e, c)
			out.Successful = append(out.Successful, types.SendMessageBatchResultEntry{Id: id, MessageId: aws.String(m.ID),
				MD5OfMessageBody: aws.String(digest([]byte(e.body))), MD5OfMessageAttributes: attributesDigest(e.attributes),
				MD5OfMessageSystemAttributes: attributesDigest(systemAttributes(e.system)), SequenceNumber: sequence(&q, &m)})
		}
		s.queues.Put(tx, sc, q.Name, q)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.host.Signals.Notify(topic)
	return out, nil
}
