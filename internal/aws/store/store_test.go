package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

type item struct{ Value string }

var here = ident.Scope{Account: "000000000000", Region: "us-east-1"}

func open(t require.TestingT, dir string) (*store.Store, *store.Collection[item]) {
	s := store.New(store.Options{Dir: dir})
	c := store.NewCollection[item](s, "test.items", store.WithBlobs(func(i item) []string {
		if len(i.Value) == 64 {
			return []string{i.Value}
		}
		return nil
	}))
	require.NoError(t, s.Open())
	return s, c
}

func contents(s *store.Store, c *store.Collection[item]) map[string]string {
	got := map[string]string{}
	_ = s.View(func(tx *store.Tx) error {
		c.Scan(tx, here, "", "", func(k string, v item) bool {
			got[k] = v.Value
			return true
		})
		return nil
	})
	return got
}

var errAbort = errors.New("abort")

// Whatever is written, rolled back, snapshotted and reopened, the store holds
// what a plain map would.
func TestStore_behavesLikeAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "store") //nolint:usetesting // one for each of the many runs, gone after it
		require.NoError(t, err)
		defer os.RemoveAll(dir)
		s, c := open(t, dir)
		model := map[string]string{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				require.NoError(t, s.Close())
				s, c = open(t, dir)
			case 1:
				snap, before := s.Snapshot(), contents(s, c)
				require.NoError(t, s.Update(func(tx *store.Tx) error {
					c.Put(tx, here, "later", item{"x"})
					return nil
				}))
				require.NoError(t, s.Restore(snap))
				s.Release(snap)
				require.Equal(t, before, contents(s, c))
			default:
				writes := rapid.SliceOfN(rapid.StringMatching(`[abc]{1,2}`), 1, 4).Draw(t, "keys")
				abort := rapid.Bool().Draw(t, "abort")
				next := map[string]string{}
				for k, v := range model {
					next[k] = v
				}
				err := s.Update(func(tx *store.Tx) error {
					for i, k := range writes {
						if rapid.Bool().Draw(t, "delete") {
							require.Equal(t, has(next, k), c.Delete(tx, here, k))
							delete(next, k)
						} else {
							c.Put(tx, here, k, item{fmt.Sprint(i, k)})
							next[k] = fmt.Sprint(i, k)
						}
					}
					if abort {
						return errAbort
					}
					return nil
				})
				if abort {
					require.ErrorIs(t, err, errAbort)
				} else {
					require.NoError(t, err)
					model = next
				}
			}
			if diff := cmp.Diff(model, contents(s, c)); diff != "" {
				t.Fatalf("store differs from model (-want +got):\n%s", diff)
			}
		}
		require.NoError(t, s.Close())
	})
}

func has(m map[string]string, k string) bool {
	_, ok := m[k]
	return ok
}

// A journal cut at any byte gives back a prefix of the transactions, whole.
func TestOpen_afterACutAtEveryByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, c := open(t, dir)
	for i := range 6 {
		require.NoError(t, s.Update(func(tx *store.Tx) error {
			c.Put(tx, here, fmt.Sprintf("a%d", i), item{"one"})
			c.Put(tx, here, fmt.Sprintf("b%d", i), item{"two"})
			return nil
		}))
	}
	require.NoError(t, s.Close())
	whole, err := os.ReadFile(filepath.Join(dir, "journal-0"))
	require.NoError(t, err)
	base, err := os.ReadFile(filepath.Join(dir, "snapshot-0"))
	require.NoError(t, err)
	last := 0
	for cut := 32; cut <= len(whole); cut++ { // the header is there before the file has its name
		at := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(at, "snapshot-0"), base, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(at, "journal-0"), whole[:cut], 0o600))
		s, c := open(t, at)
		got := contents(s, c)
		require.Zero(t, len(got)%2, "half a transaction after a cut at byte %d", cut)
		require.GreaterOrEqual(t, len(got), last)
		last = len(got)
		require.NoError(t, s.Update(func(tx *store.Tx) error {
			c.Put(tx, here, "new", item{"x"})
			return nil
		}))
		require.NoError(t, s.Close())
		s, c = open(t, at)
		require.Len(t, contents(s, c), len(got)+1, "a write after recovery is kept")
		require.NoError(t, s.Close())
	}
	require.Equal(t, 12, last)
}

func TestOpen_refusesASecondProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := open(t, dir)
	other := store.New(store.Options{Dir: dir})
	require.ErrorContains(t, other.Open(), "in use by another process")
	require.NoError(t, s.Close())
}

func TestScan_keepsToItsScopeAndPrefix(t *testing.T) {
	t.Parallel()
	s, c := open(t, "")
	elsewhere := ident.Scope{Account: here.Account, Region: "us-east-2"}
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		for _, k := range []string{"a", "b/1", "b/2", "b/3", "c"} {
			c.Put(tx, here, k, item{k})
		}
		c.Put(tx, elsewhere, "b/9", item{"other region"})
		return nil
	}))
	var up, down, from []string
	require.NoError(t, s.View(func(tx *store.Tx) error {
		c.Scan(tx, here, "b/", "", func(k string, _ item) bool { up = append(up, k); return true })
		c.Scan(tx, here, "b/", "b/2", func(k string, _ item) bool { from = append(from, k); return true })
		c.ScanBack(tx, here, "b/", "", func(k string, _ item) bool { down = append(down, k); return true })
		return nil
	}))
	require.Equal(t, []string{"b/1", "b/2", "b/3"}, up)
	require.Equal(t, []string{"b/2", "b/3"}, from)
	require.Equal(t, []string{"b/3", "b/2", "b/1"}, down)
}

func TestUpdate_isUndoneByAPanicAndTellsOnlyOfWhatLasts(t *testing.T) {
	t.Parallel()
	s, c := open(t, "")
	told := []string{}
	write := func(key string, end func() error) error {
		return s.Update(func(tx *store.Tx) error {
			c.Put(tx, here, key, item{"x"})
			tx.OnCommit(func() {
				require.Contains(t, contents(s, c), key, "the lock is free and the change is seen")
				told = append(told, key)
			})
			return end()
		})
	}
	require.NoError(t, write("kept", func() error { return nil }))
	require.ErrorIs(t, write("failed", func() error { return errAbort }), errAbort)
	require.Panics(t, func() { _ = write("panicked", func() error { panic("half way") }) })
	require.Equal(t, map[string]string{"kept": "x"}, contents(s, c))
	require.Equal(t, []string{"kept"}, told)
}
