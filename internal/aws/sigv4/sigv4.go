// Package sigv4 reads and verifies AWS's request signatures, version 4: in the
// Authorization header, in a presigned query, and the seed of a body that is
// sent in signed chunks. It knows no keys and no services; signatures of single
// chunks are not verified.
//
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Algorithm is the only one that is verified.
const Algorithm = "AWS4-HMAC-SHA256"

// Unsigned is the payload hash of requests whose body is not signed.
const Unsigned = "UNSIGNED-PAYLOAD"

// timeForm is how dates are written in signatures.
const timeForm = "20060102T150405Z"

// The ways in which a signature can be unusable.
var (
	// ErrAlgorithm: another algorithm, such as the retired version 2.
	ErrAlgorithm = errors.New("signed with another algorithm than " + Algorithm)
	// ErrIncomplete: a part of the signature is missing or malformed.
	ErrIncomplete = errors.New("incomplete signature")
)

// Signature is what a request carries.
type Signature struct {
	AccessKey string
	Date      time.Time
	Region    string
	Service   string // the signing name
	Token     string // of temporary credentials
	Presigned bool

	stamp, day, scope, value string
	headers                  []string
}

// Read finds the signature of a request; nil when it carries none.
func Read(req *http.Request) (*Signature, error) {
	if auth := req.Header.Get("Authorization"); auth != "" {
		return readHeader(req, auth)
	}
	if req.URL.RawQuery == "" {
		return nil, nil // an unsigned request is no error
	}
	q := req.URL.Query()
	switch {
	case q.Has("X-Amz-Signature") || q.Has("X-Amz-Credential"):
		return readQuery(q)
	case q.Has("AWSAccessKeyId") && q.Has("Signature"):
		return nil, ErrAlgorithm
	}
	return nil, nil // an unsigned request is no error
}

func readHeader(req *http.Request, auth string) (*Signature, error) {
	algorithm, rest, _ := strings.Cut(auth, " ")
	if algorithm != Algorithm {
		return nil, ErrAlgorithm
	}
	s := &Signature{Token: req.Header.Get("X-Amz-Security-Token")}
	credential := ""
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			credential = value
		case "SignedHeaders":
			s.headers = strings.Split(value, ";")
		case "Signature":
			s.value = value
		}
	}
	date := req.Header.Get("X-Amz-Date")
	if date == "" {
		if t, err := http.ParseTime(req.Header.Get("Date")); err == nil {
			date = t.UTC().Format(timeForm)
		}
	}
	return s, s.complete(credential, date)
}

func readQuery(q url.Values) (*Signature, error) {
	if q.Get("X-Amz-Algorithm") != Algorithm {
		return nil, ErrAlgorithm
	}
	s := &Signature{Presigned: true, Token: q.Get("X-Amz-Security-Token"), value: q.Get("X-Amz-Signature"),
		headers: strings.Split(q.Get("X-Amz-SignedHeaders"), ";")}
	return s, s.complete(q.Get("X-Amz-Credential"), q.Get("X-Amz-Date"))
}

// complete reads the credential, KEY/DAY/REGION/SERVICE/aws4_request, and the date.
func (s *Signature) complete(credential, date string) error {
	var parts [4]string
	key := credential // which may hold slashes itself
	for i := range parts {
		at := strings.LastIndexByte(key, '/')
		if at < 0 {
			return ErrIncomplete
		}
		key, parts[len(parts)-1-i] = key[:at], key[at+1:]
	}
	t, err := time.Parse(timeForm, date)
	if parts[3] == "aws4_request" && err == nil {
		s.AccessKey, s.day, s.Region, s.Service = key, parts[0], parts[1], parts[2]
		s.scope, s.Date, s.stamp = credential[len(key)+1:], t, date
	}
	if s.scope == "" || s.value == "" || s.day != date[:8] || !slices.Contains(s.headers, "host") {
		return ErrIncomplete
	}
	return nil
}

// Form is how the requests of a service are signed, where services differ. The zero
// value is how most are.
type Form struct {
	// RawPath: the path is signed as it was sent. Others encode it once more.
	RawPath bool
	// Unsigned: a presigned URL covers no body.
	Unsigned bool
}

// Verify reports whether the signature is the one that secret makes of the
// request. payload is the hash of the body where the request does not tell it;
// keys remembers signing keys.
func (s *Signature) Verify(keys *Keys, form Form, req *http.Request, secret string, payload func() string) bool {
	body := req.Header.Get("X-Amz-Content-Sha256")
	if body == "" {
		if s.Presigned && form.Unsigned {
			body = Unsigned
		} else {
			body = payload()
		}
	}
	key := keys.get(keyOf{secret, s.day, s.Region, s.Service})
	for _, path := range form.paths(req.URL) {
		canonical := make([]byte, 0, 1024)
		for _, part := range [...]string{req.Method, path, s.query(req.URL)} {
			canonical = append(append(canonical, part...), '\n')
		}
		canonical = append(s.canonicalHeaders(canonical, req), '\n')
		for i, name := range s.headers {
			if i > 0 {
				canonical = append(canonical, ';')
			}
			canonical = append(canonical, name...)
		}
		canonical = append(append(canonical, '\n'), body...)
		if s.is(key, canonical) {
			return true
		}
	}
	return false
}

// is reports whether the signature is that of a canonical request.
func (s *Signature) is(key *signingKey, canonical []byte) bool {
	digest := sha256.Sum256(canonical)
	text := canonical[:0] // it is done with
	for _, part := range [...]string{Algorithm, s.stamp, s.scope} {
		text = append(append(text, part...), '\n')
	}
	sum := key.mac(hex.AppendEncode(text, digest[:]))
	var want [2 * sha256.Size]byte
	hex.Encode(want[:], sum[:])
	return subtle.ConstantTimeCompare(want[:], []byte(s.value)) == 1
}

// Keys remembers the keys that secrets make for a day, region and service. The
// zero value is ready; safe for concurrent use.
type Keys struct {
	mu  sync.RWMutex
	all map[keyOf]*signingKey
}

// keyOf is what a signing key is made of.
type keyOf struct{ secret, day, region, service string }

// mostKeys bounds what is remembered; a full Keys starts anew.
const mostKeys = 1000

func (k *Keys) get(of keyOf) *signingKey {
	k.mu.RLock()
	known := k.all[of]
	k.mu.RUnlock()
	if known != nil {
		return known
	}
	key := []byte("AWS4" + of.secret)
	for _, part := range [...]string{of.day, of.region, of.service, "aws4_request"} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	made := &signingKey{}
	made.hashes.New = func() any { return hmac.New(sha256.New, key) }
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil || len(k.all) >= mostKeys {
		k.all = map[keyOf]*signingKey{}
	}
	k.all[of] = made
	return made
}

// signingKey signs. What its key makes of an HMAC is kept between signatures: it is
// half of what one costs.
type signingKey struct{ hashes sync.Pool }

func (k *signingKey) mac(text []byte) (sum [sha256.Size]byte) {
	h := k.hashes.Get().(hash.Hash)
	defer k.hashes.Put(h)
	h.Reset()
	h.Write(text)
	h.Sum(sum[:0])
	return sum
}

// paths are the forms of the path that may have been signed. Where it is not
// encoded once more, clients may leave more unescaped on the wire than they sign,
// or sign what they send.
func (f Form) paths(u *url.URL) []string {
	p := u.EscapedPath()
	if p == "" {
		return []string{"/"}
	}
	if !f.RawPath {
		return []string{escape(p, true)}
	}
	raw, err := url.PathUnescape(p)
	if full := escape(raw, true); err == nil && full != p {
		return []string{full, p}
	}
	return []string{p}
}

// query is the query's parameters in the order of their names, without the
// signature itself.
func (s *Signature) query(u *url.URL) string {
	if u.RawQuery == "" {
		return ""
	}
	var all []string
	for _, part := range strings.Split(u.RawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, value = unescape(name), unescape(value)
		if part == "" || s.Presigned && name == "X-Amz-Signature" {
			continue
		}
		all = append(all, escape(name, false)+"="+escape(value, false))
	}
	slices.SortFunc(all, func(a, b string) int {
		an, av, _ := strings.Cut(a, "=")
		bn, bv, _ := strings.Cut(b, "=")
		if c := strings.Compare(an, bn); c != 0 {
			return c
		}
		return strings.Compare(av, bv)
	})
	return strings.Join(all, "&")
}

func unescape(s string) string {
	if out, err := url.QueryUnescape(s); err == nil {
		return out
	}
	return s
}

// canonicalHeaders adds the signed headers, a line each. The server's side of
// net/http keeps some of them elsewhere.
func (s *Signature) canonicalHeaders(b []byte, req *http.Request) []byte {
	for _, name := range s.headers {
		b = append(append(b, name...), ':')
		switch name {
		case "host":
			b = append(b, squeezed(req.Host)...)
		case "content-length":
			b = strconv.AppendInt(b, req.ContentLength, 10)
		case "transfer-encoding":
			b = listed(b, req.TransferEncoding)
		default:
			b = listed(b, req.Header.Values(name))
		}
		b = append(b, '\n')
	}
	return b
}

// listed adds the values of a header.
func listed(b []byte, values []string) []byte {
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, squeezed(v)...)
	}
	return b
}

// squeezed is a header's value with single spaces, as it is signed.
func squeezed(v string) string {
	if strings.ContainsAny(v, "\t\n\v\f\r\u0085\u00a0") || strings.Contains(v, "  ") {
		return strings.Join(strings.Fields(v), " ")
	}
	return strings.Trim(v, " ")
}

const upperHex = "0123456789ABCDEF"

// escape is AWS's URI encoding: all but letters, digits and -._~ as %XX.
func escape(s string, path bool) string {
	plain := func(c byte) bool {
		return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 ||
			path && c == '/'
	}
	at := 0
	for at < len(s) && plain(s[at]) {
		at++
	}
	if at == len(s) {
		return s // as most are
	}
	b := append(make([]byte, 0, 3*len(s)), s[:at]...)
	for i := at; i < len(s); i++ {
		if c := s[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}
