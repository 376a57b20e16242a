package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/pipelab/pipelab/internal/cfn"
)

// Request is one deployment from outside the cloud.
type Request struct {
	StackName    string
	TemplatePath string // or Template
	Template     []byte
	// BaseDir is what paths of local code are relative to; the template's
	// folder when empty.
	BaseDir    string
	Parameters map[string]string
	// Given are values for parameters that the template may declare, such as
	// the outputs of another stack; those it does not declare are left out.
	Given   map[string]string
	Imports map[string]string
	// State keeps what was deployed from one call to the next. Nil forgets it
	// at once, for clouds that are thrown away after use.
	State    State
	Progress func(cfn.Event) // may be nil
}

// State is where deployments are remembered: documents of stacks and packed
// code.
type State interface {
	cfn.StateStore
	Assets
}

// Result is what a deployment came to.
type Result struct {
	StackID string
	Status  string
	Outputs map[string]string
	Changes []cfn.Change // empty when nothing had to change
}

// Deploy makes a stack what its template says. Errors: *cfn.Problems for a
// template that cannot be deployed (nothing was touched), *cfn.DeployError for
// a deployment that failed and was rolled back.
func Deploy(ctx context.Context, cfg aws.Config, req Request) (*Result, error) {
	if req.State == nil {
		req.State = NewMemoryState()
	}
	engine, p, err := newEngine(ctx, cfg, req.State, req.Progress)
	if err != nil {
		return nil, err
	}
	t, err := load(req, p)
	if err != nil {
		return nil, err
	}
	out, err := engine.Deploy(ctx, cfn.Request{Stack: req.StackName, Template: t, Parameters: req.parameters(t),
		Imports: req.Imports})
	if err != nil {
		return nil, err
	}
	res := &Result{StackID: out.StackID, Status: out.Status, Outputs: map[string]string{}, Changes: out.Changes}
	for _, o := range out.Outputs {
		res.Outputs[o.Key] = o.Value
	}
	return res, nil
}

// parameters are those given by name and, of the others, those declared.
func (r *Request) parameters(t *cfn.Template) map[string]string {
	out := maps.Clone(r.Parameters)
	if out == nil {
		out = map[string]string{}
	}
	for name, v := range r.Given {
		if _, set := out[name]; !set && t.Parameter(name) != nil {
			out[name] = v
		}
	}
	return out
}

// Delete removes a stack that Deploy made with the same state.
func Delete(ctx context.Context, cfg aws.Config, state State, stack string, progress func(cfn.Event)) error {
	engine, _, err := newEngine(ctx, cfg, state, progress)
	if err != nil {
		return err
	}
	return engine.Delete(ctx, stack)
}

func newEngine(ctx context.Context, cfg aws.Config, state State, progress func(cfn.Event)) (*cfn.Engine, *Provider,
	error) {
	who, err := client[*sts.Client](cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("ask the cloud whose account this is: %w", err)
	}
	p := New(cfg, aws.ToString(who.Account), state)
	return &cfn.Engine{Provider: p, Store: state, Account: aws.ToString(who.Account), Region: cfg.Region,
		Progress: progress, Verify: true}, p, nil
}

// load reads the template and packs the local code that it names.
func load(req Request, p *Provider) (*cfn.Template, error) {
	name, src := req.TemplatePath, req.Template
	if src == nil {
		b, err := os.ReadFile(req.TemplatePath)
		if err != nil {
			return nil, err
		}
		src = b
	}
	if name == "" {
		name = "template.yaml"
	}
	base := req.BaseDir
	if base == "" {
		base = filepath.Dir(name)
	}
	return cfn.ParseLocal(name, src, p.Types(), func(location string) (map[string]string, error) {
		if filepath.IsAbs(location) || !filepath.IsLocal(filepath.Clean(location)) {
			return nil, errors.New("local code must lie below the template's folder")
		}
		zipped, err := pack(base, location)
		if err != nil {
			return nil, err
		}
		digest := digestOf(zipped)
		return map[string]string{localPath: location, localDigest: digest}, p.assets.Put(digest, zipped)
	})
}

// MemoryState is a State that lives as long as the process.
type MemoryState struct {
	mu     sync.Mutex
	stacks map[string][]byte
	assets map[string][]byte
}

// NewMemoryState returns an empty state.
func NewMemoryState() *MemoryState {
	return &MemoryState{stacks: map[string][]byte{}, assets: map[string][]byte{}}
}

// Load implements cfn.StateStore.
func (m *MemoryState) Load(_ context.Context, stack string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stacks[stack], nil
}

// Save implements cfn.StateStore.
func (m *MemoryState) Save(_ context.Context, stack string, b []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stacks[stack] = b
	return nil
}

// Put implements Assets.
func (m *MemoryState) Put(digest string, b []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.assets[digest] = b
	return nil
}

// Get implements Assets.
func (m *MemoryState) Get(digest string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.assets[digest]
	if !ok {
		return nil, fmt.Errorf("packed code %s is not there any more", digest)
	}
	return b, nil
}

// DirState is a State in a folder: <stack>.json and assets/<digest>.zip.
type DirState string

func (d DirState) file(parts ...string) string {
	return filepath.Join(append([]string{string(d)}, parts...)...)
}

// Load implements cfn.StateStore.
func (d DirState) Load(_ context.Context, stack string) ([]byte, error) {
	b, err := os.ReadFile(d.file(stack + ".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Save implements cfn.StateStore: written whole or not at all.
func (d DirState) Save(_ context.Context, stack string, b []byte) error {
	if b == nil {
		return os.Remove(d.file(stack + ".json"))
	}
	if !json.Valid(b) {
		return errors.New("the state of a stack must be JSON")
	}
	return replaceFile(d.file(stack+".json"), b)
}

// Put implements Assets.
func (d DirState) Put(digest string, b []byte) error {
	if _, err := os.Stat(d.file("assets", digest+".zip")); err == nil {
		return nil
	}
	return replaceFile(d.file("assets", digest+".zip"), b)
}

// Get implements Assets.
func (d DirState) Get(digest string) ([]byte, error) {
	return os.ReadFile(d.file("assets", digest+".zip"))
}

func replaceFile(name string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // what failed to become the file
	}
	return err
}
