package sqs

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/worker"
)

// Service is Amazon SQS. Make one with New.
type Service struct {
	*worker.Worker
	host     *gateway.Host
	queues   *store.Collection[queue]
	messages *store.Collection[message]
	// waiting orders the messages of a queue by the moment from which they may
	// be received; its values are keys of messages.
	waiting *store.Collection[string]
	dedups  *store.Collection[dedup]
	// expiring orders the deduplication ids of a queue by their end.
	expiring *store.Collection[string]
	tasks    *store.Collection[moveTask]
}

// queue is one queue. Its key is its name.
type queue struct {
	Name       string
	Attributes map[string]string // as set; defaults are left out
	Tags       map[string]string
	Created    time.Time
	Modified   time.Time
	Purged     time.Time
	Next       uint64 // number of the next message
}

// message is one message. Its key is the queue's name and its number.
type message struct {
	Number     uint64
	ID         string
	Body       string
	Attributes map[string]types.MessageAttributeValue `json:",omitempty"`
	Trace      string                                 `json:",omitempty"` // AWSTraceHeader
	Sender     string
	Sent       time.Time
	Visible    time.Time // from when on it may be received
	First      time.Time // of its receipts; zero before
	Receives   int
	Nonce      string // of the newest receipt handle; empty when it was never received
	Group      string `json:",omitempty"`
	Dedup      string `json:",omitempty"`
	Source     string `json:",omitempty"` // ARN of the queue it was moved here from as a dead letter
}

// New returns the service on a host.
func New(h *gateway.Host) *Service {
	s := &Service{
		host:     h,
		queues:   store.NewCollection[queue](h.Store, "sqs.queues"),
		messages: store.NewCollection[message](h.Store, "sqs.messages"),
		waiting:  store.NewCollection[string](h.Store, "sqs.waiting"),
		dedups:   store.NewCollection[dedup](h.Store, "sqs.dedups"),
		expiring: store.NewCollection[string](h.Store, "sqs.expiring"),
		tasks:    store.NewCollection[moveTask](h.Store, "sqs.tasks"),
	}
	s.Worker = worker.New("sqs", h.Clock, h.Log, s.resumeTasks)
	return s
}

func limit(name string) int64 { return limits.Get("sqs", name) }

// queueARN is a queue's name in ARN form, which is also its topic for signals.
func queueARN(sc ident.Scope, name string) string { return sc.ARN("sqs", name) }

// queueURL is where a queue is, as seen from outside.
func (s *Service) queueURL(sc ident.Scope, name string) string {
	return strings.TrimSuffix(s.host.Endpoint(), "/") + "/" + sc.Account + "/" + name
}

// locate reads account and name from a queue's URL. Any host will do: learners
// keep URLs over restarts, and tools put their own names for the endpoint in.
func locate(sc ident.Scope, raw *string) (ident.Scope, string, error) {
	u, err := url.Parse(aws.ToString(raw))
	if err != nil {
		return sc, "", invalidAddress(aws.ToString(raw))
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) < 2 || parts[len(parts)-1] == "" {
		return sc, "", invalidAddress(aws.ToString(raw))
	}
	sc.Account = parts[len(parts)-2]
	return sc, parts[len(parts)-1], nil
}

// find returns a queue or AWS's error for none.
func (s *Service) find(tx *store.Tx, sc ident.Scope, name string) (queue, error) {
	q, ok := s.queues.Get(tx, sc, name)
	if !ok {
		return q, missingQueue()
	}
	return q, nil
}

// in runs fn in a writing transaction with the queue that a URL names.
func (s *Service) in(ctx context.Context, rawURL *string, fn func(tx *store.Tx, sc ident.Scope, q queue) error) error {
	sc, name, err := locate(gateway.From(ctx).Scope, rawURL)
	if err != nil {
		return err
	}
	return s.host.Store.Update(func(tx *store.Tx) error {
		q, err := s.find(tx, sc, name)
		if err != nil {
			return err
		}
		return fn(tx, sc, q)
	})
}

func messageKey(queue string, number uint64) string { return fmt.Sprintf("%s/%020d", queue, number) }

func waitingKey(queue string, m *message) string {
	return fmt.Sprintf("%s/%020d/%020d", queue, m.Visible.UnixNano(), m.Number)
}

// put stores a message and its place in the order of visibility, which moves
// from where the message was before, if it was.
func (s *Service) put(tx *store.Tx, sc ident.Scope, queue string, m message) {
	key := messageKey(queue, m.Number)
	if old, ok := s.messages.Get(tx, sc, key); ok {
		s.waiting.Delete(tx, sc, waitingKey(queue, &old))
	}
	s.messages.Put(tx, sc, key, m)
	s.waiting.Put(tx, sc, waitingKey(queue, &m), key)
}

func (s *Service) remove(tx *store.Tx, sc ident.Scope, queue string, m *message) {
	s.messages.Delete(tx, sc, messageKey(queue, m.Number))
	s.waiting.Delete(tx, sc, waitingKey(queue, m))
}

// each calls fn for the messages of a queue in the order of sending.
func (s *Service) each(tx *store.Tx, sc ident.Scope, queue string, fn func(m message) bool) {
	s.messages.Scan(tx, sc, queue+"/", "", func(_ string, m message) bool { return fn(m) })
}
