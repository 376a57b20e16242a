package kinesis

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// hashRange is a part of the hash space, both ends included.
type hashRange struct{ From, To *big.Int }

func (r hashRange) holds(h *big.Int) bool { return h.Cmp(r.From) >= 0 && h.Cmp(r.To) <= 0 }

// shard is one shard, open or closed.
type shard struct {
	Number   int
	Range    hashRange
	Start    string // first possible sequence number
	End      string // empty while open
	Created  time.Time
	Closed   time.Time
	Parent   string
	Adjacent string // the second parent of a merge
}

func shardID(n int) string { return fmt.Sprintf("shardId-%012d", n) }

func shardKey(stream string, n int) string { return store.Key(stream, shardID(n)) }

func (sh *shard) id() string { return shardID(sh.Number) }
func (sh *shard) open() bool { return sh.End == "" }

func (st *stream) newShard(r hashRange, now time.Time) shard {
	sh := shard{Number: st.NextShard, Range: r, Created: now}
	sh.Start = st.sequence(sh.Number)
	return sh
}

// sequence returns the stream's next sequence number. It has the 56 digits of
// AWS's: a constant head, the counter, the shard; within a shard it rises.
func (st *stream) sequence(shard int) string {
	st.NextSeq++
	return sequenceAt(st.NextSeq, shard)
}

func sequenceAt(counter uint64, shard int) string {
	return fmt.Sprintf("49%030d%012d%012d", counter, 0, shard)
}

func (sh *shard) describe() types.Shard {
	out := types.Shard{
		ShardId: aws.String(sh.id()),
		HashKeyRange: &types.HashKeyRange{StartingHashKey: aws.String(sh.Range.From.String()),
			EndingHashKey: aws.String(sh.Range.To.String())},
		SequenceNumberRange: &types.SequenceNumberRange{StartingSequenceNumber: aws.String(sh.Start)},
	}
	if !sh.open() {
		out.SequenceNumberRange.EndingSequenceNumber = aws.String(sh.End)
	}
	if sh.Parent != "" {
		out.ParentShardId = aws.String(sh.Parent)
	}
	if sh.Adjacent != "" {
		out.AdjacentParentShardId = aws.String(sh.Adjacent)
	}
	return out
}

// reshard changes the shards of an active stream.
func (s *Service) reshard(ctx context.Context, name, arn *string,
	change func(tx *store.Tx, st *stream, scope ident.Scope, shards []shard) error) (st stream, err error) {
	c := gateway.From(ctx)
	err = s.host.Store.Update(func(tx *store.Tx) error {
		var scope ident.Scope
		if st, scope, err = s.active(tx, c, name, arn); err != nil {
			return err
		}
		if err := change(tx, &st, scope, s.shardsOf(tx, scope, st.Name)); err != nil {
			return err
		}
		st.Pending, st.Settled = types.StreamStatusUpdating, c.Time.Add(settling)
		s.streams.Put(tx, scope, st.Name, st)
		return nil
	})
	if err == nil {
		s.host.Signals.Notify(st.ARN)
	}
	return st, err
}

// recut splits open shards where new ranges begin, then merges the pieces of
// each new range, two at a time.
func (s *Service) recut(tx *store.Tx, st *stream, scope ident.Scope, now time.Time, open []shard, ranges []hashRange) {
	slices.SortFunc(open, func(a, b shard) int { return a.Range.From.Cmp(b.Range.From) })
	last := func() shard {
		sh, _ := s.shards.Get(tx, scope, shardKey(st.Name, st.NextShard-1))
		return sh
	}
	var pieces []shard
	for _, sh := range open {
		for _, r := range ranges {
			if r.From.Cmp(sh.Range.From) <= 0 || r.From.Cmp(sh.Range.To) > 0 {
				continue
			}
			s.replace(tx, st, scope, now, []shard{sh}, hashRange{sh.Range.From, new(big.Int).Sub(r.From, big.NewInt(1))})
			pieces = append(pieces, last())
			rest := st.newShard(hashRange{r.From, sh.Range.To}, now)
			rest.Parent = sh.id()
			st.NextShard++
			s.shards.Put(tx, scope, shardKey(st.Name, rest.Number), rest)
			sh = rest
		}
		pieces = append(pieces, sh)
	}
	for _, r := range ranges {
		var whole *shard
		for i := range pieces {
			if !r.holds(pieces[i].Range.From) {
				continue
			}
			if whole == nil {
				whole = &pieces[i]
				continue
			}
			s.replace(tx, st, scope, now, []shard{*whole, pieces[i]}, hashRange{whole.Range.From, pieces[i].Range.To})
			merged := last()
			whole = &merged
		}
	}
}

func openShard(shards []shard, st *stream, scope ident.Scope, id string) (shard, error) {
	for _, sh := range shards {
		if sh.id() != id {
			continue
		}
		if !sh.open() {
			return shard{},
				&types.ResourceInUseException{Message: aws.String(
					fmt.Sprintf(
						"Shard %s in stream %s under account %s has already been merged or split, and thus is not eligible for merging "+
							"or splitting.", id, st.Name, scope.Account))}
		}
		return sh, nil
	}
	return shard{},
		&types.ResourceNotFoundException{Message: aws.String(
			fmt.Sprintf("Could not find shard %s in stream %s under account %s.", id, st.Name, scope.Account))}
}

// replace closes parents and opens children over ranges.
func (s *Service) replace(tx *store.Tx, st *stream, scope ident.Scope, now time.Time, parents []shard,
	ranges ...hashRange) {
	for _, p := range parents {
		p.End, p.Closed = st.sequence(p.Number), now
		s.shards.Put(tx, scope, shardKey(st.Name, p.Number), p)
	}
	for _, r := range ranges {
		child := st.newShard(r, now)
		child.Parent = parents[0].id()
		if len(parents) > 1 {
			child.Adjacent = parents[1].id()
		}
		st.NextShard++
		s.shards.Put(tx, scope, shardKey(st.Name, child.Number), child)
	}
}

// SplitShard cuts a shard at a hash key.
func (s *Service) SplitShard(ctx context.Context, in *kinesis.SplitShardInput) (*kinesis.SplitShardOutput, error) {
	now := gateway.From(ctx).Time
	_, err := s.reshard(ctx, in.StreamName, in.StreamARN, func(tx *store.Tx, st *stream, scope ident.Scope,
		shards []shard) error {
		if st.Mode == types.StreamModeOnDemand {
			return &types.ValidationException{Message: aws.String(
				"Request is invalid. Splitting shards is not supported for on-demand streams.")}
		}
		sh, err := openShard(shards, st, scope, aws.ToString(in.ShardToSplit))
		if err != nil {
			return err
		}
		at, ok := new(big.Int).SetString(aws.ToString(in.NewStartingHashKey), 10)
		// Neither child may be empty, and the first must hold more than its start.
		if !ok || at.Cmp(new(big.Int).Add(sh.Range.From, big.NewInt(1))) <= 0 || at.Cmp(sh.Range.To) >= 0 {
			return invalid(
				"NewStartingHashKey %s used in SplitShard() on shard %s in stream %s under account %s is not both greater than "+
					"one plus the shard's StartingHashKey %s and less than the shard's EndingHashKey %s.",
				aws.ToString(in.NewStartingHashKey), sh.id(), st.Name, scope.Account, sh.Range.From, sh.Range.To)
		}
		s.replace(tx, st, scope, now, []shard{sh},
			hashRange{sh.Range.From, new(big.Int).Sub(at, big.NewInt(1))}, hashRange{at, sh.Range.To})
		return nil
	})
	return &kinesis.SplitShardOutput{}, err
}

// MergeShards joins two neighbours.
func (s *Service) MergeShards(ctx context.Context, in *kinesis.MergeShardsInput) (*kinesis.MergeShardsOutput, error) {
	now := gateway.From(ctx).Time
	_, err := s.reshard(ctx, in.StreamName, in.StreamARN, func(tx *store.Tx, st *stream, scope ident.Scope,
		shards []shard) error {
		if st.Mode == types.StreamModeOnDemand {
			return &types.ValidationException{Message: aws.String(
				"Request is invalid. Merging shards is not supported for on-demand streams.")}
		}
		a, err := openShard(shards, st, scope, aws.ToString(in.ShardToMerge))
		if err != nil {
			return err
		}
		b, err := openShard(shards, st, scope, aws.ToString(in.AdjacentShardToMerge))
		if err != nil {
			return err
		}
		low, high := a, b
		if low.Range.From.Cmp(high.Range.From) > 0 {
			low, high = high, low
		}
		if new(big.Int).Add(low.Range.To, big.NewInt(1)).Cmp(high.Range.From) != 0 {
			return invalid(
				"Shards %s and %s in stream %s under account %s are not an adjacent pair of shards eligible for merging", a.id(),
				b.id(), st.Name, scope.Account)
		}
		s.replace(tx, st, scope, now, []shard{a, b}, hashRange{low.Range.From, high.Range.To})
		return nil
	})
	return &kinesis.MergeShardsOutput{}, err
}

// UpdateShardCount brings a stream to an even number of shards, by splits and
// merges as AWS does, so that every record's lineage can be followed.
func (s *Service) UpdateShardCount(ctx context.Context,
	in *kinesis.UpdateShardCountInput) (*kinesis.UpdateShardCountOutput, error) {
	now, target := gateway.From(ctx).Time, int(aws.ToInt32(in.TargetShardCount))
	current := 0
	st, err := s.reshard(ctx, in.StreamName, in.StreamARN, func(tx *store.Tx, st *stream, scope ident.Scope,
		shards []shard) error {
		if st.Mode == types.StreamModeOnDemand {
			return &types.ValidationException{Message: aws.String(
				"Request is invalid. Updating shard count is not supported for on-demand streams.")}
		}
		open := slices.DeleteFunc(shards, func(sh shard) bool { return !sh.open() })
		current = len(open)
		switch {
		case target == current:
			return invalid("The shard count of stream %s is already %d.", st.Name, current)
		case target > 2*current:
			return invalid(
				"UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: %d Target "+
					"shard count: %d", current, target)
		case target*2 < current:
			return invalid(
				"UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: %d "+
					"Target shard count: %d", current, target)
		case int64(target) > limit("shardsPerStream"):
			return &types.LimitExceededException{Message: aws.String(
				"Target shard count exceeds the shard limit of the account.")}
		}
		s.recut(tx, st, scope, now, open, evenly(target))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &kinesis.UpdateShardCountOutput{
		StreamName: &st.Name, StreamARN: &st.ARN, CurrentShardCount: aws.Int32(int32(current)),
		TargetShardCount: in.TargetShardCount,
	}, nil
}
