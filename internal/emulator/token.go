package emulator

import (
	"crypto/rand"
	"encoding/hex"
)

// NewToken returns 32 random hexadecimal digits.
func NewToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
