package cloud_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/pipelab/pipelab/internal/aws/cloud"
)

// raw sends bytes on a connection of its own and returns the statuses of what is answered: of
// as many requests as are expected, and of any others before the connection is closed.
// Half a request is followed by the end of the client's side.
func (w *port) raw(t *testing.T, send string, half bool, expected int) (statuses []int, bodies string) {
	t.Helper()
	conn := w.dial(t)
	defer conn.Close()
	_, _ = io.WriteString(conn, send) // it may be refused meanwhile
	if half {
		_ = conn.CloseWrite() // it may be closed
	}
	r := bufio.NewReader(conn)
	for {
		if len(statuses) == expected {
			_ = conn.CloseWrite() // as above
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return statuses, bodies
		}
		b, _ := io.ReadAll(resp.Body) // what there is of it
		_ = resp.Body.Close()
		statuses, bodies = append(statuses, resp.StatusCode), bodies+string(b)
	}
}

func (w *port) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn.(*net.TCPConn)
}

// works is asked after each attack.
func (w *port) works(t *testing.T) {
	t.Helper()
	statuses, bodies := w.raw(t, health, false, 1)
	require.Equal(t, []int{http.StatusOK}, statuses, bodies)
}

const (
	toHere   = " HTTP/1.1\r\nHost: localhost\r\n"
	health   = "GET /_localstack/health" + toHere + "\r\n"
	fromAfar = "GET /_localstack/health HTTP/1.1\r\nHost: evil.example\r\n\r\n"
	signed   = "Authorization: AWS4-HMAC-SHA256 Credential=test/20260301/us-east-1/s3/aws4_request, " +
		"SignedHeaders=host, Signature=00\r\n"
)

// attack is what a raw socket sends, and the statuses with which it is answered. Half a
// request is answered with an error or not at all.
type attack struct {
	send string
	want []int
	half bool
}

// attacks are what a raw socket can say that clients do not.
func attacks() map[string]attack {
	get := func(target string, headers ...string) string {
		return "GET " + target + toHere + strings.Join(append(headers, ""), "\r\n") + "\r\n"
	}
	put := func(headers string, body string) string {
		return "PUT /bucket/key" + toHere + signed + headers + "\r\n\r\n" + body
	}
	chunks := func(body string) string { return put("Transfer-Encoding: chunked", body) }
	aws := func(decoded, body string) string {
		return put("X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\nX-Amz-Decoded-Content-Length: "+decoded+
			fmt.Sprintf("\r\nContent-Length: %d", len(body)), body)
	}
	return map[string]attack{
		"two requests":             {send: health + health, want: []int{200, 200}},
		"a foreign one in between": {send: health + fromAfar + health, want: []int{200, 403}},
		"a foreign one with a body": {send: "POST / HTTP/1.1\r\nHost: evil\r\nContent-Length: 60\r\n\r\n" + health,
			want: []int{403}},
		"no host":                      {send: "GET /_localstack/health HTTP/1.1\r\n\r\n", want: []int{400}},
		"two hosts":                    {send: get("/", "Host: evil.example"), want: []int{400}},
		"HTTP/1.0 without a host":      {send: "GET /_localstack/health HTTP/1.0\r\n\r\n", want: []int{403}},
		"HTTP/1.0 from elsewhere":      {send: "GET /_localstack/health HTTP/1.0\r\nHost: evil\r\n\r\n", want: []int{403}},
		"HTTP/0.9":                     {send: "GET /\r\n\r\n", half: true},
		"a foreign target, own host":   {send: get("http://evil.example/_localstack/health"), want: []int{403}},
		"a foreign user in the target": {send: get("http://localhost@evil.example/"), want: []int{403}},
		"a target of another scheme":   {send: get("ftp://evil.example/"), want: []int{403}},
		"an opaque target":             {send: get("mailto:a@evil.example"), want: []int{403}},
		"a target that is a host":      {send: get("//evil.example/_localstack/health"), want: []int{405}},
		"CONNECT elsewhere":            {send: "CONNECT evil.example:80" + toHere + "\r\n", want: []int{403}},
		"all options, from elsewhere":  {send: "OPTIONS * HTTP/1.1\r\nHost: evil.example\r\n\r\n", want: []int{403}},
		"all options, of a page": {send: "OPTIONS *" + toHere + "Origin: https://evil.example\r\n\r\n",
			want: []int{403}},
		"two lengths":             {send: put("Content-Length: 5\r\nContent-Length: 6", "hello"), want: []int{400}},
		"a negative length":       {send: put("Content-Length: -1", ""), want: []int{400}},
		"a length beyond 64 bits": {send: put("Content-Length: 99999999999999999999", ""), want: []int{400}},
		"a length with a sign":    {send: put("Content-Length: +5", "hello"), want: []int{400}},
		"a huge length":           {send: put("Content-Length: 9223372036854775807", "x"), want: []int{400}, half: true},
		"a length cut short":      {send: put("Content-Length: 9", "x"), half: true},
		"chunks beside a length":  {send: chunks("") + "0\r\n\r\n", want: []int{200}},
		"chunks twice": {send: put("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
			want: []int{501}},
		"chunks of chunks":        {send: put("Transfer-Encoding: chunked, chunked", "0\r\n\r\n"), want: []int{501}},
		"chunks in disguise":      {send: put("Transfer-Encoding: xchunked", ""), want: []int{501}},
		"chunks behind a space":   {send: put("Transfer-Encoding : chunked", "0\r\n\r\n"), want: []int{400}},
		"a huge chunk":            {send: chunks("ffffffffffffffff\r\nx"), half: true},
		"a chunk beyond 64 bits":  {send: chunks("fffffffffffffffff0\r\nx"), half: true},
		"a negative chunk":        {send: chunks("-5\r\nhello\r\n0\r\n\r\n"), half: true},
		"a chunk without its end": {send: chunks("5\r\nhelloXX0\r\n\r\n" + health), half: true},
		"chunks without the last": {send: chunks("5\r\nhello\r\n"), half: true},
		"long extensions": {send: chunks(strings.Repeat("1;"+strings.Repeat("x", 3000)+"\r\nx\r\n", 99)),
			half: true},
		"a foreign trailer": {send: chunks("1\r\nx\r\n0\r\nHost: evil.example\r\n\r\n" + health),
			want: []int{200, 200}},
		"endless trailers":        {send: chunks("0\r\n" + strings.Repeat("a: b\r\n", 9999)), half: true},
		"a line in a header":      {send: get("/", "X-A: a\rX-B: b"), want: []int{400}},
		"a NUL in a header":       {send: get("/", "X-A: a\x00b"), want: []int{400}},
		"a header without a name": {send: get("/", ": evil"), want: []int{400}},
		"a folded header":         {send: get("/_localstack/health", "Origin:", " https://evil.example"), want: []int{403}},
		"a NUL in the path":       {send: get("/bucket/%00"), want: []int{403}},
		"bytes that are no text":  {send: get("/bucket/%ff%fe"), want: []int{403}},
		"an escape that is none":  {send: get("/bucket/%zz"), want: []int{400}},
		"a path upwards":          {send: get("/bucket/../../../etc/passwd"), want: []int{403}},
		"our own, by going up":    {send: get("/bucket/..%2f..%2f_pipelab/trace"), want: []int{403}},
		"our own, escaped":        {send: get("/%5fpipelab/trace"), want: []int{403}},
		"our own, with slashes":   {send: get("//_pipelab/trace"), want: []int{405}},
		"our own, as a target":    {send: get("http://localhost/_pipelab/trace"), want: []int{403}},
		"a method of 64 KiB":      {send: strings.Repeat("A", 64<<10) + " /" + toHere + "\r\n", want: []int{405}},
		"an address of 512 KiB":   {send: get("/bucket/" + strings.Repeat("a", 512<<10)), want: []int{403}},
		"an address of 2 MiB":     {send: get("/" + strings.Repeat("a", 2<<20)), want: []int{431}},
		"40,000 headers": {send: get("/_localstack/health", strings.Repeat("A: b\r\n", 40_000)+"A: b"),
			want: []int{200}},
		"400,000 headers": {send: get("/_localstack/health", strings.Repeat("A: b\r\n", 400_000)+"A: b"),
			want: []int{431}},
		"an upgrade to HTTP/2": {send: get("/_localstack/health", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
			"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"), want: []int{200}},
		"an unknown expectation": {send: put("Expect: the-unexpected\r\nContent-Length: 1", "x"), want: []int{417}},
		"a body that never comes": {send: put("Expect: 100-continue\r\nContent-Length: 1", ""),
			want: []int{100}, half: true},
		"AWS's chunks, too few":    {send: aws("9", "5\r\nhello\r\n0\r\n\r\n"), want: []int{400}},
		"AWS's chunks, too many":   {send: aws("1", "5\r\nhello\r\n0\r\n\r\n"), want: []int{400}},
		"AWS's chunks, a negative": {send: aws("-1", "0\r\n\r\n"), want: []int{411}},
		"AWS's chunks, a huge one": {send: aws("9223372036854775807", "7fffffffffffffff\r\nx"), want: []int{400}},
		"AWS's chunks, no trailer": {send: aws("1", "1\r\nx\r\n0\r\nx"), want: []int{400}},
	}
}

// A second request behind one that is refused, or that is not understood the same way by
// all, is never answered, and no half of a request is a success.
func TestFront_refusesWhatNoClientSends(t *testing.T) {
	w := serve(t, cloud.Options{})
	made, _ := w.raw(t, "PUT /bucket"+toHere+signed+"\r\n", false, 1)
	require.Equal(t, []int{http.StatusOK}, made)
	for name, a := range attacks() {
		t.Run(name, func(t *testing.T) {
			statuses, bodies := w.raw(t, a.send, a.half, len(a.want))
			require.NotContains(t, bodies, "panicked")
			if !a.half {
				require.Equal(t, a.want, statuses, bodies)
			}
			for _, s := range statuses {
				require.True(t, !a.half || s == http.StatusContinue || s >= 400, "%d", s)
			}
			w.works(t)
		})
	}
}

// frames speaks HTTP/2 without asking first.
func (w *port) frames(t *testing.T) (*http2.Framer, func(stream uint32, fields ...string)) {
	t.Helper()
	conn := w.dial(t)
	t.Cleanup(func() { _ = conn.Close() })
	_, err := io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	f := http2.NewFramer(conn, conn)
	require.NoError(t, f.WriteSettings())
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	return f, func(stream uint32, fields ...string) {
		block.Reset()
		for i := 0; i < len(fields); i += 2 {
			require.NoError(t, enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
		}
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndStream: true,
			EndHeaders: true}) // the server may have closed
	}
}

// status is that of a stream's answer, or how the stream or the connection ends.
func status(f *http2.Framer, stream uint32) string {
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return "closed"
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			if frame.StreamID == stream {
				return frame.PseudoValue("status")
			}
		case *http2.RSTStreamFrame:
			if frame.StreamID == stream {
				return "reset"
			}
		case *http2.GoAwayFrame:
			if frame.ErrCode != http2.ErrCodeNo {
				return "closed"
			}
		}
	}
}

// HTTP/2 is no way past the guard.
func TestFront_guardsHTTP2(t *testing.T) {
	w := serve(t, cloud.Options{})
	const path = "/_localstack/health"
	base := func(authority string, more ...string) []string {
		return append([]string{":method", "GET", ":scheme", "http", ":path", path, ":authority", authority}, more...)
	}
	for name, a := range map[string]struct {
		fields []string
		want   string
	}{
		"from here":                {base("localhost"), "200"},
		"from elsewhere":           {base("evil.example"), "403"},
		"from elsewhere, own host": {base("evil.example", "host", "localhost"), "403"},
		"a page":                   {base("localhost", "origin", "https://evil.example"), "403"},
		"nobody":                   {[]string{":method", "GET", ":scheme", "http", ":path", path}, "403"},
		"a host, but no authority": {[]string{":method", "GET", ":scheme", "http", ":path", path, "host", "evil"}, "403"},
		"all options": {[]string{":method", "OPTIONS", ":scheme", "http", ":path",
			"*", ":authority", "evil"}, "403"},
		"CONNECT": {[]string{":method", "CONNECT", ":authority", "evil:80"}, "403"},
		"a target with a host": {[]string{":method", "GET", ":scheme", "http", ":path",
			"http://evil/", ":authority", "evil"}, "403"},
		"a length that is none":     {base("localhost", "content-length", "-1"), "200"},
		"a connection's own header": {base("localhost", "connection", "close"), "400"},
	} {
		t.Run(name, func(t *testing.T) {
			f, headers := w.frames(t)
			headers(1, a.fields...)
			require.Equal(t, a.want, status(f, 1))
			w.works(t)
		})
	}
}

// Whoever opens streams without end, or headers without end, loses the connection.
func TestFront_outlastsFloodsOfHTTP2(t *testing.T) {
	w := serve(t, cloud.Options{})
	t.Run("streams that are reset", func(t *testing.T) {
		f, headers := w.frames(t)
		for n := range uint32(20_000) {
			headers(2*n+1, ":method", "GET", ":scheme", "http", ":path", "/_localstack/health", ":authority", "localhost")
			if f.WriteRSTStream(2*n+1, http2.ErrCodeCancel) != nil {
				break
			}
		}
		w.works(t)
	})
	t.Run("a header without an end", func(t *testing.T) {
		f, _ := w.frames(t)
		require.NoError(t, f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1}))
		field := append([]byte{0x00, 0x01, 'a', 0x7f, 0x81, 0x3e}, bytes.Repeat([]byte("x"), 8000)...)
		for range 2000 {
			if f.WriteContinuation(1, false, field) != nil {
				break
			}
		}
		require.Equal(t, "closed", status(f, 1))
		w.works(t)
	})
	t.Run("pings and settings", func(t *testing.T) {
		f, _ := w.frames(t)
		for range 20_000 {
			if f.WritePing(false, [8]byte{}) != nil || f.WriteSettings() != nil {
				break
			}
		}
		w.works(t)
	})
}

// A program that opens a thousand connections and says nothing, half of something, or goes
// away in the midst, keeps nobody out.
func TestFront_servesBesideAThousandConnections(t *testing.T) {
	w := serve(t, cloud.Options{})
	for name, send := range map[string]string{
		"silent": "", "half a header": "GET / HTTP/1.1\r\nHo", "half of HTTP/2": http2.ClientPreface[:9],
		"half a body": "PUT /bucket/key" + toHere + signed + "Content-Length: 9\r\n\r\nx",
		"a request":   health,
	} {
		t.Run(name, func(t *testing.T) {
			var open sync.WaitGroup
			for range 20 {
				open.Go(func() {
					for n := range 60 {
						conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.url, "http://"))
						if err != nil {
							t.Error(err)
							return
						}
						_, _ = io.WriteString(conn, send) // it may be closed
						if n%2 == 0 {
							_ = conn.(*net.TCPConn).SetLinger(0) // a reset
							_ = conn.Close()
							continue
						}
						t.Cleanup(func() { _ = conn.Close() })
					}
				})
			}
			open.Wait()
			w.works(t)
		})
	}
}
