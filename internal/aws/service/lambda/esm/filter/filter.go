// Package filter holds the event patterns of event source mappings: a JSON
// object that mirrors the record, with lists of rules at its leaves. It knows
// nothing of where records come from.
//
// Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
package filter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ErrPattern is wrapped by all errors of Compile.
var ErrPattern = errors.New("Invalid filter pattern definition.")

// Pattern is a compiled pattern. The zero value matches everything.
type Pattern struct{ root node }

// node is one level of a pattern.
type node interface {
	// match compares with a value of the record; present is false when the
	// record has none.
	match(v any, present bool) bool
}

// Compile reads a pattern.
func Compile(text string) (Pattern, error) {
	v, err := Decode([]byte(text))
	if err != nil {
		return Pattern{}, fmt.Errorf("%w %w", ErrPattern, err)
	}
	o, ok := v.(map[string]any)
	if !ok || len(o) == 0 {
		return Pattern{}, fmt.Errorf("%w the pattern is not an object with members", ErrPattern)
	}
	root, err := object(o)
	if err != nil {
		return Pattern{}, fmt.Errorf("%w %w", ErrPattern, err)
	}
	return Pattern{root: root}, nil
}

// Decode reads one JSON value with its numbers kept as written.
func Decode(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

// Match reports whether a record, as Decode returns it, satisfies the pattern.
func (p Pattern) Match(record any) bool { return p.root == nil || p.root.match(record, true) }

// Shape of a top-level key in a pattern.
type Shape int

// The shapes: a key may be missing, an object (of nested rules) or a list of
// rules. What a list means for the data of a record depends on the source.
const (
	Absent Shape = iota
	Object
	List
)

// Key tells how the pattern treats a top-level key of the record, also inside
// the alternatives of $or.
func (p Pattern) Key(name string) Shape {
	all, ok := p.root.(allOf)
	if !ok {
		return Absent
	}
	return all.shape(name)
}

// allOf is an object: every member must match.
type allOf struct {
	members map[string]node
	or      []node // the alternatives of $or, empty for none
}

func (a allOf) shape(name string) Shape {
	switch a.members[name].(type) {
	case allOf:
		return Object
	case anyRule:
		return List
	}
	for _, alt := range a.or {
		if s := alt.(allOf).shape(name); s != Absent {
			return s
		}
	}
	return Absent
}

func (a allOf) match(v any, present bool) bool {
	if list, ok := v.([]any); ok { // any element of an array of objects
		for _, e := range list {
			if a.match(e, true) {
				return true
			}
		}
		return false
	}
	o, _ := v.(map[string]any)
	for name, n := range a.members {
		sub, has := o[name]
		if !n.match(sub, present && has) {
			return false
		}
	}
	for _, alt := range a.or {
		if alt.match(v, present) {
			return true
		}
	}
	return len(a.or) == 0
}

func object(o map[string]any) (allOf, error) {
	out := allOf{members: map[string]node{}}
	if len(o) == 0 {
		return out, errors.New("an object has no members")
	}
	for name, v := range o {
		if alts, ok := v.([]any); ok && name == "$or" {
			for _, alt := range alts {
				m, ok := alt.(map[string]any)
				if !ok {
					return out, errors.New("$or wants objects")
				}
				n, err := object(m)
				if err != nil {
					return out, err
				}
				out.or = append(out.or, n)
			}
			if len(alts) < 2 {
				return out, errors.New("$or wants at least two alternatives")
			}
			continue
		}
		switch v := v.(type) {
		case map[string]any:
			n, err := object(v)
			if err != nil {
				return out, fmt.Errorf("%s: %w", name, err)
			}
			out.members[name] = n
		case []any:
			n, err := rules(v)
			if err != nil {
				return out, fmt.Errorf("%s: %w", name, err)
			}
			out.members[name] = n
		default:
			return out, fmt.Errorf("%s must be an object or an array", name)
		}
	}
	return out, nil
}
