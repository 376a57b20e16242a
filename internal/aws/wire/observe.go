package wire

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
)

// This file is for those who watch a call that another program answers: they
// read of requests and answers what can be read without holding large bodies.

// REST reports whether the operation's resource is named outside the body, by
// path, query and headers; the body may then be of any size.
func (t *Target) REST() bool { return t.Protocol == RestJSON || t.Protocol == RestXML }

// DecodeHead reads what a REST request says outside its body into a new Input
// struct and returns a pointer to it. The body is not touched.
func (t *Target) DecodeHead(req *http.Request) (any, error) {
	if !t.REST() || !t.Known() {
		return nil, fmt.Errorf("%s.%s cannot be read without its body", t.Service, t.Operation)
	}
	in := reflect.New(t.types.in)
	if t.op.Input == nil {
		return in.Interface(), nil
	}
	n, err := t.plans.plan(t.op.Input, t.types.in)
	if err != nil {
		return nil, err
	}
	_, err = t.decodeHead(req, n, in.Elem())
	return in.Interface(), err
}

// NewOutput returns a pointer to an empty Output struct, nil when the type is
// not known.
func (t *Target) NewOutput() any {
	if !t.Known() {
		return nil
	}
	return reflect.New(t.types.out).Interface()
}

// DecodeOutput reads the body of a successful answer of the JSON and CBOR
// protocols into a new Output struct and returns a pointer to it.
func (t *Target) DecodeOutput(body []byte) (any, error) {
	if t.REST() || t.form != nil || !t.Known() {
		return nil, fmt.Errorf("the answer of %s.%s cannot be read here", t.Service, t.Operation)
	}
	out := reflect.New(t.types.out)
	if t.op.Output == nil || len(bytes.TrimSpace(body)) == 0 {
		return out.Interface(), nil
	}
	n, err := t.plans.plan(t.op.Output, t.types.out)
	if err != nil {
		return nil, err
	}
	if t.binary() {
		return out.Interface(), decodeCBOR(body, n, out.Elem(), nil, t.times())
	}
	return out.Interface(), decodeJSON(body, n, out.Elem(), nil)
}

// maxError bounds an error document; AWS's have a few hundred bytes.
const maxError = 64 << 10

// ReadError returns the code and text of an error answer, whatever protocol it
// is written in, and the part of the body that was read to find them. An
// answer without a body, as to HEAD, has the code that the SDKs give it.
func ReadError(resp *http.Response) (e *Error, read []byte) {
	read, _ = io.ReadAll(io.LimitReader(resp.Body, maxError)) // what is there says what it says
	e = &Error{Status: resp.StatusCode}
	var doc struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"`
		Upper   string `json:"Message"`
	}
	if strings.Contains(resp.Header.Get("Content-Type"), "cbor") {
		texts := cborTexts(read)
		doc.Type, doc.Message, doc.Upper = texts["__type"], texts["message"], texts["Message"]
	} else {
		_ = json.Unmarshal(read, &doc) // XML and nothing at all are no JSON
	}
	e.Message = first(doc.Message, doc.Upper)
	e.Code = first(resp.Header.Get("X-Amzn-Errortype"), doc.Type, doc.Code)
	if e.Code == "" {
		e.Code, e.Message = xmlError(read)
	}
	e.Code, _, _ = strings.Cut(e.Code, ":") // "Name:http://…", in headers of some services
	e.Code = e.Code[strings.LastIndex(e.Code, "#")+1:]
	if e.Code == "" {
		// Source: the SDKs' S3 error deserialisers, which make a code of the status' text.
		e.Code = strings.ReplaceAll(http.StatusText(resp.StatusCode), " ", "")
	}
	return e, read
}

// xmlError finds Code and Message of S3's <Error> and of the query protocol's
// <ErrorResponse><Error>.
func xmlError(body []byte) (code, message string) {
	d := xml.NewDecoder(bytes.NewReader(body))
	for code == "" || message == "" {
		token, err := d.Token()
		if err != nil {
			return code, message
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "Code":
			_ = d.DecodeElement(&code, &start) // cut short, it stays empty
		case "Message":
			_ = d.DecodeElement(&message, &start)
		}
	}
	return code, message
}

func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}
