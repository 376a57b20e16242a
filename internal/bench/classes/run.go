package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// adopting is the argument with which this program runs another for itself.
const adopting = "-adopt"

// ran is what became of a command.
type ran struct {
	Exit int           `json:"exit"`
	Took time.Duration `json:"took"`
	CPU  time.Duration `json:"cpu"`  // of all processes that it has started, and they
	Left []string      `json:"left"` // processes that did not end with it
}

// adoptee runs what the arguments say and tells on descriptor 3 what became of it.
func adoptee(args []string) error {
	r, err := adopt(args)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.NewFile(3, "answer")).Encode(r)
}

// measured is a run and the memory that it took.
type measured struct {
	ran
	memory usage
	log    string // what it said
}

// tail is the end of what it said.
func (m *measured) tail() string {
	lines := strings.Split(strings.TrimSpace(m.log), "\n")
	return strings.Join(lines[max(0, len(lines)-12):], "\n")
}

// gradeIn grades the folder class of a folder, with nothing known from before and with
// a folder of its own for temporary files.
func gradeIn(ctx context.Context, binary, dir string, args ...string) (m measured, err error) {
	self, err := os.Executable()
	if err != nil {
		return m, err
	}
	temp := filepath.Join(dir, "tmp")
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return m, err
	}
	answer, tell, err := os.Pipe()
	if err != nil {
		return m, err
	}
	defer answer.Close()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return m, errors.Join(err, tell.Close())
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, self, append([]string{adopting, binary, "grade", "class", "--no-cache", "--out",
		"grades"}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = dir, log, log, []*os.File{tell}
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	err = cmd.Start()
	tell.Close()
	if err != nil {
		return m, err
	}
	watched, done := make(chan usage), make(chan struct{})
	go func() { watched <- watch(cmd.Process.Pid, done) }()
	told := json.NewDecoder(answer).Decode(&m.ran)
	failed := cmd.Wait()
	close(done)
	m.memory = <-watched
	text, err := os.ReadFile(log.Name())
	m.log = string(text)
	if failed != nil {
		return m, fmt.Errorf("%w: %s", failed, m.tail())
	}
	return m, errors.Join(told, err)
}
