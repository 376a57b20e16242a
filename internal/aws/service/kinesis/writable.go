package kinesis

import (
	"math/big"
	"slices"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// writableShard is a shard that takes records, with its name ready.
type writableShard struct {
	shard
	name string
}

// writableShards remembers the open shards of streams by their hash keys, for as long
// as no shard is opened or closed: a write must not look at all of them. Only
// transactions that write may use it. The zero value is ready.
type writableShards struct {
	last uint64 // write to the shards
	all  map[streamKey][]writableShard
}

type streamKey struct {
	scope ident.Scope
	name  string
}

func (o *writableShards) of(s *Service, tx *store.Tx, scope ident.Scope, stream string) []writableShard {
	if last := s.shards.LastWrite(); o.all == nil || o.last != last {
		o.all, o.last = map[streamKey][]writableShard{}, last
	}
	at := streamKey{scope, stream}
	found, ok := o.all[at]
	if !ok {
		for _, sh := range s.shardsOf(tx, scope, stream) {
			if sh.open() {
				found = append(found, writableShard{sh, sh.id()})
			}
		}
		slices.SortFunc(found, func(a, b writableShard) int { return a.Range.From.Cmp(b.Range.From) })
		o.all[at] = found
	}
	return found
}

// holding is the shard of a hash key; nil where none is open, which cannot be:
// open shards cover the space.
func holding(shards []writableShard, h *big.Int) *writableShard {
	at, exact := slices.BinarySearchFunc(shards, h, func(sh writableShard, h *big.Int) int { return sh.Range.From.Cmp(h) })
	if !exact {
		at--
	}
	if at < 0 || !shards[at].Range.holds(h) {
		return nil
	}
	return &shards[at]
}
