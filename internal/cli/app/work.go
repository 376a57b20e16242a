package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/pipelab/pipelab/internal/cfn"
	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/tempdir"
	"github.com/pipelab/pipelab/internal/workspace"
)

// Folder opens a lab with its files as learners work with it, without the checks that
// they do not see: by id from the catalogue, or a folder that holds a lab.yaml. Every
// problem of the lab comes back at once.
func (a *App) Folder(name string) (*lab.Folder, error) {
	f, err := a.WholeFolder(name)
	if err != nil {
		return f, err
	}
	return f.Visible(), nil
}

// WholeFolder is Folder with the sealed checks, for those who grade, hand out and write
// labs.
func (a *App) WholeFolder(name string) (*lab.Folder, error) {
	tree, id := a.Labs, name
	if dir, ok := a.LabDir(name); ok {
		var err error
		if tree, id, err = a.labTree(dir); err != nil {
			return nil, labProblem(name, err)
		}
	} else if _, err := a.Lab(name); err != nil {
		var ps lab.Problems
		if !errors.As(err, &ps) {
			return nil, err // no such lab
		}
	}
	f, err := lab.Open(tree, id, check.NewExpressions().Check)
	return f, labProblem(name, err)
}

// labTree is what a lab's folder is opened from, and as what: the folder, laid over the lab
// that it extends.
func (a *App) labTree(dir string) (tree fs.FS, id string, err error) {
	id = filepath.Base(dir)
	tree, err = lab.Extended(os.DirFS(filepath.Dir(dir)), id, a.Labs)
	return tree, id, err
}

// LabDir tells whether a name given on the command line is a lab's folder,
// and which.
func (a *App) LabDir(name string) (string, bool) {
	dir := a.Path(name)
	st, err := os.Stat(filepath.Join(dir, "lab.yaml"))
	return dir, err == nil && !st.IsDir()
}

// Work is a workspace with its lab and its running emulator.
type Work struct {
	*workspace.Workspace
	Lab      *lab.Folder
	Emulator emulator.Emulator

	app *App
}

// Work opens the workspace that the command runs in and starts its emulator
// if that is not running.
func (a *App) Work(ctx context.Context) (*Work, error) {
	w, err := a.Workspace()
	if err != nil {
		return nil, err
	}
	return a.WorkIn(ctx, w)
}

// WorkIn is Work for a workspace that is known.
func (a *App) WorkIn(ctx context.Context, w *workspace.Workspace) (*Work, error) {
	tempdir.Sweep() // what was killed before may have left much
	l, err := a.Folder(w.LabName())
	if err != nil {
		return nil, err
	}
	if _, err := a.Renewed(w, l); err != nil {
		return nil, err
	}
	e, err := a.Emulator(ctx, w)
	if err != nil {
		return nil, err
	}
	has, err := a.Capabilities(w)
	if err != nil {
		return nil, err
	}
	running := attached{e, has}
	if err := emulator.Enable(ctx, running, l.Capabilities); err != nil {
		return nil, err
	}
	return &Work{Workspace: w, Lab: l, Emulator: running, app: a}, nil
}

// For is the same work on behalf of another App: what it has to say goes there.
func (w *Work) For(a *App) *Work {
	other := *w
	other.app = a
	return &other
}

// Capabilities are what the workspace's daemon said it can do.
func (*App) Capabilities(w *workspace.Workspace) ([]emulator.Capability, error) {
	if w.Embedded() {
		return emulator.CapabilitiesOf(emulator.Embedded), nil
	}
	d, _, err := w.Daemon()
	var out []emulator.Capability
	for _, name := range d.Capabilities {
		out = append(out, emulator.Capability(name))
	}
	return out, err
}

// attached is the workspace's daemon seen as an emulator. Closing it leaves
// the daemon running: it outlives every command.
type attached struct {
	endpoint     emulator.Endpoint
	capabilities []emulator.Capability
}

func (e attached) Endpoint() emulator.Endpoint         { return e.endpoint }
func (e attached) Control() *emulator.Control          { return emulator.NewControl(e.endpoint) }
func (e attached) Capabilities() []emulator.Capability { return e.capabilities }
func (attached) Close() error                          { return nil }
func (w *Work) state() provision.State                 { return provision.DirState(w.Path("stacks")) }
func (w *Work) target(p func(cfn.Event)) deploy.Target { return w.app.Target(w.Emulator, w.state(), p) }

// Target is where to deploy for this command line.
func (a *App) Target(e emulator.Emulator, state provision.State, progress func(cfn.Event)) deploy.Target {
	return deploy.Target{Endpoint: e.Endpoint(), State: state, Progress: progress, Environ: a.CleanEnviron()}
}

// Provide makes what the lab provides and remembers its outputs.
func (w *Work) Provide(ctx context.Context) error {
	out, err := w.target(nil).Provided(ctx, w.Lab)
	if err != nil {
		return DeployProblem(err)
	}
	return errors.Join(w.SaveOutputs(workspace.Outputs{Provided: out, All: out}), w.Provided(w.Lab))
}

// Deploy deploys the learner's files and remembers the outputs.
func (w *Work) Deploy(ctx context.Context, progress func(cfn.Event)) (*deploy.Changes, error) {
	outputs, err := w.Outputs()
	if err != nil {
		return nil, err
	}
	if outputs.Provided == nil { // an earlier start or reset was cut short
		if err := w.Provide(ctx); err != nil {
			return nil, err
		}
		if outputs, err = w.Outputs(); err != nil {
			return nil, err
		}
	}
	digest, err := w.Digest()
	if err != nil {
		return nil, err
	}
	t := w.target(progress)
	t.Out = w.app.Err
	res, err := t.Submission(ctx, w.Lab, w.Meta.Stack, w.Root, outputs.Provided)
	if err != nil {
		return nil, DeployProblem(err)
	}
	outputs.All = res.Outputs
	return res, errors.Join(w.SaveOutputs(outputs), w.Update(func(m *workspace.Meta) { m.Deployed = digest }))
}

// forget drops what was remembered of deployments, when they are gone.
func forget(w *workspace.Workspace) error {
	return errors.Join(os.RemoveAll(w.Path("stacks")), w.SaveOutputs(workspace.Outputs{}),
		w.Update(func(m *workspace.Meta) { m.Deployed = "" }))
}

// Empty takes the emulator back to what the lab provides. What is remembered
// goes first: cut short between the two, a deployment would otherwise trust
// resources that are gone. An emulator that cannot be emptied, or is not ours to
// empty, loses what was deployed.
func (w *Work) Empty(ctx context.Context) error {
	if !slices.Contains(w.Emulator.Capabilities(), emulator.Reset) {
		if err := w.target(nil).Remove(ctx, w.Lab, w.Meta.Stack); err != nil {
			return DeployProblem(err)
		}
		if err := w.Emulator.Control().ClearFaults(ctx, ""); err != nil {
			return err
		}
		if err := forget(w.Workspace); err != nil {
			return err
		}
		return w.Provide(ctx)
	}
	if err := forget(w.Workspace); err != nil {
		return err
	}
	if err := w.Emulator.Control().Reset(ctx); err != nil {
		return err
	}
	return w.Provide(ctx)
}

// DeployProblem words what went wrong when deploying for a person.
func DeployProblem(err error) error {
	var problems *cfn.Problems
	var failed *cfn.DeployError
	var script *deploy.ScriptError
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return err
	case errors.As(err, &problems):
		return &Error{Code: ExitInvalid, Message: problems.Error(), Cause: err}
	case emulator.Failed(err):
		return &Error{Code: ExitEnvironment, Message: "the emulated AWS failed while deploying: " + err.Error(), Cause: err,
			Hints: []string{"that says nothing about your template; see whether it is there, then deploy again: pipelab status"}}
	case errors.As(err, &failed):
		message, meant := Briefly(failed.Error())
		return &Error{Code: ExitInvalid, Message: message, Cause: err,
			Hints: append(meant, "everything was put back as it was before; correct the template and deploy again")}
	case errors.As(err, &script):
		return &Error{Code: ExitInvalid, Message: script.Error(), Cause: err,
			Hints: []string{"correct deploy.sh and deploy again; what it made before that is still there: pipelab deploy"}}
	case errors.Is(err, deploy.ErrNothing):
		return &Error{Code: ExitInvalid, Message: err.Error(), Cause: err,
			Hints: []string{"start the lab again in another folder to see what it gave you: pipelab start LAB --dir FOLDER"}}
	}
	return err
}

// choices is how AWS lists the values that something may have.
var choices = regexp.MustCompile(`Value '([^']*)' at '[^']*' failed to satisfy constraint: ` +
	`Member must satisfy enum value set: (\[[^\]]{80,}\])`)

// Briefly leaves a long list of choices out of an error of AWS's; meant names the one
// that was meant, if any is like it.
func Briefly(message string) (brief string, meant []string) {
	m := choices.FindStringSubmatch(message)
	if m == nil {
		return message, nil
	}
	all := strings.Split(strings.Trim(m[2], "[]"), ", ")
	if near := lab.Nearest(m[1], all); near != "" {
		meant = []string{"did you mean " + near + "?"}
	}
	few := fmt.Sprintf("[%s, … and %d more]", strings.Join(all[:3], ", "), len(all)-3)
	return strings.ReplaceAll(message, m[2], few), meant
}

// ReadJSON reads a file that may be missing; found says whether it was there.
func ReadJSON(file string, v any) (found bool, err error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return true, fmt.Errorf("%s is damaged: %w", file, err)
	}
	return true, nil
}

// CleanEnviron is this command's environment for learners' programs: without
// anything that points at a real AWS account, and without our own secrets.
func (a *App) CleanEnviron() []string {
	return slices.DeleteFunc(slices.Clone(a.Environ), func(v string) bool {
		return len(v) > 4 && v[:4] == "AWS_" || len(v) > len(TokenVariable) && v[:len(TokenVariable)+1] == TokenVariable+"="
	})
}
