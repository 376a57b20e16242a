package store_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// list is a value of an older release that today is a row for each of its names.
type list struct{ Names []string }

// oldState makes a folder in which lists and uploads are stored as they were.
func oldState(t *testing.T) string {
	dir := t.TempDir()
	s := store.New(store.Options{Dir: dir})
	lists := store.NewCollection[list](s, "test.lists")
	gone := store.NewCollection[list](s, "test.gone")
	require.NoError(t, s.Open())
	require.NoError(t, s.Update(func(tx *store.Tx) error {
		lists.Put(tx, here, "a", list{[]string{"1", "2"}})
		lists.Put(tx, here, "b", list{[]string{"3"}})
		gone.Put(tx, here, "g", list{[]string{"4"}})
		return nil
	}))
	require.NoError(t, s.Close())
	return dir
}

// today registers the collections that took the place of the lists.
func today(dir string, fail error) (*store.Store, *store.Collection[int], *store.Collection[string]) {
	s := store.New(store.Options{Dir: dir})
	var names *store.Collection[string]
	split := func(tx *store.Tx, sc ident.Scope, key string, old []byte) error {
		var was list
		if err := json.Unmarshal(old, &was); err != nil {
			return err
		}
		for _, n := range was.Names {
			names.Put(tx, sc, store.Key(key, n), n)
		}
		return fail
	}
	var lists *store.Collection[int]
	lists = store.NewCollection(s, "test.lists",
		store.WithUpgrade[int](1, func(tx *store.Tx, sc ident.Scope, key string, old []byte) error {
			var was list
			_ = json.Unmarshal(old, &was)
			lists.Put(tx, sc, key, len(was.Names))
			return split(tx, sc, key, old)
		}))
	names = store.NewCollection[string](s, "test.names")
	s.Retire("test.gone", split)
	return s, lists, names
}

func TestOpen_upgradesRowsOfOlderReleases(t *testing.T) {
	t.Parallel()
	dir := oldState(t)
	for range 2 { // the second time there is nothing to upgrade
		s, lists, names := today(dir, nil)
		require.NoError(t, s.Open())
		got := map[string]string{}
		counts := map[string]int{}
		require.NoError(t, s.View(func(tx *store.Tx) error {
			names.Scan(tx, here, "", "", func(k, v string) bool { got[strings.ReplaceAll(k, "\x00", "/")] = v; return true })
			lists.Scan(tx, here, "", "", func(k string, v int) bool { counts[k] = v; return true })
			return nil
		}))
		require.Equal(t, map[string]string{"a/1": "1", "a/2": "2", "b/3": "3", "g/4": "4"}, got)
		require.Equal(t, map[string]int{"a": 2, "b": 1}, counts)
		require.NoError(t, s.Close())
	}
}

func TestOpen_leavesTheFilesWhenAnUpgradeFails(t *testing.T) {
	t.Parallel()
	dir := oldState(t)
	before := files(t, dir)
	s, _, _ := today(dir, errors.New("no way"))
	require.ErrorContains(t, s.Open(), "no way")
	require.Equal(t, before, files(t, dir))
	s, _, names := today(dir, nil)
	require.NoError(t, s.Open())
	require.NoError(t, s.View(func(tx *store.Tx) error {
		_, ok := names.Get(tx, here, store.Key("a", "1"))
		require.True(t, ok)
		return nil
	}))
	require.NoError(t, s.Close())
}

func TestOpen_refusesWhatANewerReleaseWrote(t *testing.T) {
	t.Parallel()
	dir := oldState(t)
	s, _, _ := today(dir, nil)
	require.NoError(t, s.Open())
	require.NoError(t, s.Close())
	before := files(t, dir)

	older := store.New(store.Options{Dir: dir})
	store.NewCollection[list](older, "test.lists")
	err := older.Open()
	require.ErrorIs(t, err, store.ErrNewer)
	require.ErrorContains(t, err, "test.lists in version 2, and this release knows up to 1")

	stranger := store.New(store.Options{Dir: dir})
	store.NewCollection(stranger, "test.lists", store.WithUpgrade[int](1,
		func(*store.Tx, ident.Scope, string, []byte) error { return nil }))
	require.ErrorIs(t, stranger.Open(), store.ErrNewer, "rows of a collection that it does not know")
	require.Equal(t, before, files(t, dir))
}

// files are the contents of a folder by name, without the lock.
func files(t *testing.T, dir string) map[string]string {
	got := map[string]string{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if e.IsDir() || e.Name() == "lock" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		got[e.Name()] = string(b)
	}
	return got
}
