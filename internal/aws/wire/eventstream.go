package wire

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// EventStream is an answer that goes on: events follow one another in one
// response, each a framed message with headers. Make one with StartEvents. It
// is for one goroutine.
// Source: https://smithy.io/2.0/aws/amazon-eventstream.html
type EventStream struct {
	t     *Target
	w     http.ResponseWriter
	flush func() error
	enc   *eventstream.Encoder
	union *Shape // its members are the events and errors
}

// eventUnion is the shape of an operation's events, nil if it has none.
func (t *Target) eventUnion() *Shape {
	if t.op.Output == nil {
		return nil
	}
	for _, ref := range t.model.Shapes[t.op.Output.Shape].Members {
		if s := t.model.Shapes[ref.Shape]; s != nil && s.EventStream {
			return s
		}
	}
	return nil
}

// StartEvents sends the headers of an answer and, where the protocol has no
// headers for members of the output, the output itself as the first message.
// out is a pointer to the operation's Output.
func (t *Target) StartEvents(w http.ResponseWriter, requestID string, out any) (*EventStream, error) {
	e := &EventStream{t: t, w: w, enc: eventstream.NewEncoder(), union: t.eventUnion(),
		flush: http.NewResponseController(w).Flush}
	if e.union == nil {
		return nil, fmt.Errorf("%s.%s has no event stream", t.Service, t.Operation)
	}
	v := reflect.ValueOf(out).Elem()
	n, err := t.plans.plan(t.op.Output, v.Type())
	if err != nil {
		return nil, err
	}
	h := w.Header()
	h.Set("X-Amzn-Requestid", requestID)
	h.Set("X-Amz-Request-Id", requestID)
	h.Set("Content-Type", "application/vnd.amazon.eventstream")
	rest := t.Protocol == RestJSON || t.Protocol == RestXML
	for _, f := range n.fields {
		if fv, ok := f.present(v.Field(f.index)); rest && ok && f.ref.Location == "header" {
			writeHeader(h, f, fv)
		}
	}
	if t.Protocol == CBOR {
		h.Set("Smithy-Protocol", "rpc-v2-cbor")
	}
	w.WriteHeader(http.StatusOK)
	if rest {
		return e, e.flush()
	}
	payload, err := e.encode(n, v)
	if err != nil {
		return nil, err
	}
	return e, e.message(payload, e.t.mediaType(), ":message-type", "event", ":event-type", "initial-response")
}

// Send writes one event, a pointer to the SDK's struct of a member of the
// stream, such as *types.SubscribeToShardEvent.
func (e *EventStream) Send(event any) error {
	v := reflect.ValueOf(event).Elem()
	for name, ref := range e.union.Members {
		s := e.t.model.Shapes[ref.Shape]
		if s == nil || s.Exception || ref.Shape != v.Type().Name() {
			continue
		}
		n, err := e.t.plans.plan(ref, v.Type())
		if err != nil {
			return err
		}
		payload, contentType, err := e.payload(n, v)
		if err != nil {
			return err
		}
		return e.message(payload, contentType, ":message-type", "event", ":event-type", name)
	}
	return fmt.Errorf("%s is no event of %s", v.Type(), e.t.Operation)
}

// payload is an event's body: one member as it is, where the model says so,
// else all of them as a document.
func (e *EventStream) payload(n *node, v reflect.Value) ([]byte, string, error) {
	for _, f := range n.fields {
		if !f.ref.EventPayload {
			continue
		}
		fv, ok := f.present(v.Field(f.index))
		switch {
		case f.node.kind == kBlob && ok:
			return fv.Bytes(), "application/octet-stream", nil
		case f.node.kind == kString && ok:
			return []byte(fv.String()), "text/plain", nil
		case !ok:
			return nil, "application/octet-stream", nil
		}
		b, err := e.encode(f.node, fv)
		return b, e.t.mediaType(), err
	}
	b, err := e.encode(n, v)
	return b, e.t.mediaType(), err
}

// errNoXMLEvents says what S3's SelectObjectContent would need.
var errNoXMLEvents = errors.New("events in XML are not written")

func (e *EventStream) encode(n *node, v reflect.Value) ([]byte, error) {
	switch e.t.Protocol {
	case CBOR, AWSCBOR:
		return e.t.times().append(nil, n, v)
	case RestXML, Query:
		return nil, errNoXMLEvents
	}
	return appendJSON(make([]byte, 0, 512), n, v)
}

// Fail ends a stream with an error: one that the model lists among the events
// by its name, any other by its code.
func (e *EventStream) Fail(err error) error {
	f := e.t.describe(err)
	if f.shape != nil {
		for name, ref := range e.union.Members {
			if ref.Shape != f.shape.Name {
				continue
			}
			n, err := e.t.plans.plan(ref, f.value.Type())
			if err != nil {
				return err
			}
			payload, err := e.encode(n, f.value)
			if err != nil {
				return err
			}
			return e.message(payload, e.t.mediaType(), ":message-type", "exception", ":exception-type", name)
		}
	}
	return e.message(nil, "", ":message-type", "error", ":error-code", f.code, ":error-message", f.message)
}

// message frames and sends one message at once; headers are name, value, ….
func (e *EventStream) message(payload []byte, contentType string, headers ...string) error {
	m := eventstream.Message{Payload: payload}
	for i := 0; i < len(headers); i += 2 {
		m.Headers.Set(headers[i], eventstream.StringValue(headers[i+1]))
	}
	if contentType != "" {
		m.Headers.Set(":content-type", eventstream.StringValue(contentType))
	}
	if err := e.enc.Encode(e.w, m); err != nil {
		return err
	}
	return e.flush()
}
