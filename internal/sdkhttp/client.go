// Package sdkhttp is the HTTP client that SDK clients of ours use. It works
// around one fault of theirs and does nothing else.
//
// The SDK closes a request's body as soon as the answer's header is there. The
// transport may still be looking for the end of the body, with WriteTo, which
// the SDK's body then answers with io.EOF as an error (smithy-go v1.28.8,
// transport/http/internal/io.safeWriteToReadCloser); the transport takes that
// for a failed write and closes the connection under the answer that is being
// read: "use of closed network connection". Retries hide it, but the call has
// taken effect, and a judge that repeats a write has sent it twice.
package sdkhttp

import (
	"io"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// Client is an aws.HTTPClient. Make one with New.
type Client struct{ under *awshttp.BuildableClient }

// New returns a client with the SDK's own settings and connections of its own.
func New() *Client { return &Client{awshttp.NewBuildableClient()} }

// Do sends a request whose body can only be read: that ends with a plain
// io.EOF, also when it was closed before.
func (c *Client) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct {
			io.Reader
			io.Closer
		}{r.Body, r.Body}
	}
	return c.under.Do(r)
}
