package gateway

import (
	"reflect"
	"sync"

	"github.com/pipelab/pipelab/internal/digest"
)

// numbers are what an input or an output tells the trace.
type numbers struct {
	entries, failed int   // of a batch
	rows, scanned   int   // of a query
	bytes           int64 // of the content that an output streams
	streams         bool
	// made is the id of the one record that the call has made: of a message, or of a
	// record of a stream. The entries of batches have theirs in the answer.
	made string
}

// places are the members of a type that numbers come from: indexes of its fields, -1
// for a member that it does not have. They are found once for a type: to look for a
// field by its name takes longer than many a call.
type places struct {
	list, requests                  int // what a batch carries: a slice; a map of slices
	failures, notDone, notProcessed int // of a batch: a count, a slice, a map of slices
	rows, scanned                   int
	length                          int // of a body; -1 where there is none
	message, shard, sequence        int // of what was made
}

// tells reports whether the type says in its body what became of its entries or rows.
func (p places) tells() bool {
	return p.failures >= 0 || p.notDone >= 0 || p.notProcessed >= 0 || p.scanned >= 0
}

func placesOf(t reflect.Type) places {
	find := func(kind reflect.Kind, names ...string) int {
		for _, name := range names {
			if f, ok := t.FieldByName(name); ok && len(f.Index) == 1 && f.Type.Kind() == kind {
				return f.Index[0]
			}
		}
		return -1
	}
	p := places{
		list: find(reflect.Slice, "Records", "Entries", "TransactItems"), requests: find(reflect.Map, "RequestItems"),
		failures: find(reflect.Pointer, "FailedRecordCount"), notDone: find(reflect.Slice, "Failed"),
		notProcessed: find(reflect.Map, "UnprocessedItems"),
		message:      find(reflect.Pointer, "MessageId"), shard: find(reflect.Pointer, "ShardId"),
		sequence: find(reflect.Pointer, "SequenceNumber"),
		rows:     find(reflect.Int32, "Count"), scanned: find(reflect.Int32, "ScannedCount"), length: -1,
	}
	if find(reflect.Interface, "Body") >= 0 {
		p.length = find(reflect.Pointer, "ContentLength")
	}
	return p
}

// members remembers the places of types. Safe for concurrent use; the zero value is
// ready.
type members struct{ known sync.Map } // reflect.Type to places

// of reads the numbers of a message, a pointer to a structure; those of anything else
// are zero.
func (m *members) of(message any) (n numbers) {
	v := reflect.ValueOf(message)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return n
	}
	v = v.Elem()
	known, ok := m.known.Load(v.Type())
	if !ok {
		known, _ = m.known.LoadOrStore(v.Type(), placesOf(v.Type()))
	}
	p := known.(places)
	switch {
	case p.list >= 0:
		n.entries = v.Field(p.list).Len()
	case p.requests >= 0:
		n.entries = together(v.Field(p.requests))
	}
	switch {
	case p.failures >= 0 && !v.Field(p.failures).IsNil():
		n.failed = int(v.Field(p.failures).Elem().Int())
	case p.notDone >= 0:
		n.failed = v.Field(p.notDone).Len()
	case p.notProcessed >= 0:
		n.failed = together(v.Field(p.notProcessed))
	}
	if p.rows >= 0 {
		n.rows = int(v.Field(p.rows).Int())
	}
	if p.scanned >= 0 {
		n.scanned = int(v.Field(p.scanned).Int())
	}
	if p.length >= 0 && !v.Field(p.length).IsNil() {
		n.bytes, n.streams = v.Field(p.length).Elem().Int(), true
	}
	switch {
	case p.message >= 0:
		n.made = pointed(v.Field(p.message))
	case p.shard >= 0 && p.sequence >= 0:
		n.made = digest.InShard(pointed(v.Field(p.shard)), pointed(v.Field(p.sequence)))
	}
	return n
}

// pointed is the text that a pointer is of, "" for none.
func pointed(p reflect.Value) string {
	if p.IsNil() || p.Elem().Kind() != reflect.String {
		return ""
	}
	return p.Elem().String()
}

// together counts the elements of a map's slices.
func together(m reflect.Value) (n int) {
	for _, k := range m.MapKeys() {
		if e := m.MapIndex(k); e.Kind() == reflect.Slice {
			n += e.Len()
		}
	}
	return n
}

// Tells reports whether outputs of a type have numbers for the trace in their body:
// the entries of a batch that failed, the rows of a query.
func Tells(output reflect.Type) bool { return placesOf(output).tells() }
