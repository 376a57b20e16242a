//go:build unix

package embedded_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/drivertest"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/provision"
)

func TestDriver_inThisProcess(t *testing.T) {
	drivertest.Run(t, embedded.Driver{Provision: provision.At}, drivertest.Options{Keeps: true})
}

func TestDriver_inAProcessOfItsOwn(t *testing.T) {
	drivertest.Run(t, processDriver{}, drivertest.Options{Keeps: true, Kill: func(t testing.TB, e emulator.Emulator) {
		p := e.(*process)
		require.NoError(t, p.cmd.Process.Kill())
		p.wait()
	}})
}

// optionsVariable makes this test binary an emulator with these options.
const optionsVariable = "PIPELAB_TEST_EMULATOR_OPTIONS"

// processDriver runs the embedded AWS in another process, as the command does.
type processDriver struct{}

func (processDriver) Name() string { return "embedded" }

func (processDriver) Start(_ context.Context, o emulator.Options) (emulator.Emulator, error) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(os.Args[0])} // this very binary
	p.cmd.Env = append(os.Environ(), optionsVariable+"="+string(b))
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	var said struct {
		URL, Error string
		Taken      bool
	}
	if err := json.NewDecoder(bufio.NewReader(out)).Decode(&said); err != nil || said.URL == "" {
		p.wait()
		if said.Taken {
			return nil, fmt.Errorf("%s: %w", said.Error, syscall.EADDRINUSE)
		}
		return nil, fmt.Errorf("the emulator said %q: %w", said.Error, io.ErrUnexpectedEOF)
	}
	p.endpoint = emulator.NewEndpoint(said.URL, "secret")
	return p, nil
}

type process struct {
	cmd      *exec.Cmd
	in       io.Closer
	endpoint emulator.Endpoint
	waiting  sync.Once
	ended    error
}

func (p *process) Endpoint() emulator.Endpoint { return p.endpoint }
func (p *process) Control() *emulator.Control  { return emulator.NewControl(p.endpoint) }
func (p *process) Capabilities() []emulator.Capability {
	return emulator.CapabilitiesOf(emulator.Embedded)
}

func (p *process) Close() error {
	_ = p.in.Close() // the sign to end; it may have ended by itself
	return p.wait()
}

func (p *process) wait() error {
	p.waiting.Do(func() { p.ended = p.cmd.Wait() })
	return p.ended
}

// serveWith is the other process.
func serveWith(options string) error {
	var o emulator.Options
	if err := json.Unmarshal([]byte(options), &o); err != nil {
		return err
	}
	said := json.NewEncoder(os.Stdout)
	e, err := embedded.Driver{Provision: provision.At, Token: "secret"}.Start(context.Background(), o)
	if err != nil {
		return said.Encode(map[string]any{"Error": err.Error(), "Taken": isTaken(err)})
	}
	if err := said.Encode(map[string]any{"URL": e.Endpoint().URL}); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return e.Close()
}

func isTaken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

func TestDriver_startsWithPoliciesThatDecide(t *testing.T) {
	for _, mode := range emulator.IAMModes() {
		e, err := embedded.Driver{IAM: mode}.Start(t.Context(), emulator.Options{})
		require.NoError(t, err)
		defer func() { require.NoError(t, e.Close()) }()
		got, err := e.Control().IAM(t.Context())
		require.NoError(t, err)
		require.Equal(t, mode, got)
		require.NoError(t, emulator.Enable(t.Context(), e, []string{"sqs.fifo"}))
		got, err = e.Control().IAM(t.Context())
		require.NoError(t, err)
		require.Equal(t, mode, got, "nobody has asked")
		require.NoError(t, emulator.Enable(t.Context(), e, []string{"iam.enforced"}))
		got, err = e.Control().IAM(t.Context())
		require.NoError(t, err)
		require.Equal(t, emulator.IAMEnforces, got)
		require.Error(t, e.Control().SetIAM(t.Context(), "strict"))
	}
}
