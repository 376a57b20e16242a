package datagen

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
)

// Bytes yields n random bytes, the same ones for the same name and seed.
func Bytes(name string, seed uint64, n int64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], hash(name))
	return io.LimitReader(rand.NewChaCha8(key), max(n, 0))
}
