package item

// Sizes follow AWS's rules.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html

// Size is the size of an item in bytes: names plus values.
func (it Item) Size() int {
	n := 0
	for name, v := range it {
		n += len(name) + v.Size()
	}
	return n
}

// Size is the size of a value in bytes.
func (v Value) Size() int {
	switch v.Kind {
	case Null, Bool:
		return 1
	case String, Binary:
		return len(v.Text)
	case Number:
		return numberSize(v.Text)
	case StringSet, NumberSet, BinarySet:
		n := 0
		for _, e := range v.Elems {
			n += e.Size()
		}
		return n
	case List:
		n := 3
		for _, e := range v.Elems {
			n += e.Size() + 1
		}
		return n
	case Map:
		return 3 + Item(v.Fields).Size() + len(v.Fields)
	}
	return 0
}

// numberSize is one byte for two significant digits plus one, and one more for
// a negative number. Digits pair up around the decimal point.
func numberSize(text string) int {
	d := Value{Kind: Number, Text: text}.Number()
	if d.digits == "" {
		return 1
	}
	size := (len(d.digits)+1)/2 + 1
	if d.neg {
		size++
	}
	return size
}

// Depth is how deep lists and maps nest in v: 0 for a scalar.
func (v Value) Depth() int {
	deepest := 0
	if v.Kind == List {
		for _, e := range v.Elems {
			deepest = max(deepest, e.Depth())
		}
		return deepest + 1
	}
	if v.Kind == Map {
		for _, e := range v.Fields {
			deepest = max(deepest, e.Depth())
		}
		return deepest + 1
	}
	return 0
}
