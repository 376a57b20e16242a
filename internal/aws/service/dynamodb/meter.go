package dynamodb

import (
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/aws/clock"
)

// meter keeps the token buckets of provisioned throughput. A bucket fills at
// the provisioned rate up to five minutes' worth, which is AWS's burst
// capacity, and starts full. A request passes while there is anything left and
// may overdraw, since its cost is known only afterwards.
//
// AWS: capacity is divided among partitions, each with 3,000 RCU and 1,000
// WCU at most, and moves between them; here a table is one partition without
// that bound. Buckets are not stored: a restart fills them.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
type meter struct {
	clock   *clock.Clock
	mu      sync.Mutex
	buckets map[bucketKey]*bucket
}

type bucketKey struct {
	table, index string
	write        bool
}

type bucket struct {
	tokens float64
	rate   int64
	at     time.Time
}

func newMeter(c *clock.Clock) *meter {
	return &meter{clock: c, buckets: map[bucketKey]*bucket{}}
}

func (m *meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.buckets)
}

// forget drops the buckets of a deleted table.
func (m *meter) forget(table string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k := range m.buckets {
		if k.table == table {
			delete(m.buckets, k)
		}
	}
}

// bucket returns a bucket filled up to now. A change of the rate keeps what is
// in it, up to the new bound.
func (m *meter) bucket(k bucketKey, rate int64) *bucket {
	now, full := m.clock.Now(), float64(rate*limit("burstSeconds"))
	b, ok := m.buckets[k]
	if !ok {
		b = &bucket{tokens: full, rate: rate, at: now}
		m.buckets[k] = b
	}
	b.tokens = min(full, b.tokens+now.Sub(b.at).Seconds()*float64(b.rate))
	b.rate, b.at = rate, now
	return b
}

// admit charges the usage, or refuses it when a bucket that it needs is
// empty. Writes to a global index draw on the index's own throughput, and an
// empty one blocks the table's write.
func (m *meter) admit(u usage) error {
	if u.table.OnDemand {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	base, globals := u.base, []float64(nil)
	buckets := []*bucket{}
	for name, n := range u.indexes {
		ix := u.table.index(name)
		if ix == nil || !ix.Global {
			base += n
			continue
		}
		b := m.bucket(bucketKey{u.table.Key, name, u.write}, ix.Provided.of(u.write))
		if b.tokens <= 0 {
			return throttled(msgIndexThrottled)
		}
		buckets, globals = append(buckets, b), append(globals, n)
	}
	if base > 0 {
		b := m.bucket(bucketKey{u.table.Key, "", u.write}, u.table.Provided.of(u.write))
		if b.tokens <= 0 {
			return throttled(msgThrottled)
		}
		b.tokens -= base
	}
	for i, b := range buckets {
		b.tokens -= globals[i]
	}
	return nil
}

func (p Throughput) of(write bool) int64 {
	if write {
		return p.Write
	}
	return p.Read
}
