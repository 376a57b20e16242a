package grade

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pipelab/pipelab/internal/filelock"
	"github.com/pipelab/pipelab/internal/rmtree"
)

// The files of an output folder.
const (
	GradebookFile = "gradebook.json"
	TimingsFile   = "timings.json"
	journalFile   = "journal.jsonl"
	lockFile      = ".lock"
	seedFile      = "seed"
	workFolder    = ".work"
)

// ErrBusy is returned when another run uses the output folder.
var ErrBusy = errors.New("another run is grading into this folder")

// Output is a folder that grades are written to. A run holds it for itself
// until Close.
type Output struct {
	Dir     string
	lock    *os.File
	journal *os.File
	before  map[string]judged // what an interrupted run left, by key
}

// OpenOutput takes a folder, made if need be, and reads what an earlier run
// that did not come to its end has left.
func OpenOutput(dir string) (*Output, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	lock, err := filelock.Try(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrBusy, dir)
	}
	o := &Output{Dir: dir, lock: lock, before: map[string]judged{}}
	if err := o.start(); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

func (o *Output) start() error {
	if err := rmtree.RemoveAll(o.Work()); err != nil { // of a run that was killed
		return err
	}
	if err := os.MkdirAll(o.Work(), 0o700); err != nil {
		return err
	}
	name := filepath.Join(o.Dir, journalFile)
	whole, ended, err := readJournal(name, o.before)
	if err != nil {
		return err
	}
	if ended { // that run is complete; this is a new one
		o.before, whole = map[string]judged{}, 0
	}
	// A torn last line is cut off, so that the next one begins a line.
	if err := os.Truncate(name, whole); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	o.journal, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	return err
}

// Work is a folder for this run alone.
func (o *Output) Work() string { return filepath.Join(o.Dir, workFolder) }

// Seed is the seed of this folder's runs where nobody has chosen one: drawn
// once, so that a run that goes on, or is repeated, has the same data.
func (o *Output) Seed(draw func() uint64) (uint64, error) {
	name := filepath.Join(o.Dir, seedFile)
	b, err := os.ReadFile(name)
	if err == nil {
		n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s holds no number: %w", name, err)
		}
		return n, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	n := draw()
	return n, writeFile(name, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, n)
		return err
	})
}

// Left is the number of results that an interrupted run has left.
func (o *Output) Left() int { return len(o.before) }

// entry is one line of the journal.
type entry struct {
	Judged *judged `json:"judged,omitempty"`
	Ended  bool    `json:"ended,omitempty"` // the last line of a run that came to its end
}

// readJournal reads complete lines; whole is their length in bytes. What comes
// after a line that is torn is not read.
func readJournal(name string, into map[string]judged) (whole int64, ended bool, err error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return whole, ended, nil
		}
		if err != nil {
			return whole, ended, err
		}
		var e entry
		if json.Unmarshal(line, &e) != nil {
			return whole, ended, nil
		}
		whole += int64(len(line))
		ended = e.Ended
		if e.Judged != nil {
			into[e.Judged.Key] = *e.Judged
		}
	}
}

// keep appends a result and returns when the disk has it.
func (o *Output) keep(e entry) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := o.journal.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write down a result: %w", err)
	}
	return o.journal.Sync()
}

// Write replaces a file of the folder, or elsewhere when name is absolute, in
// one step.
func (o *Output) Write(name string, write func(io.Writer) error) error {
	if !filepath.IsAbs(name) {
		name = filepath.Join(o.Dir, name)
	}
	return writeFile(name, write)
}

// writeFile puts a file there as a whole or not at all.
func writeFile(name string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// End notes that the run came to its end: the next one starts anew.
func (o *Output) End() error { return o.keep(entry{Ended: true}) }

// Close lets others have the folder. What was written down stays.
func (o *Output) Close() error {
	err := rmtree.RemoveAll(o.Work())
	if o.journal != nil {
		err = errors.Join(err, o.journal.Close())
	}
	return errors.Join(err, o.lock.Close())
}
