// Package seal keeps what learners must not see, and lets them trust what they
// get: it encrypts to the instructor's key (age) and signs (Ed25519). It knows
// nothing of labs. Keys are files of the instructor; losing one means that what
// was sealed to it stays sealed.
package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age" // a small, reviewed file format for encryption to a key; our own would be neither
)

// signerPrefix and keyPrefix tell the two kinds of signing key apart from age's.
const (
	signerPrefix = "pipelab-signer-"
	keyPrefix    = "PIPELAB-SIGNING-KEY-"
)

// Keys are an instructor's: one opens what is sealed, the other signs. Make
// them with NewKeys or ParseKeys; the zero value is of no use.
type Keys struct {
	identity *age.X25519Identity
	signing  ed25519.PrivateKey
}

// NewKeys draws new keys from the system's random numbers.
func NewKeys() (*Keys, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	_, signing, err := ed25519.GenerateKey(rand.Reader)
	return &Keys{identity, signing}, err
}

// ParseKeys reads what String has written; blank lines and comments (#) are
// left out.
func ParseKeys(text string) (*Keys, error) {
	k := &Keys{}
	for _, line := range strings.Split(text, "\n") {
		switch line = strings.TrimSpace(line); {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "AGE-SECRET-KEY-"):
			identity, err := age.ParseX25519Identity(line)
			if err != nil {
				return nil, fmt.Errorf("the age key: %w", err)
			}
			k.identity = identity
		case strings.HasPrefix(line, keyPrefix):
			seed, err := base64.RawURLEncoding.DecodeString(line[len(keyPrefix):])
			if err != nil || len(seed) != ed25519.SeedSize {
				return nil, errors.New("the signing key is damaged")
			}
			k.signing = ed25519.NewKeyFromSeed(seed)
		default:
			return nil, errors.New("this is no file of an instructor's keys")
		}
	}
	if k.identity == nil || k.signing == nil {
		return nil, errors.New("an instructor's keys are two lines, one that opens and one that signs")
	}
	return k, nil
}

// String is the text of a key file: keep it secret.
func (k *Keys) String() string {
	return fmt.Sprintf(
		"# Keys of an instructor. Whoever has them opens hidden checks and signs assignments.\n# recipient: %s\n# signer: "+
			"%s\n%s\n%s\n",
		k.Recipient(), k.Signer(), k.identity, keyPrefix+base64.RawURLEncoding.EncodeToString(k.signing.Seed()))
}

// Recipient is the public key to seal to.
func (k *Keys) Recipient() string { return k.identity.Recipient().String() }

// Signer is the public key that signatures are checked with.
func (k *Keys) Signer() string {
	return signerPrefix + base64.RawURLEncoding.EncodeToString(k.signing.Public().(ed25519.PublicKey))
}

// Seal encrypts to a recipient.
func Seal(recipient string, plain []byte) ([]byte, error) {
	r, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return nil, fmt.Errorf("recipient %q: %w", recipient, err)
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, r)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// ErrOtherKey is returned by Open for what was sealed to somebody else.
var ErrOtherKey = errors.New("sealed to another key")

// Open decrypts what was sealed to these keys.
func (k *Keys) Open(sealed []byte) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), k.identity)
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		return nil, ErrOtherKey
	}
	if err != nil {
		return nil, fmt.Errorf("open what is sealed: %w", err)
	}
	return io.ReadAll(r)
}

// Sign returns the signature of data as text.
func (k *Keys) Sign(data []byte) string {
	return base64.StdEncoding.EncodeToString(ed25519.Sign(k.signing, data))
}

// Verify reports whether the signature of data is the signer's. A signer or a
// signature that cannot be read is an error.
func Verify(signer, signature string, data []byte) error {
	text, ok := strings.CutPrefix(signer, signerPrefix)
	key, err := base64.RawURLEncoding.DecodeString(text)
	if !ok || err != nil || len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("%q is no signer's key", signer)
	}
	sig, err := base64.StdEncoding.DecodeString(strings.TrimSpace(signature))
	if err != nil || !ed25519.Verify(key, data, sig) {
		return errors.New("the signature is not the signer's: something was changed after signing")
	}
	return nil
}
