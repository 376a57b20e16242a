package ident

import (
	crand "crypto/rand"
	"encoding/hex"
	"math/rand/v2"
	"sync"
)

// Source makes identifiers. It is safe for concurrent use.
type Source struct {
	mu   sync.Mutex
	rand *rand.ChaCha8
}

// NewSource returns a source seeded by the operating system.
func NewSource() *Source {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // crypto/rand.Read never fails since Go 1.24
	return &Source{rand: rand.NewChaCha8(seed)}
}

// NewSeeded returns a source whose identifiers repeat from run to run.
func NewSeeded(seed uint64) *Source {
	var b [32]byte
	for i := range 8 {
		b[i] = byte(seed >> (8 * i))
	}
	return &Source{rand: rand.NewChaCha8(b)}
}

// Bytes returns n random bytes.
func (s *Source) Bytes(n int) []byte {
	b := make([]byte, n)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.rand.Read(b) // ChaCha8.Read never fails
	return b
}

// Uint64 returns a random number.
func (s *Source) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rand.Uint64()
}

// UUID returns a version 4 UUID in the lower-case form that AWS uses for
// request ids, message ids and event source mappings.
func (s *Source) UUID() string {
	b := s.Bytes(16)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[0:8], b[0:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:36], b[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// Hex returns n lower-case hexadecimal digits.
func (s *Source) Hex(n int) string { return hex.EncodeToString(s.Bytes((n + 1) / 2))[:n] }

const upperAlnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

// Upper returns n characters of the alphabet of IAM's unique ids (A-Z, 2-7).
func (s *Source) Upper(n int) string {
	b := s.Bytes(n)
	for i := range b {
		b[i] = upperAlnum[b[i]&31]
	}
	return string(b)
}
