package dynamodb

import (
	"encoding/binary"
	"math/bits"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/expr"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// bounds is a range of stored keys: lo <= key < hi.
type bounds struct{ lo, hi string }

// upTo is the least string above every string that begins with b.
func upTo(b []byte) string {
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] != 0xff {
			return string(b[:i]) + string([]byte{b[i] + 1})
		}
	}
	return "" // cannot happen: keys begin with a table's key, which is text
}

// queryBounds turns key conditions into a range below prefix.
func queryBounds(prefix string, hash item.Value, sort *expr.KeyTerm) bounds {
	base := appendPartition([]byte(prefix), hash)
	base = base[:len(base):len(base)] // appends below must not share its array
	if sort == nil {
		return bounds{string(base), upTo(base)}
	}
	at := item.AppendKey(base, sort.Values[0])
	switch sort.Op {
	case "=":
		return bounds{string(at), upTo(at)}
	case "<":
		return bounds{string(base), string(at)}
	case "<=":
		return bounds{string(base), upTo(at)}
	case ">":
		return bounds{upTo(at), upTo(base)}
	case ">=":
		return bounds{string(at), upTo(base)}
	case "BETWEEN":
		return bounds{string(at), upTo(item.AppendKey(base, sort.Values[1]))}
	}
	begins := item.AppendPrefix(base, sort.Values[0])
	return bounds{string(begins), upTo(begins)}
}

// segmentBounds is the range of hashes of a parallel scan's segment.
func segmentBounds(prefix string, segment, total int32) bounds {
	all := bounds{prefix, upTo([]byte(prefix))}
	if total <= 1 {
		return all
	}
	if segment > 0 {
		all.lo = string(binary.BigEndian.AppendUint64([]byte(prefix), share(segment, total)))
	}
	if segment+1 < total {
		all.hi = string(binary.BigEndian.AppendUint64([]byte(prefix), share(segment+1, total)))
	}
	return all
}

// share is segment/total of the range of hashes.
func share(segment, total int32) uint64 {
	q, _ := bits.Div64(uint64(segment), 0, uint64(total))
	return q
}

func (b bounds) contains(key string) bool { return key >= b.lo && key < b.hi }

// after narrows the range to what follows a key in reading order.
func (b bounds) after(key string, forward bool) bounds {
	if forward {
		b.lo = max(b.lo, key+"\x00")
	} else {
		b.hi = min(b.hi, key)
	}
	return b
}
