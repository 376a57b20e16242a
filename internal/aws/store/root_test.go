package store_test

import (
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
