package cloud_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	gotoken "go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/aws/gateway"
)

var update = flag.Bool("update", false, "write the members that services use into their folders")

const (
	services = "github.com/pipelab/pipelab/internal/aws/service/"
	sdk      = "github.com/aws/aws-sdk-go-v2/service/"
)

// source is one package as the compiler sees it.
type source struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

// sources are the packages of all services, with the compiled ones that they
// import.
func sources(t *testing.T) map[string]source {
	t.Helper()
	out, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles",
		"../service/...").Output()
	require.NoError(t, err)
	all := map[string]source{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var s source
		if d.Decode(&s) != nil {
			return all
		}
		all[s.ImportPath] = s
	}
}

// read finds the members of the SDK's structures that the packages of a service
// read, by structure, and all texts that they contain. What only describes the
// service does not count.
func read(t *testing.T, all map[string]source, service string) (used map[string]map[string]bool, texts string) {
	t.Helper()
	used = map[string]map[string]bool{}
	fset := gotoken.NewFileSet()
	imports := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(all[path].Export)
	})
	var text strings.Builder
	for path, s := range all {
		if path != services+service && !strings.HasPrefix(path, services+service+"/") {
			continue
		}
		var files []*ast.File
		for _, name := range s.GoFiles {
			b, err := os.ReadFile(filepath.Join(s.Dir, name))
			require.NoError(t, err)
			f, err := parser.ParseFile(fset, name, b, parser.SkipObjectResolution)
			require.NoError(t, err)
			if name != "members_gen.go" {
				text.Write(b)
			}
			files = append(files, f)
		}
		info := &types.Info{Selections: map[*ast.SelectorExpr]*types.Selection{}}
		_, err := (&types.Config{Importer: imports}).Check(path, fset, files, info)
		require.NoError(t, err)
		set := assigned(files)
		for expr, sel := range info.Selections {
			file := fset.Position(expr.Pos()).Filename
			if sel.Kind() != types.FieldVal || set[expr] || file == "descriptor.go" || file == "permissions.go" {
				continue
			}
			if name := owner(sel.Recv(), service); name != "" {
				if used[name] == nil {
					used[name] = map[string]bool{}
				}
				used[name][expr.Sel.Name] = true
			}
		}
	}
	return used, text.String()
}

// assigned are the selectors that are only written to.
func assigned(files []*ast.File) map[*ast.SelectorExpr]bool {
	set := map[*ast.SelectorExpr]bool{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			if a, ok := n.(*ast.AssignStmt); ok && a.Tok == gotoken.ASSIGN {
				for _, l := range a.Lhs {
					if sel, ok := l.(*ast.SelectorExpr); ok {
						set[sel] = true
					}
				}
			}
			return true
		})
	}
	return set
}

// owner names the structure of the service's SDK package that a type is.
func owner(t types.Type, service string) string {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil {
		return ""
	}
	switch n.Obj().Pkg().Path() {
	case sdk + service:
		return n.Obj().Name()
	case sdk + service + "/types":
		return "types." + n.Obj().Name()
	}
	return ""
}

// reachable walks the structures of an input through the members that may be
// set, and says which of their members the code uses. One of which nothing is
// read is handed on whole.
func reachable(t reflect.Type, m gateway.Members, used map[string]map[string]bool, out map[string][]string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || !strings.HasPrefix(t.PkgPath(), sdk) {
		return
	}
	name := t.Name()
	if strings.HasSuffix(t.PkgPath(), "/types") {
		name = "types." + name
	}
	if _, done := out[name]; done {
		return
	}
	names := []string{}
	for i := range t.NumField() {
		if f := t.Field(i); used[name][f.Name] {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 && strings.HasPrefix(name, "types.") {
		names = []string{"*"}
	}
	slices.Sort(names)
	out[name] = names
	for i := range t.NumField() {
		f := t.Field(i)
		_, kept := m.Kept[name+"."+f.Name]
		if used[name][f.Name] || kept || names != nil && slices.Contains(names, "*") {
			reachable(f.Type, m, used, out)
		}
	}
}

// The generated lists are what the code reads: a member that the SDK adds, or
// that nobody reads any more, is not among them until somebody runs this with
// -update and a review sees it.
func TestMembers_areThoseThatTheCodeReads(t *testing.T) {
	all := sources(t)
	for _, d := range cloud.Describe() {
		used, texts := read(t, all, d.Name)
		out := map[string][]string{}
		for _, op := range d.Operations {
			reachable(op.Input, d.Members, used, out)
		}
		for _, name := range d.Members.ByName {
			require.True(t, strings.Contains(texts, `"`+name+`"`) ||
				strings.Contains(texts, `"`+strings.TrimPrefix(name, "Checksum")+`"`),
				"%s reads no member %s by its name", d.Name, name)
		}
		for name, reason := range d.Members.Kept {
			structure, member, ok := strings.Cut(strings.TrimPrefix(name, "types."), ".")
			require.True(t, ok && reason != "", "%s: %s needs a structure, a member and a reason", d.Name, name)
			require.False(t, used[structure][member], "%s reads %s: it is not kept but used", d.Name, name)
		}
		if *update {
			writeMembers(t, d.Name, out)
			continue
		}
		require.Equal(t, out, d.Members.Used, "%s: run go test ./internal/aws/cloud -run TestMembers -update", d.Name)
	}
}

func writeMembers(t *testing.T, service string, used map[string][]string) {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "// Code generated by go test ./internal/aws/cloud -run TestMembers -update; DO NOT EDIT.\n\n"+
		"package %s\n\n// members are those of the inputs that this service reads.\n"+
		"func members() map[string][]string {\n\treturn map[string][]string{\n", service)
	for _, name := range slices.Sorted(maps.Keys(used)) {
		fmt.Fprintf(&b, "\t\t%q: {\n", name)
		for _, m := range used[name] {
			fmt.Fprintf(&b, "\t\t\t%q,\n", m)
		}
		b.WriteString("\t\t},\n")
	}
	b.WriteString("\t}\n}\n")
	text, err := format.Source(b.Bytes())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("../service/"+service+"/members_gen.go", text, 0o644))
}
