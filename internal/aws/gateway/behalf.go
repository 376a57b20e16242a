package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/pipelab/pipelab/internal/aws/ident"
)

// Behalf is for whom a service makes calls that come through SDK clients of its
// own, as CloudFormation does: a caller of the service, whose permissions decide,
// or a role.
type Behalf struct {
	Principal Principal
	Scope     ident.Scope
	Parent    string   // id of the call that causes the calls
	Via       []string // as Call.Via
}

type behalfKey struct{}

// errCut is what the client of a call sees whose answer does not come.
var errCut = errors.New("connection cut")

// Client is an HTTP client for SDK clients whose requests come in at the door
// without a socket, on somebody's behalf: whoever signed them does not matter.
// Its answers are held in memory, so it is for calls that control.
func (g *Gateway) Client(b Behalf) *http.Client {
	return &http.Client{Transport: inside{g, b},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// inside is the http.RoundTripper of Client.
type inside struct {
	gateway *Gateway
	behalf  Behalf
}

// RoundTrip implements http.RoundTripper.
func (i inside) RoundTrip(req *http.Request) (res *http.Response, err error) {
	in := req.Clone(context.WithValue(req.Context(), behalfKey{}, &i.behalf))
	in.URL = &url.URL{Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	in.RequestURI, in.RemoteAddr = in.URL.RequestURI(), ""
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	in.Body = http.NoBody
	if req.Body != nil {
		defer req.Body.Close()
		// Read, and nothing else that an SDK's body can do: see sdkhttp.
		in.Body = struct {
			io.Reader
			io.Closer
		}{req.Body, req.Body}
	}
	answer := &answer{header: http.Header{}, status: http.StatusOK}
	defer func() {
		switch p := recover(); {
		case p == nil:
		case p == http.ErrAbortHandler: //nolint:errorlint // net/http compares it so too
			res, err = nil, errCut
		default:
			panic(p)
		}
	}()
	i.gateway.ServeHTTP(answer, in)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return answer.response(req), nil
}

// answer is an http.ResponseWriter that keeps what is written.
type answer struct {
	header http.Header
	status int
	begun  bool
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if !a.begun {
		a.begun, a.status = true, status
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	a.begun = true
	return a.body.Write(b)
}

// response is the answer as a client sees it.
func (a *answer) response(req *http.Request) *http.Response {
	length := int64(a.body.Len())
	if req.Method == http.MethodHead {
		length = -1
		if n, err := strconv.ParseInt(a.header.Get("Content-Length"), 10, 64); err == nil {
			length = n
		}
	} else {
		a.header.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	return &http.Response{Status: fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: a.header, ContentLength: length,
		Body: io.NopCloser(&a.body), Request: req}
}
