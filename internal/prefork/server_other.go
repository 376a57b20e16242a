//go:build !unix

package prefork

import (
	"errors"
	"os"
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

// lender does not exist there either.
type lender struct{}

func (*lender) ask(string) (*server, error) { return nil, errors.ErrUnsupported }
func (*lender) close()                      {}

// Lend has nothing to lend there.
func (*Interpreters) Lend() (*os.File, error) { return nil, nil }

// Borrow is for what Lend returns.
func Borrow(*os.File) (*Interpreters, error) { return nil, errors.ErrUnsupported }
