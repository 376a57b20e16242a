package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/aws/sigv4"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// RootSecret is the secret of the keys that need not be issued: RootKey, of the
// root of the default account, and any account's number, of that account's root.
// They are what a workspace hands out, and hold where signatures are verified.
const (
	RootKey    = "test"
	RootSecret = "test"
)

// skew is how far a signature's date may be from the time of its arrival. Both
// are read from the machine's clock: clients do not know ours.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
const skew = 15 * time.Minute

func say(f wire.Fault) *Error { return Errorf(f.Status, f.Code, "%s", f.Message) }

// verify refuses a request whose signature is not that of the key's secret. It
// is asked where policies are enforced; a key that nobody issued is known when
// it is one of a root's.
func (g *Gateway) verify(t *wire.Target, req *http.Request, secret, token string, known bool) error {
	w := g.unidentified(t)
	s, err := sigv4.Read(req)
	switch {
	case errors.Is(err, sigv4.ErrAlgorithm):
		return say(w.Algorithm)
	case err != nil || s == nil:
		return say(w.Incomplete)
	case !known:
		return say(w.Unknown)
	case s.Token != token:
		return say(w.Unknown)
	}
	if err := g.recent(s, w.Skewed); err != nil {
		return err
	}
	body, err := g.signedBody(t, req)
	if err != nil {
		return err
	}
	if !s.Verify(&g.signing, g.services.services[t.Service].signature, req, secret, body.hash) {
		return say(w.Mismatch)
	}
	return body.matches(req, w)
}

// recent compares a signature's date with the present; a presigned URL has a
// time of its own.
func (g *Gateway) recent(s *sigv4.Signature, f wire.Fault) error {
	now := g.host.Clock.Machine().UTC()
	if s.Presigned || now.Sub(s.Date).Abs() <= skew {
		return nil
	}
	const form = "20060102T150405Z"
	if f.Message == "" {
		bound, word, sign := now.Add(-skew), "expired: %s is now earlier than %s (%s %s 15 min.)", "-"
		if s.Date.After(now) {
			bound, word, sign = now.Add(skew), "not yet current: %s is still later than %s (%s %s 15 min.)", "+"
		}
		f.Message = "Signature " + fmt.Sprintf(word, s.Date.Format(form), bound.Format(form), now.Format(form), sign)
	}
	return say(f)
}

// bodyOf is a request's body as far as its signature needs it.
type bodyOf struct{ read []byte }

// maxSigned bounds the bodies that are hashed for their signature: the largest
// that the wire holds in memory.
const maxSigned = 96 << 20

// signedBody holds the body of a request whose signature covers it. The bodies
// of objects are streams that their handlers compare with the hash while they are stored (Hashes).
func (g *Gateway) signedBody(t *wire.Target, req *http.Request) (bodyOf, error) {
	told := req.Header.Get("X-Amz-Content-Sha256")
	op, _ := g.services.Operation(t.Service, t.Operation)
	if req.Body == nil || op.hashes || told == sigv4.Unsigned || strings.HasPrefix(told, "STREAMING-") {
		return bodyOf{}, nil
	}
	var b bytes.Buffer
	if n := req.ContentLength; n > 0 && n <= maxSigned {
		b.Grow(int(n) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(req.Body, maxSigned+1))
	if err != nil || n > maxSigned {
		return bodyOf{}, Errorf(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the body cannot be read")
	}
	req.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(b.Bytes()), req.Body}
	return bodyOf{b.Bytes()}, nil
}

func (b bodyOf) hash() string {
	sum := sha256.Sum256(b.read)
	return hex.EncodeToString(sum[:])
}

// matches compares the body with the hash that a request tells.
func (b bodyOf) matches(req *http.Request, w Unidentified) error {
	told := req.Header.Get("X-Amz-Content-Sha256")
	if len(told) != 2*sha256.Size || b.read == nil {
		return nil
	}
	sum := sha256.Sum256(b.read)
	var hash [2 * sha256.Size]byte
	if hex.Encode(hash[:], sum[:]); string(hash[:]) == told {
		return nil
	}
	return say(w.Digest)
}
