// Package deploy brings a lab into an emulated AWS: first what the lab itself
// provides (resources.yaml), then what the learner built, as a template or as
// a script of their own. It judges nothing.
package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/pipelab/pipelab/internal/cfn"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/foreign"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/sandbox"
	"github.com/pipelab/pipelab/internal/tempdir"
)

// The files that make a folder deployable. A template wins over a script, and a
// script over a template of another name; see Template.
const (
	TemplateFile = "template.yaml"
	ScriptFile   = "deploy.sh"
)

// Files are the names that make a folder deployable.
func Files() []string { return []string{TemplateFile, ScriptFile} }

// scriptTime bounds a deploy script; Terraform's first run is slow. cagedTime bounds one
// that is confined: it can download nothing, and somebody waits for it with a class.
const scriptTime, cagedTime = 10 * time.Minute, 2 * time.Minute

const outputsFile = "outputs.json"

// ErrNothing is returned for a folder without a template and a script.
var ErrNothing = errors.New("there is no template.yaml and no deploy.sh to deploy")

// ScriptError is a deploy script that did not end well.
type ScriptError struct {
	Exit   int
	Output string // the end of what it printed
}

func (e *ScriptError) Error() string {
	return fmt.Sprintf("%s ended with exit code %d: %s", ScriptFile, e.Exit, e.Output)
}

// FolderError is a folder that cannot be deployed for what is in it, or for what its
// script has left.
type FolderError struct{ Why string }

func (e *FolderError) Error() string { return e.Why }

// Target is where and how to deploy.
type Target struct {
	Endpoint emulator.Endpoint
	// State remembers stacks; nil for emulators that are thrown away.
	State provision.State
	// Progress is called for each resource; may be nil.
	Progress func(cfn.Event)
	// Out takes what a script prints; nil keeps only its end, for errors.
	Out io.Writer
	// Environ is the environment for a script but for the endpoint's. A confined
	// script gets none of it.
	Environ []string
	// Confine says what a script may do beside working in its folder and calling
	// the endpoint; nil leaves it unconfined.
	Confine *sandbox.Policy
}

// Provided makes what the lab provides and returns its outputs. Doing it again
// changes only what differs.
func (t Target) Provided(ctx context.Context, l *lab.Folder) (map[string]string, error) {
	src, err := fs.ReadFile(l.FS, "resources.yaml")
	if err != nil {
		return nil, err
	}
	dir, err := localCode(l.FS)
	defer dir.Remove() // also of a nil one
	if err != nil {
		return nil, err
	}
	res, err := provision.Deploy(ctx, t.Endpoint.AWSConfig(), provision.Request{
		StackName: l.ID + "-provided", TemplatePath: "resources.yaml", Template: src, BaseDir: dir.Path(), State: t.State,
		Progress: t.Progress,
	})
	if err != nil {
		return nil, fmt.Errorf("provision what the lab %s provides: %w", l.ID, err)
	}
	return res.Outputs, nil
}

// Remove deletes what Submission and Provided have made, with all that is in
// it. What a script or a person has made beside it stays.
func (t Target) Remove(ctx context.Context, l *lab.Folder, stack string) error {
	if t.State == nil {
		return errors.New("nobody remembers what was deployed")
	}
	for _, name := range []string{stack, l.ID + "-provided"} {
		if err := provision.Remove(ctx, t.Endpoint.AWSConfig(), t.State, name, t.Progress); err != nil {
			return fmt.Errorf("remove the stack %s: %w", name, err)
		}
	}
	return nil
}

// localCode lays out the lab's data folder, whose code resources.yaml may name.
func localCode(lab fs.FS) (*tempdir.Dir, error) {
	dir, err := tempdir.New("lab")
	if err != nil {
		return nil, err
	}
	data, err := fs.Sub(lab, "data")
	if err != nil {
		return dir, err
	}
	if _, err := fs.Stat(data, "."); errors.Is(err, fs.ErrNotExist) {
		return dir, nil
	}
	return dir, os.CopyFS(filepath.Join(dir.Path(), "data"), data)
}

// Changes is what a deployment came to.
type Changes struct {
	Changes []cfn.Change // nil for scripts
	Outputs map[string]string
}

// Submission deploys a learner's folder as a stack. Parameters of its template
// that have the name of an output in provided get that value. The outputs
// returned are the lab's and the learner's own, which win. A lab that asks for
// programs only has nothing to deploy.
func (t Target) Submission(ctx context.Context, l *lab.Folder, stack, folder string,
	provided map[string]string) (*Changes, error) {
	name, err := Template(folder)
	if err != nil {
		return nil, err
	}
	if name != "" {
		template := filepath.Join(folder, name)
		info, err := os.Stat(template)
		if err != nil || !info.Mode().IsRegular() {
			return nil, &FolderError{name + " is no file"}
		}
		res, err := provision.Deploy(ctx, t.Endpoint.AWSConfig(), provision.Request{
			StackName: stack, TemplatePath: template, Given: provided, State: t.State, Progress: t.Progress,
		})
		if err != nil {
			return nil, within(name, err)
		}
		return &Changes{Changes: res.Changes, Outputs: joined(provided, res.Outputs)}, nil
	}
	script := filepath.Join(folder, ScriptFile)
	if _, err := os.Stat(script); err != nil {
		if len(l.Programs) > 0 {
			return &Changes{Outputs: joined(provided, nil)}, nil
		}
		return nil, ErrNothing
	}
	own, err := t.script(ctx, folder, provided)
	if err != nil {
		return nil, err
	}
	return &Changes{Outputs: joined(provided, own)}, nil
}

// within names the template in problems as its author knows it: within the folder.
func within(name string, err error) error {
	var problems *cfn.Problems
	var failed *cfn.DeployError
	switch {
	case errors.As(err, &problems):
		for i := range problems.List {
			problems.List[i].File = name
		}
	case errors.As(err, &failed):
		failed.File = name
	}
	return err
}

// joined are the outputs that checks look at. What the lab has provided is not the
// submission's to rename: another stream as StreamName would be judged in its place.
func joined(provided, own map[string]string) map[string]string {
	outputs := maps.Clone(own)
	if outputs == nil {
		outputs = map[string]string{}
	}
	maps.Copy(outputs, provided)
	return outputs
}

// script runs deploy.sh. The lab's outputs are in its environment, StreamName
// as STREAM_NAME, and in the JSON file that PIPELAB_OUTPUTS names; what the
// script adds to that file counts as its own outputs.
func (t Target) script(ctx context.Context, folder string, provided map[string]string) (map[string]string, error) {
	tmp, err := tempdir.New("deploy")
	if err != nil {
		return nil, err
	}
	defer tmp.Remove()
	dir := tmp.Path()
	file := filepath.Join(dir, outputsFile)
	b, err := json.Marshal(provided)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, b, 0o600); err != nil {
		return nil, err
	}
	end := &tail{}
	var out io.Writer = end
	if t.Out != nil {
		out = io.MultiWriter(end, t.Out)
	}
	spec := sandbox.Spec{Command: []string{"sh", ScriptFile}, Dir: folder, Timeout: scriptTime, Output: 1, Together: out,
		Env: slices.Concat(t.Environ, t.Endpoint.Env(), environment(provided), []string{"PIPELAB_OUTPUTS=" + file})}
	if runnable(filepath.Join(folder, ScriptFile)) {
		spec.Command = []string{"." + string(filepath.Separator) + ScriptFile}
	}
	if t.Confine != nil {
		spec.Policy = t.Confine.With(nil, []string{dir}, t.Endpoint.Port())
		spec.Env = spec.Env[len(t.Environ):]
		spec.Timeout = cagedTime
	}
	r, err := sandbox.Run(ctx, spec)
	switch {
	case err != nil:
		return nil, fmt.Errorf("run %s: %w", ScriptFile, err)
	case r.Breach != "":
		return nil, &ScriptError{Exit: r.Exit, Output: "it was ended because " + r.Breach + "\n" + end.String()}
	case r.TimedOut:
		return nil, &ScriptError{Exit: r.Exit, Output: fmt.Sprintf("it was ended after %s\n%s", spec.Timeout, end)}
	case r.Exit != 0:
		return nil, &ScriptError{Exit: r.Exit, Output: end.String()}
	}
	own := map[string]string{}
	if b, err = outputs(dir); err != nil {
		return nil, &FolderError{fmt.Sprintf("the outputs that %s wrote cannot be read: %v", ScriptFile, err)}
	}
	if b, err = foreign.Text(b); err == nil {
		err = json.Unmarshal(b, &own)
	}
	if err != nil {
		return nil, &ScriptError{Output: fmt.Sprintf("the outputs that it wrote are not a JSON object of strings: %v", err)}
	}
	return own, nil
}

// outputsSize bounds what a script may write as its outputs, in bytes.
const outputsSize = 1 << 20

// outputs reads what a script has written; a link to a file of ours is not
// followed.
func outputs(dir string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(outputsFile)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > outputsSize) {
		err = fmt.Errorf("%s is no file of less than %d bytes", outputsFile, outputsSize)
	}
	if err != nil {
		return nil, err
	}
	return root.ReadFile(outputsFile)
}

// runnable tells whether a script says itself what runs it.
func runnable(file string) bool {
	b, err := os.ReadFile(file)
	info, statErr := os.Stat(file)
	return err == nil && statErr == nil && bytes.HasPrefix(b, []byte("#!")) && info.Mode()&0o111 != 0
}

func environment(outputs map[string]string) []string {
	var env []string
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		env = append(env, Variable(name)+"="+outputs[name])
	}
	return env
}

// Variable is the name of an environment variable for an output: StreamName
// is STREAM_NAME, QueueURL is QUEUE_URL.
func Variable(output string) string {
	var b strings.Builder
	letters := []rune(output)
	for i, r := range letters {
		// A word begins at a capital after a small letter, and at the last
		// capital of several before a small one.
		if i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) &&
			unicode.IsLower(letters[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if len(t.b) > tailSize {
		t.b = slices.Clone(t.b[len(t.b)-tailSize:])
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(string(t.b)) }
