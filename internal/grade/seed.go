package grade

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// The range of derived seeds: fifteen digits. They are long enough that none
// turns up in somebody's data by chance, and every program that reads JSON
// holds them exactly, since they stay below 2^53.
const (
	firstSeed = 100_000_000_000_000
	seedRange = 899_999_999_999_999
)

// DeriveSeed is the seed of one learner's data in an assignment with variants.
// It is the first eight bytes, big-endian, of the SHA-256 of the text "pipelab
// seed 1", the assignment's seed and the learner's id, each on a line of its
// own, brought into the range of fifteen-digit numbers. It will stay so: what
// was handed out must be graded with the same data years later.
func DeriveSeed(assignment uint64, learner string) uint64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "pipelab seed 1\n%d\n%s\n", assignment, learner))
	return firstSeed + binary.BigEndian.Uint64(sum[:8])%seedRange
}
