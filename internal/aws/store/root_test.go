package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/store"
)

func TestView_neitherWaitsNorLetsWait(t *testing.T) {
	t.Parallel()
	s, c := open(t, "")
	write := func(n int) {
		require.NoError(t, s.Update(func(tx *store.Tx) error {
			c.Put(tx, here, "k", item{fmt.Sprint(n)})
			return nil
		}))
	}
	write(1)
	require.NoError(t, s.View(func(tx *store.Tx) error {
		write(2) // a writer in the middle of a long read
		v, _ := c.Get(tx, here, "k")
		require.Equal(t, "1", v.Value)
		return nil
	}))
	require.Equal(t, "2", contents(s, c)["k"])
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		c.Put(tx, here, "k", item{"3"})
		v, _ := c.Get(tx, here, "k")
		require.Equal(t, "3", v.Value, "a writer sees its own writes")
		require.NoError(t, s.View(func(old *store.Tx) error { // a reader in the middle of a long write
			v, _ := c.Get(old, here, "k")
			require.Equal(t, "2", v.Value)
			return nil
		}))
		return nil
	}))
	require.Equal(t, "3", contents(s, c)["k"])
}

// Readers see whole transactions, each at least as new as the last one that was
// acknowledged when they began.
func TestView_isConsistentBesideWriters(t *testing.T) {
	t.Parallel()
	s := store.New(store.Options{})
	left := store.NewCollection[int](s, "test.left")
	right := store.NewCollection[int](s, "test.right")
	require.NoError(t, s.Open())
	var acknowledged atomic.Int64
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				least := acknowledged.Load()
				_ = s.View(func(tx *store.Tx) error {
					l, _ := left.Get(tx, here, "k")
					r, _ := right.Get(tx, here, "k")
					if l != -r || int64(l) < least {
						t.Errorf("read %d and %d after %d was acknowledged", l, r, least)
					}
					return nil
				})
			}
		})
	}
	for i := range 5000 {
		err := s.Update(func(tx *store.Tx) error {
			left.Put(tx, here, "k", i)
			right.Put(tx, here, "k", -i)
			if i%7 == 0 {
				return errAbort
			}
			return nil
		})
		if err == nil {
			acknowledged.Store(int64(i))
		}
	}
	close(done)
	readers.Wait()
}

func TestUpdate_afterCloseIsAnError(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, dir string) {
		s, c := open(t, dir)
		require.NoError(t, s.Close())
		require.ErrorIs(t, s.Update(func(tx *store.Tx) error {
			c.Put(tx, here, "k", item{"x"})
			return nil
		}), store.ErrClosed)
		require.Empty(t, contents(s, c))
		require.ErrorIs(t, s.Reset(), store.ErrClosed)
	})
}

// What is written rarely can be read with every call: a peek sees the present of
// what it reads, however old the state that was published last is for the rest.
func TestPeek_seesThePresentOfWhatItReads(t *testing.T) {
	t.Parallel()
	s := store.New(store.Options{})
	rare, often := store.NewCollection[int](s, "test.rare"), store.NewCollection[int](s, "test.often")
	require.NoError(t, s.Open())
	put := func(c *store.Collection[int], n int) {
		require.NoError(t, s.Update(func(tx *store.Tx) error {
			c.Put(tx, here, "k", n)
			return nil
		}))
	}
	calls := 0
	peek := func(cs ...*store.Collection[int]) (seen []int) {
		require.NoError(t, s.Peek(func(tx *store.Tx) error {
			calls, seen = calls+1, nil
			for _, c := range cs {
				n, _ := c.Get(tx, here, "k")
				seen = append(seen, n)
			}
			return nil
		}))
		return seen
	}
	require.Equal(t, []int{0, 0}, peek(rare, often), "nothing was ever published")
	put(rare, 1)
	require.Equal(t, []int{1}, peek(rare))
	for n := range 5 {
		put(often, n+1)
		calls = 0
		require.Equal(t, []int{1}, peek(rare))
		require.Equal(t, 1, calls, "one look is enough: what was written is not read")
	}
	require.Equal(t, []int{1, 5}, peek(rare, often))
	require.Equal(t, 3, calls, "the second collection had changed, so both are read anew")
	snap := s.Snapshot()
	put(rare, 2)
	require.Equal(t, []int{2, 5}, peek(rare, often))
	require.NoError(t, s.Restore(snap))
	require.Equal(t, []int{1}, peek(rare))
	require.NoError(t, s.Reset())
	require.Equal(t, []int{0, 0}, peek(often, rare))
}

// Beside writers a peek sees whole transactions, each at least as new as the last
// one that was acknowledged when it began.
func TestPeek_isConsistentBesideWriters(t *testing.T) {
	t.Parallel()
	s := store.New(store.Options{})
	left, right := store.NewCollection[int](s, "test.left"), store.NewCollection[int](s, "test.right")
	require.NoError(t, s.Open())
	var acknowledged atomic.Int64
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				before := int(acknowledged.Load())
				var l, r int
				_ = s.Peek(func(tx *store.Tx) error {
					l, _ = left.Get(tx, here, "k")
					r, _ = right.Get(tx, here, "k")
					return nil
				})
				if l != r || l < before {
					t.Errorf("saw %d and %d after %d was acknowledged", l, r, before)
					return
				}
			}
		})
	}
	for n := 1; n <= 2000; n++ {
		require.NoError(t, s.Update(func(tx *store.Tx) error {
			left.Put(tx, here, "k", n)
			right.Put(tx, here, "k", n)
			return nil
		}))
		acknowledged.Store(int64(n))
	}
	close(done)
	readers.Wait()
}

func TestLastWrite_changesWithTheContentAlone(t *testing.T) {
	t.Parallel()
	s, c := open(t, "")
	require.Zero(t, c.LastWrite())
	write := func(fail error) error {
		return s.Update(func(tx *store.Tx) error {
			c.Put(tx, here, "k", item{"1"})
			return fail
		})
	}
	require.NoError(t, write(nil))
	first := c.LastWrite()
	require.NotZero(t, first)
	require.Error(t, write(errors.New("the transaction fails")))
	require.Equal(t, first, c.LastWrite())
	require.NoError(t, s.View(func(*store.Tx) error { return nil }))
	require.Equal(t, first, c.LastWrite())
	require.NoError(t, s.Reset())
	require.NotEqual(t, first, c.LastWrite())
}
