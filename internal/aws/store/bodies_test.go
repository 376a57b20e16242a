package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/store"
)

// put stores a body under a key, as services do.
func put(t require.TestingT, s *store.Store, c *store.Collection[item], key, body string) string {
	blob, young, err := s.PutBlob(context.Background(), strings.NewReader(body))
	require.NoError(t, err)
	defer young.Release()
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		c.Put(tx, here, key, item{blob.ID})
		return nil
	}))
	return blob.ID
}

func del(t require.TestingT, s *store.Store, c *store.Collection[item], key string) {
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		c.Delete(tx, here, key)
		return nil
	}))
}

func read(s *store.Store, id string) (string, error) {
	r, err := s.OpenBlob(id)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

// gone waits until a body is deleted, which on disk takes until the journal is
// there.
func gone(t *testing.T, s *store.Store, id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := read(s, id)
		return errors.Is(err, store.ErrCorrupt)
	}, 20*time.Second, time.Millisecond)
}

// everywhere runs a test in memory and on disk.
func everywhere(t *testing.T, fn func(t *testing.T, dir string)) {
	t.Run("memory", func(t *testing.T) { t.Parallel(); fn(t, "") })
	t.Run("disk", func(t *testing.T) { t.Parallel(); fn(t, t.TempDir()) })
}

func TestBodies_areKeptWhileARowRefersToThem(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, dir string) {
		s, c := open(t, dir)
		kept, lost := put(t, s, c, "a", "kept"), put(t, s, c, "b", "lost")
		require.Equal(t, kept, put(t, s, c, "c", "kept"), "a body is stored once")
		del(t, s, c, "a")
		del(t, s, c, "b")
		gone(t, s, lost)
		body, err := read(s, kept)
		require.NoError(t, err)
		require.Equal(t, "kept", body)
		del(t, s, c, "c")
		gone(t, s, kept)
		require.Zero(t, s.Used())
		require.NoError(t, s.Close())
	})
}

func TestBodies_surviveAnUpdateThatFails(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, dir string) {
		s, c := open(t, dir)
		id := put(t, s, c, "a", "kept")
		young, hold, err := s.PutBlob(t.Context(), strings.NewReader("young"))
		require.NoError(t, err)
		require.ErrorIs(t, s.Update(func(tx *store.Tx) error {
			c.Delete(tx, here, "a")
			c.Put(tx, here, "b", item{young.ID})
			return errAbort
		}), errAbort)
		for _, id := range []string{id, young.ID} {
			_, err = read(s, id)
			require.NoError(t, err)
		}
		hold.Release()
		hold.Release()
		gone(t, s, young.ID)
		require.ErrorContains(t, s.Update(func(tx *store.Tx) error {
			c.Put(tx, here, "b", item{young.ID})
			return nil
		}), "is not stored or was released", "no row may refer to what is gone")
		require.Len(t, contents(s, c), 1)
		require.NoError(t, s.Close())
	})
}

func TestBodies_areKeptForReadersHoldsAndSnapshots(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, dir string) {
		s, c := open(t, dir)
		id := put(t, s, c, "a", "body")
		snap := s.Snapshot()
		var held *store.Hold
		require.NoError(t, s.View(func(tx *store.Tx) error {
			del(t, s, c, "a") // another client
			_, there := c.Get(tx, here, "a")
			require.True(t, there, "a reader's state does not change")
			_, err := read(s, id)
			require.NoError(t, err)
			held = tx.Hold(id)
			return nil
		}))
		s.Release(snap)
		other := put(t, s, c, "b", "other")
		del(t, s, c, "b")
		gone(t, s, other) // a sweep has been
		_, err := read(s, id)
		require.NoError(t, err, "it is held")
		held.Release()
		gone(t, s, id)

		again := put(t, s, c, "a", "body")
		snap = s.Snapshot()
		del(t, s, c, "a")
		other = put(t, s, c, "b", "other")
		del(t, s, c, "b")
		require.NoError(t, s.Restore(snap))
		s.Release(snap)
		gone(t, s, other)
		_, err = read(s, again)
		require.NoError(t, err, "the snapshot brought its row back")
		require.NoError(t, s.Reset())
		gone(t, s, again)
		require.NoError(t, s.Close())
	})
}

func TestBodies_doNotPileUpUnderOverwrites(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, c := open(t, dir)
	body := bytes.Repeat([]byte("x"), 1<<20)
	for i := range 40 {
		put(t, s, c, "k", fmt.Sprint(i, string(body)))
	}
	require.LessOrEqual(t, diskUse(t, dir), int64(41<<20))
	del(t, s, c, "k")
	require.Eventually(t, func() bool { return diskUse(t, dir) < 64<<10 }, 20*time.Second, 10*time.Millisecond)
	require.NoError(t, s.Close())
}

func diskUse(t require.TestingT, dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // it was deleted meanwhile
		}
		if info, err := d.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size
}

func TestOpen_removesWhatCrashesLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, c := open(t, dir)
	id := put(t, s, c, "a", "kept")
	orphan, _, err := s.PutBlob(t.Context(), strings.NewReader("no transaction comes"))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	cut := filepath.Join(dir, "blobs", "tmp-123")
	require.NoError(t, os.WriteFile(cut, []byte("half an upl"), 0o600))
	half := filepath.Join(dir, "tmp-456")
	require.NoError(t, os.WriteFile(half, []byte("half a snapshot"), 0o600))

	s, _ = open(t, dir)
	for _, path := range []string{cut, half, filepath.Join(dir, "blobs", orphan.ID[:2], orphan.ID)} {
		require.NoFileExists(t, path)
	}
	body, err := read(s, id)
	require.NoError(t, err)
	require.Equal(t, "kept", body)
	require.NoError(t, s.Close())
}

func TestOpenBlob_noticesADamagedFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, c := open(t, dir)
	bad, lost := put(t, s, c, "bad", "what was stored"), put(t, s, c, "lost", "and this too")
	require.NoError(t, s.Close())
	path := filepath.Join(dir, "blobs", bad[:2], bad)
	require.NoError(t, os.WriteFile(path, []byte("what was Stored"), 0o600))
	require.NoError(t, os.Remove(filepath.Join(dir, "blobs", lost[:2], lost)))

	s, c = open(t, dir)
	_, err := read(s, bad)
	require.ErrorIs(t, err, store.ErrCorrupt)
	require.ErrorContains(t, err, path)
	_, err = read(s, lost)
	require.ErrorIs(t, err, store.ErrCorrupt)
	require.Equal(t, bad, put(t, s, c, "bad", "what was stored"))
	body, err := read(s, bad)
	require.NoError(t, err)
	require.Equal(t, "what was stored", body, "to store it again mends it")
	require.NoError(t, s.Close())
}

func TestMaxBytes_boundsBodiesAndRows(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, dir string) {
		s := store.New(store.Options{Dir: dir, MaxBytes: 10_000})
		c := store.NewCollection[item](s, "test.items", store.WithBlobs(func(i item) []string {
			if len(i.Value) == 64 {
				return []string{i.Value}
			}
			return nil
		}))
		require.NoError(t, s.Open())
		id := put(t, s, c, "body", strings.Repeat("x", 6000))
		before := s.Used()
		_, _, err := s.PutBlob(t.Context(), strings.NewReader(strings.Repeat("y", 6000)))
		require.ErrorIs(t, err, store.ErrFull)
		err = s.Update(func(tx *store.Tx) error {
			c.Put(tx, here, "small", item{"x"})
			c.Put(tx, here, "large", item{strings.Repeat("z", 5000)})
			return nil
		})
		require.ErrorIs(t, err, store.ErrFull)
		require.Equal(t, map[string]string{"body": id}, contents(s, c), "all or nothing")
		require.Equal(t, before, s.Used())

		del(t, s, c, "body")
		put(t, s, c, "body", strings.Repeat("y", 6000)) // there is room at once
		snap := s.Snapshot()
		require.NoError(t, s.Update(func(tx *store.Tx) error {
			c.Put(tx, here, "row", item{strings.Repeat("z", 3000)})
			c.Put(tx, here, "row", item{strings.Repeat("z", 3001)})
			return nil
		}))
		full := s.Used()
		require.NoError(t, s.Restore(snap))
		require.Equal(t, before, s.Used())
		require.Less(t, before, full)
		s.Release(snap)
		require.NoError(t, s.Reset())
		require.Eventually(t, func() bool { return s.Used() == 0 }, 20*time.Second, time.Millisecond)
		require.NoError(t, s.Close())
	})
}

func TestMaxBytes_countsWhatIsReadBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 3 {
		s := store.New(store.Options{Dir: dir, MaxBytes: 10_000})
		c := store.NewCollection[item](s, "test.items")
		require.NoError(t, s.Open())
		require.Equal(t, i > 0, s.Used() > 4000)
		require.NoError(t, s.Update(func(tx *store.Tx) error {
			c.Put(tx, here, "row", item{strings.Repeat("z", 4000)})
			return nil
		}))
		require.Less(t, s.Used(), int64(4200), "the same row again does not count twice")
		require.NoError(t, s.Close())
	}
}
