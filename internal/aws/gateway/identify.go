package gateway

import (
	"net/http"
	"strconv"
	"time"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Credentials knows the owners of access keys that this cloud has issued.
type Credentials interface {
	// Lookup returns the secret and owner of a key. A zero expires never
	// expires; ok is false for keys that were not issued here.
	Lookup(accessKeyID string) (secret string, owner Principal, expires time.Time, ok bool)
}

// issuers asks two issuers of keys, one after the other.
type issuers [2]Credentials

// Lookup implements Credentials.
func (i issuers) Lookup(accessKeyID string) (secret string, owner Principal, expires time.Time, ok bool) {
	for _, c := range i {
		if c == nil {
			continue
		}
		if secret, owner, expires, ok = c.Lookup(accessKeyID); ok {
			return secret, owner, expires, true
		}
	}
	return "", Principal{}, time.Time{}, false
}

// identify finds out who sent a request, and its account and region.
//
// AWS: every signature is verified. Here that waits for enforcement: until then a
// key that was not issued by this cloud is taken at its word, because learners use
// "test" and the like, and signatures themselves are not recomputed.
func (g *Gateway) identify(t *wire.Target, req *http.Request) (Principal, ident.Scope, error) {
	key, region, _ := wire.SigningScope(req)
	if region == "" {
		region = ident.DefaultRegion
	}
	if key == "" {
		if g.Mode() == Enforced && (req.Header.Get("Authorization") != "" || req.URL.Query().Has("AWSAccessKeyId")) {
			return Principal{}, ident.Scope{}, g.verify(t, req, "", "", false) // signed, but not in a way that is known
		}
		return Principal{Kind: Anonymous, Account: ident.DefaultAccount}, ident.Scope{Account: ident.DefaultAccount,
			Region: region}, nil
	}
	owner, err := g.ownerOf(t, req, key)
	return owner, ident.Scope{Account: owner.Account, Region: region}, err
}

// ownerOf is the owner of the key that a request is signed with.
func (g *Gateway) ownerOf(t *wire.Target, req *http.Request, key string) (Principal, error) {
	if err := g.presignedInTime(req); err != nil {
		return Principal{}, err
	}
	k, err := g.keyOf(t, key)
	if err != nil || g.Mode() != Enforced {
		return k.owner, err
	}
	return k.owner, g.verify(t, req, k.secret, k.token, k.known)
}

// accessKey is what is known of an access key.
type accessKey struct {
	owner         Principal
	secret, token string
	known         bool // it was issued, or is a root's
}

// keyOf looks up an access key; one of a session that is over is an error.
func (g *Gateway) keyOf(t *wire.Target, key string) (accessKey, error) {
	k := accessKey{owner: RootOf(key), secret: RootSecret, known: key == RootKey || isAccount(key)}
	if g.creds == nil {
		return k, nil
	}
	secret, who, expires, ok := g.creds.Lookup(key)
	if !ok {
		return k, nil
	}
	if !expires.IsZero() && g.host.Clock.Now().After(expires) {
		return accessKey{}, say(g.unidentified(t).Expired)
	}
	k = accessKey{owner: who, secret: secret, known: true}
	k.owner.AccessKeyID = key
	if who.Session != nil {
		k.token = who.Session.Token
	}
	return k, nil
}

// RootOf is the owner of a key that nobody issued: the root of the account that
// the key names, or else of the default one.
func RootOf(key string) Principal {
	account := ident.DefaultAccount
	if isAccount(key) {
		account = key
	}
	return Principal{
		Kind: Root, Account: account, ID: account, AccessKeyID: key,
		ARN: ident.RootARN(account).String(),
	}
}

func isAccount(key string) bool {
	if len(key) != 12 {
		return false
	}
	for _, c := range key {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// presignedInTime refuses a presigned URL after its time. The date was read
// from the machine's clock, so it is converted by the offset of that moment.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
func (g *Gateway) presignedInTime(req *http.Request) error {
	if req.URL.RawQuery == "" {
		return nil
	}
	q := req.URL.Query()
	if until := q.Get("Expires"); until != "" && q.Get("AWSAccessKeyId") != "" {
		return g.beforeExpiry(until)
	}
	if q.Get("X-Amz-Signature") == "" || q.Get("X-Amz-Expires") == "" {
		return nil
	}
	date, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
	if err != nil {
		return Errorf(http.StatusForbidden, "AuthorizationQueryParametersError",
			`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
	}
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || seconds < 0 || seconds > 604800 {
		return Errorf(http.StatusBadRequest, "AuthorizationQueryParametersError",
			"X-Amz-Expires must be less than a week (in seconds) that is 604800")
	}
	if g.host.Clock.Now().After(g.host.Clock.Virtual(date).Add(time.Duration(seconds) * time.Second)) {
		return Errorf(http.StatusForbidden, "AccessDenied", "Request has expired")
	}
	return nil
}

// beforeExpiry refuses a URL that was presigned with version 2 of signatures,
// which names the second when it expires and not when it was signed: a move of
// the clock in between does not count.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#RESTAuthenticationQueryStringAuth
func (g *Gateway) beforeExpiry(until string) error {
	seconds, err := strconv.ParseInt(until, 10, 64)
	if err != nil {
		return Errorf(http.StatusForbidden, "AccessDenied",
			"Invalid date (should be seconds since epoch): %s", until)
	}
	if g.host.Clock.Now().After(g.host.Clock.Virtual(time.Unix(seconds, 0))) {
		return Errorf(http.StatusForbidden, "AccessDenied", "Request has expired")
	}
	return nil
}
