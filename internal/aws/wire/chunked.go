package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

// errChunks is what a body in chunks is refused with when it is cut or its
// lengths do not add up.
var errChunks = &Error{Code: "IncompleteBody", Status: http.StatusBadRequest,
	Message: "The request body terminated unexpectedly"}

// maxChunkLine bounds a chunk's header and a trailer's line; AWS's own are
// about a hundred bytes. A trailer has a checksum and its signature.
const (
	maxChunkLine = 4096
	maxTrailer   = 16
)

// unchunk replaces an aws-chunked body by what it carries. When that has been
// read to its end req.Trailer holds the trailing headers, checksums above all.
// Chunk signatures are not verified, as the request's is not.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
func unchunk(req *http.Request) error {
	if req.Body == nil || !isChunked(req) {
		return nil
	}
	size, err := strconv.ParseInt(req.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64)
	if err != nil || size < 0 {
		return errorf(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	req.Body = &chunkedBody{under: req.Body, r: bufio.NewReaderSize(req.Body, 64<<10), req: req, want: size}
	req.ContentLength = size
	return nil
}

// isChunked goes by the payload's hash: Content-Encoding may name aws-chunked
// beside the object's own encoding, or be left out.
func isChunked(req *http.Request) bool {
	return strings.HasPrefix(req.Header.Get("X-Amz-Content-Sha256"), "STREAMING-")
}

// contentEncoding is the object's own: aws-chunked is only how it travels.
func contentEncoding(lines []string) []string {
	var kept []string
	for _, line := range lines {
		for _, part := range strings.Split(line, ",") {
			if part = strings.TrimSpace(part); part != "" && !strings.EqualFold(part, "aws-chunked") {
				kept = append(kept, part)
			}
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return []string{strings.Join(kept, ",")}
}

// chunkedBody reads chunks: "SIZE[;chunk-signature=…]\r\n", data, "\r\n"; the
// last has size 0 and is followed by trailing headers and an empty line.
type chunkedBody struct {
	under io.Closer
	r     *bufio.Reader
	req   *http.Request
	want  int64 // bytes that the request announced and that are to come
	left  int64 // of the chunk being read
	begun bool  // a chunk's data was read, its end of line was not
	err   error
}

func (c *chunkedBody) Close() error { return c.under.Close() }

func (c *chunkedBody) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if c.left == 0 {
		if c.err = c.next(); c.err != nil {
			return 0, c.err
		}
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	c.want -= int64(n)
	if c.want < 0 {
		c.err = errChunks
		return 0, c.err
	}
	if err != nil {
		c.err = cut(err)
	}
	return n, c.err
}

// next reads up to the data of the next chunk; io.EOF after the last.
func (c *chunkedBody) next() error {
	if c.begun {
		if line, err := c.line(); err != nil || line != "" {
			return cut(err)
		}
	}
	line, err := c.line()
	if err != nil {
		return cut(err)
	}
	hex, _, _ := strings.Cut(line, ";")
	size, err := strconv.ParseInt(hex, 16, 64)
	if err != nil || size < 0 {
		return errChunks
	}
	if size == 0 {
		return c.trailer()
	}
	c.left, c.begun = size, true
	return nil
}

func (c *chunkedBody) trailer() error {
	if c.want != 0 {
		return errChunks
	}
	trailer := http.Header{}
	for n := 0; ; n++ {
		line, err := c.line()
		if errors.Is(err, io.EOF) && line == "" {
			break // some clients leave the last empty line out
		}
		if err != nil {
			return cut(err)
		}
		if line == "" {
			break
		}
		if n == maxTrailer {
			return fmt.Errorf("%w: more than %d trailing headers", errChunks, maxTrailer)
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return errChunks
		}
		trailer.Add(textproto.TrimString(name), textproto.TrimString(value))
	}
	c.req.Trailer = trailer
	return io.EOF
}

// line reads one line without its end.
func (c *chunkedBody) line() (string, error) {
	var b []byte
	for len(b) < maxChunkLine {
		part, err := c.r.ReadSlice('\n')
		b = append(b, part...)
		if err == nil {
			return strings.TrimSuffix(string(b[:len(b)-1]), "\r"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return string(b), err
		}
	}
	return "", fmt.Errorf("%w: a chunk's header is longer than %d bytes", errChunks, maxChunkLine)
}

// cut tells an end that came too early from other failures of the connection.
func cut(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errChunks
	}
	return err
}
