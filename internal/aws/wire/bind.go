package wire

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// decodeREST reads an input that is spread over path, query, headers and body.
func (t *Target) decodeREST(req *http.Request, n *node, v reflect.Value) error {
	inBody, err := t.decodeHead(req, n, v)
	if err != nil || !inBody {
		return err
	}
	return t.decodePayload(req, n, v)
}

// decodeHead reads what is not in the body and reports whether there is more.
func (t *Target) decodeHead(req *http.Request, n *node, v reflect.Value) (inBody bool, err error) {
	var query url.Values
	for _, l := range n.lacking {
		if l.ref.Location == "querystring" && req.URL.Query().Has(l.ref.LocationName) ||
			l.ref.Location == "header" && len(req.Header.Values(l.ref.LocationName)) > 0 {
			return false, l.refuse()
		}
	}
	for _, f := range n.fields {
		fv := v.Field(f.index)
		switch f.ref.Location {
		case "uri":
			err = setText(f.node, fv, t.labels[f.ref.LocationName])
		case "querystring":
			if query == nil {
				query = req.URL.Query()
			}
			err = setQuery(f.node, fv, query, f.ref.LocationName)
		case "header":
			err = setHeader(f.node, fv, headerValues(req, f.ref.LocationName))
		case "headers":
			setPrefixHeaders(f, fv, req.Header)
		default:
			inBody = true
			continue
		}
		if err != nil {
			return false, t.unreadable(req, f, query, err)
		}
		if f.node.bare() && t.inHead(req, f, query) {
			t.zeros.enter(f.member)
			t.zeros.sent(f.node, fv)
			t.zeros.leave()
		}
	}
	return inBody, nil
}

// inHead reports whether a member that is not in the body was sent.
func (t *Target) inHead(req *http.Request, f *field, query url.Values) bool {
	switch f.ref.Location {
	case "querystring":
		return query.Has(f.ref.LocationName)
	case "header":
		return len(headerValues(req, f.ref.LocationName)) > 0
	}
	return f.ref.Location == "uri"
}

// Streams reports whether the input holds the body itself, which is read by whoever
// handles the call.
func (t *Target) Streams() bool {
	if t.op == nil || t.op.Input == nil {
		return false
	}
	in := t.model.Shapes[t.op.Input.Shape]
	if in.Payload == "" {
		return false
	}
	ref := in.Members[in.Payload]
	return ref != nil && (ref.Streaming || t.model.Shapes[ref.Shape].Streaming)
}

// unreadable is the answer to a label, query parameter or header that cannot be read.
func (t *Target) unreadable(req *http.Request, f *field, query url.Values, err error) error {
	code := t.svc.words.BadParameter
	if code == "" {
		code = "InvalidArgument"
	}
	e := errorf(http.StatusBadRequest, code, "%s: %v", f.member, err)
	if t.model.objects() && f.node.kind == kInt {
		// Recorded on AWS: for max-keys, partNumber and their like.
		e.Message = "Provided " + f.ref.LocationName + " not an integer or within integer range"
	}
	value := query.Get(f.ref.LocationName)
	if f.ref.Location == "header" {
		value = req.Header.Get(f.ref.LocationName)
	}
	e.Fields = map[string]string{"ArgumentName": f.ref.LocationName, "ArgumentValue": value}
	return e
}

// decodePayload reads the body: into the payload member if the shape has one,
// else into all members that are not elsewhere.
func (t *Target) decodePayload(req *http.Request, n *node, v reflect.Value) error {
	if n.shape.Payload == "" {
		b, err := t.readBody(req)
		if err == nil {
			err = t.checkDigest(req, b)
		}
		if err != nil || len(b) == 0 {
			return err
		}
		if t.Protocol == RestJSON {
			if err := documentMedia(req); err != nil {
				return err
			}
			return decodeJSON(b, n, v, &t.zeros)
		}
		return decodeXML(b, n, v, &t.zeros)
	}
	f := n.byName[n.shape.Payload]
	if f == nil {
		return nil
	}
	fv := v.Field(f.index)
	if f.node.kind == kStream {
		fv.Set(reflect.ValueOf(req.Body))
		return nil
	}
	b, err := t.readBody(req)
	if err == nil {
		err = t.checkDigest(req, b)
	}
	if err != nil || len(b) == 0 {
		return err
	}
	switch f.node.kind {
	case kBlob:
		fv.SetBytes(b)
	case kString:
		f.node.settable(fv).SetString(string(b))
	default:
		if t.Protocol == RestJSON {
			if err := documentMedia(req); err != nil {
				return err
			}
			return t.zeros.member(f, fv, func() error { return (&jsonReader{b: b, zeros: &t.zeros}).value(f.node, fv) })
		}
		return t.zeros.member(f, fv, func() error { return decodeXML(b, f.node, fv, &t.zeros) })
	}
	return nil
}

// documentMedia refuses a document that does not say that it is JSON.
// Source: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html and its tests of
// malformed requests (RestJsonWithBodyExpectsApplicationJsonContentType).
func documentMedia(req *http.Request) error {
	if m := mediaType(req); m != "" && !strings.HasSuffix(m, "json") && !strings.Contains(m, "-json-") {
		return errorf(http.StatusUnsupportedMediaType, "UnsupportedMediaTypeException",
			"The media type %s is not read here", m)
	}
	return nil
}

// setText decodes the text of a label, query parameter or header.
func setText(n *node, v reflect.Value, s string) error {
	switch n.kind {
	case kString:
		n.settable(v).SetString(s)
	case kInt:
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not an integer", s)
		}
		dst := n.settable(v)
		if dst.OverflowInt(i) {
			return fmt.Errorf("%q is out of range", s)
		}
		dst.SetInt(i)
	case kFloat:
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", s)
		}
		n.settable(v).SetFloat(f)
	case kBool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Errorf("%q is not true or false", s)
		}
		n.settable(v).SetBool(b)
	case kTime:
		at, err := parseTime(s)
		if err != nil {
			return err
		}
		n.settable(v).Set(reflect.ValueOf(at))
	case kBlob:
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return err
		}
		v.SetBytes(b)
	default:
		return fmt.Errorf("a %s cannot be text", n.shape.Type)
	}
	return nil
}

func setQuery(n *node, v reflect.Value, query url.Values, name string) error {
	switch n.kind {
	case kList:
		for _, s := range query[name] {
			e := reflect.New(n.typ.Elem()).Elem()
			if err := setText(n.elem, e, s); err != nil {
				return err
			}
			v.Set(reflect.Append(v, e))
		}
		return nil
	case kMap:
		m := reflect.MakeMap(n.typ)
		for k, s := range query {
			e := reflect.New(n.typ.Elem()).Elem()
			if err := setText(n.elem, e, s[0]); err != nil {
				return err
			}
			m.SetMapIndex(reflect.ValueOf(k).Convert(n.typ.Key()), e)
		}
		v.Set(m)
		return nil
	}
	if !query.Has(name) {
		return nil
	}
	return setText(n, v, query.Get(name))
}

// headerValues returns a header's lines. The length is not among them in Go;
// of an aws-chunked body the length of what it carries counts.
func headerValues(req *http.Request, name string) []string {
	if strings.EqualFold(name, "Content-Encoding") {
		return contentEncoding(req.Header.Values(name))
	}
	if !strings.EqualFold(name, "Content-Length") {
		return req.Header.Values(name)
	}
	if decoded := req.Header.Get("X-Amz-Decoded-Content-Length"); decoded != "" {
		return []string{decoded}
	}
	if req.ContentLength < 0 {
		return nil
	}
	return []string{strconv.FormatInt(req.ContentLength, 10)}
}

func setHeader(n *node, v reflect.Value, values []string) error {
	if len(values) == 0 {
		return nil
	}
	if n.kind == kList {
		for _, line := range values {
			for _, s := range strings.Split(line, ",") {
				e := reflect.New(n.typ.Elem()).Elem()
				if err := setText(n.elem, e, strings.TrimSpace(s)); err != nil {
					return err
				}
				v.Set(reflect.Append(v, e))
			}
		}
		return nil
	}
	return setText(n, v, strings.Join(values, ","))
}

// setPrefixHeaders collects headers such as x-amz-meta-*; their names are
// handed on in lower case, as S3 stores them.
func setPrefixHeaders(f *field, v reflect.Value, h http.Header) {
	prefix := textproto.CanonicalMIMEHeaderKey(f.ref.LocationName)
	var m map[string]string
	for k, values := range h {
		if rest, ok := strings.CutPrefix(k, prefix); ok && rest != "" {
			if m == nil {
				m = map[string]string{}
			}
			m[strings.ToLower(rest)] = strings.Join(values, ",")
		}
	}
	if m != nil {
		v.Set(reflect.ValueOf(m))
	}
}

// writeREST answers with headers, status and body as the output's members say.
func (t *Target) writeREST(w http.ResponseWriter, req *http.Request, requestID string, n *node, v reflect.Value) error {
	status := t.op.HTTP.ResponseCode
	if status == 0 {
		status = http.StatusOK
	}
	if n == nil {
		return write(w, "", requestID, status, nil)
	}
	members := false
	for _, f := range n.fields {
		switch f.ref.Location {
		case "header", "headers":
			if fv, ok := f.present(v.Field(f.index)); ok {
				writeHeader(w.Header(), f, fv)
			}
		case "statusCode":
			if fv, ok := f.present(v.Field(f.index)); ok && fv.Int() != 0 {
				status = int(fv.Int())
			}
		default:
			members = true
		}
	}
	if t.model.objects() && w.Header().Get("Content-Range") != "" {
		status = http.StatusPartialContent
	}
	if f := n.byName[n.shape.Payload]; f != nil {
		return t.writePayload(w, req, requestID, status, f, v.Field(f.index))
	}
	if !members || req.Method == http.MethodHead {
		return writeHead(w, req, requestID, status)
	}
	if t.Protocol == RestXML {
		b, err := appendXMLDocument(t.model.Metadata.XMLNamespace, n, v, t.op)
		if err != nil {
			return err
		}
		return write(w, "application/xml", requestID, status, b)
	}
	b, err := appendStruct(make([]byte, 0, 512), n, v, func(f *field) bool { return f.ref.Location == "" })
	if err != nil {
		return err
	}
	return write(w, "application/json", requestID, status, b)
}

// writeHead sends an answer without body; a HEAD keeps the length of the
// object it speaks of.
func writeHead(w http.ResponseWriter, req *http.Request, requestID string, status int) error {
	number(w.Header(), requestID)
	if req.Method != http.MethodHead && status != http.StatusNoContent && status != http.StatusNotModified {
		w.Header().Set("Content-Length", "0")
	}
	w.WriteHeader(status)
	return nil
}

func (t *Target) writePayload(w http.ResponseWriter, req *http.Request, requestID string, status int, f *field,
	v reflect.Value) error {
	switch f.node.kind {
	case kStream:
		body, _ := v.Interface().(io.Reader)
		if body == nil {
			return writeHead(w, req, requestID, status)
		}
		if c, ok := body.(io.Closer); ok {
			defer c.Close()
		}
		number(w.Header(), requestID)
		w.WriteHeader(status)
		if req.Method == http.MethodHead {
			return nil
		}
		_, err := io.Copy(w, body)
		return err
	case kBlob:
		return write(w, "application/json", requestID, status, v.Bytes())
	case kString:
		s, _ := f.present(v)
		return write(w, "", requestID, status, []byte(s.String()))
	}
	fv, ok := f.present(v)
	if !ok {
		return writeHead(w, req, requestID, status)
	}
	if t.Protocol == RestXML {
		b, err := appendXMLPayload(t.model.Metadata.XMLNamespace, f, fv)
		if err != nil {
			return err
		}
		return write(w, "application/xml", requestID, status, b)
	}
	b, err := appendJSON(nil, f.node, fv)
	if err != nil {
		return err
	}
	return write(w, "application/json", requestID, status, b)
}

func writeHeader(h http.Header, f *field, v reflect.Value) {
	switch f.node.kind {
	case kMap:
		for _, k := range v.MapKeys() {
			// Not canonicalised: clients fold case, and S3 sends lower case.
			h[f.ref.LocationName+k.String()] = []string{v.MapIndex(k).String()}
		}
	case kList:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, headerText(f.node.elem, v.Index(i)))
		}
		if len(parts) > 0 {
			h.Set(f.ref.LocationName, strings.Join(parts, ","))
		}
	default:
		h.Set(f.ref.LocationName, headerText(f.node, v))
	}
}

func headerText(n *node, v reflect.Value) string {
	switch n.kind {
	case kInt:
		return strconv.FormatInt(v.Int(), 10)
	case kFloat:
		return floatText(v.Float())
	case kBool:
		return strconv.FormatBool(v.Bool())
	case kTime:
		return string(appendTime(nil, v.Interface().(time.Time), n.format(formatHTTP)))
	case kBlob:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	}
	return v.String()
}

// sortedKeys returns a string map's keys in order.
func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}
