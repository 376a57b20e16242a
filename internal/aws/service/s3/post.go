package s3

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/sigv4"
)

// form is a browser's form, up to its file. Names are in small letters.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
type form struct {
	bucket string
	fields map[string]string
	file   io.Reader
}

// Form implements gateway.Forms: a form that uploads a file is a PutObject whose
// members are the form's fields.
func (s *Service) Form(req *http.Request, bucket string) (*gateway.Form, error) {
	f, err := readForm(req, bucket)
	if err != nil {
		return nil, err
	}
	signed, err := sigv4.ReadForm(func(name string) string { return f.fields[name] })
	if err != nil {
		return nil, gateway.UnsignedForm(err)
	}
	put, err := f.request(req)
	if err != nil {
		return nil, err
	}
	return &gateway.Form{Signature: signed, Request: put,
		Allow: func() error {
			if f.fields["policy"] == "" {
				return nil // what anybody may do is for the bucket's policy to say
			}
			return f.allow(s.host.Clock.Now(), s.host.Clock.Virtual, put)
		},
		Answer: func(h http.Header, out any) (int, []byte) {
			return f.answer(h, s.host.Endpoint(), out.(*s3.PutObjectOutput))
		}}, nil
}

// readForm reads the fields; what comes after the file is not looked at.
func readForm(req *http.Request, bucket string) (*form, error) {
	parts, err := req.MultipartReader()
	if err != nil {
		return nil, gateway.Errorf(http.StatusPreconditionFailed, "PreconditionFailed", "%s",
			"At least one of the pre-conditions you specified did not hold").
			With("Condition", "Bucket POST must be of the enclosure-type multipart/form-data")
	}
	f := &form{bucket: bucket, fields: map[string]string{}}
	for left := limit("formBytes"); ; {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, argument("file", "0", "POST requires exactly one file upload per request.")
		}
		if err != nil {
			return nil, gateway.Errorf(http.StatusBadRequest, "MalformedPOSTRequest",
				"The body of your POST request is not well-formed multipart/form-data.")
		}
		name := strings.ToLower(p.FormName())
		if name == "file" {
			return f, f.named(p)
		}
		value, err := io.ReadAll(io.LimitReader(p, left+1))
		if left -= int64(len(name) + len(value)); err != nil || left < 0 {
			return nil, gateway.Errorf(http.StatusBadRequest, "MaxPostPreDataLengthExceededError",
				"Your POST request fields preceding the upload file were too large.")
		}
		f.fields[name] = string(value)
	}
}

// named takes the file, whose name may be a part of the key.
func (f *form) named(file *multipart.Part) error {
	if f.fields["key"] == "" {
		return argument("key", "",
			"Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.")
	}
	f.fields["key"] = strings.ReplaceAll(f.fields["key"], "${filename}", file.FileName())
	f.file = file
	return nil
}

// request is the PutObject that the form asks for.
func (f *form) request(req *http.Request) (*http.Request, error) {
	h := http.Header{}
	for name, value := range f.fields {
		switch {
		case name == "acl":
			h.Set("X-Amz-Acl", value)
		case name == "tagging":
			tags, err := tagHeader(value)
			if err != nil {
				return nil, err
			}
			h.Set("X-Amz-Tagging", tags)
		case name == "cache-control", strings.HasPrefix(name, "content-") && name != "content-length", name == "expires":
			h.Set(name, value)
		case strings.HasPrefix(name, "x-amz-") && !ofSignature(name) && !strings.HasPrefix(name, "x-amz-copy-"):
			h.Set(name, value)
		}
	}
	put := (&http.Request{Method: http.MethodPut, URL: &url.URL{Path: "/" + f.bucket + "/" + f.fields["key"]},
		Header: h, Body: io.NopCloser(f.file), ContentLength: -1}).WithContext(req.Context())
	return put, nil
}

// ofSignature reports whether a field signs the form.
func ofSignature(name string) bool {
	switch name {
	case "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-security-token", "signature",
		"awsaccesskeyid", "policy", "file":
		return true
	}
	return false
}

// tagHeader writes the document of the field tagging as the header is written.
func tagHeader(document string) (string, error) {
	var doc struct {
		Tags []struct{ Key, Value string } `xml:"TagSet>Tag"`
	}
	if err := xml.Unmarshal([]byte(document), &doc); err != nil {
		return "", malformed()
	}
	values := url.Values{}
	for _, t := range doc.Tags {
		values.Add(t.Key, t.Value)
	}
	return values.Encode(), nil
}

// condition is one of a policy's.
type condition struct {
	Operator string // eq or starts-with
	Field    string
	Value    string
	text     string
}

// postPolicy is what a form was signed for.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
type postPolicy struct {
	until      time.Time
	conditions []condition
	least      int64
	most       int64 // of bytes in the file; -1 for any number
}

func badPolicy(format string, args ...any) error {
	return gateway.Errorf(http.StatusBadRequest, "InvalidPolicyDocument", "Invalid Policy: "+format, args...)
}

func readPostPolicy(encoded string) (*postPolicy, error) {
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, badPolicy("Invalid Base64 encoding.")
	}
	var doc map[string]json.RawMessage // names count with their case, which encoding/json overlooks in structures
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, badPolicy("Invalid JSON.")
	}
	var until string
	if doc["expiration"] == nil || json.Unmarshal(doc["expiration"], &until) != nil {
		return nil, badPolicy("Policy missing expiration.")
	}
	p := &postPolicy{most: -1}
	if p.until, err = time.Parse(time.RFC3339Nano, until); err != nil {
		return nil, badPolicy("Invalid 'expiration' value: '%s'", until)
	}
	var all []json.RawMessage
	if json.Unmarshal(doc["conditions"], &all) != nil || all == nil {
		return nil, badPolicy("Policy missing conditions.")
	}
	for _, raw := range all {
		if err := p.add(raw); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// add reads a condition: {"name": "value"}, ["eq", "$name", "value"] or a range.
func (p *postPolicy) add(raw json.RawMessage) error {
	var simple map[string]any
	if json.Unmarshal(raw, &simple) == nil {
		if len(simple) != 1 {
			return badPolicy("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
		}
		for name, v := range simple {
			value, ok := v.(string)
			if !ok {
				return badPolicy("Invalid Simple-Condition: value must be a string.")
			}
			text, _ := json.Marshal([]string{"eq", "$" + name, value}) // strings are always JSON
			p.conditions = append(p.conditions, condition{"eq", strings.ToLower(name), value, string(text)})
		}
		return nil
	}
	var list []any
	if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
		return badPolicy("Invalid Condition.")
	}
	operator, _ := list[0].(string)
	if operator = strings.ToLower(operator); operator == "content-length-range" {
		return p.bound(list)
	}
	if operator != "eq" && operator != "starts-with" || len(list) != 3 {
		return badPolicy("Invalid Condition: unknown operation '%s'.", operator)
	}
	name, ok := list[1].(string)
	value, valued := list[2].(string)
	if name, found := strings.CutPrefix(name, "$"); ok && valued && found {
		p.conditions = append(p.conditions, condition{operator, strings.ToLower(name), value, string(raw)})
		return nil
	}
	return badPolicy("Invalid Condition: match variable must start with '$'.")
}

func (p *postPolicy) bound(list []any) error {
	if len(list) != 3 {
		return badPolicy("Invalid content-length-range: wrong number of arguments.")
	}
	var ends [2]int64
	for i := range ends {
		n, err := strconv.ParseInt(fmt.Sprint(whole(list[i+1])), 10, 64)
		if err != nil || n < 0 {
			return badPolicy("Invalid content-length-range: '%v' is not a size.", list[i+1])
		}
		ends[i] = n
	}
	p.least, p.most = ends[0], ends[1]
	return nil
}

// whole is a number of JSON without a fraction; others stay what they are.
func whole(v any) any {
	if f, ok := v.(float64); ok && f == float64(int64(f)) {
		return int64(f)
	}
	return v
}

// allow compares the form with its policy: each condition must hold, and each
// field must be in a condition, but for those that sign it.
func (f *form) allow(now time.Time, virtual func(time.Time) time.Time, put *http.Request) error {
	denied := func(format string, args ...any) error {
		return gateway.Errorf(http.StatusForbidden, "AccessDenied", "Invalid according to Policy: "+format, args...)
	}
	p, err := readPostPolicy(f.fields["policy"])
	if err != nil {
		return err
	}
	if now.After(virtual(p.until)) {
		return denied("Policy expired.")
	}
	covered := map[string]bool{}
	for _, c := range p.conditions {
		value := f.fields[c.Field]
		if c.Field == "bucket" {
			value = f.bucket
		}
		if c.Operator == "eq" && value != c.Value || !strings.HasPrefix(value, c.Value) {
			return denied("Policy Condition failed: %s", c.text)
		}
		covered[c.Field] = true
	}
	if !covered["bucket"] {
		return denied("Extra input fields: bucket")
	}
	for name := range f.fields {
		if !covered[name] && !ofSignature(name) && !strings.HasPrefix(name, "x-ignore-") {
			return denied("Extra input fields: %s", name)
		}
	}
	if p.most >= 0 {
		put.Body = io.NopCloser(&bounded{under: f.file, least: p.least, most: p.most})
	}
	return nil
}

// bounded reads a file that has to have so many bytes.
type bounded struct {
	under             io.Reader
	least, most, read int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.under.Read(p)
	b.read += int64(n)
	size, bound := strconv.FormatInt(b.read, 10), ""
	switch {
	case b.read > b.most:
		bound = strconv.FormatInt(b.most, 10)
		return 0, gateway.Errorf(http.StatusBadRequest, "EntityTooLarge",
			"Your proposed upload exceeds the maximum allowed size").With("ProposedSize", size, "MaxSizeAllowed", bound)
	case errors.Is(err, io.EOF) && b.read < b.least:
		bound = strconv.FormatInt(b.least, 10)
		return 0, gateway.Errorf(http.StatusBadRequest, "EntityTooSmall",
			"Your proposed upload is smaller than the minimum allowed size").
			With("ProposedSize", size, "MinSizeAllowed", bound)
	}
	return n, err
}

// answer is what the form says: the page to go to, a document, or nothing.
func (f *form) answer(h http.Header, endpoint string, out *s3.PutObjectOutput) (int, []byte) {
	key, etag := f.fields["key"], deref(out.ETag)
	location := endpoint + "/" + f.bucket + "/" + escape(key)
	h.Set("Etag", etag)
	h.Set("Location", location)
	h.Set("X-Amz-Server-Side-Encryption", string(out.ServerSideEncryption))
	for name, value := range map[string]*string{"X-Amz-Version-Id": out.VersionId, "X-Amz-Expiration": out.Expiration} {
		if value != nil {
			h.Set(name, *value)
		}
	}
	target := f.fields["success_action_redirect"]
	if target == "" {
		target = f.fields["redirect"]
	}
	if to, err := url.Parse(target); err == nil && to.IsAbs() && to.Host != "" {
		q := "bucket=" + url.QueryEscape(f.bucket) + "&key=" + url.QueryEscape(key) + "&etag=" + url.QueryEscape(etag)
		if to.RawQuery != "" {
			q = to.RawQuery + "&" + q
		}
		to.RawQuery = q
		h.Set("Location", to.String())
		return http.StatusSeeOther, nil
	}
	switch f.fields["success_action_status"] {
	case "200":
		return http.StatusOK, nil
	case "201":
		doc, _ := xml.Marshal(struct { // strings are always XML
			XMLName                     xml.Name `xml:"PostResponse"`
			Location, Bucket, Key, ETag string
		}{Location: location, Bucket: f.bucket, Key: key, ETag: etag})
		return http.StatusCreated, append([]byte(xml.Header), doc...)
	}
	return http.StatusNoContent, nil
}
