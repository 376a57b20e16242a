package store_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/store"
)

// state makes a folder with six transactions behind a snapshot of two rows.
func state(t *testing.T) string {
	dir := t.TempDir()
	s, c := open(t, dir)
	writeRows(t, s, c, 0, 2)
	require.NoError(t, s.Restore(s.Snapshot())) // begins a new generation
	writeRows(t, s, c, 2, 8)
	require.NoError(t, s.Close())
	return dir
}

func writeRows(t *testing.T, s *store.Store, c *store.Collection[item], from, to int) {
	for i := from; i < to; i++ {
		require.NoError(t, s.Update(func(tx *store.Tx) error {
			c.Put(tx, here, fmt.Sprint("k", i), item{"value"})
			return nil
		}))
	}
}

// refused opens a folder, which must fail and change nothing.
func refused(t *testing.T, dir string) error {
	t.Helper()
	before := files(t, dir)
	s := store.New(store.Options{Dir: dir})
	store.NewCollection[item](s, "test.items")
	err := s.Open()
	require.Error(t, err)
	require.Equal(t, before, files(t, dir))
	return err
}

func change(t *testing.T, path string, fn func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, fn(b), 0o600))
}

func TestOpen_noticesEveryByteThatChanged(t *testing.T) {
	t.Parallel()
	dir := state(t)
	for _, name := range []string{"snapshot-1", "journal-1"} {
		path := filepath.Join(dir, name)
		whole, err := os.ReadFile(path)
		require.NoError(t, err)
		for at := range whole {
			change(t, path, func(b []byte) []byte { b[at] ^= 0x41; return b })
			require.ErrorIs(t, refused(t, dir), store.ErrCorrupt, "%s, byte %d", name, at)
			require.NoError(t, os.WriteFile(path, whole, 0o600))
		}
	}
	s, c := open(t, dir)
	require.Len(t, contents(s, c), 8)
	require.NoError(t, s.Close())
}

func TestOpen_saysWhereTheDamageIs(t *testing.T) {
	t.Parallel()
	dir := state(t)
	path := filepath.Join(dir, "journal-1")
	size := 0
	change(t, path, func(b []byte) []byte {
		size = (len(b) - 32) / 6
		b[32+3*size+25] ^= 1 // in the fourth of six changes
		return b
	})
	err := refused(t, dir)
	var damage *store.DamageError
	require.ErrorAs(t, err, &damage)
	require.Equal(t, &store.DamageError{File: path, Offset: int64(32 + 3*size), Changes: damage.Changes,
		Reason: "the checksum of a change is wrong"}, damage)
	require.ErrorContains(t, err, "the 5 changes before it can be read, and nothing was altered")
	require.Equal(t, dir, damage.Dir())
}

func TestOpen_dropsOnlyWhatNeverReachedTheDisk(t *testing.T) {
	t.Parallel()
	dir := state(t)
	path := filepath.Join(dir, "journal-1")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	size := (len(whole) - 32) / 6
	for zeros := 4; zeros < 2*size; zeros++ { // written lengths whose bytes a power cut took
		if left := zeros % size; left > 0 && left < 4 {
			continue // less than the end of a frame: sectors are larger
		}
		require.NoError(t, os.WriteFile(path, append(whole[:len(whole)-zeros:len(whole)-zeros],
			make([]byte, zeros+100)...), 0o600))
		s, c := open(t, dir)
		require.Len(t, contents(s, c), 8-(zeros+size-1)/size, "%d zeros", zeros)
		require.NoError(t, s.Close())
	}
}

func TestOpen_refusesGapsBetweenFiles(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(t *testing.T, dir string){
		"no journal":  func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "journal-1"))) },
		"no snapshot": func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "snapshot-1"))) },
		"an empty journal": func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, "journal-1"), func([]byte) []byte { return nil })
		},
		"a snapshot that is cut off at a frame": func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, "snapshot-1"), func(b []byte) []byte {
				return b[:32+20+binary.LittleEndian.Uint32(b[32:])+4]
			})
		},
		"an older journal that is cut short": func(t *testing.T, dir string) {
			// As after a compaction that could not write its snapshot.
			change(t, filepath.Join(dir, "journal-1"), func(b []byte) []byte { return b[:len(b)-3] })
			next := state(t)
			require.NoError(t, os.Rename(filepath.Join(next, "journal-1"), filepath.Join(dir, "journal-2")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := state(t)
			harm(t, dir)
			require.ErrorIs(t, refused(t, dir), store.ErrCorrupt)
		})
	}
}

// journal1 is a journal of format 1 with n transactions, and where each begins.
func journal1(n int) (b []byte, starts []int) {
	text := func(p []byte, s string) []byte { return append(binary.AppendUvarint(p, uint64(len(s))), s...) }
	for i := range n {
		p := text(text(text([]byte{0}, "test.items"), "000000000000\x00us-east-1\x00k"+fmt.Sprint(i)), `{"Value":"v"}`)
		starts = append(starts, len(b))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
		b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(p, crc32.MakeTable(crc32.Castagnoli)))
		b = append(b, p...)
	}
	return b, starts
}

func TestOpen_tellsDamageFromATornTailInFormat1(t *testing.T) {
	t.Parallel()
	whole, starts := journal1(6)
	write := func(t *testing.T, b []byte) string {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "journal-0"), b, 0o600))
		return dir
	}
	for cut := range len(whole) + 1 {
		dir := write(t, whole[:cut])
		for range 2 {
			s, c := open(t, dir)
			n := 0
			for n < 5 && starts[n+1] <= cut {
				n++
			}
			if cut == len(whole) {
				n = 6
			}
			require.Len(t, contents(s, c), n, "cut at byte %d", cut)
			require.NoError(t, s.Close())
		}
	}
	for at := range starts[5] {
		b := append([]byte(nil), whole...)
		b[at] ^= 0x41
		require.ErrorIs(t, refused(t, write(t, b)), store.ErrCorrupt, "byte %d", at)
	}
}

func TestOpen_refusesAFormatThatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	dir := state(t)
	change(t, filepath.Join(dir, "snapshot-1"), func(b []byte) []byte {
		b[8] = 3
		binary.LittleEndian.PutUint32(b[28:], crc32.Checksum(b[:28], crc32.MakeTable(crc32.Castagnoli)))
		return b
	})
	err := refused(t, dir)
	require.ErrorIs(t, err, store.ErrNewer)
	require.ErrorContains(t, err, "its format is 3, and this release knows 1 and 2")
	require.False(t, errors.Is(err, store.ErrCorrupt))
}
