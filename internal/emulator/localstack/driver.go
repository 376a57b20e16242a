// Package localstack is the driver for emulated AWSes that come as container
// images: LocalStack and MiniStack. It starts containers through
// testcontainers-go and answers for their end.
//
// It does not record calls or inject faults: whoever needs that puts a proxy in
// front. Nothing of what is in a container outlives it.
package localstack

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/emulator"
)

// TokenVariable holds the account token that LocalStack's newer images need.
const TokenVariable = "LOCALSTACK_AUTH_TOKEN"

// Driver starts containers of one kind. Its methods may be called at once; it
// must not be copied after first use.
type Driver struct {
	// Kind is emulator.LocalStack or emulator.MiniStack; empty is LocalStack.
	Kind emulator.Kind
	// Image is what to run; empty takes the image that was built here, if any, and
	// otherwise the pinned one.
	Image string
	// Progress hears what takes long, in lines; nil says nothing.
	Progress io.Writer
	// Environ is the environment of the command; TokenVariable is passed on.
	Environ []string

	mu        sync.Mutex
	functions map[string]bool // by image id: whether functions run there
}

// Name is the kind.
func (d *Driver) Name() string { return string(d.kind()) }

func (d *Driver) kind() emulator.Kind {
	if d.Kind == "" {
		return emulator.LocalStack
	}
	return d.Kind
}

// Usable says why no container can be started here, nil if one can; an image may
// still have to be pulled. The error is an *Error.
func (d *Driver) Usable(ctx context.Context) error { return Available(ctx) }

// Start runs a container until Close. If this process dies before, the next
// Start on this machine removes it.
func (d *Driver) Start(ctx context.Context, o emulator.Options) (emulator.Emulator, error) {
	if o.Dir != "" {
		return nil, &Error{Message: d.Name() + " keeps nothing across restarts",
			Hint: "the embedded emulator does: --emulator embedded"}
	}
	e, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := e.reap(ctx); err != nil {
		return nil, err
	}
	me, err := self()
	if err != nil {
		return nil, err
	}
	c, err := d.run(ctx, e, map[string]string{labelOwner: me.String()}, o.Addr)
	if err != nil {
		return nil, err
	}
	return &instance{container: c, kind: d.kind()}, nil
}

func (d *Driver) say(format string, args ...any) {
	if d.Progress != nil {
		fmt.Fprintf(d.Progress, format+"\n", args...)
	}
}

// token is the account token of the command's environment.
func (d *Driver) token() string {
	for i := len(d.Environ) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(d.Environ[i], TokenVariable+"="); ok {
			return v
		}
	}
	return ""
}

// instance is a container seen as an emulator.
type instance struct {
	container
	kind    emulator.Kind
	closing sync.Once
	closed  error
}

// Endpoint is where the container answers.
func (i *instance) Endpoint() emulator.Endpoint { return i.endpoint }

// Control reaches endpoints that a container does not have: all it says is an
// error, as for everything that is missing from Capabilities.
func (i *instance) Control() *emulator.Control { return emulator.NewControl(i.endpoint) }

// Capabilities are those without a proxy.
func (i *instance) Capabilities() []emulator.Capability {
	return capabilities(i.kind, i.functions, false)
}

// Prospects are also the capabilities that are to be tried, and those with a
// proxy in front.
func (i *instance) Prospects() []emulator.Capability {
	return capabilities(i.kind, i.functions, true)
}

// removal is how long an engine may take to remove containers; one that hangs
// must not keep whoever waits for that.
const removal = 15 * time.Second

// Close removes the container. If the engine is gone, the next Start or Sweep on
// this machine does, after this process has ended.
func (i *instance) Close() error {
	i.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), removal)
		defer cancel()
		i.closed = i.stop(ctx)
	})
	return i.closed
}
