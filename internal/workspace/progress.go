package workspace

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Attempt is one run of a lab's checks, a line of a progress file.
type Attempt struct {
	Lab    string         `json:"lab"`
	Time   time.Time      `json:"time"`
	Seed   uint64         `json:"seed"`
	Points float64        `json:"points"`
	Max    float64        `json:"max"`
	Checks map[string]any `json:"checks"`        // check id -> verdict
	Solved bool           `json:"solved"`        // the reference solution was seen before
	Dir    string         `json:"dir,omitempty"` // of the workspace
}

// Progress is the file of all attempts of a person on this machine, one JSON
// document a line. It only grows.
type Progress struct{ Path string } // empty for who has no place for it

// ErrNoPlace is returned by Append for a Progress without a path.
var ErrNoPlace = errors.New("HOME is not set, so there is no place for it; name a folder in PIPELAB_STATE")

// Append adds an attempt.
func (p Progress) Append(a Attempt) error {
	if p.Path == "" {
		return ErrNoPlace
	}
	if err := os.MkdirAll(filepath.Dir(p.Path), 0o700); err != nil {
		return err
	}
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(p.Path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	return errors.Join(err, f.Close())
}

// All returns the attempts in the order they were made. A last line that a
// crash cut short is left out.
func (p Progress) All() ([]Attempt, error) {
	if p.Path == "" {
		return nil, nil
	}
	f, err := os.Open(p.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []Attempt
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		var a Attempt
		if json.Unmarshal(line, &a) == nil {
			all = append(all, a)
		}
	}
}

// Best is the best attempt of each lab by points.
func Best(all []Attempt) map[string]Attempt {
	best := map[string]Attempt{}
	for _, a := range all {
		if b, ok := best[a.Lab]; !ok || a.Points > b.Points {
			best[a.Lab] = a
		}
	}
	return best
}
