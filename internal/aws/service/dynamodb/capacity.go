package dynamodb

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// usage is the capacity that a request consumed on one table.
type usage struct {
	table   *Table
	write   bool
	base    float64
	indexes map[string]float64
	keys    []keyUse
}

// keyUse is the part of a usage that falls on one partition key value of the
// table or, with a name, of an index.
type keyUse struct {
	index     string
	partition string
	units     float64
}

func (u *usage) key(index string, value item.Value, units float64) {
	if units > 0 && value.Exists() {
		u.keys = append(u.keys, keyUse{index, string(appendPartition(nil, value)), units})
	}
}

func (u *usage) index(name string, units float64) {
	if u.indexes == nil {
		u.indexes = map[string]float64{}
	}
	u.indexes[name] += units
}

func (u *usage) add(v usage) {
	u.base += v.base
	for name, units := range v.indexes {
		u.index(name, units)
	}
}

// times is the usage of a transaction, which works on every item twice.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
func (u usage) times(n float64) usage {
	out := usage{table: u.table, write: u.write, base: u.base * n}
	for name, units := range u.indexes {
		out.index(name, units*n)
	}
	for _, k := range u.keys {
		k.units *= n
		out.keys = append(out.keys, k)
	}
	return out
}

// writeUnits and readUnits are the units of a size: one per started KB or 4 KB,
// at least one; an eventually consistent read costs half.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
func writeUnits(bytes int) float64 { return units(bytes, limit("writeUnitBytes")) }

func readUnits(bytes int, consistent bool) float64 {
	n := units(bytes, limit("readUnitBytes"))
	if !consistent {
		n /= 2
	}
	return n
}

func units(bytes int, unit int64) float64 {
	return float64(max(1, (int64(bytes)+unit-1)/unit))
}

// writeUsage is the cost of a write: the larger of the two versions, in the
// table and in each index that the write changes.
func (t *Table) writeUsage(old, new *record, key string) usage {
	u := usage{table: t, write: true, base: writeUnits(max(old.bytes(), new.bytes()))}
	was, is := old.attributes(), new.attributes()
	if is == nil {
		is = was
	}
	u.key("", is[t.Schema.Hash], u.base)
	for _, ix := range t.Indexes {
		if !ix.GoneAt.IsZero() {
			continue
		}
		if n := ix.writeUnits(t, old, new, key); n > 0 {
			u.index(ix.Name, n)
			// An entry that moves takes from both keys; the new one stands for both.
			if in := is[ix.Schema.Hash]; in.Exists() {
				u.key(ix.Name, in, n)
			} else {
				u.key(ix.Name, was[ix.Schema.Hash], n)
			}
		}
	}
	return u
}

func (r *record) bytes() int {
	if r == nil {
		return 0
	}
	return r.size
}

func (r *record) attributes() item.Item {
	if r == nil {
		return nil
	}
	return r.item
}

// writeUnits follows the four cases of AWS: entry added, removed, changed in
// place, moved (a removal and an addition).
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
func (ix *Index) writeUnits(t *Table, old, new *record, key string) float64 {
	was, had := ix.entryKey(t, old.attributes(), key)
	is, has := ix.entryKey(t, new.attributes(), key)
	if !had && !has {
		return 0
	}
	before, after := ix.project(t, old.attributes()), ix.project(t, new.attributes())
	switch {
	case !had:
		return writeUnits(after.Size())
	case !has:
		return writeUnits(before.Size())
	case was != is:
		return writeUnits(before.Size()) + writeUnits(after.Size())
	case before.Equal(after):
		return 0
	}
	return writeUnits(max(before.Size(), after.Size()))
}

// sdk is the ConsumedCapacity of an answer, nil when none was asked for.
func (u usage) sdk(mode types.ReturnConsumedCapacity, transaction bool) *types.ConsumedCapacity {
	if u.table == nil || mode != types.ReturnConsumedCapacityTotal && mode != types.ReturnConsumedCapacityIndexes {
		return nil
	}
	total := u.base
	for _, n := range u.indexes {
		total += n
	}
	out := &types.ConsumedCapacity{TableName: aws.String(u.table.Name), CapacityUnits: aws.Float64(total)}
	if transaction {
		out.ReadCapacityUnits, out.WriteCapacityUnits = u.split(total)
	}
	if mode == types.ReturnConsumedCapacityTotal {
		return out
	}
	base := u.capacity(u.base, transaction)
	out.Table = &base
	for name, n := range u.indexes {
		into := &out.LocalSecondaryIndexes
		if ix := u.table.index(name); ix != nil && ix.Global {
			into = &out.GlobalSecondaryIndexes
		}
		if *into == nil {
			*into = map[string]types.Capacity{}
		}
		(*into)[name] = u.capacity(n, transaction)
	}
	return out
}

func (u usage) split(n float64) (read, write *float64) {
	if u.write {
		return nil, aws.Float64(n)
	}
	return aws.Float64(n), nil
}

func (u usage) capacity(n float64, transaction bool) types.Capacity {
	c := types.Capacity{CapacityUnits: aws.Float64(n)}
	if transaction {
		c.ReadCapacityUnits, c.WriteCapacityUnits = u.split(n)
	}
	return c
}
