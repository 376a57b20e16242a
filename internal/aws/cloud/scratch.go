package cloud

import (
	"os"
	"path/filepath"
	"sync"

	"github.com/pipelab/pipelab/internal/rmtree"
)

// scratch is a folder for files that need not be kept, made when it is first
// asked for.
type scratch struct {
	parent string // state folder; empty for the system's temporary files

	mu   sync.Mutex
	path string
}

func (s *scratch) folder() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path != "" {
		return s.path, nil
	}
	if s.parent == "" {
		path, err := os.MkdirTemp("", "pipelab-aws-")
		s.path = path
		return path, err
	}
	path, err := filepath.Abs(s.below())
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", err
	}
	s.path = path
	return path, nil
}

func (s *scratch) below() string { return filepath.Join(s.parent, "scratch") }

// clear removes what is in the folder of a state before it is used.
func (s *scratch) clear() error {
	if s.parent == "" {
		return nil
	}
	return rmtree.RemoveAll(s.below())
}

func (s *scratch) remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path == "" {
		return nil
	}
	return rmtree.RemoveAll(s.path)
}
