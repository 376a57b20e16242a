package localstack

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"

	dockercontainer "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/pipelab/pipelab/internal/emulator"
)

// sessionFile remembers in a workspace's state folder what finding a container
// again does not show.
const sessionFile = "container.json"

// remembered is its content.
type remembered struct {
	ID           string                `json:"id"`
	Capabilities []emulator.Capability `json:"capabilities"`
}

// Launch starts a container that outlives this command, for the workspace
// whose state folder is given. One that an earlier Launch left there, running or
// not, is removed: nothing of it was to be kept.
func (d *Driver) Launch(ctx context.Context, stateDir string) (Container, error) {
	e, err := connect(ctx)
	if err != nil {
		return Container{}, err
	}
	stateDir, err = filepath.Abs(stateDir)
	if err != nil {
		return Container{}, err
	}
	if err := errors.Join(e.reap(ctx), e.clear(ctx, stateDir)); err != nil {
		return Container{}, err
	}
	c, err := d.run(ctx, e, map[string]string{labelWorkspace: stateDir}, "")
	if err != nil {
		return Container{}, err
	}
	b, err := json.Marshal(remembered{ID: c.ID, Capabilities: c.Capabilities})
	if err == nil {
		err = os.WriteFile(filepath.Join(stateDir, sessionFile), append(b, '\n'), 0o600)
	}
	if err != nil {
		return Container{}, c.failed(ctx, err)
	}
	return c, nil
}

// Find returns the running container of a workspace; found is false when there
// is none, also when no engine answers that could have one.
func (d *Driver) Find(ctx context.Context, stateDir string) (c Container, found bool, err error) {
	stateDir, err = filepath.Abs(stateDir)
	if err != nil {
		return c, false, err
	}
	var known remembered
	b, err := os.ReadFile(filepath.Join(stateDir, sessionFile))
	if err == nil {
		err = json.Unmarshal(b, &known)
	}
	if errors.Is(err, os.ErrNotExist) {
		return c, false, nil // nothing was launched here
	}
	if err != nil {
		return c, false, err
	}
	e, err := connect(ctx)
	if err != nil {
		return c, false, err
	}
	ours, err := e.of(ctx, stateDir)
	if err != nil {
		return c, false, err
	}
	for _, s := range ours {
		if s.ID != known.ID || s.State != dockercontainer.StateRunning || s.Labels[labelKind] != d.Name() {
			continue
		}
		c = Container{ID: s.ID, Image: s.Image, Capabilities: known.Capabilities, engine: e, label: s.Labels[labelID]}
		c.Endpoint, err = e.reach(ctx, s.ID)
		return c, err == nil, err
	}
	return c, false, nil
}

// StopSession removes what Launch started for a workspace, of any kind, and
// reports whether something was running.
func (d *Driver) StopSession(ctx context.Context, stateDir string) (bool, error) {
	stateDir, err := filepath.Abs(stateDir)
	if err != nil {
		return false, err
	}
	e, err := connect(ctx)
	if err != nil {
		return false, err
	}
	ours, err := e.of(ctx, stateDir)
	if err != nil {
		return false, err
	}
	running := slices.ContainsFunc(ours, func(s dockercontainer.Summary) bool { return s.State == dockercontainer.StateRunning })
	err = e.clear(ctx, stateDir)
	if err == nil {
		err = os.Remove(filepath.Join(stateDir, sessionFile))
	}
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return running, err
}

// of lists a workspace's containers.
func (e *engine) of(ctx context.Context, stateDir string) ([]dockercontainer.Summary, error) {
	found, err := e.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", labelWorkspace+"="+stateDir)})
	return found.Items, err
}

func (e *engine) clear(ctx context.Context, stateDir string) error {
	ours, err := e.of(ctx, stateDir)
	for _, s := range ours {
		err = errors.Join(err, e.remove(ctx, s.ID, s.Labels[labelID]))
	}
	return err
}
