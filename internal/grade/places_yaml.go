package grade

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// yamlPlaces collects what is wrong with a YAML file, each with the line it is about.
type yamlPlaces struct {
	name   string
	text   []byte
	parsed *ast.File
	found  []error
}

// need notes a problem at a path of the document unless something is so.
func (p *yamlPlaces) need(ok bool, path, format string, args ...any) {
	if !ok {
		p.found = append(p.found, fmt.Errorf("%s: %s", p.of("%s", path), fmt.Sprintf(format, args...)))
	}
}

// problems are all that were noted, in order.
func (p *yamlPlaces) problems() error { return errors.Join(p.found...) }

// of is where a path of the document stands, such as assignment.yaml:12: of the nearest
// one above it that is there, or the file alone.
func (p *yamlPlaces) of(format string, args ...any) string {
	if p.parsed == nil {
		parsed, err := parser.ParseBytes(p.text, 0)
		if err != nil { // it was decoded before: nobody gets here
			return p.name
		}
		p.parsed = parsed
	}
	for path := fmt.Sprintf(format, args...); len(path) > 1; path = path[:strings.LastIndexAny(path, ".[")] {
		at, err := yaml.PathString(path)
		if err != nil {
			continue
		}
		node, err := at.FilterFile(p.parsed)
		if err == nil && node != nil && node.GetToken() != nil {
			return fmt.Sprintf("%s:%d", p.name, node.GetToken().Position.Line)
		}
	}
	return p.name
}

// yamlError says where a document cannot be read.
func yamlError(name string, err error) error {
	var syntax yaml.Error
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		return fmt.Errorf("%s:%d: %s", name, syntax.GetToken().Position.Line, syntax.GetMessage())
	}
	return fmt.Errorf("%s: %w", name, err)
}
