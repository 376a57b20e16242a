package proxy

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// failEntries takes the entries that a fault strikes out of a batch call; the
// rest is forwarded. The signature no longer covers the body then, which no
// emulator minds.
func (p *Proxy) failEntries(c *call, req *http.Request) error {
	if c.Input == nil || !p.faults.Has(gateway.FaultEntries, c.Service) {
		return nil
	}
	op, ok := p.services.Operation(c.Service, c.Operation)
	if !ok {
		return nil
	}
	c.batch = op.Split(c.Input, func(resource string) bool {
		if resource == "" {
			resource = c.rec.Resource
		}
		_, hit := p.faults.Take(gateway.FaultEntries, c.Service, c.Operation, resource)
		return hit
	})
	if c.batch == nil || c.batch.Kept == nil {
		return nil
	}
	body, err := c.target.EncodeInput(c.batch.Kept)
	if err != nil {
		return err
	}
	c.body = body
	req.Body, req.ContentLength = c.reader(), int64(len(body))
	req.Header.Set("Content-Length", strconv.Itoa(len(body)))
	req.Header.Del("Content-Encoding")
	return nil
}

// answerBatch answers a batch call of which nothing is left to forward.
func (p *Proxy) answerBatch(w http.ResponseWriter, req *http.Request, c *call) {
	c.batch.Merge(c.batch.Empty)
	if err := p.faults.After(c.site); err != nil {
		p.failed(w, req, err)
		return
	}
	p.end(c, c.batch.Empty, nil)
	if err := c.target.WriteOutput(w, req, c.ID, c.batch.Empty); err != nil {
		p.o.Log.Warn("answer not written", "operation", c.Operation, "error", err)
	}
}

// rewriteAnswer puts the failed entries into the emulator's answer.
func (c *call) rewriteAnswer(resp *http.Response, out any) error {
	c.batch.Merge(out)
	w := &answer{header: http.Header{}}
	if err := c.target.WriteOutput(w, resp.Request, c.ID, out); err != nil {
		return err
	}
	for _, name := range []string{"Content-Encoding", "X-Amz-Crc32"} { // of the answer as it was
		resp.Header.Del(name)
	}
	resp.Header.Set("Content-Length", strconv.Itoa(w.body.Len()))
	resp.ContentLength = int64(w.body.Len())
	resp.Body = joined{&w.body, resp.Body}
	return nil
}

// answer holds what is written as an answer. The rest of it is the emulator's.
type answer struct {
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(int)             {}
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

var _ io.Writer = (*answer)(nil)
