package kinesis

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// pageToken carries a listing on; it is opaque to clients and expires.
type pageToken struct {
	Stream string             `json:"s"`
	After  string             `json:"a"`
	Filter *types.ShardFilter `json:"f,omitempty"`
	Made   time.Time          `json:"m"`
}

func (p pageToken) encode() *string {
	b, _ := json.Marshal(p) // strings and times always marshal
	return aws.String(base64.StdEncoding.EncodeToString(b))
}

func decodeToken(s string, now time.Time) (p pageToken, err error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil || p.Stream == "" {
		return p, invalid("Invalid NextToken.")
	}
	if now.Sub(p.Made) > time.Duration(limit("tokenSeconds"))*time.Second {
		return p, &types.ExpiredNextTokenException{Message: aws.String("The NextToken has expired.")}
	}
	return p, nil
}

// ListShards returns shards in order, filtered.
func (s *Service) ListShards(ctx context.Context, in *kinesis.ListShardsInput) (*kinesis.ListShardsOutput, error) {
	c := gateway.From(ctx)
	page := pageToken{Filter: in.ShardFilter, After: aws.ToString(in.ExclusiveStartShardId), Made: c.Time}
	name, arn := in.StreamName, in.StreamARN
	if in.NextToken != nil {
		if name != nil || in.ExclusiveStartShardId != nil || in.StreamCreationTimestamp != nil {
			return nil, invalid("NextToken and StreamName cannot be provided together.")
		}
		var err error
		if page, err = decodeToken(*in.NextToken, c.Time); err != nil {
			return nil, err
		}
		name = &page.Stream
	}
	count := int(limit("listShardsPage"))
	if in.MaxResults != nil {
		count = min(count, int(*in.MaxResults))
	}
	out := &kinesis.ListShardsOutput{Shards: []types.Shard{}}
	err := s.host.Store.View(func(tx *store.Tx) error {
		st, scope, err := s.find(tx, c, name, arn)
		if err != nil {
			return err
		}
		keep, err := filter(page.Filter, &st, c.Time)
		if err != nil {
			return err
		}
		for _, sh := range s.shardsOf(tx, scope, st.Name) {
			if sh.id() <= page.After || !keep(&sh) {
				continue
			}
			if len(out.Shards) == count {
				out.NextToken = pageToken{Stream: st.Name, After: *out.Shards[count-1].ShardId, Filter: page.Filter,
					Made: c.Time}.encode()
				break
			}
			out.Shards = append(out.Shards, sh.describe())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// filter turns a ShardFilter into a test.
// Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ShardFilter.html
func filter(f *types.ShardFilter, st *stream, now time.Time) (func(*shard) bool, error) {
	horizon := now.Add(-time.Duration(st.Retention) * time.Hour)
	live := func(sh *shard) bool { return sh.open() || !sh.Closed.Before(horizon) }
	if f == nil {
		return live, nil
	}
	at := func(t time.Time) func(*shard) bool {
		return func(sh *shard) bool { return !sh.Created.After(t) && (sh.open() || sh.Closed.After(t)) }
	}
	switch f.Type {
	case types.ShardFilterTypeAfterShardId:
		return func(sh *shard) bool { return live(sh) && sh.id() > aws.ToString(f.ShardId) }, nil
	case types.ShardFilterTypeAtLatest:
		return func(sh *shard) bool { return sh.open() }, nil
	case types.ShardFilterTypeAtTrimHorizon:
		if st.Created.After(horizon) {
			horizon = st.Created
		}
		return at(horizon), nil
	case types.ShardFilterTypeFromTrimHorizon:
		return live, nil
	}
	if f.Timestamp == nil {
		return nil, invalid("Timestamp must be provided for the shard filter type %s.", f.Type)
	}
	if f.Type == types.ShardFilterTypeAtTimestamp {
		return at(*f.Timestamp), nil
	}
	return func(sh *shard) bool { return sh.open() || !sh.Closed.Before(*f.Timestamp) }, nil // FROM_TIMESTAMP
}
