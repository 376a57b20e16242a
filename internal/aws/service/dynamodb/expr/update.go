package expr

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// Update is a parsed UpdateExpression.
type Update struct {
	sets    []setAction
	adds    []valueAction
	deletes []valueAction
	removes []Path
	paths   []Path
	old     bool // of AttributeUpdates
}

type setAction struct {
	path Path
	to   operand
}

type valueAction struct {
	path  Path
	value item.Value
}

// sum is left + right or left - right.
type sum struct {
	minus       bool
	left, right operand
}

// Paths are all paths that the update writes, in order of their actions.
func (u *Update) Paths() []Path { return u.paths }

// ParseUpdate reads an UpdateExpression.
func ParseUpdate(src string, params *Params) (*Update, error) {
	u, err := parseUpdate(src, params)
	if err != nil {
		return nil, fmt.Errorf("Invalid UpdateExpression: %w", err)
	}
	return u, nil
}

func parseUpdate(src string, params *Params) (*Update, error) {
	p, err := newParser(src, params)
	if err != nil {
		return nil, err
	}
	p.update = true
	u := &Update{}
	var seen [4]bool
	sections := []struct {
		word string
		read func(*Update) error
	}{{"SET", p.set}, {"REMOVE", p.remove}, {"ADD", p.add}, {"DELETE", p.del}}
	for p.peek().kind != tokEOF {
		i := slices.IndexFunc(sections, func(s struct {
			word string
			read func(*Update) error
		}) bool {
			return p.accept(s.word)
		})
		if i < 0 {
			return nil, p.unexpected()
		}
		if seen[i] {
			return nil, fmt.Errorf("The %q section can only be used once in an update expression;", sections[i].word)
		}
		seen[i] = true
		for again := true; again; again = p.accept(",") {
			if err := sections[i].read(u); err != nil {
				return nil, err
			}
		}
	}
	return u, checkOverlap(u.paths)
}

func (p *parser) set(u *Update) error {
	path, err := p.path()
	if err != nil {
		return err
	}
	if err := p.expect("="); err != nil {
		return err
	}
	if err := p.operator(); err != nil {
		return err
	}
	to, err := p.arithmetic()
	if err != nil {
		return err
	}
	u.sets, u.paths = append(u.sets, setAction{path, to}), append(u.paths, path)
	return nil
}

// arithmetic reads operand [(+|-) operand]: AWS allows one operator per SET.
func (p *parser) arithmetic() (operand, error) {
	left, err := p.operand()
	if err != nil {
		return left, err
	}
	t := p.peek()
	if !t.is("+") && !t.is("-") {
		return left, nil
	}
	p.at++
	if err := p.operator(); err != nil {
		return left, err
	}
	right, err := p.operand()
	if err != nil {
		return left, err
	}
	for _, o := range []operand{left, right} {
		if o.value.Exists() && o.value.Kind != item.Number {
			return left, wrongType(t.text, o.value.Kind)
		}
		if o.call != nil && o.call.name == fnListAppend {
			return left, wrongType(t.text, item.List)
		}
	}
	return operand{sum: &sum{minus: t.text == "-", left: left, right: right}}, nil
}

func (p *parser) remove(u *Update) error {
	path, err := p.path()
	if err != nil {
		return err
	}
	u.removes, u.paths = append(u.removes, path), append(u.paths, path)
	return p.operator()
}

func (p *parser) add(u *Update) error {
	a, err := p.pathAndValue(u)
	if err != nil {
		return err
	}
	if a.value.Kind != item.Number && a.value.Kind.Element() == 0 {
		return fmt.Errorf("Incorrect operand type for operator or function; operator: ADD, operand type: %s, "+
			"typeSet: ALLOWED_FOR_ADD_OPERAND", longName(a.value.Kind))
	}
	u.adds = append(u.adds, a)
	return nil
}

func (p *parser) del(u *Update) error {
	a, err := p.pathAndValue(u)
	if err != nil {
		return err
	}
	if a.value.Kind.Element() == 0 {
		return fmt.Errorf("Incorrect operand type for operator or function; operator: DELETE, operand type: %s, "+
			"typeSet: ALLOWED_FOR_DELETE_OPERAND", longName(a.value.Kind))
	}
	u.deletes = append(u.deletes, a)
	return nil
}

func (p *parser) pathAndValue(u *Update) (valueAction, error) {
	path, err := p.path()
	if err != nil {
		return valueAction{}, err
	}
	v, err := p.value()
	if err != nil {
		return valueAction{}, err
	}
	u.paths = append(u.paths, path)
	return valueAction{path, v}, p.operator()
}

// longName is the name of a type in the messages of ADD and DELETE.
func longName(k item.Kind) string {
	switch k {
	case item.String:
		return "STRING"
	case item.Number:
		return "NUMBER"
	case item.Binary:
		return "BINARY"
	case item.Bool:
		return "BOOLEAN"
	case item.Null:
		return "NULL"
	case item.List:
		return "LIST"
	case item.Map:
		return "MAP"
	}
	return strings.ToUpper(k.String())
}

// Errors of updates that depend on the item.
var (
	errPath    = errors.New("The document path provided in the update expression is invalid for update")
	errType    = errors.New("An operand in the update expression has an incorrect data type")
	errMissing = errors.New("The provided expression refers to an attribute that does not exist in the item")
)
