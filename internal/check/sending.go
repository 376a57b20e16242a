package check

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/pipelab/pipelab/internal/datagen"
	"github.com/pipelab/pipelab/internal/digest"
	"github.com/pipelab/pipelab/internal/lab"
)

// sending is one record that the check has given to the pipeline, whose way can be
// followed.
type sending struct {
	kind   place
	target string // name of the stream, queue, bucket, table, function or program
	call   string // id of the call that sent it
	id     string // that a trace knows it by, see digest.Fingerprint; "" where it has none
	at     string // shard of a stream
	key    string // partition key, or key of an object
	text   string // what was sent
	item   map[string]types.AttributeValue
	line   int            // of a program's input, from 1
	entry  *datagen.Entry // of the data set that it comes from, or nil
	fields map[string]any // what it says; set by understand
}

// place is where a record was sent to.
type place string

const (
	toStream   place = "stream"
	toQueue    place = "queue"
	toBucket   place = "bucket"
	toTable    place = "table"
	toFunction place = "function"
	toProgram  place = "program"
)

// mostFollowed bounds how much of a record is kept and how many are looked at: enough
// to find the one that a failure is about.
const mostFollowed = 20_000

// follow remembers one record. It costs a closure: nothing is worked out until a check
// has failed.
func (s *session) follow(one sending) {
	s.ways = append(s.ways, func() []sending { return []sending{one} })
}

// followBatch remembers the records of a batch that got into a stream.
func (s *session) followBatch(stream string, entries []kinesistypes.PutRecordsRequestEntry,
	out *kinesis.PutRecordsOutput) {
	s.ways = append(s.ways, func() (all []sending) {
		for i, r := range out.Records {
			if r.ErrorCode != nil || i >= len(entries) {
				continue
			}
			shard := aws.ToString(r.ShardId)
			all = append(all, sending{kind: toStream, target: stream, at: shard, key: aws.ToString(entries[i].PartitionKey),
				text: string(entries[i].Data), id: digest.InShard(shard, aws.ToString(r.SequenceNumber)),
				call: requestID(out.ResultMetadata)})
		}
		return all
	})
}

// followInput remembers the lines that a program reads.
func (s *session) followInput(r *lab.Run) {
	name, set := s.started[r.Called()].name, s.sets[r.StdinData]
	if r.StdinData == "" || set == nil {
		return
	}
	before := strings.Count(r.Stdin, "\n")
	if set.format == "csv" {
		before++ // its header
	}
	s.ways = append(s.ways, func() (all []sending) {
		for i := range set.entries {
			e := &set.entries[i]
			all = append(all, sending{kind: toProgram, target: name, key: e.Key, text: e.Raw, line: before + i + 1, entry: e})
		}
		return all
	})
}

// requestID is the id of a call, by which the trace knows it.
func requestID(m middleware.Metadata) string {
	id, _ := awsmiddleware.GetRequestIDMetadata(m)
	return id
}

// sendings are all records that can be followed, with what they say.
func (s *session) sendings() (all []sending) {
	for _, of := range s.ways {
		if all = append(all, of()...); len(all) >= mostFollowed {
			all = all[:mostFollowed]
			break
		}
	}
	entries := map[string]*datagen.Entry{}
	for _, set := range s.sets {
		for i := range set.entries {
			entries[set.entries[i].Raw] = &set.entries[i]
		}
	}
	for i := range all {
		all[i].understand(entries)
	}
	return all
}

// understand reads what a record says.
func (r *sending) understand(entries map[string]*datagen.Entry) {
	switch {
	case r.item != nil:
		r.fields = plainItem(r.item)
		return
	case r.entry == nil:
		r.entry = entries[r.text]
	}
	if r.entry != nil && r.entry.Row != nil {
		r.fields = r.entry.Row
		return
	}
	r.fields = map[string]any{}
	if m, ok := parseJSON([]byte(r.text)).(map[string]any); ok {
		r.fields = m
	}
	if r.kind == toBucket {
		name := path.Base(r.key)
		r.fields = map[string]any{"key": r.key, "name": name, "stem": strings.TrimSuffix(name, path.Ext(name))}
	}
}

// flag reports whether a defect was planted in a record.
func (r *sending) flag(name string) bool {
	return r.entry != nil && slices.Contains(r.entry.Flags, name)
}

// longestName bounds a value by which people know a record, in bytes.
const longestName = 60

// values are the texts that a record may be known by, by their names.
func (r *sending) values() map[string]string {
	out := map[string]string{}
	for name, v := range r.fields {
		switch t := v.(type) {
		case string:
			if t != "" && len(t) <= longestName {
				out[name] = t
			}
		case int64:
			out[name] = fmt.Sprint(t)
		}
	}
	if r.entry != nil && r.entry.Row == nil { // broken: nobody can read it in there
		out["id"], out["key"] = r.entry.ID, r.entry.Key
	}
	if len(out) == 0 && r.key != "" {
		out["key"] = r.key
	}
	return out
}
