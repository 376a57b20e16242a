package cloud

import (
	"os"
	"path/filepath"
	"sync"

	"github.com/pipelab/pipelab/internal/rmtree"
	"github.com/pipelab/pipelab/internal/tempdir"
)

// scratch is a folder for files that need not be kept, made when it is first
// asked for.
type scratch struct {
	parent string // state folder; empty for the system's temporary files

	mu   sync.Mutex
	path string
	temp *tempdir.Dir // the folder, if it has no parent
}

func (s *scratch) folder() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path != "" {
		return s.path, nil
	}
	if s.parent == "" {
		dir, err := tempdir.New("aws")
		if err != nil {
			return "", err
		}
		s.temp, s.path = dir, dir.Path()
		return s.path, nil
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
	if s.temp != nil {
		return s.temp.Remove()
	}
	return rmtree.RemoveAll(s.path)
}
