package wire

import (
	"encoding/xml"
	"errors"
	"hash/crc32"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/aws/smithy-go"
)

// statusError is an error that brings its own HTTP status.
type statusError interface{ HTTPStatus() int }

// fieldsError is an error with further elements in its document.
type headerError interface{ ErrorHeader() http.Header }
type fieldsError interface{ ErrorFields() map[string]string }

// failure is an error taken apart for writing.
type failure struct {
	code    string // as the protocol writes it
	message string
	status  int
	sender  bool
	shape   *Shape
	value   reflect.Value // the SDK's error struct, if it is one
	fields  map[string]string
}

// describe finds out what to say of err. What is not an AWS error is our own
// failure and its text stays inside.
func (t *Target) describe(err error) failure {
	f := failure{code: "InternalFailure",
		message: "The request processing has failed because of an unknown error, exception or failure.", status: 500}
	if t.svc != nil && t.svc.words.Failed.Code != "" {
		f.code = t.svc.words.Failed.Code
		if m := t.svc.words.Failed.Message; m != "" {
			f.message = m
		}
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return f
	}
	f.code, f.message, f.status = api.ErrorCode(), api.ErrorMessage(), http.StatusBadRequest
	f.sender = true
	v := reflect.ValueOf(api)
	if v.Kind() == reflect.Pointer && !v.IsNil() && t.model != nil {
		if s := t.model.Shapes[v.Type().Elem().Name()]; s != nil && s.Exception {
			f.shape, f.value = s, v.Elem()
			if s.Error != nil && s.Error.HTTPStatusCode != 0 {
				f.status = s.Error.HTTPStatusCode
			} else if s.Fault {
				f.status = http.StatusInternalServerError
			}
			if s.Error != nil && s.Error.Code != "" {
				f.code = s.Error.Code
			}
		}
	}
	if f.shape != nil && t.svc != nil {
		if old, ok := t.svc.words.Old[f.shape.Name]; ok {
			f.code, f.status = old.Code, old.Status
		}
	}
	if s, ok := api.(statusError); ok && s.HTTPStatus() != 0 {
		f.status = s.HTTPStatus()
	}
	if e, ok := api.(fieldsError); ok {
		f.fields = e.ErrorFields()
	}
	f.sender = f.status < http.StatusInternalServerError
	return f
}

// WriteError answers with err in the form of the target's protocol.
func (t *Target) WriteError(w http.ResponseWriter, req *http.Request, requestID string, err error) error {
	t.sign(w.Header(), requestID)
	f := t.describe(err)
	var more headerError
	if errors.As(err, &more) {
		for name, values := range more.ErrorHeader() {
			w.Header()[name] = values
		}
	}
	switch t.Protocol {
	case RestXML:
		if t.model.objects() {
			return t.writeS3Error(w, req, requestID, f)
		}
		return t.writeQueryError(w, req, requestID, f)
	case Query:
		return t.writeQueryError(w, req, requestID, f)
	case EC2Query:
		return writeEC2Error(w, requestID, f)
	case CBOR, AWSCBOR:
		return t.writeCBORError(w, requestID, f)
	}
	name := f.code
	if f.shape != nil {
		name = f.shape.Name
	}
	if req.Method == http.MethodHead {
		return writeHead(w, req, requestID, f.status)
	}
	if names := t.names(); names.Own != "" {
		name = names.name(name, f.shape != nil)
	} else {
		w.Header().Set("X-Amzn-Errortype", name)
	}
	b, err := t.errorDocument(w.Header(), name, f)
	if err != nil {
		return err
	}
	if t.model != nil && len(t.model.Metadata.QueryCompatible) > 0 {
		// The service moved from the query protocol: old codes travel beside the new.
		fault := "Receiver"
		if f.sender {
			fault = "Sender"
		}
		w.Header().Set("X-Amzn-Query-Error", f.code+";"+fault)
	}
	t.sum(w.Header(), b)
	return write(w, t.mediaType(), requestID, f.status, b)
}

// names are the service's names of errors, none for a request that reached no service.
func (t *Target) names() ErrorNames {
	if t.svc == nil {
		return ErrorNames{}
	}
	return t.svc.words.Names
}

// sum writes the CRC-32 of an answer for clients that compare it (Java, Go, .NET).
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html
func (t *Target) sum(h http.Header, body []byte) {
	if t.svc != nil && t.svc.words.Sums {
		h.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	}
}

// errorDocument is the JSON body: __type, then the error's own members, of
// which some go into headers (Retry-After). Some shapes (all of CloudWatch Logs')
// leave the message out although AWS sends it.
func (t *Target) errorDocument(h http.Header, name string, f failure) ([]byte, error) {
	b := append(appendString([]byte(`{"__type":`), name), ',')
	if f.shape == nil {
		key := `"message":`
		if f.code == "SerializationException" || strings.HasPrefix(f.code, "AccessDenied") {
			key = `"Message":` // recorded on DynamoDB, Kinesis and Lambda
		}
		return append(appendString(append(b, key...), f.message), '}'), nil
	}
	n, err := t.plans.plan(&Ref{Shape: f.shape.Name}, f.value.Type())
	if err != nil {
		return nil, err
	}
	for _, m := range n.fields {
		if fv, ok := m.present(f.value.Field(m.index)); ok && m.ref.Location == "header" {
			writeHeader(h, m, fv)
		}
	}
	if n.byName["message"] == nil && n.byName["Message"] == nil && f.message != "" {
		b = append(appendString(append(b, `"message":`...), f.message), ',')
	}
	doc, err := appendStruct(nil, n, f.value, func(m *field) bool { return m.ref.Location == "" })
	if err != nil {
		return nil, err
	}
	if len(doc) == 2 {
		b = b[:len(b)-1]
	}
	return append(b, doc[1:]...), nil
}

// writeS3Error has, beside the code, the elements that are the error's own: no error has
// an element for the resource in general, as the documentation's example would have it.
// Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and recordings of AWS
func (t *Target) writeS3Error(w http.ResponseWriter, req *http.Request, requestID string, f failure) error {
	if req.Method == http.MethodHead || f.status == http.StatusNotModified {
		return writeHead(w, req, requestID, f.status)
	}
	var b strings.Builder
	b.WriteString(xml.Header + "<Error><Code>")
	escape(&b, f.code)
	b.WriteString("</Code><Message>")
	escape(&b, f.message)
	b.WriteString("</Message>")
	for _, k := range sortedKeys(reflect.ValueOf(f.fields)) {
		b.WriteString("<" + k.String() + ">")
		escape(&b, f.fields[k.String()])
		b.WriteString("</" + k.String() + ">")
	}
	b.WriteString("<RequestId>" + requestID + "</RequestId><HostId>" + hostID(requestID) + "</HostId></Error>")
	return write(w, "application/xml", requestID, f.status, []byte(b.String()))
}

// writeQueryError is the error of the query protocol, and of restXml but for S3.
// An error's own members stand beside the code.
func (t *Target) writeQueryError(w http.ResponseWriter, req *http.Request, requestID string, f failure) error {
	if req.Method == http.MethodHead {
		return writeHead(w, req, requestID, f.status)
	}
	fault := "Receiver"
	if f.sender {
		fault = "Sender"
	}
	var b strings.Builder
	b.WriteString(xml.Header + `<ErrorResponse`)
	if t.model != nil && t.model.Metadata.XMLNamespace != "" {
		b.WriteString(` xmlns="` + t.model.Metadata.XMLNamespace + `"`)
	}
	b.WriteString("><Error><Type>" + fault + "</Type><Code>")
	escape(&b, f.code)
	b.WriteString("</Code><Message>")
	escape(&b, f.message)
	b.WriteString("</Message>")
	if f.shape != nil {
		n, err := t.plans.plan(&Ref{Shape: f.shape.Name}, f.value.Type())
		if err != nil {
			return err
		}
		for _, m := range n.fields {
			fv, ok := m.present(f.value.Field(m.index))
			switch {
			case !ok || strings.EqualFold(m.member, "message"):
				continue
			case m.ref.Location == "header":
				writeHeader(w.Header(), m, fv)
				continue
			}
			if err := writeMember(&b, m, fv); err != nil {
				return err
			}
		}
	}
	if t.spelling != nil {
		b.WriteString("<Detail/>")
	}
	b.WriteString("</Error><RequestId>" + requestID + "</RequestId></ErrorResponse>")
	return write(w, "text/xml", requestID, f.status, []byte(b.String()))
}

// writeEC2Error is the error of EC2, which has lists and members of its own.
// Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
func writeEC2Error(w http.ResponseWriter, requestID string, f failure) error {
	var b strings.Builder
	b.WriteString(xml.Header + "<Response><Errors><Error><Code>")
	escape(&b, f.code)
	b.WriteString("</Code><Message>")
	escape(&b, f.message)
	b.WriteString("</Message></Error></Errors><RequestID>" + requestID + "</RequestID></Response>")
	return write(w, "text/xml;charset=UTF-8", requestID, f.status, []byte(b.String()))
}

// WriteUnrouted answers a request that reached no service.
func WriteUnrouted(w http.ResponseWriter, req *http.Request, requestID string, err error) error {
	t := &Target{Protocol: AWSJSON11}
	switch mediaType(req) {
	case "application/x-www-form-urlencoded":
		t.Protocol = Query
	case amzCBOR:
		t.Protocol = AWSCBOR
	}
	return t.WriteError(w, req, requestID, err)
}

// escape writes text into an XML document; characters that XML 1.0 cannot
// hold become U+FFFD.
func escape(b *strings.Builder, s string) { _ = xml.EscapeText(b, []byte(s)) }
