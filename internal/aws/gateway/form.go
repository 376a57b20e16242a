package gateway

import (
	"errors"
	"mime"
	"net/http"
	"net/url"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/sigv4"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Forms is a service whose resources take the forms of browsers: S3, into whose
// buckets pages upload files.
type Forms interface {
	// Form reads a form that was sent to a bucket, up to its file.
	Form(req *http.Request, bucket string) (*Form, error)
}

// Form is a form that was read.
type Form struct {
	Signature *sigv4.Posted // nil of a form that is not signed
	// Allow compares the form with the policy that was signed.
	Allow func() error
	// Request does what the form asks for; the form's signature counts for it.
	Request *http.Request
	// Answer answers with the output of that request. It returns the document, if any.
	Answer func(h http.Header, output any) (status int, document []byte)
}

// form answers a browser's form; false when the request is none.
func (g *Gateway) form(w http.ResponseWriter, req *http.Request, epoch uint64) bool {
	if req.Method != http.MethodPost {
		return false
	}
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if kind != "multipart/form-data" {
		return false
	}
	bucket, key := g.registry.Resource(req)
	if bucket == "" || key != "" {
		return false
	}
	t, err := g.registry.Route(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/"}, Header: http.Header{}})
	if err != nil || g.forms[t.Service] == nil {
		return false
	}
	defer g.underWay.reading(w)()
	id := g.host.IDs.UUID()
	g.crossOrigin(w.Header(), t, req)
	f, err := g.forms[t.Service].Form(req, bucket)
	if err != nil {
		g.fail(t, w, req, id, err)
		return true
	}
	call := &Call{ID: id, HTTP: req, epoch: epoch}
	out, err := g.post(t, f, call)
	if err != nil {
		g.fail(t, w, req, id, err)
		return true
	}
	status, document := f.Answer(w.Header(), out)
	if err := t.WriteDocument(w, id, status, document); err != nil {
		g.cut(req, "answer not written", call.Service, call.Operation, err)
	}
	return true
}

// post makes the call that a form asks for.
func (g *Gateway) post(t *wire.Target, f *Form, call *Call) (out any, err error) {
	if call.Principal, call.Scope, err = g.poster(t, f.Signature); err != nil {
		return nil, err
	}
	if err := f.Allow(); err != nil {
		return nil, err
	}
	asked, err := g.registry.Route(f.Request)
	if err != nil {
		return nil, err
	}
	op, known := g.services.Operation(asked.Service, asked.Operation)
	if !known {
		return nil, notEmulated(asked.Service, asked.Operation)
	}
	if call.Input, err = asked.Decode(f.Request); err != nil {
		return nil, err
	}
	call.Service, call.Operation = asked.Service, asked.Operation
	call.Zeros, call.validate = asked.Zeros(), asked.Validate
	return g.pass(call.HTTP.Context(), call, op)
}

// poster finds out who signed a form, as identify does of requests.
func (g *Gateway) poster(t *wire.Target, s *sigv4.Posted) (Principal, ident.Scope, error) {
	scope := ident.Scope{Account: ident.DefaultAccount, Region: ident.DefaultRegion}
	if s == nil {
		return Principal{Kind: Anonymous, Account: ident.DefaultAccount}, scope, nil
	}
	k, err := g.keyOf(t, s.AccessKey)
	if err != nil {
		return Principal{}, scope, err
	}
	scope.Account = k.owner.Account
	if s.Region != "" {
		scope.Region = s.Region
	}
	if g.Mode() != Enforced {
		return k.owner, scope, nil
	}
	switch w := g.unidentified(t); {
	case !k.known || s.Token != k.token:
		return Principal{}, scope, say(w.Unknown)
	case !s.Verify(&g.signing, k.secret):
		return Principal{}, scope, say(w.Mismatch)
	}
	return k.owner, scope, nil
}

// UnsignedForm is the answer to a form whose signature cannot be read; nil without an error.
func UnsignedForm(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sigv4.ErrAlgorithm):
		return Errorf(http.StatusBadRequest, "InvalidArgument", "The authorization mechanism you have provided is not "+
			"supported. Please use AWS4-HMAC-SHA256.")
	}
	return Errorf(http.StatusBadRequest, "InvalidArgument",
		"Bucket POST must contain a field named 'signature'.  If it is specified, please check the order of the fields.").
		With("ArgumentName", "signature", "ArgumentValue", "")
}
