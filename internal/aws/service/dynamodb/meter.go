package dynamodb

import (
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

// meter keeps the token buckets of throughput. Each table and global index with
// provisioned capacity has one that fills at the provisioned rate up to five
// minutes' worth, which is AWS's burst capacity. Each partition key value has
// one besides, in either mode: 1,000 write or 3,000 read units a second is what
// a partition takes. A request passes while there is anything left in all that
// it needs and may overdraw, since its cost is known only afterwards.
//
// AWS: a partition holds many keys, and one of them gets a partition to itself
// only once it is hot; a table of few units has fewer for each of its
// partitions until adaptive capacity moves them. Here every key value has a
// partition of its own, and capacity goes at once where it is needed. A table
// has the whole five minutes' worth from the beginning: tables that have just
// been made take hundreds of writes at five units there, and what a burst may
// take does not depend on how long ago the table was made. Buckets are not
// stored: a restart begins anew.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
type meter struct {
	clock   *clock.Clock
	mu      sync.Mutex
	buckets map[bucketKey]*bucket
	swept   time.Time // when idle keys were last forgotten
}

// bucketKey names a table or, with a name, its global index; with a partition
// key value it is that of the value alone.
type bucketKey struct {
	table, index, partition string
	write                   bool
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

// bucket returns a bucket filled up to now; a new one is full. A change of the
// rate keeps what is in it, up to the new bound.
func (m *meter) bucket(k bucketKey, rate, seconds int64) *bucket {
	now, full := m.clock.Now(), float64(rate*seconds)
	b, ok := m.buckets[k]
	if !ok {
		b = &bucket{tokens: full, rate: rate, at: now}
		m.buckets[k] = b
	}
	b.tokens = min(full, b.tokens+now.Sub(b.at).Seconds()*float64(b.rate))
	b.rate, b.at = rate, now
	return b
}

// sweep forgets the partition keys that have rested: their buckets are full.
func (m *meter) sweep() {
	const pause = time.Minute
	now := m.clock.Now()
	if now.Sub(m.swept) < pause {
		return
	}
	m.swept = now
	for k, b := range m.buckets {
		if k.partition != "" && b.tokens+now.Sub(b.at).Seconds()*float64(b.rate) >= float64(b.rate) {
			delete(m.buckets, k)
		}
	}
}

// charge is what a request takes out of one bucket.
type charge struct {
	from  *bucket
	units float64
}

// admit charges the usage, or refuses it when a bucket that it needs is
// empty. Writes to a global index draw on the index's own throughput, and an
// empty one blocks the table's write.
func (m *meter) admit(sc ident.Scope, u usage) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep()
	charges, err := m.provisioned(sc, u)
	if err != nil {
		return err
	}
	for _, k := range u.keys {
		name := ""
		if ix := u.table.index(k.index); ix != nil && ix.Global {
			name = ix.Name // a local index lies in the table's partitions
		}
		rate := limit("partitionReadUnits")
		if u.write {
			rate = limit("partitionWriteUnits")
		}
		b := m.bucket(bucketKey{u.table.Key, name, k.partition, u.write}, rate, 1)
		if b.tokens <= 0 {
			return u.throttled(sc, name, keyRange)
		}
		charges = append(charges, charge{b, k.units})
	}
	for _, c := range charges {
		c.from.tokens -= c.units
	}
	return nil
}

// provisioned is what the usage takes of the capacity of a table and its global
// indexes; nothing where it is on demand.
func (m *meter) provisioned(sc ident.Scope, u usage) ([]charge, error) {
	if u.table.OnDemand {
		return nil, nil
	}
	base, charges := u.base, []charge(nil)
	for name, n := range u.indexes {
		ix := u.table.index(name)
		if ix == nil || !ix.Global {
			base += n
			continue
		}
		b := m.bucket(bucketKey{u.table.Key, name, "", u.write}, ix.Provided.of(u.write), limit("burstSeconds"))
		if b.tokens <= 0 {
			return nil, u.throttled(sc, name, provisioned)
		}
		charges = append(charges, charge{b, n})
	}
	if base > 0 {
		b := m.bucket(bucketKey{u.table.Key, "", "", u.write}, u.table.Provided.of(u.write), limit("burstSeconds"))
		if b.tokens <= 0 {
			return nil, u.throttled(sc, "", provisioned)
		}
		charges = append(charges, charge{b, base})
	}
	return charges, nil
}

func (p Throughput) of(write bool) int64 {
	if write {
		return p.Write
	}
	return p.Read
}
