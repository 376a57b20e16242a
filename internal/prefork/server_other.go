//go:build !unix

package prefork

import (
	"errors"
	"os/exec"
)

// server does not exist where there is no fork.
type server struct{}

func launch(string) (*server, error)              { return nil, errors.ErrUnsupported }
func (*server) start(*exec.Cmd) (*Process, error) { return nil, errors.ErrUnsupported }
func (*server) close()                            {}
