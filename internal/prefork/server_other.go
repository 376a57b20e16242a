//go:build !unix

package prefork

import (
	"errors"
	"os/exec"

	"github.com/pipelab/pipelab/internal/confine"
)

// server does not exist where there is no fork.
type server struct{}

func launch(string) (*server, error) { return nil, errors.ErrUnsupported }
func (*server) start(*exec.Cmd, *confine.Cage) (*Process, error) {
	return nil, errGone
}
func (*server) close() {}
