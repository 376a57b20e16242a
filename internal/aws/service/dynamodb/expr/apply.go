package expr

import (
	"errors"
	"maps"
	"slices"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// Apply returns the item after the update; old is not changed. All operands
// are read from old, whatever the order of the actions.
func (u *Update) Apply(old item.Item) (item.Item, error) {
	out, err := u.apply(old)
	if u.old && errors.Is(err, errType) {
		err = errMismatch
	}
	return out, err
}

func (u *Update) apply(old item.Item) (item.Item, error) {
	out := maps.Clone(old)
	if out == nil {
		out = item.Item{}
	}
	// An index behind the end appends, so lower indices must come first.
	sets := slices.Clone(u.sets)
	slices.SortStableFunc(sets, func(a, b setAction) int { return lastIndex(a.path) - lastIndex(b.path) })
	for _, a := range sets {
		v, err := a.to.compute(old)
		if err != nil {
			return nil, err
		}
		if err := put(out, a.path, v); err != nil {
			return nil, err
		}
	}
	for _, a := range u.adds {
		v, err := added(a.path.Get(old), a.value)
		if err != nil {
			return nil, err
		}
		if err := put(out, a.path, v); err != nil {
			return nil, err
		}
	}
	for _, a := range u.deletes {
		if err := subtract(out, old, a); err != nil {
			return nil, err
		}
	}
	// Indices mean positions before the update, so higher ones go first.
	removes := slices.Clone(u.removes)
	slices.SortStableFunc(removes, func(a, b Path) int { return lastIndex(b) - lastIndex(a) })
	for _, p := range removes {
		if err := put(out, p, item.Value{}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func lastIndex(p Path) int { return p[len(p)-1].Index }

// compute is an operand's value in a SET.
func (o operand) compute(old item.Item) (item.Value, error) {
	switch {
	case o.path != nil:
		v := o.path.Get(old)
		if !v.Exists() {
			return v, errMissing
		}
		return v, nil
	case o.sum != nil:
		return o.sum.compute(old)
	case o.call == nil:
		return o.value, nil
	}
	a, b := o.call.args[0], o.call.args[1]
	if o.call.name == fnIfNotExists {
		if v := a.path.Get(old); v.Exists() {
			return v, nil
		}
		return b.compute(old)
	}
	v, err := a.compute(old)
	if err != nil {
		return v, err
	}
	w, err := b.compute(old)
	if err != nil {
		return v, err
	}
	if v.Kind != item.List || w.Kind != item.List {
		return v, errType
	}
	return item.Value{Kind: item.List, Elems: slices.Concat(v.Elems, w.Elems)}, nil
}

func (s *sum) compute(old item.Item) (item.Value, error) {
	v, err := s.left.compute(old)
	if err != nil {
		return v, err
	}
	w, err := s.right.compute(old)
	if err != nil {
		return v, err
	}
	if v.Kind != item.Number || w.Kind != item.Number {
		return v, errType
	}
	n := w.Number()
	if s.minus {
		n = n.Neg()
	}
	total, err := v.Number().Add(n)
	return total.Value(), err
}

// added is the result of ADD.
func added(v, w item.Value) (item.Value, error) {
	switch {
	case !v.Exists():
		return w, nil
	case v.Kind != w.Kind:
		return v, errType
	case v.Kind == item.Number:
		total, err := v.Number().Add(w.Number())
		return total.Value(), err
	}
	out := item.Value{Kind: v.Kind, Elems: slices.Clone(v.Elems)}
	for _, e := range w.Elems {
		if !v.Has(e) {
			out.Elems = append(out.Elems, e)
		}
	}
	return out, nil
}

func subtract(out, old item.Item, a valueAction) error {
	v := a.path.Get(old)
	switch {
	case !v.Exists():
		return nil
	case v.Kind != a.value.Kind:
		return errType
	}
	left := item.Value{Kind: v.Kind}
	for _, e := range v.Elems {
		if !a.value.Has(e) {
			left.Elems = append(left.Elems, e)
		}
	}
	if len(left.Elems) == 0 {
		left = item.Value{} // a set cannot be empty: the attribute goes
	}
	return put(out, a.path, left)
}

// put replaces what the path leads to, copying the way there; a value that
// does not exist removes it. All but the last step must exist.
func put(it item.Item, p Path, v item.Value) error {
	if len(p) == 1 {
		if !v.Exists() {
			delete(it, p.Top())
			return nil
		}
		it[p.Top()] = v
		return nil
	}
	top, err := putIn(it[p.Top()], p[1:], v)
	if err != nil {
		return err
	}
	it[p.Top()] = top
	return nil
}

func putIn(at item.Value, p Path, v item.Value) (item.Value, error) {
	s := p[0]
	if at.Kind != item.Map && !s.Elem || at.Kind != item.List && s.Elem {
		return at, errPath
	}
	if len(p) > 1 {
		inner, err := putIn(s.in(at), p[1:], v)
		if err != nil {
			return at, err
		}
		v = inner
	}
	if !s.Elem {
		fields := maps.Clone(at.Fields)
		if !v.Exists() {
			delete(fields, s.Name)
		} else if fields == nil {
			fields = map[string]item.Value{s.Name: v}
		} else {
			fields[s.Name] = v
		}
		at.Fields = fields
		return at, nil
	}
	elems := slices.Clone(at.Elems)
	switch {
	case s.Index >= len(elems) && v.Exists():
		elems = append(elems, v)
	case s.Index >= len(elems):
	case v.Exists():
		elems[s.Index] = v
	default:
		elems = slices.Delete(elems, s.Index, s.Index+1)
	}
	at.Elems = elems
	return at, nil
}
