// Package streamlog keeps the stream records of tables: written by the
// dynamodb service in the transaction of the change itself, read by the
// dynamodbstreams service. Each stream has one shard, which is open while the
// stream is enabled.
//
// AWS: a table's stream has a shard per partition and rolls each over about
// every four hours, parents before children; here one shard lasts as long as
// its stream, so a consumer meets lineage only when a stream is re-enabled.
package streamlog

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Key is one element of a table's key schema.
type Key struct {
	Name string `json:"name"`
	Type string `json:"type"` // HASH or RANGE
}

// Stream is a stream of a table; a table has a new one each time its stream is
// enabled.
type Stream struct {
	Table   string    `json:"table"`
	Label   string    `json:"label"`
	View    string    `json:"view"` // NEW_IMAGE, OLD_IMAGE, NEW_AND_OLD_IMAGES, KEYS_ONLY
	Shard   string    `json:"shard"`
	Keys    []Key     `json:"keys"`
	Created time.Time `json:"created"`
	Closed  time.Time `json:"closed"` // zero while enabled
}

// ID names the stream within its account and region.
func (s Stream) ID() string { return s.Table + "/" + s.Label }

// ARN is the stream's full name.
func (s Stream) ARN(sc ident.Scope) string {
	return sc.ARN("dynamodb", "table/"+s.Table+"/stream/"+s.Label)
}

// Record is one change of an item. Images that the view leaves out are nil.
type Record struct {
	Event   string // INSERT, MODIFY, REMOVE
	ID      string
	Seq     uint64 // from 1
	At      time.Time
	Keys    item.Item
	New     item.Item
	Old     item.Item
	Expired bool // removed by TTL
}

// Size is the record's SizeBytes.
func (r *Record) Size() int64 { return int64(r.Keys.Size() + r.New.Size() + r.Old.Size()) }

// Log is the streams of one store.
type Log struct {
	streams *store.Collection[Stream]
	records *store.Collection[*Record]
	heads   *store.Collection[uint64]
}

// For returns the log of a store; call it before the store is opened.
func For(st *store.Store) *Log {
	return &Log{
		streams: store.Shared[Stream](st, "dynamodbstreams.streams"),
		records: store.Shared(st, "dynamodbstreams.records", store.WithCodec(recordCodec())),
		heads:   store.Shared[uint64](st, "dynamodbstreams.heads"),
	}
}

// Open begins a stream.
func (l *Log) Open(tx *store.Tx, sc ident.Scope, table, view string, keys []Key, now time.Time, id string) Stream {
	s := Stream{
		Table: table, View: view, Keys: keys, Created: now,
		Label: now.UTC().Format("2006-01-02T15:04:05.000"),
		Shard: fmt.Sprintf("shardId-%020d-%s", now.UnixMilli(), id),
	}
	for { // two streams of one table within a millisecond of the clock
		if _, taken := l.streams.Get(tx, sc, s.ID()); !taken {
			break
		}
		now = now.Add(time.Millisecond)
		s.Label = now.UTC().Format("2006-01-02T15:04:05.000")
	}
	l.streams.Put(tx, sc, s.ID(), s)
	return s
}

// Close ends a stream; what it holds stays readable for the retention time.
func (l *Log) Close(tx *store.Tx, sc ident.Scope, id string, now time.Time) {
	if s, ok := l.streams.Get(tx, sc, id); ok && s.Closed.IsZero() {
		s.Closed = now
		l.streams.Put(tx, sc, id, s)
	}
}

// Get returns a stream that exists at now.
func (l *Log) Get(tx *store.Tx, sc ident.Scope, id string, now time.Time) (Stream, bool) {
	s, ok := l.streams.Get(tx, sc, id)
	return s, ok && !s.gone(now)
}

// List returns the streams that exist at now, of one table when its name is
// not empty, in order of names and then of age.
func (l *Log) List(tx *store.Tx, sc ident.Scope, table string, now time.Time) []Stream {
	prefix := ""
	if table != "" {
		prefix = table + "/"
	}
	var out []Stream
	l.streams.Scan(tx, sc, prefix, "", func(_ string, s Stream) bool {
		if !s.gone(now) {
			out = append(out, s)
		}
		return true
	})
	return out
}

func (s Stream) gone(now time.Time) bool { return !s.Closed.IsZero() && s.Closed.Before(Horizon(now)) }

// Horizon is the time before which records are trimmed.
func Horizon(now time.Time) time.Time {
	return now.Add(-time.Duration(limits.Get("dynamodb", "streamRetentionSeconds")) * time.Second)
}

// Append adds a record, giving it the next sequence number and dropping the
// images that the view does not show. It also removes a few trimmed records,
// so that a long-lived stream does not grow without end.
func (l *Log) Append(tx *store.Tx, sc ident.Scope, s Stream, r *Record) {
	if s.View == "KEYS_ONLY" || s.View == "OLD_IMAGE" {
		r.New = nil
	}
	if s.View == "KEYS_ONLY" || s.View == "NEW_IMAGE" {
		r.Old = nil
	}
	head, _ := l.heads.Get(tx, sc, s.ID())
	r.Seq = head + 1
	l.heads.Put(tx, sc, s.ID(), r.Seq)
	l.records.Put(tx, sc, recordKey(s.ID(), r.Seq), r)
	l.trim(tx, sc, s.ID(), Horizon(r.At))
}

func (l *Log) trim(tx *store.Tx, sc ident.Scope, id string, horizon time.Time) {
	var old []string
	l.records.Scan(tx, sc, id+"\x00", "", func(key string, r *Record) bool {
		if !r.At.Before(horizon) || len(old) == 4 {
			return false
		}
		old = append(old, key)
		return true
	})
	for _, key := range old {
		l.records.Delete(tx, sc, key)
	}
}

// Head is the last sequence number given, 0 for none.
func (l *Log) Head(tx *store.Tx, sc ident.Scope, id string) uint64 {
	head, _ := l.heads.Get(tx, sc, id)
	return head
}

// Read calls fn for the records from a sequence number on that are not
// trimmed, until it returns false.
func (l *Log) Read(tx *store.Tx, sc ident.Scope, id string, from uint64, now time.Time, fn func(*Record) bool) {
	horizon := Horizon(now)
	l.records.Scan(tx, sc, id+"\x00", recordKey(id, from), func(_ string, r *Record) bool {
		return r.At.Before(horizon) || fn(r)
	})
}

// Trimmed reports whether the record of this number was there and is no more.
func (l *Log) Trimmed(tx *store.Tx, sc ident.Scope, id string, seq uint64, now time.Time) bool {
	if seq == 0 || seq > l.Head(tx, sc, id) {
		return false
	}
	r, ok := l.records.Get(tx, sc, recordKey(id, seq))
	return !ok || r.At.Before(Horizon(now))
}

func recordKey(id string, seq uint64) string {
	return string(binary.BigEndian.AppendUint64(append([]byte(id), 0), seq))
}

// FormatSequence is the client's form of a sequence number: 21 digits, so that
// text order is number order.
func FormatSequence(seq uint64) string { return fmt.Sprintf("1%020d", seq) }

// ParseSequence is the reverse of FormatSequence.
func ParseSequence(s string) (uint64, error) {
	digits, ok := strings.CutPrefix(s, "1")
	if !ok || len(digits) != 20 {
		return 0, fmt.Errorf("sequence number %q is not of this stream", s)
	}
	return strconv.ParseUint(digits, 10, 64)
}
