package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/store"
)

// BenchmarkView_besideAWriter is how many pages of 100 rows readers get, and how
// many rows a writer writes beside them, each also as a multiple of what they
// get when one lock for readers and writers stands around the same store.
func BenchmarkView_besideAWriter(b *testing.B) {
	for _, readers := range []int{1, 2, 4} {
		b.Run(fmt.Sprint(readers, "-readers"), func(b *testing.B) {
			s := store.New(store.Options{})
			c := store.NewCollection[item](s, "test.items")
			require.NoError(b, s.Open())
			for i := range 10_000 {
				write(s, c, i)
			}
			var lock sync.RWMutex
			page := func() {
				_ = s.View(func(tx *store.Tx) error {
					n := 0
					c.Scan(tx, here, "", "", func(string, item) bool { n++; return n < 100 })
					return nil
				})
			}
			var reads, writes, lockedReads, lockedWrites float64
			for b.Loop() {
				r, w := together(readers, page, func(i int) { write(s, c, i) })
				reads, writes = reads+r, writes+w
				r, w = together(readers, func() {
					lock.RLock()
					defer lock.RUnlock()
					page()
				}, func(i int) {
					lock.Lock()
					defer lock.Unlock()
					write(s, c, i)
				})
				lockedReads, lockedWrites = lockedReads+r, lockedWrites+w
			}
			b.ReportMetric(reads/lockedReads, "reads-vs-lock")
			b.ReportMetric(writes/lockedWrites, "writes-vs-lock")
			b.ReportMetric(reads/float64(b.N)*20, "reads/s")
			b.ReportMetric(writes/float64(b.N)*20, "writes/s")
		})
	}
}

func write(s *store.Store, c *store.Collection[item], i int) {
	_ = s.Update(func(tx *store.Tx) error {
		c.Put(tx, here, fmt.Sprintf("%08d", i%10_000), item{"value"})
		return nil
	})
}

// together counts how often each can be done in a twentieth of a second.
func together(readers int, read func(), write func(i int)) (reads, writes float64) {
	var stop atomic.Bool
	var r, w atomic.Int64
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			for ; !stop.Load(); r.Add(1) {
				read()
			}
		})
	}
	all.Go(func() {
		for i := 0; !stop.Load(); i++ {
			write(i)
			w.Add(1)
		}
	})
	time.Sleep(50 * time.Millisecond) // how long is counted; nothing is waited for
	stop.Store(true)
	all.Wait()
	return float64(r.Load()), float64(w.Load())
}

// BenchmarkUpdate is the cost of a transaction of one row, with and without a
// reader before each, who makes the store publish its state; the ratio is
// against the same row without a reader.
func BenchmarkUpdate(b *testing.B) {
	for _, place := range []string{"memory", "disk", "bounded"} {
		b.Run(place, func(b *testing.B) {
			o := store.Options{}
			switch place {
			case "disk":
				o.Dir = b.TempDir()
			case "bounded":
				o.MaxBytes = 1 << 40
			}
			s := store.New(o)
			c := store.NewCollection[item](s, "test.items")
			require.NoError(b, s.Open())
			for i := range 100_000 {
				_ = s.Update(func(tx *store.Tx) error {
					c.Put(tx, here, fmt.Sprintf("%08d", i), item{"value"})
					return nil
				})
			}
			var alone, read time.Duration
			i := 0
			for b.Loop() {
				i += 7919
				start := time.Now()
				update(s, c, i)
				between := time.Now()
				_ = s.View(func(*store.Tx) error { return nil })
				update(s, c, i+1)
				alone, read = alone+between.Sub(start), read+time.Since(between)
			}
			b.ReportMetric(float64(alone.Nanoseconds())/float64(b.N), "ns/update")
			b.ReportMetric(float64(read)/float64(alone), "with-reader-vs-alone")
			require.NoError(b, s.Close())
		})
	}
}

func update(s *store.Store, c *store.Collection[item], i int) {
	_ = s.Update(func(tx *store.Tx) error {
		c.Put(tx, here, fmt.Sprintf("%08d", i%100_000), item{"value"})
		return nil
	})
}
