package wire

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/aws/smithy-go"
)

// Protocol is how a request and its answer are written.
type Protocol string

// The protocols of AWS.
const (
	AWSJSON10 Protocol = "awsJson1.0"
	AWSJSON11 Protocol = "awsJson1.1"
	RestJSON  Protocol = "restJson1"
	RestXML   Protocol = "restXml"
	Query     Protocol = "awsQuery"
	EC2Query  Protocol = "ec2Query"
	CBOR      Protocol = "rpcv2Cbor"
	// AWSCBOR is AWS JSON 1.1 with bodies in CBOR: how Java's clients speak to Kinesis.
	AWSCBOR Protocol = "awsCbor1.1"
)

// Registry routes requests to the operations of the services it knows. Types
// must be registered before requests are routed; after that it is safe for
// concurrent use.
type Registry struct {
	services map[string]*service
}

type service struct {
	name  string
	info  API
	model lazyModel
	once  sync.Once
	plans *planner
	types map[string]opTypes
	words Wording
	old   oldForm
	bases []string // ends of host names in which buckets are named
}

type opTypes struct{ in, out reflect.Type }

// NewRegistry returns a registry of the named services (SDK package names). A
// model is loaded when its service gets its first request.
func NewRegistry(services ...string) *Registry {
	r := &Registry{services: map[string]*service{}}
	for _, name := range services {
		r.Add(Known(name))
	}
	return r
}

// Add makes a service known, with a model that is its own.
func (r *Registry) Add(a API) {
	s := &service{name: a.Name, info: a, types: map[string]opTypes{}}
	if a.objects() {
		s.bases = bases(a.Endpoint)
	}
	r.services[a.Name] = s
}

// Types tells the SDK's struct types of an operation, and with that the
// service if it is new.
func (r *Registry) Types(svc, operation string, in, out reflect.Type) {
	if r.services[svc] == nil {
		r.Add(Known(svc))
	}
	r.services[svc].types[operation] = opTypes{in, out}
}

// Words tells how a service that is registered words its errors.
func (r *Registry) Words(svc string, w Wording) { r.services[svc].words = w }

// Target is what a request asks for.
type Target struct {
	Service   string
	Operation string
	Protocol  Protocol

	svc    *service
	model  *Model
	plans  *planner
	op     *Operation
	types  opTypes
	labels map[string]string // REST: URI labels, decoded
	form   url.Values        // query: the parameters
	// spelling is set when the form is of a service that has moved to another protocol.
	spelling *Spelling
	zeros    zeros // of the input, once decoded
}

// Known reports whether the operation's types are registered: whether anybody
// answers it.
func (t *Target) Known() bool { return t.types.in != nil }

// Error is a request that cannot be routed, decoded or validated.
type Error struct {
	Code    string
	Message string
	Status  int
	Fields  map[string]string // further elements of S3's error document
}

func (e *Error) Error() string        { return e.Code + ": " + e.Message }
func (e *Error) ErrorCode() string    { return e.Code }
func (e *Error) ErrorMessage() string { return e.Message }
func (e *Error) HTTPStatus() int      { return e.Status }

// ErrorFields are the further elements of the error document.
func (e *Error) ErrorFields() map[string]string { return e.Fields }

// ErrorFault makes it an API error of the SDK, whose code and text may be told.
func (e *Error) ErrorFault() smithy.ErrorFault {
	if e.Status >= http.StatusInternalServerError {
		return smithy.FaultServer
	}
	return smithy.FaultClient
}

func errorf(status int, code, format string, args ...any) *Error {
	return &Error{Code: code, Status: status, Message: fmt.Sprintf(format, args...)}
}

// SigningScope returns the region and signing name of a request's credential
// scope, from the Authorization header or a presigned query; empty when the
// request is not signed. A signature of version 2, with which boto3 still
// presigns S3's URLs, names a key and no region.
func SigningScope(req *http.Request) (accessKey, region, signing string) {
	q := req.URL.Query()
	cred := q.Get("X-Amz-Credential")
	if auth := req.Header.Get("Authorization"); auth != "" {
		_, rest, ok := strings.Cut(auth, "Credential=")
		if ok {
			cred, _, _ = strings.Cut(rest, ",")
			cred, _, _ = strings.Cut(cred, " ")
		}
	}
	p := strings.Split(cred, "/") // key/date/region/service/aws4_request; a key may hold slashes
	if len(p) < 5 {
		return versionTwo(req, q)
	}
	n := len(p)
	return strings.Join(p[:n-4], "/"), p[n-3], p[n-2]
}

// versionTwo finds the key of S3's older signatures: "AWS key:signature" in the
// header, or AWSAccessKeyId and Signature in the query.
// Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html and
// https://docs.aws.amazon.com/AmazonS3/latest/API/UsingAWSSDK.html#specify-signature-version
func versionTwo(req *http.Request, q url.Values) (accessKey, region, signing string) {
	if rest, ok := strings.CutPrefix(req.Header.Get("Authorization"), "AWS "); ok {
		if at := strings.LastIndexByte(rest, ':'); at > 0 {
			return rest[:at], "", objectStore
		}
	}
	if key := q.Get("AWSAccessKeyId"); key != "" && q.Get("Signature") != "" && q.Get("Expires") != "" {
		return key, "", objectStore
	}
	return "", "", ""
}

// Route finds the operation of a request: by X-Amz-Target, by the rpc-v2 path,
// by the form's Action, and else by the signing name and the path. The
// target is not nil with an error when the service and protocol are known, so
// that the error can be written in their form.
func (r *Registry) Route(req *http.Request) (*Target, error) {
	if target := req.Header.Get("X-Amz-Target"); target != "" {
		return r.routeTarget(req, target)
	}
	if strings.HasPrefix(req.URL.Path, "/service/") && req.Header.Get("Smithy-Protocol") == "rpc-v2-cbor" {
		return r.routeCBOR(req)
	}
	_, _, signing := SigningScope(req)
	if req.Method == http.MethodPost && mediaType(req) == "application/x-www-form-urlencoded" ||
		req.URL.Query().Get("Action") != "" {
		if t, err := r.routeQuery(req, signing); t != nil || err != nil {
			return t, err
		}
	}
	return r.routePath(req, signing)
}

func (r *Registry) names() []string {
	names := make([]string, 0, len(r.services))
	for n := range r.services {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (s *service) target(p Protocol, op string) (*Target, error) {
	m, err := s.model.get(s.info)
	if err != nil {
		return nil, err
	}
	s.once.Do(func() { s.plans = &planner{model: m, nodes: map[planKey]*node{}} })
	return &Target{Service: s.name, Operation: op, Protocol: p, svc: s, model: m, plans: s.plans,
		op: m.Operations[op], types: s.types[op]}, nil
}

// mediaType is that of a request's body, without parameters; empty when it says none.
func mediaType(req *http.Request) string {
	m, _, _ := strings.Cut(req.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(m))
}

// targeted is the protocol of a request with an X-Amz-Target, by its media type, and
// whether there is one with that type.
func targeted(req *http.Request) (p Protocol, known bool) {
	switch mediaType(req) {
	case "application/x-amz-json-1.0":
		return AWSJSON10, true
	case "application/x-amz-json-1.1", "application/json", "":
		return AWSJSON11, true
	case amzCBOR:
		return AWSCBOR, true
	}
	return AWSJSON11, false
}

// unknownMedia is the answer to a body in a form that the service does not read. AWS
// takes the form for a part of the operation's name and has no words for it.
// AWS: <UnknownOperationException/> alone, with 404 (recorded on DynamoDB and Kinesis).
func unknownMedia(req *http.Request) error {
	return errorf(http.StatusNotFound, "UnknownOperationException", "The media type %s is not read here",
		mediaType(req))
}

func (r *Registry) routeTarget(req *http.Request, target string) (*Target, error) {
	prefix, op, _ := strings.Cut(target, ".")
	protocol, known := targeted(req)
	for _, s := range r.services {
		if s.info.Target != prefix || prefix == "" {
			continue
		}
		t, err := s.target(protocol, op)
		if err == nil && !known {
			err = unknownMedia(req)
		}
		if err == nil && t.op == nil {
			err = errorf(http.StatusBadRequest, "UnknownOperationException", "The service has no operation %s", op)
		}
		return t, err
	}
	return nil, errorf(http.StatusBadRequest, "UnknownOperationException", "PipeLab emulates no service with target %s",
		prefix)
}

func (r *Registry) routeCBOR(req *http.Request) (*Target, error) {
	// /service/{shape name of the service}/operation/{name}
	p := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	if len(p) != 4 || p[2] != "operation" {
		return nil, errorf(http.StatusNotFound, "UnknownOperationException", "no such path: %s", req.URL.Path)
	}
	for _, s := range r.services {
		if s.info.Target != p[1] {
			continue
		}
		t, err := s.target(CBOR, p[3])
		if m := mediaType(req); err == nil && m != "" && m != "application/cbor" {
			err = unknownMedia(req)
		}
		if err == nil && t.op == nil {
			err = errorf(http.StatusNotFound, "UnknownOperationException", "The service has no operation %s", p[3])
		}
		return t, err
	}
	return nil, errorf(http.StatusNotFound, "UnknownOperationException", "PipeLab emulates no service %s", p[1])
}

// rest is a body of which a part was read and put back.
type rest struct {
	io.Reader
	io.Closer
}

// maxForm bounds a query request's body; the largest real ones carry a
// CloudFormation template of 51,200 bytes and its parameters.
const maxForm = 4 << 20

func (r *Registry) routeQuery(req *http.Request, signing string) (*Target, error) {
	form := req.URL.Query()
	if req.Method == http.MethodPost {
		b, err := io.ReadAll(io.LimitReader(req.Body, maxForm+1))
		if err != nil {
			return nil, errorf(http.StatusBadRequest, "MalformedInput", "the request's body cannot be read: %v", err)
		}
		req.Body = rest{io.MultiReader(bytes.NewReader(b), req.Body), req.Body} // S3's browser uploads look alike from here
		body, err := url.ParseQuery(string(b))
		if err != nil || !body.Has("Action") && !form.Has("Action") {
			return r.noAction(req, signing) // perhaps not a query request; the caller goes on
		}
		if len(b) > maxForm {
			return nil, tooLarge("the form is larger than %d bytes", maxForm)
		}
		for k, v := range body {
			form[k] = v
		}
	}
	action, version := form.Get("Action"), form.Get("Version")
	s, err := r.form(signing, version, action)
	if s == nil || err != nil || req.Method != http.MethodPost && req.URL.Path != "/" && s.words.Spelling == nil {
		return nil, err // no service takes it in this form
	}
	protocol := Query
	if s.info.Protocol == ec2Query {
		protocol = EC2Query
	}
	t, err := s.target(protocol, action)
	if err != nil {
		return nil, err
	}
	t.form = form
	if s.words.Spelling != nil {
		if err := t.old(req); err != nil {
			return nil, err
		}
	}
	if t.op == nil && t.spelling != nil {
		return t, errorf(http.StatusBadRequest, "InvalidAction", "The action %s is not valid for this endpoint.", action)
	}
	if t.op == nil {
		return t, errorf(http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version %s", action,
			version)
	}
	return t, nil
}

// noAction is the answer of a service that takes nothing but forms and documents of
// its own to a form without an action; nil where a path may say it.
func (r *Registry) noAction(req *http.Request, signing string) (*Target, error) {
	for _, s := range r.services {
		if s.info.Signing != signing || s.words.Spelling == nil {
			continue
		}
		t, err := s.target(Query, "")
		if err != nil {
			return nil, err
		}
		t.form = url.Values{}
		if err := t.old(req); err != nil {
			return nil, err
		}
		return t, errorf(http.StatusBadRequest, "MissingAction", "The request is missing an action or a required parameter")
	}
	return nil, nil
}

// form finds the service that takes a form: that which signs so, and of several
// that with the version and the operation. Without a signature the version must
// tell.
func (r *Registry) form(signing, version, action string) (*service, error) {
	var found *service
	best := -1
	for _, name := range r.names() {
		s := r.services[name]
		if !s.info.Query || signing != "" && s.info.Signing != signing || signing == "" && s.info.Version != version {
			continue
		}
		m, err := s.model.get(s.info)
		if err != nil {
			return nil, err
		}
		fits := 0
		if s.info.Version == version {
			fits++
		}
		if m.Operations[action] != nil {
			fits += 2
		}
		if fits > best {
			found, best = s, fits
		}
	}
	return found, nil
}
