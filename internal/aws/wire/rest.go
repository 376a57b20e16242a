package wire

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is the path rule of one REST operation.
type route struct {
	method   string
	segments []segment
	query    url.Values // literal query parameters that must be there
	op       *Operation
	required []string // query parameters that the input requires
}

type segment struct {
	literal string
	label   string
	greedy  bool
}

// compileRoutes orders rules from the most to the least specific, so that the
// first that matches is the one.
func compileRoutes(m *Model) []route {
	var out []route
	for name, op := range m.Operations {
		if m.objects() && m.Operations[name+"Configuration"] != nil {
			continue // S3's first lifecycle and notification calls: same path, withdrawn from the SDK
		}
		if op.Name == "" {
			op.Name = name
		}
		path, query, _ := strings.Cut(op.HTTP.RequestURI, "?")
		r := route{method: op.HTTP.Method, op: op}
		r.query, _ = url.ParseQuery(query)
		for _, s := range strings.Split(strings.Trim(path, "/"), "/") {
			switch {
			case s == "":
			case strings.HasPrefix(s, "{") && strings.HasSuffix(s, "+}"):
				r.segments = append(r.segments, segment{label: s[1 : len(s)-2], greedy: true})
			case strings.HasPrefix(s, "{"):
				r.segments = append(r.segments, segment{label: s[1 : len(s)-1]})
			default:
				r.segments = append(r.segments, segment{literal: s})
			}
		}
		if op.Input != nil {
			in := m.Shapes[op.Input.Shape]
			for _, req := range in.Required {
				if ref := in.Members[req]; ref != nil && ref.Location == "querystring" {
					r.required = append(r.required, ref.LocationName)
				}
			}
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b route) int {
		if c := b.weight() - a.weight(); c != 0 {
			return c
		}
		return strings.Compare(a.op.Name, b.op.Name)
	})
	return out
}

// weight is higher for rules that ask for more.
func (r *route) weight() int {
	w := len(r.query)*1000 + len(r.required)*1000
	for _, s := range r.segments {
		switch {
		case s.literal != "":
			w += 20
		case s.greedy:
			w++
		default:
			w += 5
		}
	}
	return w
}

// match compares the raw (still escaped) path and the query, and returns the
// labels, unescaped.
func (r *route) match(method, path string, query url.Values) (map[string]string, bool) {
	if method != r.method {
		return nil, false
	}
	for k, v := range r.query {
		if !query.Has(k) || v[0] != "" && query.Get(k) != v[0] {
			return nil, false
		}
	}
	for _, k := range r.required {
		if !query.Has(k) {
			return nil, false
		}
	}
	var labels map[string]string
	rest := strings.TrimPrefix(path, "/")
	for _, s := range r.segments {
		if s.greedy {
			if rest == "" {
				return nil, false
			}
			return with(labels, s.label, rest), true
		}
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		if part == "" || s.literal != "" && part != s.literal {
			return nil, false
		}
		if s.label != "" {
			labels = with(labels, s.label, part)
		}
	}
	return labels, rest == ""
}

func with(labels map[string]string, name, raw string) map[string]string {
	if labels == nil {
		labels = map[string]string{}
	}
	if v, err := url.PathUnescape(raw); err == nil {
		raw = v
	}
	labels[name] = raw
	return labels
}

// routePath finds the operation of a REST service by its path. The signature
// says which service it is, and of several that sign alike the paths; without
// one only the paths, or the host, can say it, and what is no other service's
// path is one of S3's.
func (r *Registry) routePath(req *http.Request, signing string) (*Target, error) {
	var of, objects *service // the last that could be meant
	for _, name := range r.names() {
		s := r.services[name]
		switch {
		case !s.info.rest() || signing != "" && s.info.Signing != signing:
			continue
		case s.info.objects():
			objects = s
			continue
		case signing == "" && (!s.info.answers(req.URL.Path) || r.foreign(req, s.info)):
			continue
		}
		t, err := s.match(req)
		if t != nil || err != nil {
			return t, err
		}
		of = s
	}
	if objects != nil && (of == nil || signing != "" || !named(req, of.info)) {
		of = objects
		if t, err := of.match(req); t != nil || err != nil {
			return t, err
		}
	}
	if of == nil {
		return nil, errorf(http.StatusNotImplemented, "NotImplemented", "PipeLab emulates no service that signs as %q",
			signing)
	}
	return of.noOperation(req)
}

// named reports whether a request's host is that of a service:
// lambda.eu-west-1.amazonaws.com, lambda.localhost.
func named(req *http.Request, a API) bool {
	return a.Endpoint != "" && strings.HasPrefix(req.Host, a.Endpoint+".")
}

// foreign reports whether the path of a request is below a bucket that its host
// names, so that it says nothing about services.
func (r *Registry) foreign(req *http.Request, a API) bool {
	path, o := req.URL.EscapedPath(), r.objects()
	return o != nil && !named(req, a) && o.path(req, path) != path
}

// objects is the service whose paths are anything; nil when there is none.
func (r *Registry) objects() *service {
	for _, s := range r.services {
		if s.info.objects() {
			return s
		}
	}
	return nil
}

func (s *service) restProtocol() Protocol {
	if s.info.Protocol == restXML {
		return RestXML
	}
	return RestJSON
}

// match finds the operation of a path; nil when no rule fits.
func (s *service) match(req *http.Request) (*Target, error) {
	t, err := s.target(s.restProtocol(), "")
	if err != nil {
		return nil, err
	}
	path, query := req.URL.EscapedPath(), req.URL.Query()
	if t.model.objects() {
		path = s.path(req, path)
	}
	for i := range t.model.routes {
		rule := &t.model.routes[i]
		if labels, ok := rule.match(req.Method, path, query); ok && !shadowed(req, t.model, rule) {
			t.Operation, t.op, t.types, t.labels = rule.op.Name, rule.op, s.types[rule.op.Name], labels
			return t, nil
		}
	}
	return nil, nil // another service may have a rule
}

// noOperation is the answer to a path that no rule of the service fits.
func (s *service) noOperation(req *http.Request) (*Target, error) {
	t, err := s.target(s.restProtocol(), "")
	if err != nil {
		return nil, err
	}
	if t.model.objects() {
		return t, s.notAllowed(req)
	}
	return t, errorf(http.StatusNotFound, "UnknownOperationException", "no operation of %s answers %s %s", s.name,
		req.Method, req.URL.Path)
}

// notAllowed is S3's answer to a method that nothing of this kind has.
// Source: recorded on AWS
func (s *service) notAllowed(req *http.Request) error {
	e := errorf(http.StatusMethodNotAllowed, "MethodNotAllowed",
		"The specified method is not allowed against this resource.")
	kind := "SERVICE"
	switch bucket, key, _ := strings.Cut(strings.Trim(s.path(req, req.URL.EscapedPath()), "/"), "/"); {
	case key != "":
		kind = "OBJECT"
	case bucket != "":
		kind = "BUCKET"
	}
	for q := range req.URL.Query() { // of a bucket's or object's part: ?cors, ?acl
		if sub := strings.ToUpper(q); sub == q || !strings.ContainsAny(q, "-_") {
			kind = sub
		}
	}
	e.Fields = map[string]string{"Method": req.Method, "ResourceType": kind}
	return e
}

// shadowed tells S3's copies from its puts: they share method and path and
// differ only in a header.
func shadowed(req *http.Request, m *Model, rule *route) bool {
	if !m.objects() {
		return false
	}
	source := req.Header.Get("X-Amz-Copy-Source") != ""
	switch rule.op.Name {
	case "CopyObject", "UploadPartCopy":
		return !source
	case "PutObject", "UploadPart":
		return source
	}
	return false
}

// bases are the ends of the host names below which buckets have names of their own.
func bases(endpoint string) []string {
	at := "." + endpoint + "."
	return []string{at + "localhost.localstack.cloud", at + "localhost", at + "amazonaws.com", ".localhost"}
}

// path puts the bucket of a virtual-host style request in front of its path.
func (s *service) path(req *http.Request, path string) string {
	host, _, _ := strings.Cut(req.Host, ":")
	for _, base := range s.bases {
		if bucket, ok := strings.CutSuffix(host, base); ok && bucket != s.info.Endpoint {
			return "/" + bucket + path
		}
	}
	if end, ok := strings.CutSuffix(host, ".amazonaws.com"); ok { // with a region
		if i := strings.Index(end, "."+s.info.Endpoint+"."); i >= 0 {
			return "/" + end[:i] + path
		}
	}
	return path
}

// Resource is the bucket and the key that a request for an object names, by its
// path or its host; empty where it names none.
func (r *Registry) Resource(req *http.Request) (bucket, key string) {
	o := r.objects()
	if o == nil {
		return "", ""
	}
	bucket, key, _ = strings.Cut(strings.TrimPrefix(o.path(req, req.URL.EscapedPath()), "/"), "/")
	for _, part := range []*string{&bucket, &key} {
		if v, err := url.PathUnescape(*part); err == nil {
			*part = v
		}
	}
	return bucket, key
}
