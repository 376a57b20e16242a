package dynamodb

import (
	"encoding/binary"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// record is a stored item with its size, which every read needs.
type record struct {
	item item.Item
	size int
}

func newRecord(it item.Item) *record { return &record{item: it, size: it.Size()} }

func recordCodec() store.Codec[*record] {
	return store.Codec[*record]{
		Encode: func(r *record) ([]byte, error) { return r.item.Encode(nil), nil },
		Decode: func(b []byte) (*record, error) {
			it, rest, err := item.Decode(b)
			if err != nil {
				return nil, err
			}
			if len(rest) > 0 {
				return nil, item.ErrCorrupt
			}
			return newRecord(it), nil
		},
	}
}

func textCodec() store.Codec[string] {
	return store.Codec[string]{
		Encode: func(s string) ([]byte, error) { return []byte(s), nil },
		Decode: func(b []byte) (string, error) { return string(b), nil },
	}
}

// itemKey is where an item is stored; it must have the key attributes.
func (t *Table) itemKey(it item.Item) string {
	b := make([]byte, 0, 96)
	return string(appendKeys(append(b, t.Key...), t.Schema, it))
}

// appendKeys writes hash, partition key and sort key.
func appendKeys(b []byte, k KeySchema, it item.Item) []byte {
	b = appendPartition(b, it[k.Hash])
	if k.Range != "" {
		b = item.AppendKey(b, it[k.Range])
	}
	return b
}

func appendPartition(b []byte, v item.Value) []byte {
	b = binary.BigEndian.AppendUint64(b, item.Hash(v))
	return item.AppendKey(b, v)
}

// prefix is the beginning of all entries of an index.
func (ix *Index) prefix(t *Table) string { return t.Key + ix.Name + "\x00" }

// entryKey is where an item stands in an index; ok is false when the item is
// not in it because it lacks a key attribute.
func (ix *Index) entryKey(t *Table, it item.Item, primary string) (key string, ok bool) {
	if it == nil || !it[ix.Schema.Hash].Exists() || ix.Schema.Range != "" && !it[ix.Schema.Range].Exists() {
		return "", false
	}
	b := append(make([]byte, 0, 128), ix.prefix(t)...)
	b = appendKeys(b, ix.Schema, it)
	return string(append(b, primary[len(t.Key):]...)), true
}

// projects reports whether an attribute is in the index.
func (ix *Index) projects(t *Table, name string) bool {
	if ix.Projection == "ALL" || t.Schema.has(name) || ix.Schema.has(name) {
		return true
	}
	for _, n := range ix.NonKey {
		if n == name {
			return true
		}
	}
	return false
}

// project is the part of an item that the index holds.
func (ix *Index) project(t *Table, it item.Item) item.Item {
	if ix.Projection == "ALL" || it == nil {
		return it
	}
	out := item.Item{}
	for name, v := range it {
		if ix.projects(t, name) {
			out[name] = v
		}
	}
	return out
}

// keys is an item's primary key, followed by the index's key for an index.
func (t *Table) keys(it item.Item, ix *Index) item.Item {
	out := item.Item{}
	for _, n := range t.Schema.names() {
		out[n] = it[n]
	}
	if ix != nil {
		for _, n := range ix.Schema.names() {
			out[n] = it[n]
		}
	}
	return out
}

// checkItem refuses an item whose key attributes are missing, of the wrong
// type, empty or too long, in the table and in its indexes.
func (t *Table) checkItem(it item.Item) error {
	for _, n := range t.Schema.names() {
		v := it[n]
		if !v.Exists() {
			return refuse(invalid+"Missing the key %s in the item", n)
		}
		if want := t.kind(n); v.Kind != want {
			return refuse(invalid+"Type mismatch for key %s expected: %s actual: %s", n, want, v.Kind)
		}
	}
	if err := t.checkKeyValues(it); err != nil {
		return err
	}
	for _, ix := range t.Indexes {
		if !ix.GoneAt.IsZero() {
			continue
		}
		for _, n := range ix.Schema.names() {
			v := it[n]
			if !v.Exists() || t.Schema.has(n) {
				continue
			}
			if want := t.kind(n); v.Kind != want {
				return refuse(invalid+"Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s", n, want, v.Kind,
					ix.Name)
			}
			if v.Text == "" {
				return refuse(
					"One or more parameter values are not valid. A value specified for a secondary index key is not supported. "+
						"The AttributeValue for a key attribute cannot contain an empty %s value. IndexName: %s, IndexKey: %s",
					emptyKind(v), ix.Name, n)
			}
		}
	}
	return nil
}

func emptyKind(v item.Value) string {
	if v.Kind == item.Binary {
		return "binary"
	}
	return "string"
}

// emptyKeys refuses key attributes with an empty value.
func (t *Table) emptyKeys(it item.Item) error {
	for _, n := range t.Schema.names() {
		if v := it[n]; v.Exists() && v.Kind == t.kind(n) && v.Text == "" {
			return refuse("One or more parameter values are not valid. The AttributeValue for a key attribute "+
				"cannot contain an empty %s value. Key: %s", emptyKind(v), n)
		}
	}
	return nil
}

func (t *Table) checkKeyValues(it item.Item) error {
	if err := t.emptyKeys(it); err != nil {
		return err
	}
	// AWS's message has no space before the number.
	if max := int(limit("partitionKeyBytes")); it[t.Schema.Hash].Size() > max {
		return refuse(invalid+"Size of hashkey has exceeded the maximum size limit of%d bytes", max)
	}
	if max := int(limit("sortKeyBytes")); t.Schema.Range != "" && it[t.Schema.Range].Size() > max {
		return refuse(invalid+"Aggregated size of all range keys has exceeded the size limit of %d bytes", max)
	}
	return nil
}

// checkPrimary refuses an item without the primary key. It is the answer of batches, which
// do not say what is wrong with it.
func (t *Table) checkPrimary(it item.Item) error {
	for _, n := range t.Schema.names() {
		if it[n].Kind != t.kind(n) {
			return refuse(msgKeySchema)
		}
	}
	return nil
}

// checkKey refuses a Key parameter that is not exactly the primary key.
func (t *Table) checkKey(key item.Item) error {
	if len(key) != len(t.Schema.names()) {
		return refuse(msgKeySchema)
	}
	if err := t.checkPrimary(key); err != nil {
		return err
	}
	return t.checkKeyValues(key)
}
