package localstack

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
)

// patience is how long an engine may take to answer at all. Finding one has
// been seen to hang for more than a minute.
const patience = 3 * time.Second

// engine is a container engine that answers.
type engine struct {
	*client.Client
	socket string // its path, to hand it to containers; empty if there is none
}

// Available tells whether a container engine answers; the error is an *Error.
func Available(ctx context.Context) error {
	_, err := connect(ctx)
	return err
}

// Sweep removes the containers on this machine whose process died without doing
// so, and says how many. The error is an *Error where no engine answers.
func Sweep(ctx context.Context) (int, error) {
	e, err := connect(ctx)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, removal)
	defer cancel()
	return e.reap(ctx)
}

// connect finds the engine as testcontainers does: DOCKER_HOST, the context of
// the docker command, the usual sockets. It remembers what it found until the
// process ends; an engine that is started later is found by the next command.
func connect(ctx context.Context) (*engine, error) {
	quiet()
	type answer struct {
		engine *engine
		err    error
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	got := make(chan answer, 1)
	go func() {
		e, err := discover(ctx)
		got <- answer{e, err}
	}()
	select {
	case a := <-got:
		if a.err != nil {
			return nil, noEngine(a.err)
		}
		return a.engine, nil
	case <-ctx.Done():
		return nil, noEngine(ctx.Err())
	}
}

func discover(ctx context.Context) (e *engine, err error) {
	defer recovered(&err)
	if err := asked(ctx); err != nil {
		return nil, err
	}
	c, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, err
	}
	return &engine{Client: c.Client, socket: socket(ctx)}, nil
}

// asked looks at the engine that DOCKER_HOST names, if it does. The library
// would pass over one that does not answer and take whatever else it finds.
func asked(ctx context.Context) (err error) {
	host := os.Getenv(client.EnvOverrideHost)
	if host == "" {
		return nil
	}
	c, err := client.New(client.FromEnv)
	if err != nil {
		return &hostError{host, err}
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if _, err := c.Ping(ctx, client.PingOptions{}); err != nil {
		return &hostError{host, err}
	}
	return nil
}

func socket(ctx context.Context) (path string) {
	var err error
	defer recovered(&err) // the path then stays empty
	return testcontainers.MustExtractDockerSocket(ctx)
}

// loopback is where the engine publishes our ports.
const loopback = "127.0.0.1"

// silence is done once in a process: the library's logger is a variable of its
// package, which nobody may write while another start reads it.
var silence sync.Once

// quiet keeps the library from writing to standard error, and from starting a
// container of its own that removes all others ten seconds after this command:
// sessions outlive commands, and reap does the rest. Where ports are published is
// known, so it need not guess that either.
func quiet() {
	silence.Do(func() { log.SetDefault(log.NewNoopLogger()) })
	for name, value := range map[string]string{"TESTCONTAINERS_RYUK_DISABLED": "true",
		"TESTCONTAINERS_HOST_OVERRIDE": loopback} {
		if os.Getenv(name) == "" {
			_ = os.Setenv(name, value) // well-formed names
		}
	}
}
