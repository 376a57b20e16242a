package proxy

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/wire"
	"github.com/pipelab/pipelab/internal/awsapi"
)

// registry knows what services say of themselves, and the types of every operation
// that the SDK's clients have, also of those that we do not emulate. Calls of other
// services pass too.
func registry(services *gateway.Catalogue) *wire.Registry {
	r := wire.NewRegistry()
	for _, d := range services.All() {
		d.Route(r)
	}
	for _, s := range awsapi.All() {
		for _, op := range s.Operations {
			r.Types(s.Name, op.Name, op.Input, op.Output)
		}
	}
	return r
}

// call is one AWS call on its way.
type call struct {
	gateway.Call
	target *wire.Target // nil for services without a model
	rec    *gateway.TraceEntry
	site   gateway.Site   // where faults may strike
	body   []byte         // of calls whose resource is named in it; nil where it streams
	batch  *gateway.Batch // entries that a fault has taken out; nil without
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// reader reads the body as it is to be sent.
func (c *call) reader() io.ReadCloser { return io.NopCloser(bytes.NewReader(c.body)) }

// maxRead bounds the bodies that are held to be looked at. The largest of any
// call that names its resource in the body is DynamoDB's of 16 MiB. Source:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
const maxRead = 17 << 20

// identify finds out what a request asks for. What cannot be read is forwarded
// all the same: the emulator will say what is wrong with it.
func (p *Proxy) identify(req *http.Request) *call {
	key, region, signing := wire.SigningScope(req)
	if region == "" {
		region = ident.DefaultRegion
	}
	c := &call{Call: gateway.Call{ID: p.ids.UUID(), Time: p.clock.Now(), HTTP: req}}
	c.Principal = gateway.Principal{Kind: gateway.Anonymous, Account: ident.DefaultAccount}
	if key != "" {
		// AWS and the embedded one know whose key it is; a proxy cannot.
		c.Principal = gateway.RootOf(key)
	}
	c.Scope = ident.Scope{Account: c.Principal.Account, Region: region}
	t, err := p.registry.Route(req)
	if t == nil || t.Operation == "" {
		c.Service, c.Operation = unknown(req, signing)
		return c
	}
	c.target, c.Service, c.Operation = t, t.Service, t.Operation
	if err != nil || !t.Known() {
		return c
	}
	if t.REST() {
		if in, err := t.DecodeHead(req); err == nil {
			c.Input = in
		}
		return c
	}
	body, whole := peek(req)
	if !whole {
		return c
	}
	c.body = body
	look := *req
	look.Body = c.reader()
	if in, err := t.Decode(&look); err == nil {
		c.Input = in
	}
	req.Body = c.reader()
	return c
}

// unknown names a call of a service without a model, as well as can be.
func unknown(req *http.Request, signing string) (service, operation string) {
	service = signing
	prefix, name, named := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	if service == "" {
		service, _, _ = strings.Cut(strings.ToLower(prefix), "_")
	}
	switch action := req.URL.Query().Get("Action"); {
	case named:
		return service, name
	case action != "":
		return service, action
	}
	return service, req.Method
}

// peek reads a body to its end; one that is too large or cut short is put back
// as far as it was read.
func peek(req *http.Request) (body []byte, whole bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return []byte{}, true
	}
	var b bytes.Buffer
	b.Grow(int(min(max(req.ContentLength, 0), maxRead)) + bytes.MinRead)
	n, err := b.ReadFrom(io.LimitReader(req.Body, maxRead+1))
	if err == nil && n <= maxRead {
		return b.Bytes(), true
	}
	req.Body = joined{io.MultiReader(&b, failing{req.Body, err}), req.Body}
	return nil, false
}

// failing goes on with a body after an error that reading it gave.
type failing struct {
	io.Reader
	err error
}

func (f failing) Read(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.Reader.Read(p)
}

// output is what can be told of a successful answer: the entries of a batch
// that failed, the rows of a query, the size of a body that streams. The answer
// stays as it is, except where entries were taken out of its request.
func (p *Proxy) output(c *call, resp *http.Response) (any, error) {
	if c.target == nil {
		return nil, nil // there is nothing to tell
	}
	out := c.target.NewOutput()
	v := reflect.Indirect(reflect.ValueOf(out))
	if out == nil || v.Kind() != reflect.Struct {
		return nil, nil // as above
	}
	if f := v.FieldByName("ContentLength"); f.IsValid() && resp.ContentLength >= 0 &&
		f.Type() == reflect.TypeFor[*int64]() {
		f.Set(reflect.ValueOf(&resp.ContentLength))
	}
	if !gateway.Tells(v.Type()) {
		return out, nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRead+1))
	if err != nil {
		return nil, err
	}
	resp.Body = joined{io.MultiReader(bytes.NewReader(body), resp.Body), resp.Body}
	text := body
	if resp.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		if text, err = io.ReadAll(io.LimitReader(z, maxRead)); err != nil {
			return nil, err
		}
	}
	read, err := c.target.DecodeOutput(text)
	if err != nil {
		p.o.Log.Warn("answer not understood", "operation", c.Operation, "error", err)
		return out, nil // it is the client's to understand
	}
	if c.batch == nil {
		return read, nil
	}
	return read, c.rewriteAnswer(resp, read)
}
