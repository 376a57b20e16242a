package labtest

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pipelab/pipelab/internal/cfn"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/sandbox"
	"github.com/pipelab/pipelab/internal/tempdir"
)

//go:embed variants.py
var variantsProgram string

// Mutation is one small change of the solution that checks should notice.
type Mutation struct {
	File string `json:"file"` // below solution/
	Line int    `json:"line"`
	What string `json:"what"`
	// By is the check that noticed, or "deploy" or "time"; empty for a survivor.
	By string `json:"by,omitempty"`
	// Reason is why a survivor is no worse than the solution, as the lab has it
	// in mutants/survivors.yaml.
	Reason string `json:"reason,omitempty"`

	source string
}

func (m Mutation) String() string { return fmt.Sprintf("%s:%d: %s", m.File, m.Line, m.What) }

// Mutations is what became of them. OK when no survivor is without a reason.
type Mutations struct {
	Lab      string     `json:"lab"`
	OK       bool       `json:"ok"`
	All      int        `json:"all"` // that could be made
	Tried    []Mutation `json:"tried"`
	Problems []string   `json:"problems,omitempty"`
}

// Sample says which mutations to try: up to N of them, chosen by Seed, all when N
// is 0.
type Sample struct {
	N    int
	Seed uint64
}

// patience is how much longer than the solution a mutation may take before it
// counts as noticed: a loop that never ends.
const patience, leastPatience = 10, 30 * time.Second

// Mutate changes the solution in one place after the other, in every file that
// the starter does not have as it is, and lets the checks judge until one fails.
// Done is called with each as a run named after it. The error means that it broke down.
func Mutate(ctx context.Context, o Options, sample Sample, done func(Mutation)) (*Mutations, error) {
	if len(o.Seeds) == 0 {
		o.Seeds = []uint64{1}
	}
	all, err := o.mutations(ctx)
	if err != nil {
		return nil, err
	}
	began := o.Clock.Now()
	solution, err := o.tree(ctx, job{name: "solution", seed: o.Seeds[0]})
	if err != nil {
		return nil, err
	}
	if problems := judgeSolution(solution); len(problems) > 0 {
		return nil, fmt.Errorf("the solution itself does not pass: %s", strings.Join(problems, "; "))
	}
	limit := max(leastPatience, patience*o.Clock.Now().Sub(began))
	out := &Mutations{Lab: o.Lab.ID, All: len(all), Tried: sample.of(all)}
	var mu sync.Mutex
	group, run := errgroup.WithContext(ctx)
	places := o.places()
	for i := range out.Tried {
		m := &out.Tried[i]
		group.Go(func() error {
			var by string
			err := places.do(run, func() (err error) {
				by, err = o.notices(run, *m, limit)
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", m, err)
			}
			mu.Lock()
			defer mu.Unlock()
			m.By = by
			if done != nil {
				done(*m)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out.explain(o.Lab.Survivors, len(out.Tried) == len(all))
	return out, nil
}

// explain gives survivors their reasons. Once all were tried, a reason for what
// is no survivor is out of date.
func (out *Mutations) explain(reasons []lab.Survivor, all bool) {
	out.OK = true
	used := map[lab.Survivor]bool{}
	for i := range out.Tried {
		m := &out.Tried[i]
		for _, r := range reasons {
			if r.File != m.File || r.Change != m.What {
				continue
			}
			if m.By == "" {
				m.Reason, used[r] = r.Reason, true
			}
		}
		if m.By == "" && m.Reason == "" {
			out.OK = false
		}
	}
	for _, r := range reasons {
		if all && !used[r] && !r.Perhaps {
			out.OK = false
			out.Problems = append(out.Problems, fmt.Sprintf("mutants/survivors.yaml explains %q of %s, which does not survive",
				r.Change, r.File))
		}
	}
}

// of keeps the sample in the order of all.
func (s Sample) of(all []Mutation) []Mutation {
	if s.N <= 0 || s.N >= len(all) {
		return all
	}
	rank := func(m Mutation) uint64 {
		h := fnv.New64a()
		fmt.Fprintf(h, "%d %s %s", s.Seed, m.File, m.What)
		return h.Sum64()
	}
	chosen := slices.Clone(all)
	slices.SortFunc(chosen, func(a, b Mutation) int {
		if x, y := rank(a), rank(b); x != y {
			return map[bool]int{true: -1, false: 1}[x < y]
		}
		return strings.Compare(a.What, b.What)
	})
	chosen = chosen[:s.N]
	return slices.DeleteFunc(slices.Clone(all), func(m Mutation) bool { return !slices.Contains(chosen, m) })
}

// mutations makes all that there are, file by file.
func (o *Options) mutations(ctx context.Context) (all []Mutation, err error) {
	err = fs.WalkDir(o.Lab.FS, "solution", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		src, err := fs.ReadFile(o.Lab.FS, p)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(p, "solution/")
		if given, err := fs.ReadFile(o.Lab.FS, path.Join("starter", name)); err == nil && string(given) == string(src) {
			return nil // not the learner's work
		}
		switch {
		case name == "template.yaml":
			variants, err := cfn.Variants(src)
			for _, v := range variants {
				all = append(all, Mutation{File: name, Line: v.Line, What: v.What, source: string(v.Source)})
			}
			return err
		case path.Ext(name) == ".py":
			made, err := o.pythonVariants(ctx, name, string(src))
			all = append(all, made...)
			return err
		}
		return nil
	})
	return all, err
}

func (o *Options) pythonVariants(ctx context.Context, name, src string) ([]Mutation, error) {
	tmp, err := tempdir.New("variants")
	if err != nil {
		return nil, err
	}
	defer tmp.Remove()
	dir := tmp.Path()
	if err := os.WriteFile(filepath.Join(dir, "variants.py"), []byte(variantsProgram), 0o600); err != nil {
		return nil, err
	}
	r, err := sandbox.Run(ctx, sandbox.Spec{Command: []string{"python3", "variants.py"}, Dir: dir,
		Stdin: strings.NewReader(src), Interpreters: o.Interpreters})
	if err != nil {
		return nil, err
	}
	if r.Exit != 0 {
		return nil, fmt.Errorf("%s cannot be changed: %s", name, r.Stderr)
	}
	var found []struct {
		Line         int
		What, Source string
	}
	if err := json.Unmarshal([]byte(r.Stdout), &found); err != nil {
		return nil, fmt.Errorf("variants of %s: %w", name, err)
	}
	made := make([]Mutation, len(found))
	for i, f := range found {
		made[i] = Mutation{File: name, Line: f.Line, What: f.What, source: f.Source}
	}
	return made, nil
}

// notices runs the mutation until something fails, and says what.
func (o *Options) notices(ctx context.Context, m Mutation, limit time.Duration) (by string, err error) {
	run, stop := context.WithTimeout(ctx, limit)
	defer stop()
	r, err := o.tree(run, job{name: "solution", seed: o.Seeds[0], change: &m, done: func(c report.Check) {
		if c.Verdict != report.Pass && by == "" {
			by = c.ID
			stop() // what the others say does not matter
		}
	}})
	switch {
	case by != "":
		return by, nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(run.Err(), context.DeadlineExceeded):
		return "time", nil
	case err != nil:
		return "", err
	case r.Deploy != "":
		return "deploy", nil
	}
	return "", nil
}

// MutationText writes what became of mutations for people: the survivors.
func MutationText(w io.Writer, out *Mutations) error {
	var b strings.Builder
	noticed, explained := 0, 0
	for _, m := range out.Tried {
		switch {
		case m.By != "":
			noticed++
		case m.Reason != "":
			explained++
			fmt.Fprintf(&b, "explained  %s\n           %s\n", m, m.Reason)
		default:
			fmt.Fprintf(&b, "SURVIVES   %s\n", m)
		}
	}
	for _, p := range out.Problems {
		fmt.Fprintf(&b, "PROBLEM    %s\n", p)
	}
	fmt.Fprintf(&b, "%s: %d of %s tried, %d noticed, %d explained, %d survive\n",
		out.Lab, len(out.Tried), report.Count(out.All, "change"), noticed, explained, len(out.Tried)-noticed-explained)
	_, err := io.WriteString(w, b.String())
	return err
}
