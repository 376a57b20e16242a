package expr

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// parser reads one expression. The first error wins; rules return early on it.
type parser struct {
	src       string
	tokens    []token
	at        int
	params    *Params
	operators int
	depth     int
	update    bool
}

func newParser(src string, params *Params) (*parser, error) {
	switch {
	case strings.TrimSpace(src) == "":
		return nil, errors.New("The expression can not be empty;")
	case len(src) > MaxLength:
		return nil, fmt.Errorf("Expression size has exceeded the maximum allowed size; expression size: %d", len(src))
	}
	return &parser{src: src, tokens: lex(src), params: params}, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokEOF {
		p.at++
	}
	return t
}

func (p *parser) accept(text string) bool {
	if p.peek().is(text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) unexpected() error { return syntaxError(p.src, p.tokens, p.at) }

func (p *parser) expect(text string) error {
	if !p.accept(text) {
		return p.unexpected()
	}
	return nil
}

func (p *parser) end() error {
	if p.peek().kind != tokEOF {
		return p.unexpected()
	}
	return nil
}

// operator counts one use of an operator or function.
func (p *parser) operator() error {
	p.operators++
	if p.operators > MaxOperators {
		return fmt.Errorf("The expression contains too many operators; operator count: %d", p.operators)
	}
	return nil
}

func (p *parser) enter() error {
	p.depth++
	if p.depth > maxNesting {
		return errors.New("The expression is nested too deeply;")
	}
	return nil
}

// path reads name(.name|[index])*.
func (p *parser) path() (Path, error) {
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	path := Path{{Name: name}}
	for {
		switch {
		case p.accept("."):
			if name, err = p.name(); err != nil {
				return nil, err
			}
			path = append(path, Step{Name: name})
		case p.accept("["):
			t := p.peek()
			if t.kind != tokNumber {
				return nil, p.unexpected()
			}
			p.at++
			n, err := strconv.Atoi(t.text)
			if err != nil || n > 1<<30 {
				return nil, fmt.Errorf("List index is not within the allowable range; index: [%s]", t.text)
			}
			if err := p.expect("]"); err != nil {
				return nil, err
			}
			path = append(path, Step{Index: n, Elem: true})
		default:
			if len(path) > 32 {
				return nil, errors.New("The document path has too many nesting elements; nesting levels: " +
					strconv.Itoa(len(path)))
			}
			return path, nil
		}
	}
}

func (p *parser) name() (string, error) {
	t := p.peek()
	switch t.kind {
	case tokName:
		p.at++
		name, ok := p.params.names[t.text]
		if !ok {
			return "", fmt.Errorf("An expression attribute name used in the document path is not defined; attribute name: %s",
				t.text)
		}
		p.params.usedNames[t.text] = true
		return name, nil
	case tokWord:
		if reserved(t.text) {
			if structural(t.text) {
				return "", p.unexpected()
			}
			return "", fmt.Errorf("Attribute name is a reserved keyword; reserved keyword: %s", t.text)
		}
		p.at++
		return t.text, nil
	}
	return "", p.unexpected()
}

// structural reports whether a word is part of the grammar, so that its
// misplacement is a syntax error rather than a bad name.
func structural(word string) bool {
	switch strings.ToUpper(word) {
	case "AND", "OR", "NOT", "BETWEEN", "IN":
		return true
	}
	return false
}

func (p *parser) value() (item.Value, error) {
	t := p.peek()
	if t.kind != tokValue {
		return item.Value{}, p.unexpected()
	}
	p.at++
	v, ok := p.params.values[t.text]
	if !ok {
		return item.Value{},
			fmt.Errorf("An expression attribute value used in expression is not defined; attribute value: %s", t.text)
	}
	p.params.usedValues[t.text] = true
	return v, nil
}

// operand reads a path, a value or a function call.
func (p *parser) operand() (operand, error) {
	t := p.peek()
	if t.kind == tokValue {
		v, err := p.value()
		return operand{value: v}, err
	}
	if t.kind == tokWord && p.tokens[p.at+1].is("(") && !structural(t.text) {
		c, err := p.call()
		return operand{call: c}, err
	}
	if p.update && t.is("(") {
		if err := p.enter(); err != nil {
			return operand{}, err
		}
		p.at++
		o, err := p.arithmetic()
		if err != nil {
			return operand{}, err
		}
		return o, p.expect(")")
	}
	path, err := p.path()
	return operand{path: path}, err
}

// call reads function(operand, …) and checks it.
func (p *parser) call() (*call, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	c := &call{name: p.next().text}
	p.at++ // the parenthesis, which the caller saw
	if err := c.known(p.update); err != nil {
		return nil, err
	}
	if err := p.operator(); err != nil {
		return nil, err
	}
	for !p.peek().is(")") || len(c.args) > 0 {
		o, err := p.operand()
		if err != nil {
			return nil, err
		}
		if o.call != nil && o.call.condition() {
			return nil, fmt.Errorf("The function is not allowed to be used this way in an expression; function: %s", o.call.name)
		}
		c.args = append(c.args, o)
		if !p.accept(",") {
			break
		}
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	p.depth--
	return c, c.check()
}

// ParseProjection reads a ProjectionExpression.
func ParseProjection(src string, params *Params) (*Projection, error) {
	pr, err := parseProjection(src, params)
	if err != nil {
		return nil, fmt.Errorf("Invalid ProjectionExpression: %w", err)
	}
	return pr, nil
}

func parseProjection(src string, params *Params) (*Projection, error) {
	p, err := newParser(src, params)
	if err != nil {
		return nil, err
	}
	var paths []Path
	for {
		path, err := p.path()
		if err != nil {
			return nil, err
		}
		paths = append(paths, path)
		if !p.accept(",") {
			break
		}
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	if err := checkOverlap(paths); err != nil {
		return nil, err
	}
	return NewProjection(paths), nil
}
