package internal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/pipelab/pipelab/"

// listed is what "go list" says of a package.
type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Standard   bool
}

func packages(t *testing.T) map[string]listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,Deps,Standard", "../...").Output()
	require.NoError(t, err)
	all := map[string]listed{}
	d := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all[p.ImportPath] = p
	}
}

// layers lists who may import whom: each package only packages of lower
// layers, or of its own folder. Leaves may be imported by all.
func layers() [][]string {
	return [][]string{
		{"internal/version", "internal/foreign"},
		// leaves
		{"internal/archive", "internal/awsapi", "internal/cfn", "internal/confine", "internal/digest", "internal/filelock",
			"internal/glossary", "internal/loopback", "internal/markdown", "internal/ordinary", "internal/prefork",
			"internal/procgroup", "internal/rmtree", "internal/sdkhttp", "internal/seal", "internal/similar", "internal/tempdir",
			"internal/traceback",
			"localstack"},
		{"internal/aws"},
		{"internal/emulator"},
		{"internal/provision", "internal/datagen", "internal/sandbox", "internal/sqlengine", "internal/lab", "labs"},
		{"internal/deploy", "internal/workspace", "internal/report", "internal/seal", "internal/emulator/drivertest"},
		{"internal/check", "internal/study"},
		{"internal/trial"},
		{"internal/labtest", "internal/grade"},
		{"internal/cli", "internal/bench"},
		{"cmd/pipelab"},
	}
}

// layer of a package, and the folder that it belongs to: the innermost that is
// named.
func layer(path string) (at int, folder string) {
	rel := strings.TrimPrefix(path, module)
	at = -1
	for i, folders := range layers() {
		for _, f := range folders {
			if (rel == f || strings.HasPrefix(rel, f+"/")) && len(f) > len(folder) {
				at, folder = i, f
			}
		}
	}
	return at, folder
}

func TestImports_goDownwards(t *testing.T) {
	all := packages(t)
	for path, p := range all {
		if !strings.HasPrefix(path, module) || path == module+"internal" { // this test
			continue
		}
		from, folder := layer(path)
		require.NotEqual(t, -1, from, "%s belongs to no layer: name it in layers()", path)
		for _, imp := range p.Imports {
			if !strings.HasPrefix(imp, module) {
				continue
			}
			to, other := layer(imp)
			require.True(t, to < from || folder == other || allowed(folder, other), "%s imports %s, which is not below it", path,
				imp)
		}
	}
}

// allowed are imports within a layer: programs have process groups, and the lab
// format is read by those who make data and by reports.
func allowed(from, to string) bool {
	return slices.Contains([]string{
		"internal/prefork internal/procgroup", "internal/prefork internal/confine", "internal/confine internal/procgroup",
		"internal/loopback internal/confine", "internal/tempdir internal/filelock", "internal/tempdir internal/rmtree",
		"internal/datagen internal/lab", "internal/labtest internal/check",
		"internal/workspace internal/report", "internal/deploy internal/report",
	}, from+" "+to)
}

func TestImports_keepServicesApart(t *testing.T) {
	const services = module + "internal/aws/service/"
	for path, p := range packages(t) {
		for _, imp := range p.Imports {
			if !strings.HasPrefix(imp, services) {
				continue
			}
			imported, _, _ := strings.Cut(strings.TrimPrefix(imp, services), "/")
			if strings.HasPrefix(path, services) {
				own, _, _ := strings.Cut(strings.TrimPrefix(path, services), "/")
				// The streams of DynamoDB are one store seen through two APIs.
				shared := own == "dynamodbstreams" && imp == services+"dynamodb/streamlog" || own == "dynamodbstreams" &&
					imp == services+"dynamodb/item"
				require.True(t, own == imported || shared,
					"the service %s imports the service %s; it must call it through the gateway", own, imported)
				continue
			}
			require.Equal(t, module+"internal/aws/cloud", path, "%s imports a service", path)
		}
		for _, imp := range p.Imports {
			inside := strings.HasPrefix(path, module+"internal/aws/") ||
				strings.HasPrefix(path, module+"internal/emulator/embedded")
			// The proxy is a door too: it identifies, injects and records as the
			// gateway does, and there must be one way to do so. It knows services only
			// by what they say of themselves.
			door := path == module+"internal/emulator/proxy" && slices.Contains([]string{"gateway", "wire", "clock", "ident",
				"cloud"},
				strings.TrimPrefix(imp, module+"internal/aws/"))
			require.False(t, strings.HasPrefix(imp, module+"internal/aws/") && !inside && !door,
				"%s imports %s: only the embedded driver may", path, imp)
		}
	}
}

func TestImports_haveOneHomeForEachHeavyDependency(t *testing.T) {
	homes := map[string][]string{
		"github.com/duckdb/duckdb-go/": {"internal/sqlengine"},
		"cel.dev/cel-go/":              {"internal/check"},
		"github.com/spf13/cobra":       {"internal/cli", "cmd/pipelab"},
		"github.com/testcontainers/":   {"internal/emulator/localstack"},
		"github.com/moby/":             {"internal/emulator/localstack", "internal/bench/emulators"},
		"github.com/bluekeyes/":        {"internal/lab"},
		"github.com/fsnotify/fsnotify": {"internal/cli"},
		"github.com/tidwall/btree":     {"internal/aws/store"},
		"github.com/aws/aws-sdk-go-v2/service/": {"internal/aws", "internal/awsapi", "internal/emulator",
			"internal/provision", "internal/check", "internal/cli", "internal/bench"},
		"github.com/charmbracelet/":     {"internal/cli"},
		"charm.land/":                   {"internal/cli"},
		"github.com/invopop/jsonschema": {"internal/lab", "internal/report"},
		"github.com/yuin/goldmark":      {"internal/markdown"},
		"github.com/goccy/go-yaml": {"internal/lab", "internal/cfn", "internal/aws/limits", "internal/workspace",
			"internal/grade", "internal/cli", "internal/glossary"},
	}
	for path, p := range packages(t) {
		// Solutions of labs are programs of their own.
		if !strings.HasPrefix(path, module) || strings.HasPrefix(path, module+"labs/") {
			continue
		}
		rel := strings.TrimPrefix(path, module)
		for _, imp := range p.Imports {
			for dep, where := range homes {
				if !strings.HasPrefix(imp, dep) {
					continue
				}
				require.True(t, slices.ContainsFunc(where, func(w string) bool {
					return rel == w || strings.HasPrefix(rel, w+"/")
				}), "%s imports %s, whose home is %v", path, imp, where)
			}
		}
	}
}

// exempt are the files that may read the machine's clock or its randomness,
// with the reason.
func exempt() map[string]string {
	return map[string]string{
		"aws/clock/":           "it is the clock",
		"aws/ident/":           "it is the source of ids",
		"aws/store/journal.go": "the journal is synced to disk in machine time, whatever the clock says",
		"bench/":               "it measures",
		"emulator/embedded/":   "tokens need the system's randomness",
		"confine/":             "programs are watched in machine time",
		"sandbox/":             "a program is ended in machine time",
		"cli/":                 "people live in machine time",
		"datagen/":             "data come from a seeded source, which is math/rand with the seed of the lab",
		"workspace/":           "attempts are dated in machine time",
		"report/":              "reports are dated in machine time",
	}
}

func TestTime_comesFromTheClock(t *testing.T) {
	forbidden := map[string][]string{"time": {"Now", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick",
		"Since", "Until"}, "math/rand": nil, "math/rand/v2": nil}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		for prefix := range exempt() {
			if strings.HasPrefix(filepath.ToSlash(path), prefix) {
				return nil
			}
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		names := map[string]string{}
		for _, imp := range file.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			if calls, ok := forbidden[p]; ok {
				if calls == nil {
					return fmt.Errorf("%s imports %s", path, p)
				}
				name := filepath.Base(p)
				if imp.Name != nil {
					name = imp.Name.Name
				}
				names[name] = p
			}
		}
		var bad error
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			id, ok := sel.X.(*ast.Ident)
			if ok && names[id.Name] != "" && slices.Contains(forbidden[names[id.Name]], sel.Sel.Name) {
				bad = errors.Join(bad, fmt.Errorf("%s calls %s.%s; use the clock", set.Position(sel.Pos()), id.Name, sel.Sel.Name))
			}
			return true
		})
		return bad
	})
	require.NoError(t, err)
}

// Whatever listens does so by loopback.Listen and loopback.Server: what keeps
// foreign pages and other users out stands in one place. A baseline of the
// bench is net/http and nothing else.
func TestListeners_areGuarded(t *testing.T) {
	forbidden := map[string][]string{"net": {"Listen", "ListenConfig", "ListenTCP"},
		"net/http": {"Server", "Serve", "ListenAndServe", "ListenAndServeTLS", "ServeTLS"}}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		rel := filepath.ToSlash(path)
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.HasPrefix(rel, "loopback/") || strings.HasPrefix(rel, "bench/") {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		var bad error
		named := map[string]bool{} // a type in a declaration makes no server
		ast.Inspect(file, func(n ast.Node) bool {
			if star, ok := n.(*ast.StarExpr); ok {
				named[set.Position(star.X.Pos()).String()] = true
			}
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			id, ok := sel.X.(*ast.Ident)
			if ok && slices.Contains(forbidden[map[string]string{"net": "net", "http": "net/http"}[id.Name]], sel.Sel.Name) &&
				!named[set.Position(sel.Pos()).String()] {
				bad = errors.Join(bad, fmt.Errorf("%s uses %s.%s; use the package loopback", set.Position(sel.Pos()), id.Name,
					sel.Sel.Name))
			}
			return true
		})
		return bad
	})
	require.NoError(t, err)
}
