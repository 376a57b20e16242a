package localstack

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/pipelab/pipelab/internal/emulator"
	pins "github.com/pipelab/pipelab/localstack"
)

// labelFunctions is on images that run functions as processes of their own
// container; others need the engine's socket.
const labelFunctions = "pipelab.functions"

// image is one that the engine has.
type image struct {
	ref       string
	id        string
	processes bool // runs functions without the engine
}

// image finds what to run, and pulls it if the engine does not have it.
func (d *Driver) image(ctx context.Context, e *engine) (image, error) {
	prefix, ok := map[emulator.Kind]string{emulator.LocalStack: "LOCALSTACK", emulator.MiniStack: "MINISTACK"}[d.kind()]
	if !ok {
		return image{}, fmt.Errorf("there is no kind of container %q; %s and %s are known", d.Kind, emulator.LocalStack,
			emulator.MiniStack)
	}
	candidates := []string{d.Image}
	if d.Image == "" {
		p := pins.Pins()
		candidates = []string{p[prefix+"_BUILT_IMAGE"], p[prefix+"_IMAGE"]}
		if d.kind() == emulator.LocalStack && d.token() != "" {
			candidates = []string{p["LOCALSTACK_TOKEN_IMAGE"]}
		}
	}
	wanted := candidates[len(candidates)-1]
	if why := needsToken(wanted); why != "" && d.token() == "" {
		return image{}, noToken(wanted, why)
	}
	for _, ref := range candidates {
		i, err := inspect(ctx, e, ref)
		if !errdefs.IsNotFound(err) {
			return i, err
		}
	}
	if err := d.pull(ctx, e, wanted); err != nil {
		if ctx.Err() != nil {
			return image{}, ctx.Err()
		}
		hint := buildHint
		if d.Image == "" && d.kind() == emulator.LocalStack && d.token() != "" {
			hint = "without " + TokenVariable + " pipelab takes the last image that is free, or " + buildHint
		}
		return image{}, &Error{Message: fmt.Sprintf("the image %s cannot be pulled: %v", wanted, err), Hint: hint, Cause: err}
	}
	return inspect(ctx, e, wanted)
}

func inspect(ctx context.Context, e *engine, ref string) (image, error) {
	found, err := e.ImageInspect(ctx, ref)
	if err != nil {
		return image{}, err
	}
	i := image{ref: ref, id: found.ID}
	if found.Config != nil {
		i.processes = found.Config.Labels[labelFunctions] == "process"
	}
	return i, nil
}

// pull says every tenth of the way how far it is.
func (d *Driver) pull(ctx context.Context, e *engine, ref string) error {
	d.say("pulling %s, once", ref)
	answer, err := e.ImagePull(ctx, ref, client.ImagePullOptions{})
	if err != nil {
		return err
	}
	type layer struct{ have, all int64 }
	layers, told := map[string]layer{}, int64(0)
	for m, err := range answer.JSONMessages(ctx) {
		if err != nil {
			return err
		}
		if m.Error != nil {
			return m.Error
		}
		if m.Progress == nil || m.Progress.Total == 0 || !strings.HasPrefix(m.Status, "Downloading") {
			continue
		}
		layers[m.ID] = layer{m.Progress.Current, m.Progress.Total}
		var sum layer
		for _, l := range layers {
			sum.have, sum.all = sum.have+l.have, sum.all+l.all
		}
		if tenth := sum.have * 10 / sum.all; tenth > told {
			told = tenth
			d.say("  %d of %d MB", sum.have/1e6, sum.all/1e6)
		}
	}
	return nil
}
