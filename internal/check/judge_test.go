package check_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

// options are what is needed to judge a lab, given as its lab.yaml: an emulator and a
// workspace, both empty, that end with the test.
func options(t *testing.T, text string) check.Options {
	t.Helper()
	return optionsOn(t, emulated(t), text)
}

// emulated is an empty emulator that ends with the test, if the test has not ended it.
func emulated(t *testing.T) emulator.Emulator {
	t.Helper()
	e, err := embedded.Driver{}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// optionsOn are options with another emulator.
func optionsOn(t *testing.T, e emulator.Emulator, text string) check.Options {
	t.Helper()
	l, err := lab.Parse("lab.yaml", []byte(text), check.Compile)
	require.NoError(t, err)
	return check.Options{Lab: &lab.Folder{Lab: l}, Emulator: e, Workspace: t.TempDir(), Clock: clock.New()}
}

// judge runs the checks, which must not end early.
func judge(t *testing.T, o check.Options) *report.Result {
	t.Helper()
	r, err := check.Run(t.Context(), o)
	require.NoError(t, err)
	return r
}

// judged are the checks by their ids.
func judged(t *testing.T, o check.Options) map[string]report.Check {
	t.Helper()
	out := map[string]report.Check{}
	for _, c := range judge(t, o).Checks {
		out[c.ID] = c
	}
	return out
}

// passes asks that every check passes.
func passes(t *testing.T, o check.Options) {
	t.Helper()
	for _, c := range judge(t, o).Checks {
		require.Equal(t, report.Pass, c.Verdict, "%+v", c)
	}
}

// A step or a probe that can be written in a lab has a case in the code that does it.
func TestCheck_knowsEveryStepAndProbe(t *testing.T) {
	t.Parallel()
	for _, of := range []struct {
		file, function, param string
		kind                  reflect.Type
	}{
		{"steps.go", "step", "st", reflect.TypeFor[lab.Step]()},
		{"probes.go", "probe", "p", reflect.TypeFor[lab.Probe]()},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), of.file, nil, 0)
		require.NoError(t, err)
		known := map[string]bool{}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Name.Name != of.function {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				c, ok := n.(*ast.CaseClause)
				if !ok {
					return true
				}
				for _, e := range c.List {
					ast.Inspect(e, func(n ast.Node) bool {
						if s, ok := n.(*ast.SelectorExpr); ok {
							if x, ok := s.X.(*ast.Ident); ok && x.Name == of.param {
								known[s.Sel.Name] = true
							}
						}
						return true
					})
				}
				return true
			})
		}
		for i := range of.kind.NumField() {
			require.True(t, known[of.kind.Field(i).Name], "%s has no case for %s", of.file, of.kind.Field(i).Name)
		}
	}
}
