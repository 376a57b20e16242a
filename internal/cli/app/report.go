package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pipelab/pipelab/internal/report"
)

// ReportOptions are what a format needs of the place where the program runs:
// the time, and the files that GitHub wants appended to. done closes them.
func (a *App) ReportOptions(format string) (o report.Options, done func(), err error) {
	o.Now = a.Now()
	done = func() {}
	if format != "github" {
		return o, done, nil
	}
	var opened []io.Closer
	done = func() {
		for _, c := range opened {
			c.Close()
		}
	}
	for name, w := range map[string]*io.Writer{"GITHUB_STEP_SUMMARY": &o.Summary, "GITHUB_OUTPUT": &o.Outputs} {
		file := a.Getenv(name)
		if file == "" {
			continue
		}
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644) // GitHub names it
		if err != nil {
			done()
			return o, func() {}, err
		}
		opened = append(opened, f)
		*w = f
	}
	return o, done, nil
}

// Folder reports whether a destination that was named means a folder: it is one, or its
// name ends as that of one.
func Folder(full, named string) bool {
	if named == "" {
		return false
	}
	if os.IsPathSeparator(named[len(named)-1]) || named[len(named)-1] == '/' {
		return true
	}
	info, err := os.Stat(full)
	return err == nil && info.IsDir()
}

// WriteEach writes a file for each learner into a folder and returns how many. They are
// for the learners: hidden checks stay hidden, whatever the options say.
func (a *App) WriteEach(dir, format string, b *report.Gradebook, o report.Options) (n int, err error) {
	f, err := report.ByName(format)
	if err != nil {
		return 0, Usagef("%w", err)
	}
	o.Hidden = false
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, Environmentf("the folder for %s could not be made: %w", format, err)
	}
	for _, p := range b.Each() {
		var out bytes.Buffer
		if err := report.Write(format, &out, p.Book, o); err != nil {
			return n, Environmentf("the format %s could not be written for %s: %w", format, p.File, err)
		}
		if err := os.WriteFile(filepath.Join(dir, p.File+f.Extension), out.Bytes(), 0o644); err != nil { // to be sent
			return n, Environmentf("the format %s could not be written: %w", format, err)
		}
		n++
	}
	return n, nil
}

// CanWrite reports why a file could not be written at a place, before the work that it is
// to hold is done; folder says that it is to be a folder.
func CanWrite(full string, folder bool) error {
	info, err := os.Stat(full)
	switch {
	case err == nil && info.IsDir() && !folder:
		return fmt.Errorf("it is a folder")
	case err == nil && !info.IsDir() && folder:
		return fmt.Errorf("it is a file and no folder")
	case err == nil && !info.IsDir() && !info.Mode().IsRegular():
		return nil // a pipe or a device takes what it takes
	}
	dir := full
	if !folder {
		dir = filepath.Dir(full)
	}
	for {
		info, err := os.Stat(dir)
		if err == nil && !info.IsDir() {
			return fmt.Errorf("%s is no folder", dir)
		}
		if err == nil {
			break
		}
		if up := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && up != dir {
			dir = up
			continue
		}
		return err
	}
	probe, err := os.CreateTemp(dir, ".pipelab-*")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}
