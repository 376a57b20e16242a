package kinesis

import (
	"time"

	"github.com/pipelab/pipelab/internal/aws/ident"
)

// bucket is a token bucket that refills at a rate and holds one second's worth.
type bucket struct {
	tokens float64
	at     time.Time
}

func (b *bucket) refill(now time.Time, rate float64) {
	if b.at.IsZero() {
		b.tokens = rate
	} else if dt := now.Sub(b.at).Seconds(); dt > 0 {
		b.tokens = min(rate, b.tokens+dt*rate)
	}
	b.at = now
}

// bucketPair is what one shard still takes.
type bucketPair struct{ count, bytes bucket }

// pair returns the buckets of a shard; the caller holds s.mu.
func pair(m map[string]*bucketPair, scope ident.Scope, arn, shard string) *bucketPair {
	key := scope.Account + arn + "/" + shard
	if m[key] == nil {
		m[key] = &bucketPair{}
	}
	return m[key]
}

// mayWrite takes one record of size bytes out of a shard's write capacity:
// 1,000 records and 1 MiB a second.
//
// AWS: a record larger than a second's bytes is possible on streams with a
// larger record limit; here it passes when the bucket is full.
func (s *Service) mayWrite(scope ident.Scope, arn, shard string, now time.Time, size int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := pair(s.writing, scope, arn, shard)
	bytes, count := float64(limit("shardWriteBytesPerSecond")), float64(limit("shardWriteRecordsPerSecond"))
	p.bytes.refill(now, bytes)
	p.count.refill(now, count)
	if p.count.tokens < 1 || p.bytes.tokens < min(float64(size), bytes) {
		return false
	}
	p.count.tokens--
	p.bytes.tokens -= float64(size)
	return true
}

// mayRead takes one of a shard's five reads a second, unless bytes that were read are
// still to be made up for.
func (s *Service) mayRead(scope ident.Scope, arn, shard string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := pair(s.reading, scope, arn, shard)
	p.count.refill(now, float64(limit("shardReadsPerSecond")))
	p.bytes.refill(now, float64(limit("shardReadBytesPerSecond")))
	if p.count.tokens < 1 || p.bytes.tokens < 0 {
		return false
	}
	p.count.tokens--
	return true
}

// haveRead takes what a read has returned out of a shard's two MiB a second. More than
// a second's worth is returned at once and made up for afterwards: after 10 MiB, five
// seconds without a read.
// Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
func (s *Service) haveRead(scope ident.Scope, arn, shard string, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := pair(s.reading, scope, arn, shard)
	if size > limit("shardReadBytesPerSecond") {
		p.bytes.tokens = min(p.bytes.tokens, 0)
	}
	p.bytes.tokens -= float64(size)
}
