package localstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/shirou/gopsutil/v4/process"
)

// Labels of our containers.
const (
	labelKind  = "pipelab.kind"
	labelID    = "pipelab.id"    // ours, known before the engine gives one
	labelOf    = "pipelab.of"    // on containers of functions: the id of whose they are
	labelOwner = "pipelab.owner" // the process that they end with
)

// owner is a process on a machine. A number alone comes again.
type owner struct {
	host    string
	pid     int32
	started int64 // ms since 1970
}

func (o owner) String() string { return fmt.Sprintf("%s/%d/%d", o.host, o.pid, o.started) }

func parseOwner(s string) (o owner, err error) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 {
		return o, fmt.Errorf("not an owner: %q", s)
	}
	pid, err := strconv.ParseInt(parts[1], 10, 32)
	if err != nil {
		return o, err
	}
	o = owner{host: parts[0], pid: int32(pid)}
	o.started, err = strconv.ParseInt(parts[2], 10, 64)
	return o, err
}

func self() (owner, error) {
	host, err := os.Hostname()
	if err != nil {
		return owner{}, err
	}
	o := owner{host: host, pid: int32(os.Getpid())} // no system has longer ones
	p, err := process.NewProcess(o.pid)
	if err != nil {
		return o, err
	}
	o.started, err = p.CreateTime()
	return o, err
}

// gone tells whether the process has surely ended. Those of other machines,
// which may share an engine, are left alone.
func (o owner) gone(host string) bool {
	if o.host != host {
		return false
	}
	p, err := process.NewProcess(o.pid)
	if err != nil {
		return errors.Is(err, process.ErrorProcessNotRunning)
	}
	// One that was killed keeps its number until its parent asks for its end,
	// which some parents never do.
	if state, err := p.Status(); err == nil && slices.Contains(state, process.Zombie) {
		return true
	}
	started, err := p.CreateTime()
	// The system's idea of when it was started moves a little with its clock.
	return err == nil && max(started-o.started, o.started-started) > 2000
}

// reap removes the containers whose process died without doing so, and counts
// them.
func (e *engine) reap(ctx context.Context) (n int, err error) {
	host, err := os.Hostname()
	if err != nil {
		return n, err
	}
	found, err := e.ContainerList(ctx,
		client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", labelOwner)})
	if err != nil {
		return n, err
	}
	for _, c := range found.Items {
		o, err := parseOwner(c.Labels[labelOwner])
		if err != nil || !o.gone(host) {
			continue
		}
		if err := e.remove(ctx, c.ID, c.Labels[labelID]); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// remove ends a container and those of its functions. One that is gone already
// is as wanted.
func (e *engine) remove(ctx context.Context, id, ours string) error {
	errs := []error{e.removeOne(ctx, id)}
	if ours == "" {
		return errors.Join(errs...)
	}
	side, err := e.ContainerList(ctx,
		client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", labelOf+"="+ours)})
	errs = append(errs, err)
	for _, c := range side.Items {
		errs = append(errs, e.removeOne(ctx, c.ID))
	}
	return errors.Join(errs...)
}

func (e *engine) removeOne(ctx context.Context, id string) error {
	_, err := e.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) && strings.Contains(err.Error(), "already in progress") {
		return nil
	}
	return err
}
