// Package proxy stands in front of an emulated AWS that is not ours: a
// container, or whatever answers at a URL. It records every call and injects
// faults, by the rules of the embedded AWS's own door, and speaks the same
// control protocol, so that checks work alike on all of them. What it forwards
// it forwards byte for byte.
//
// It sees what passes through it: calls of programs on this machine. Calls of
// functions inside the emulator and of one service to another do not pass, so
// they are neither recorded nor made to fail.
package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// CallHeader names a call in the answer: its id in the trace. Emulators' own
// request ids are passed on, and some repeat them.
const CallHeader = "X-Pipelab-Call"

// Options configure a proxy.
type Options struct {
	Upstream string // URL of the emulator
	Name     string // what to call it in messages
	Token    string // opens the endpoints under /_pipelab/; empty closes them
	Log      *slog.Logger
	// Resets are paths of the emulator that empty it, tried in order with POST.
	Resets []string
	// Services are further services, beside those that are emulated always; they
	// bring their own models.
	Services []gateway.Descriptor
}

// Proxy is an http.Handler. Make one with New.
type Proxy struct {
	o        Options
	upstream *url.URL
	registry *wire.Registry
	services *gateway.Catalogue
	trace    *gateway.Trace
	faults   *gateway.Faults
	ids      *ident.Source
	clock    *clock.Clock
	use      *gateway.Use
	reverse  *httputil.ReverseProxy
	under    *http.Transport
	control  *http.ServeMux
	aws      http.Handler // requests of AWS
	buffers  sync.Pool
}

// New returns a proxy in front of an emulator. It connects to nothing yet.
func New(o Options) (*Proxy, error) {
	u, err := url.Parse(o.Upstream)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the URL of an emulator; it looks like http://127.0.0.1:4566", o.Upstream)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	services := gateway.NewCatalogue(append(cloud.Describe(), o.Services...)...)
	p := &Proxy{o: o, upstream: u, registry: registry(services), services: services, trace: gateway.NewTrace(),
		faults: gateway.NewFaults(), ids: ident.NewSource(), clock: clock.New(),
		// No proxy of the environment: an emulator is near. Nothing is unpacked on
		// the way. Answers may take long: polls wait, functions run. Servers of other
		// emulators close connections that idle for 5 seconds, and a request that
		// meets that would fail: we let go first, long before, since on a machine
		// that is busy their clocks and ours are seconds late.
		under: &http.Transport{DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, DisableCompression: true,
			MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Second, TLSHandshakeTimeout: 5 * time.Second}}
	p.buffers.New = func() any { b := make([]byte, 32<<10); return &b }
	p.reverse = &httputil.ReverseProxy{
		Rewrite: p.rewrite, Transport: p.under, FlushInterval: -1, BufferPool: (*buffers)(&p.buffers),
		ModifyResponse: p.answered, ErrorHandler: p.failed, ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	p.use = gateway.NewUse(p.clock)
	p.control = p.controls()
	p.aws = gateway.NewResends(http.HandlerFunc(p.pass))
	return p, nil
}

// Close lets go of idle connections and the clock.
func (p *Proxy) Close() {
	p.under.CloseIdleConnections()
	p.clock.Close()
}

// Idle is how long ago the last request was; 0 while one is under way, and while faults
// are in force, which nothing brings back.
func (p *Proxy) Idle() time.Duration {
	if rules, _ := p.faults.List(); len(rules) > 0 {
		p.use.Touch()
		return 0
	}
	return p.use.Idle()
}

// ServeHTTP forwards one request. Emulators' own endpoints are not AWS's and
// pass unrecorded.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	defer p.use.Begin(req)()
	trusted := gateway.Trusted(req, p.o.Token)
	req.Header.Del(gateway.TokenHeader) // a secret of ours
	req.Header.Del(gateway.LookHeader)
	path := req.URL.Path
	switch {
	case strings.HasPrefix(path, "/_pipelab/"):
		if !trusted {
			gateway.Reply(w, http.StatusForbidden, gateway.Problem("this endpoint is for the pipelab command only"))
			return
		}
		p.control.ServeHTTP(w, req)
	case strings.HasPrefix(path, "/_"), strings.HasPrefix(path, "/moto-api/"):
		p.reverse.ServeHTTP(w, req) // no bucket's name begins so
	default:
		if trusted {
			req = req.WithContext(gateway.WithoutFaults(req.Context()))
		}
		p.aws.ServeHTTP(w, req)
	}
}

// pass is the chain of an AWS call, as in the embedded AWS's gateway: identify,
// faults, answer, record.
func (p *Proxy) pass(w http.ResponseWriter, req *http.Request) {
	c := p.identify(req)
	c.rec = p.trace.Begin(&c.Call, p.services.Resource(&c.Call))
	c.site = p.services.Site(&c.Call, c.rec.Resource)
	w.Header().Set(CallHeader, c.ID)
	req = req.WithContext(context.WithValue(req.Context(), callKey{}, c))
	if !gateway.Spared(req.Context()) {
		err := p.faults.Before(req.Context(), p.clock.SleepMachine, c.site)
		if err == nil {
			err = p.failEntries(c, req)
		}
		if err != nil {
			p.failed(w, req, err)
			return
		}
		if c.batch != nil && c.batch.Kept == nil {
			p.answerBatch(w, req, c)
			return
		}
	}
	p.reverse.ServeHTTP(w, req)
}

// rewrite aims a request at the emulator and changes nothing else: the path as
// it was escaped, the query as it was written, the host that was signed.
func (p *Proxy) rewrite(r *httputil.ProxyRequest) {
	raw, _, _ := strings.Cut(r.In.RequestURI, "?")
	r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = p.upstream.Scheme, p.upstream.Host, r.In.Host
	r.Out.URL.RawQuery, r.Out.URL.ForceQuery = r.In.URL.RawQuery, r.In.URL.ForceQuery
	if raw = strings.TrimSuffix(p.upstream.Path, "/") + raw; strings.HasPrefix(raw, "/") && !strings.HasPrefix(raw, "//") {
		r.Out.URL.Opaque = raw
	}
	if c := callOf(r.In.Context()); c != nil && c.body != nil {
		r.Out.GetBody = func() (io.ReadCloser, error) { return c.reader(), nil }
	}
}

// answered looks at an answer's header, and at its body where that is small
// and says something about the call.
func (p *Proxy) answered(resp *http.Response) error {
	c := callOf(resp.Request.Context())
	if c == nil {
		return nil
	}
	if err := whole(resp); err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusBadRequest || resp.StatusCode == http.StatusNotModified {
		if resp.StatusCode >= http.StatusInternalServerError {
			c.rec.Broke = resp.StatusCode // injected faults do not come this way
		}
		e, read := wire.ReadError(resp)
		resp.Body = joined{io.MultiReader(strings.NewReader(string(read)), resp.Body), resp.Body}
		p.end(c, nil, e)
		return nil
	}
	out, err := p.output(c, resp)
	if err != nil {
		return err
	}
	if !gateway.Spared(resp.Request.Context()) {
		if err := p.faults.After(c.site); err != nil {
			return err // the connection is closed with the answer unread
		}
	}
	p.end(c, out, nil)
	return nil
}

// small is the size up to which an answer is read whole before it is passed on.
const small = 1 << 20

// whole reads a small answer to its end. One that was cut short on the way is the
// emulator's failure; passed on as it came it would look like its word.
func whole(resp *http.Response) error {
	if resp.ContentLength < 0 || resp.ContentLength > small {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body = joined{bytes.NewReader(body), resp.Body}
	return err
}

// Unavailable is the error code of calls that did not reach the emulator.
const Unavailable = "EmulatorUnavailable"

// failed answers a call with an error of ours: a fault, or that the emulator
// cannot be reached.
func (p *Proxy) failed(w http.ResponseWriter, req *http.Request, err error) {
	c := callOf(req.Context())
	switch {
	case errors.Is(err, gateway.ErrDropped):
		p.end(c, nil, err)
		panic(http.ErrAbortHandler) // net/http's way to cut a connection
	case req.Context().Err() != nil:
		p.end(c, nil, req.Context().Err())
		return // the client is gone
	case gateway.ErrorCode(err) == "":
		p.o.Log.Warn("not forwarded", "path", req.URL.Path, "error", err)
		if c != nil {
			c.rec.Broke = http.StatusServiceUnavailable
		}
		err = gateway.Errorf(http.StatusServiceUnavailable, Unavailable, "%v", p.gone(err))
	}
	if c == nil {
		gateway.Reply(w, http.StatusServiceUnavailable, gateway.Problem("%v", err))
		return
	}
	p.end(c, nil, err)
	if c.target != nil {
		err = c.target.WriteError(w, req, c.ID, err)
	} else {
		err = wire.WriteUnrouted(w, req, c.ID, err)
	}
	if err != nil {
		p.o.Log.Warn("error not written", "error", err)
	}
}

func (p *Proxy) end(c *call, out any, err error) {
	if c != nil {
		p.trace.End(c.rec, p.clock.Now(), out, err)
	}
}

// gone words that the emulator does not answer.
func (p *Proxy) gone(err error) error {
	at := "at " + p.o.Upstream
	if p.o.Name != p.o.Upstream {
		at = p.o.Name + " " + at
	}
	return fmt.Errorf("the emulator %s does not answer: %w", at, err)
}

// joined reads from one place and closes another.
type joined struct {
	io.Reader
	io.Closer
}

// buffers is a pool of what answers are copied with.
type buffers sync.Pool

func (b *buffers) Get() []byte  { return *(*sync.Pool)(b).Get().(*[]byte) }
func (b *buffers) Put(p []byte) { (*sync.Pool)(b).Put(&p) }
