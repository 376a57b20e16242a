package localstack

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	dockercontainer "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/pipelab/pipelab/internal/emulator"
)

const (
	port = "4566/tcp"
	// startLimit is how long a container may take until it answers. Slow machines
	// have been seen to need a minute.
	startLimit = 3 * time.Minute
)

// container is a running one.
type container struct {
	id        string
	image     string
	endpoint  emulator.Endpoint
	functions bool // run in it

	engine *engine
	label  string
}

// stop removes the container and those of its functions.
func (c container) stop(ctx context.Context) error { return c.engine.remove(ctx, c.id, c.label) }

// run starts a container and waits until it answers and it is known whether
// functions run in it. addr is a loopback address for its port; empty lets the
// engine choose a port.
func (d *Driver) run(ctx context.Context, e *engine, labels map[string]string, addr string) (container, error) {
	i, err := d.image(ctx, e)
	if err != nil {
		return container{}, err
	}
	c := container{image: i.ref, engine: e, label: strings.ToLower(rand.Text())}
	labels = maps.Clone(labels)
	labels[labelKind], labels[labelID] = d.Name(), c.label
	publish, err := binding(addr)
	if err != nil {
		return container{}, err
	}
	d.say("starting %s", i.ref)
	made, err := start(ctx, i.ref,
		testcontainers.WithExposedPorts(port),
		testcontainers.WithLabels(labels),
		testcontainers.WithEnv(d.environment(i, e, c.label)),
		testcontainers.WithHostConfigModifier(func(h *dockercontainer.HostConfig) {
			h.PortBindings = network.PortMap{network.MustParsePort(port): {publish}}
			if d.kind() == emulator.LocalStack && !i.processes && e.socket != "" {
				h.Binds = append(h.Binds, e.socket+":/var/run/docker.sock")
			}
		}),
		testcontainers.WithWaitStrategyAndDeadline(startLimit,
			wait.ForHTTP("/_localstack/health").WithPort(port).WithStartupTimeout(startLimit)))
	if made != nil {
		c.id = made.GetContainerID()
	}
	if err == nil {
		c.endpoint, err = e.reach(ctx, c.id)
	}
	if err == nil && d.kind() == emulator.LocalStack {
		err = startEngines(ctx, c.endpoint)
	}
	if err == nil {
		c.functions, err = d.runsFunctions(ctx, i, c.endpoint)
	}
	if err != nil {
		return container{}, c.failed(ctx, err)
	}
	return c, nil
}

// start makes a container and waits until it answers. Making is not
// interrupted: the engine would go on with it and nobody would know its id.
func start(ctx context.Context, ref string,
	opts ...testcontainers.ContainerCustomizer) (c *testcontainers.DockerContainer, err error) {
	defer recovered(&err)
	making, cancel := context.WithTimeout(context.WithoutCancel(ctx), startLimit)
	defer cancel()
	c, err = testcontainers.Run(making, ref, append(opts, testcontainers.WithNoStart())...)
	if err != nil {
		return c, err
	}
	return c, c.Start(ctx)
}

// binding is how the engine publishes the port: on the loopback only.
func binding(addr string) (network.PortBinding, error) {
	if addr == "" {
		addr = loopback + ":0"
	}
	host, number, err := net.SplitHostPort(addr)
	if err != nil {
		return network.PortBinding{}, err
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.IsLoopback() {
		return network.PortBinding{},
			fmt.Errorf("%s is not a loopback address; the emulator has no passwords worth the name and must not be "+
				"reachable from outside", addr)
	}
	return network.PortBinding{HostIP: ip, HostPort: number}, nil
}

// reach asks the engine where a container answers.
func (e *engine) reach(ctx context.Context, id string) (emulator.Endpoint, error) {
	state, err := e.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return emulator.Endpoint{}, err
	}
	if n := state.Container.NetworkSettings; n != nil {
		for _, b := range n.Ports[network.MustParsePort(port)] {
			return emulator.NewEndpoint("http://"+net.JoinHostPort(b.HostIP.String(), b.HostPort), ""), nil
		}
	}
	return emulator.Endpoint{}, fmt.Errorf("the container %s publishes no port", id)
}

// environment is what the program in the container gets.
func (d *Driver) environment(i image, e *engine, label string) map[string]string {
	if d.kind() == emulator.MiniStack {
		return map[string]string{"MINISTACK_REGION": "us-east-1"}
	}
	env := map[string]string{
		"DISABLE_EVENTS": "1", // nothing is told about learners
		// Names with the service in front would have to be resolved.
		"LOCALSTACK_HOST": "127.0.0.1:4566", "SQS_ENDPOINT_STRATEGY": "path",
		"KINESIS_LATENCY": "0",
		// Without labels the containers of functions would stay behind.
		"LAMBDA_DOCKER_FLAGS": "-l " + labelOf + "=" + label, "LAMBDA_REMOVE_CONTAINERS": "1",
	}
	if !i.processes && e.socket == "" {
		delete(env, "LAMBDA_DOCKER_FLAGS")
	}
	if t := d.token(); t != "" {
		env[TokenVariable] = t
	}
	return env
}

// failed removes a container that did not become what it should and says why.
func (c container) failed(ctx context.Context, cause error) error {
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), removal)
	defer cancel()
	if c.id == "" {
		return fmt.Errorf("start a container of %s: %w", c.image, cause)
	}
	state, err := c.engine.ContainerInspect(stop, c.id, client.ContainerInspectOptions{})
	if err == nil && ctx.Err() == nil && state.Container.State != nil && !state.Container.State.Running {
		cause = ended(c.image, state.Container.State.ExitCode, c.lastLines(stop))
	}
	if ctx.Err() != nil {
		cause = ctx.Err()
	}
	if err := c.stop(stop); err != nil {
		cause = errors.Join(cause, fmt.Errorf("remove the container %s: %w", c.id, err))
	}
	return cause
}

// lastLines are the last words of a container in one line.
func (c container) lastLines(ctx context.Context) string {
	stream, err := c.engine.ContainerLogs(ctx, c.id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true,
		Tail: "3"})
	if err != nil {
		return err.Error()
	}
	defer stream.Close()
	var text bytes.Buffer
	if _, err := stdcopy.StdCopy(&text, &text, io.LimitReader(stream, 1<<20)); err != nil && text.Len() == 0 {
		return err.Error()
	}
	return strings.Join(strings.Fields(text.String()), " ")
}
