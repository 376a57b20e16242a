package wire

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"reflect"
)

// firstRead is the most memory that an announced length gets at once.
const firstRead = 256 << 10

// Decode reads the request into a new Input struct and returns a pointer to
// it. Streaming members read from the request's body, which must stay open.
func (t *Target) Decode(req *http.Request) (any, error) {
	if err := unchunk(req); err != nil {
		return nil, err
	}
	in := reflect.New(t.types.in)
	if t.op.Input == nil {
		return in.Interface(), nil
	}
	n, err := t.plans.plan(t.op.Input, t.types.in)
	if err != nil {
		return nil, err
	}
	switch t.Protocol {
	case Query, EC2Query:
		err = t.decodeQuery(n, in.Elem())
	case RestJSON, RestXML:
		err = t.decodeREST(req, n, in.Elem())
	default:
		err = t.decodeBody(req, n, in.Elem())
	}
	if err != nil {
		return nil, t.malformed(err)
	}
	return in.Interface(), nil
}

// malformed is the answer to a document that cannot be read.
func (t *Target) malformed(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	switch {
	case errors.Is(err, errUnion) && t.svc.words.SeveralMembers.Code != "":
		return t.svc.words.SeveralMembers.say(err.Error())
	case t.svc.words.Malformed.Code != "":
		return t.svc.words.Malformed.say(err.Error())
	case t.Protocol == RestXML:
		return MalformedXML().say("")
	case t.Protocol == Query, t.Protocol == EC2Query:
		return Fault{Code: "MalformedInput"}.say(err.Error())
	}
	return Fault{Code: "SerializationException"}.say(err.Error())
}

// readBody returns the whole body, unzipped if need be.
func (t *Target) readBody(req *http.Request) ([]byte, error) {
	var r io.Reader = req.Body
	if req.Body == nil {
		return nil, nil
	}
	if req.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(req.Body)
		if err != nil {
			return nil, err
		}
		r = z
	}
	// A length is only announced: memory grows with what really comes.
	announced := req.ContentLength
	if r != io.Reader(req.Body) {
		announced = -1
	}
	var b bytes.Buffer
	b.Grow(int(min(max(announced, 0), firstRead)) + bytes.MinRead)
	n, err := b.ReadFrom(io.LimitReader(r, t.mostBody()+1))
	switch {
	case err != nil:
		return nil, err
	case n > t.mostBody():
		return nil, tooLarge("the request is larger than %d bytes", t.mostBody())
	case n < announced:
		return nil, io.ErrUnexpectedEOF
	}
	return b.Bytes(), nil
}

func (t *Target) decodeBody(req *http.Request, n *node, v reflect.Value) error {
	b, err := t.readBody(req)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return nil
	}
	if t.binary() {
		return decodeCBOR(b, n, v, &t.zeros, t.times())
	}
	return decodeJSON(b, n, v, &t.zeros)
}

// WriteOutput answers with out, a pointer to the operation's Output struct.
func (t *Target) WriteOutput(w http.ResponseWriter, req *http.Request, requestID string, out any) error {
	t.sign(w.Header(), requestID)
	v := reflect.ValueOf(out).Elem()
	var n *node
	if t.op.Output != nil {
		var err error
		if n, err = t.plans.plan(t.op.Output, v.Type()); err != nil {
			return err
		}
	}
	switch t.Protocol {
	case RestJSON, RestXML:
		return t.writeREST(w, req, requestID, n, v)
	case Query, EC2Query:
		return t.writeQuery(w, requestID, n, v)
	case CBOR, AWSCBOR:
		var b []byte
		if n != nil {
			var err error
			if b, err = t.times().append(nil, n, v); err != nil {
				return err
			}
		}
		return t.writeCBOR(w, requestID, http.StatusOK, b)
	}
	b := []byte("{}")
	if n != nil {
		var err error
		if b, err = appendJSON(make([]byte, 0, 512), n, v); err != nil {
			return err
		}
	}
	t.sum(w.Header(), b)
	return write(w, t.mediaType(), requestID, http.StatusOK, b)
}

// mediaType is that of answers in JSON or CBOR.
func (t *Target) mediaType() string {
	switch t.Protocol {
	case CBOR:
		return "application/cbor"
	case AWSCBOR:
		return amzCBOR
	case AWSJSON10:
		return "application/x-amz-json-1.0"
	case AWSJSON11:
		return "application/x-amz-json-1.1"
	}
	return "application/json"
}

// sign says in S3's answers who gives them: S3 has a second id, a name, and none of
// the header in which other services write the id of a request.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonResponseHeaders.html
func (t *Target) sign(h http.Header, requestID string) {
	if t.model != nil && t.model.objects() {
		h.Set("X-Amz-Request-Id", requestID)
		h.Set("X-Amz-Id-2", hostID(requestID))
		h.Set("Server", "AmazonS3")
	}
}

// hostID is the second id of an answer of S3, of the length that it has there.
func hostID(requestID string) string {
	a, b := sha256.Sum256([]byte(requestID)), sha256.Sum256([]byte("host "+requestID))
	return base64.StdEncoding.EncodeToString(append(a[:], b[:24]...))
}

// number writes the id of a request into an answer that is not signed otherwise.
func number(h http.Header, requestID string) {
	if h.Get("X-Amz-Id-2") == "" {
		h.Set("X-Amzn-Requestid", requestID)
		h.Set("X-Amz-Request-Id", requestID)
	}
}

// WriteDocument answers with a document that the model does not know.
func (t *Target) WriteDocument(w http.ResponseWriter, requestID string, status int, document []byte) error {
	t.sign(w.Header(), requestID)
	return write(w, "application/xml", requestID, status, document)
}

// write sends a whole answer.
func write(w http.ResponseWriter, contentType, requestID string, status int, body []byte) error {
	h := w.Header()
	number(h, requestID)
	if contentType != "" && len(body) > 0 {
		h.Set("Content-Type", contentType)
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		w.WriteHeader(status) // net/http refuses a body here, even an empty one in tests
		return nil
	}
	h.Set("Content-Length", itoa(len(body)))
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}

// EncodeInput writes a decoded input as the body of a request in the target's
// protocol, one of JSON or CBOR.
func (t *Target) EncodeInput(in any) ([]byte, error) {
	if !t.binary() || t.op.Input == nil {
		return t.InputJSON(in)
	}
	v := reflect.ValueOf(in).Elem()
	n, err := t.plans.plan(t.op.Input, v.Type())
	if err != nil {
		return nil, err
	}
	return t.times().append(nil, n, v)
}

// InputJSON writes a decoded input as JSON with the model's member names, all
// members in the body, as the trace shows it.
func (t *Target) InputJSON(in any) ([]byte, error) {
	v := reflect.ValueOf(in).Elem()
	if t.op.Input == nil {
		return []byte("{}"), nil
	}
	n, err := t.plans.plan(t.op.Input, v.Type())
	if err != nil {
		return nil, err
	}
	return appendStruct(nil, n, v, func(f *field) bool { return f.node.kind != kStream && f.ref.Location == "" })
}
