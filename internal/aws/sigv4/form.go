package sigv4

import (
	"crypto/hmac"
	"crypto/sha1" // what version 2 of signatures is made with
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// Posted is the signature of a form: of its policy and of nothing else. Forms may
// still be signed with version 2, as boto3 does without being told otherwise.
//
// Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html and
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/HTTPPOSTForms.html
type Posted struct {
	AccessKey string
	Region    string // empty in version 2
	Token     string // of temporary credentials

	policy, day, service, value string
}

// ReadForm finds the signature of a form by its fields, whose names are in small
// letters; nil when it carries none.
func ReadForm(field func(string) string) (*Posted, error) {
	p := &Posted{policy: field("policy"), Token: field("x-amz-security-token")}
	if key := field("awsaccesskeyid"); key != "" {
		p.AccessKey, p.value = key, field("signature")
		return p, p.whole()
	}
	credential := field("x-amz-credential")
	if credential == "" && field("x-amz-signature") == "" {
		return nil, nil // a form without a signature is no error
	}
	parts := strings.Split(credential, "/")
	n := len(parts)
	if field("x-amz-algorithm") != Algorithm {
		return nil, ErrAlgorithm
	}
	if n < 5 || parts[n-1] != "aws4_request" || !strings.HasPrefix(field("x-amz-date"), parts[n-4]) {
		return nil, ErrIncomplete
	}
	p.AccessKey, p.day, p.Region, p.service = strings.Join(parts[:n-4], "/"), parts[n-4], parts[n-3], parts[n-2]
	p.value = field("x-amz-signature")
	return p, p.whole()
}

func (p *Posted) whole() error {
	if p.value == "" || p.policy == "" {
		return ErrIncomplete
	}
	return nil
}

// Verify reports whether the signature is the one that secret makes of the policy.
func (p *Posted) Verify(keys *Keys, secret string) bool {
	var want string
	if p.day == "" {
		h := hmac.New(sha1.New, []byte(secret))
		h.Write([]byte(p.policy))
		want = base64.StdEncoding.EncodeToString(h.Sum(nil))
	} else {
		sum := keys.get(keyOf{secret, p.day, p.Region, p.service}).mac([]byte(p.policy))
		want = hex.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(want), []byte(p.value)) == 1
}
