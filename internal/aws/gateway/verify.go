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

// words are how the services of one protocol refuse who calls.
type words struct {
	unknown, mismatch, incomplete, algorithm, expired, skewed wire.Fault
}

// Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
// https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html,
// https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html
func wordsOf(t *wire.Target) words {
	const (
		invalid  = "The security token included in the request is invalid."
		mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret " +
			"Access Key and signing method. Consult the service documentation for details."
		incomplete = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header, and the " +
			"parameters 'Credential', 'Signature' and 'SignedHeaders'."
		expired = "The security token included in the request is expired"
	)
	fault := func(status int, code, message string) wire.Fault {
		return wire.Fault{Code: code, Status: status, Message: message}
	}
	switch {
	case t.Service == "s3":
		return words{
			unknown: fault(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
			mismatch: fault(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature "+
				"you provided. Check your key and signing method."),
			incomplete: fault(400, "AuthorizationHeaderMalformed", "The authorization header that you provided is not valid."),
			algorithm: fault(400, "InvalidRequest",
				"The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."),
			expired: fault(400, "ExpiredToken", "The provided token has expired."),
			skewed: fault(403, "RequestTimeTooSkewed",
				"The difference between the request time and the current time is too large."),
		}
	case t.Protocol == wire.Query, t.Service == "sqs": // SQS kept the codes of its query protocol
		return words{unknown: fault(403, "InvalidClientTokenId", invalid),
			mismatch:   fault(403, "SignatureDoesNotMatch", mismatch),
			incomplete: fault(400, "IncompleteSignature", incomplete), algorithm: fault(400, "IncompleteSignature", incomplete),
			expired: fault(403, "ExpiredToken", expired), skewed: fault(403, "SignatureDoesNotMatch", "")}
	}
	status := http.StatusBadRequest
	if t.Protocol == wire.RestJSON {
		status = http.StatusForbidden
	}
	return words{unknown: fault(status, "UnrecognizedClientException", invalid),
		mismatch:   fault(status, "InvalidSignatureException", mismatch),
		incomplete: fault(status, "IncompleteSignatureException", incomplete),
		algorithm:  fault(status, "IncompleteSignatureException", incomplete),
		expired:    fault(status, "ExpiredTokenException", expired), skewed: fault(status, "InvalidSignatureException", "")}
}

func say(f wire.Fault) *Error { return Errorf(f.Status, f.Code, "%s", f.Message) }

// verify refuses a request whose signature is not that of the key's secret. It
// is asked where policies are enforced; a key that nobody issued is known when
// it is one of a root's.
func (g *Gateway) verify(t *wire.Target, req *http.Request, secret, token string, known bool) error {
	w := wordsOf(t)
	s, err := sigv4.Read(req)
	switch {
	case errors.Is(err, sigv4.ErrAlgorithm):
		return say(w.algorithm)
	case err != nil || s == nil:
		return say(w.incomplete)
	case !known:
		return say(w.unknown)
	case s.Token != token:
		return say(w.unknown)
	}
	if err := g.recent(s, w.skewed); err != nil {
		return err
	}
	body, err := signedBody(t, req)
	if err != nil {
		return err
	}
	if !s.Verify(req, secret, body.hash) {
		return say(w.mismatch)
	}
	return body.matches(req, t)
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
// of objects are streams that S3 compares with their hash while it stores them.
func signedBody(t *wire.Target, req *http.Request) (bodyOf, error) {
	told := req.Header.Get("X-Amz-Content-Sha256")
	object := t.Service == "s3" && (t.Operation == "PutObject" || t.Operation == "UploadPart")
	if req.Body == nil || object || told == sigv4.Unsigned || strings.HasPrefix(told, "STREAMING-") {
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
func (b bodyOf) matches(req *http.Request, t *wire.Target) error {
	told := req.Header.Get("X-Amz-Content-Sha256")
	if len(told) != 2*sha256.Size || b.read == nil || b.hash() == told {
		return nil
	}
	if t.Service == "s3" {
		return Errorf(http.StatusBadRequest, "XAmzContentSHA256Mismatch",
			"The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return say(wordsOf(t).mismatch)
}
