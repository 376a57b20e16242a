package expr

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// Statement is a parsed PartiQL statement.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
type Statement struct {
	Kind       StatementKind
	Table      string
	Index      string      // of a SELECT; empty for the table itself
	Projection *Projection // of a SELECT; nil for *
	Where      *Condition  // nil where there is none
	Order      string      // the attribute of ORDER BY; empty where there is none
	Descending bool
	Item       item.Item // of an INSERT
	Update     *Update
	Returning  string // such as "ALL OLD"; empty where there is none
}

// StatementKind is what a statement does.
type StatementKind uint8

// The kinds of statement. Exists is EXISTS(SELECT …), the condition of a transaction.
const (
	Select StatementKind = iota
	Insert
	UpdateItem
	Delete
	Exists
)

// ParseStatement reads a statement; parameters stand for its question marks.
func ParseStatement(src string, parameters []item.Value) (*Statement, error) {
	tokens, err := lexStatement(src)
	if err != nil {
		return nil, malformed(err)
	}
	p := &statementParser{parser: parser{src: src, tokens: tokens}, parameters: parameters}
	st, err := p.statement()
	if err == nil && p.peek().kind != tokEOF {
		err = p.unexpected()
	}
	if err != nil {
		return nil, malformed(err)
	}
	if marks := p.used; marks != len(parameters) {
		return nil, errors.New("Number of parameters in request and statement don't match.")
	}
	return st, nil
}

func malformed(err error) error {
	return fmt.Errorf("Statement wasn't well formed, can't be processed: %w", err)
}

type statementParser struct {
	parser
	parameters []item.Value
	used       int
}

// keywords cannot be names unless they are quoted.
var keywords = strings.Fields("SELECT FROM WHERE ORDER BY ASC DESC INSERT INTO VALUE UPDATE SET REMOVE DELETE " +
	"RETURNING EXISTS AND OR NOT BETWEEN IN IS MISSING NULL TRUE FALSE LIMIT GROUP HAVING JOIN")

func keyword(t token) bool {
	return t.kind == tokWord && slices.Contains(keywords, strings.ToUpper(t.text))
}

func (p *statementParser) unexpected() error {
	t := p.peek()
	switch {
	case t.kind == tokEOF:
		return errors.New("Unexpected end of statement")
	case keyword(t):
		return errors.New("Unexpected keyword")
	}
	return errors.New("Unexpected term")
}

func (p *statementParser) expect(words ...string) error {
	for _, w := range words {
		if !p.accept(w) {
			return p.unexpected()
		}
	}
	return nil
}

func (p *statementParser) statement() (*Statement, error) {
	st := &Statement{}
	switch {
	case p.accept("SELECT"):
		return st, p.query(st)
	case p.accept("INSERT"):
		st.Kind = Insert
		return st, p.insert(st)
	case p.accept("UPDATE"):
		st.Kind = UpdateItem
		return st, p.change(st)
	case p.accept("DELETE"):
		st.Kind = Delete
		return st, p.remove(st)
	case p.accept("EXISTS"):
		if err := p.expect("(", "SELECT"); err != nil {
			return nil, err
		}
		if err := p.query(st); err != nil {
			return nil, err
		}
		st.Kind = Exists
		return st, p.expect(")")
	}
	return nil, errors.New("Expected data manipulation")
}

// query reads what follows SELECT.
func (p *statementParser) query(st *Statement) error {
	if !p.accept("*") {
		var paths []Path
		for again := true; again; again = p.accept(",") {
			path, err := p.path()
			if err != nil {
				return err
			}
			paths = append(paths, path)
		}
		st.Projection = &Projection{Paths: paths, flat: true}
	}
	err := p.expect("FROM")
	if err == nil {
		st.Table, err = p.name()
	}
	if err == nil && p.accept(".") {
		st.Index, err = p.name()
	}
	if err == nil {
		err = p.where(st)
	}
	if err != nil || !p.accept("ORDER") {
		return err
	}
	if err := p.expect("BY"); err != nil {
		return err
	}
	if st.Order, err = p.name(); err != nil {
		return err
	}
	if !p.accept("ASC") {
		st.Descending = p.accept("DESC")
	}
	return nil
}

func (p *statementParser) where(st *Statement) error {
	if !p.accept("WHERE") {
		return nil
	}
	n, err := p.either()
	st.Where = &Condition{root: n}
	return err
}

func (p *statementParser) insert(st *Statement) (err error) {
	if err = p.expect("INTO"); err != nil {
		return err
	}
	if st.Table, err = p.name(); err != nil {
		return err
	}
	if err = p.expect("VALUE"); err != nil {
		return err
	}
	if !p.peek().is("{") && !p.peek().is("?") {
		return p.unexpected()
	}
	v, err := p.literal()
	if err == nil && v.Kind != item.Map {
		err = errors.New("Expected a tuple")
	}
	st.Item = v.Fields
	return err
}

func (p *statementParser) remove(st *Statement) (err error) {
	if err = p.expect("FROM"); err != nil {
		return err
	}
	if st.Table, err = p.name(); err != nil {
		return err
	}
	if err = p.where(st); err != nil {
		return err
	}
	return p.returning(st)
}

// change reads what follows UPDATE: sections of SET and REMOVE in any order.
func (p *statementParser) change(st *Statement) (err error) {
	if st.Table, err = p.name(); err != nil {
		return err
	}
	u := &Update{}
	for {
		var one func(*Update) error
		switch {
		case p.accept("SET"):
			one = p.set
		case p.accept("REMOVE"):
			one = p.drop
		case len(u.paths) == 0:
			return p.unexpected()
		default:
			if err := checkOverlap(u.paths); err != nil {
				return err
			}
			st.Update = u
			if err := p.where(st); err != nil {
				return err
			}
			return p.returning(st)
		}
		for again := true; again; again = p.accept(",") {
			if err := one(u); err != nil {
				return err
			}
		}
	}
}

func (p *statementParser) returning(st *Statement) error {
	if !p.accept("RETURNING") {
		return nil
	}
	what, when := strings.ToUpper(p.next().text), strings.ToUpper(p.next().text)
	if what != "ALL" && what != "MODIFIED" || when != "OLD" && when != "NEW" {
		return errors.New("Invalid returning clause")
	}
	st.Returning = what + " " + when
	return p.expect("*")
}

func (p *statementParser) drop(u *Update) error {
	path, err := p.path()
	u.removes, u.paths = append(u.removes, path), append(u.paths, path)
	return err
}

func (p *statementParser) set(u *Update) error {
	path, err := p.path()
	if err != nil {
		return err
	}
	if err := p.expect("="); err != nil {
		return err
	}
	u.paths = append(u.paths, path)
	if t := p.peek(); t.kind == tokWord && p.tokens[p.at+1].is("(") {
		return p.setCall(u, path, strings.ToLower(t.text))
	}
	to, err := p.operand()
	if err != nil {
		return err
	}
	if t := p.peek(); t.is("+") || t.is("-") {
		p.at++
		right, err := p.operand()
		if err != nil {
			return err
		}
		to = operand{sum: &sum{minus: t.text == "-", left: to, right: right}}
	}
	u.sets = append(u.sets, setAction{path, to})
	return nil
}

// setCall reads list_append, set_add or set_delete; the latter two are ADD and DELETE
// of the set that the path leads to.
func (p *statementParser) setCall(u *Update, path Path, name string) error {
	p.at += 2
	first, err := p.operand()
	if err != nil {
		return err
	}
	if err := p.expect(","); err != nil {
		return err
	}
	second, err := p.operand()
	if err != nil {
		return err
	}
	set := second.value.Kind.Element() != 0 && first.path != nil && first.path.equal(path)
	switch {
	case name == fnListAppend:
		c := &call{name, []operand{first, second}}
		if err := c.check(); err != nil {
			return err
		}
		u.sets = append(u.sets, setAction{path, operand{call: c}})
	case name == "set_add" && set:
		u.adds = append(u.adds, valueAction{path, second.value})
	case name == "set_delete" && set:
		u.deletes = append(u.deletes, valueAction{path, second.value})
	case name == "set_add", name == "set_delete":
		return fmt.Errorf("Invalid use of function %s", name)
	default:
		return fmt.Errorf("Invalid function name; function: %s", name)
	}
	return p.expect(")")
}

func (p *statementParser) name() (string, error) {
	t := p.peek()
	if t.kind != tokQuoted && (t.kind != tokWord || keyword(t)) {
		return "", p.unexpected()
	}
	if t.text == "" {
		return "", errors.New("Path component cannot be an empty string")
	}
	p.at++
	return t.text, nil
}

// path reads name(.name|['name']|[index])*.
func (p *statementParser) path() (Path, error) {
	name, err := p.name()
	path := Path{{Name: name}}
	for err == nil {
		switch {
		case p.accept("."):
			name, err = p.name()
			path = append(path, Step{Name: name})
		case p.accept("["):
			t := p.next()
			n, bad := strconv.Atoi(t.text)
			switch {
			case t.kind == tokText:
				path = append(path, Step{Name: t.text})
			case t.kind == tokNumber && bad == nil && n < 1<<30:
				path = append(path, Step{Index: n, Elem: true})
			default:
				return nil, errors.New("Unexpected path component")
			}
			err = p.expect("]")
		default:
			return path, nil
		}
	}
	return nil, err
}
