package sqs

import (
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

func (s *Service) views() []gateway.View {
	return []gateway.View{{Name: "messages", Look: s.look}}
}

// seenMessage is a message as a view shows it: without a receipt handle, since
// nobody has received it.
type seenMessage struct {
	ID       string `json:"id"`
	Body     string `json:"body"`
	State    string `json:"state"` // visible, delayed or inFlight
	Receives int    `json:"receives"`
	// Attributes are the system's, as ReceiveMessage names them.
	Attributes map[string]string `json:"attributes"`
	// MessageAttributes are the sender's.
	MessageAttributes map[string]types.MessageAttributeValue `json:"messageAttributes"`
}

// look shows the messages of a queue in the order of sending, whether they can be
// received or not. resource is the queue's URL. A page ends at limit messages or
// when it is large.
func (s *Service) look(sc ident.Scope, resource, from string, limit int) (page []any, next string, err error) {
	sc, name, err := locate(sc, &resource)
	if err != nil {
		return nil, "", err
	}
	const large = 4 << 20 // bytes of bodies
	size := 0
	err = s.host.Store.View(func(tx *store.Tx) error {
		q, err := s.find(tx, sc, name)
		if err != nil {
			return err
		}
		now := s.host.Clock.Now()
		oldest := now.Add(-q.seconds("MessageRetentionPeriod"))
		if first, err := strconv.ParseUint(from, 10, 64); err == nil {
			from = messageKey(name, first)
		}
		s.messages.Scan(tx, sc, name+"/", from, func(_ string, m message) bool {
			if m.Sent.Before(oldest) { // gone, whether swept yet or not
				return true
			}
			if len(page) == limit || size > large {
				next = strconv.FormatUint(m.Number, 10)
				return false
			}
			size += len(m.Body)
			page = append(page, seen(&q, &m, now))
			return true
		})
		return nil
	})
	return page, next, err
}

func seen(q *queue, m *message, now time.Time) seenMessage {
	all := show(q, m, &sqs.ReceiveMessageInput{MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
	out := seenMessage{ID: m.ID, Body: m.Body, State: "visible", Receives: m.Receives, Attributes: all.Attributes,
		MessageAttributes: all.MessageAttributes}
	switch {
	case !m.Visible.After(now):
	case m.Receives == 0:
		out.State = "delayed"
	default:
		out.State = "inFlight"
	}
	return out
}
