package esm

import (
	"context"
	"encoding/json"
	"time"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

// streamSource reads one stream, of Kinesis or DynamoDB.
type streamSource interface {
	// shards lists the shards that still hold records, oldest first.
	shards(ctx context.Context) ([]shardInfo, error)
	// iterator fixes a position in a shard.
	iterator(ctx context.Context, shard string, p position) (string, error)
	// read returns records from an iterator on and the next one, empty at the
	// end of a closed shard. caught is false when more may be there already.
	read(ctx context.Context, shard, iterator string) (recs []*record, next string, caught bool, err error)
	// describe tells how long the stream keeps records and when it was created:
	// a stream that is made anew under its old name is another one. The time is
	// zero where names do not come back.
	describe(ctx context.Context) (keep time.Duration, created time.Time, err error)
	// pace is how many reads a second a shard stands on average, 0 for any.
	pace() float64
}

type shardInfo struct {
	id      string
	parents []string
	closed  bool
}

// record is one record of a stream between its read and its checkpoint.
type record struct {
	seq     string
	at      time.Time
	key     string          // what must stay in order: partition key or item key
	event   json.RawMessage // as it stands in the function's event
	filters func() any      // as patterns see it; nil when they cannot match
	done    bool
}

// source makes the reader of a stream.
func source(h *gateway.Host, who gateway.Principal, role string, arn ident.ARN) streamSource {
	c := caller{host: h, who: who, scope: arn.Scope()}
	if kindOf(arn) == kindKinesis {
		return &kinesisSource{caller: c, role: role, arn: streamARN(arn.String()), event: arn.String()}
	}
	return &dynamoSource{caller: c, arn: arn.String()}
}

// caller is what both sources call with.
type caller struct {
	host  *gateway.Host
	who   gateway.Principal
	scope ident.Scope
}

// iteratorLife is how long an iterator is used before a new one is made: a
// little less than the five minutes for which Kinesis gives it out.
const iteratorLife = 4 * time.Minute
