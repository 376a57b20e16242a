package internal_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// nameless are the packages that treat all services alike: what is peculiar to one
// stands in its descriptor or its model.
func nameless() []string {
	return []string{"aws/gateway", "aws/wire", "aws/sigv4", "aws/outbox", "aws/worker", "aws/store", "aws/clock",
		"emulator/proxy"}
}

const sdk = "github.com/aws/aws-sdk-go-v2/service/"

// spelled are the literals there that may look like a service's name.
func spelled() map[string]string {
	return map[string]string{
		"aws/wire/known_gen.go":      "generated of the models",
		`aws/wire/api.go "s3"`:       "how models call a way to sign",
		"aws/wire/unions.go imports": "the one place that has the union types of the SDK, by name",
	}
}

func TestServices_areNamedByThemselvesOnly(t *testing.T) {
	names := map[string]bool{}
	for _, d := range cloud.Describe() {
		a := wire.Known(d.Name)
		names[d.Name], names[a.Signing], names[a.Endpoint] = true, true, true
		for _, op := range d.Operations {
			if prefix, _, ok := strings.Cut(op.Action, ":"); ok {
				names[prefix] = true
			}
		}
	}
	require.Greater(t, len(names), 10)
	used := map[string]bool{}
	var bad error
	for _, folder := range nameless() {
		require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			path = filepath.ToSlash(path)
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
				spelled()[path] != "" {
				return err
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if spec, ok := n.(*ast.ImportSpec); ok { // the types of a service are its names too
					at := path + " " + strings.TrimPrefix(strings.Trim(spec.Path.Value, `"`), sdk)
					switch {
					case !strings.Contains(spec.Path.Value, sdk):
					case spelled()[path+" imports"] != "":
						used[path+" imports"] = true
					default:
						bad = errors.Join(bad, fmt.Errorf("%s: let the service do it, and its descriptor tell", at))
					}
					return false
				}
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				text, _ := strconv.Unquote(lit.Value) // it has been parsed
				name := namedIn(text, names)
				if name == "" {
					return true
				}
				if at := path + " " + lit.Value; spelled()[at] != "" {
					used[at] = true
					return true
				}
				bad = errors.Join(bad, fmt.Errorf("%s names %s: say it in the service's descriptor", set.Position(lit.Pos()),
					name))
				return true
			})
			return nil
		}))
	}
	require.NoError(t, bad)
	for at := range spelled() {
		require.True(t, used[at] || strings.HasSuffix(at, ".go"), "%s is not there", at)
	}
}

// namedIn finds the service that a text names: as a whole, as the prefix of an
// action, in an ARN or in a host name.
func namedIn(text string, names map[string]bool) string {
	lower := strings.ToLower(text)
	for name := range names {
		if lower == name || strings.HasPrefix(lower, name+":") || strings.Contains(lower, "arn:aws:"+name+":") ||
			strings.Contains(lower, "."+name+".") || strings.HasPrefix(lower, name+".") && strings.HasSuffix(lower, ".com") {
			return name
		}
	}
	return ""
}
