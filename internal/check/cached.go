package check

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// cached watches Go's cache of compiled packages while strangers' programs are
// compiled into it: what they leave there would stay for good, and no limit of the
// cage counts it, since the cache is everybody's.
type cached struct {
	dir    string
	before map[string]bool // files, by their paths below dir
}

// watchCache takes note of what is there. The folder has a folder for each first byte
// of a name and no deeper ones.
func watchCache(dir string) *cached {
	c := &cached{dir: dir, before: map[string]bool{}}
	for _, name := range c.names() {
		c.before[name] = true
	}
	return c
}

func (c *cached) names() (names []string) {
	folders, _ := os.ReadDir(c.dir) // there is none before the first build
	for _, folder := range folders {
		if !folder.IsDir() {
			continue
		}
		f, err := os.Open(filepath.Join(c.dir, folder.Name()))
		if err != nil {
			continue
		}
		files, _ := f.Readdirnames(-1)
		_ = f.Close()
		for _, file := range files {
			names = append(names, filepath.Join(folder.Name(), file))
		}
	}
	return names
}

// grown lists what has come since, with its size in bytes.
func (c *cached) grown() (files []string, size int64) {
	for _, name := range c.names() {
		if c.before[name] {
			continue
		}
		file := filepath.Join(c.dir, name)
		if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() {
			files, size = append(files, file), size+info.Size()
		}
	}
	return files, size
}

// undo removes what has come if it is more than most bytes, and says so; "" if it is
// not.
func (c *cached) undo(most int64) string {
	files, size := c.grown()
	if size <= most {
		return ""
	}
	for _, f := range files {
		_ = os.Remove(f) // somebody else may have
	}
	return fmt.Sprintf("compiling it left more than %d MiB of packages in Go's cache, which were removed\n", most>>20)
}

// cachedEvery is how often the cache is looked at while a compiler runs.
const cachedEvery = time.Second

// hold cancels when more than most bytes have come, until the returned function is
// called.
func (c *cached) hold(ctx context.Context, clock Clock, most int64) (held context.Context, stop func()) {
	held, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for clock.Sleep(held, cachedEvery) == nil {
			if _, size := c.grown(); size > most {
				cancel()
			}
		}
	}()
	return held, func() {
		cancel()
		<-done
	}
}
