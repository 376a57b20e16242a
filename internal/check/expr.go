package check

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

// costLimit stops an expression that would run for minutes.
const costLimit = 200_000_000

// Expressions remembers what it has compiled: many runs of one lab ask the same
// questions again and again. It is safe for concurrent use; make one with
// NewExpressions.
type Expressions struct {
	mu       sync.Mutex
	base     *cel.Env
	envs     map[string]*cel.Env    // by the names of probes
	compiled map[string]*expression // by the names and the source
}

// NewExpressions returns a memory with nothing in it.
func NewExpressions() *Expressions {
	return &Expressions{envs: map[string]*cel.Env{}, compiled: map[string]*expression{}}
}

// environment knows the names of probes besides data, run, outputs and seed;
// the caller holds x.mu.
func (x *Expressions) environment(key string, names []string) (*cel.Env, error) {
	if env := x.envs[key]; env != nil {
		return env, nil
	}
	if x.base == nil {
		opts := []cel.EnvOption{
			ext.Strings(), ext.Lists(), ext.Math(), ext.Sets(), ext.Encoders(), ext.Bindings(), ext.TwoVarComprehensions(),
			cel.OptionalTypes(), // a.?b.orValue(c)
			cel.Variable("data", cel.DynType), cel.Variable("run", cel.DynType),
			cel.Variable("outputs", cel.DynType), cel.Variable("seed", cel.DynType),
		}
		base, err := cel.NewEnv(append(opts, functions()...)...)
		if err != nil {
			return nil, err
		}
		x.base = base
	}
	opts := make([]cel.EnvOption, len(names))
	for i, n := range names {
		opts[i] = cel.Variable(n, cel.DynType)
	}
	env, err := x.base.Extend(opts...)
	if err == nil {
		x.envs[key] = env
	}
	return env, err
}

// Compile says whether an expression is well formed; it is the hook that
// lab.Open wants.
func Compile(expression string, names []string) error {
	return NewExpressions().Check(expression, names)
}

// Check is Compile for many expressions.
func (x *Expressions) Check(expression string, names []string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	env, err := x.environment(keyOf(names), names)
	if err != nil {
		return err
	}
	_, issues := env.Compile(expression)
	return issues.Err()
}

func keyOf(names []string) string {
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return strings.Join(sorted, " ")
}

// expression is compiled and knows which names it mentions.
type expression struct {
	program cel.Program
	names   []string
}

func (x *Expressions) compile(source string, names []string) (*expression, error) {
	key := keyOf(names)
	x.mu.Lock()
	defer x.mu.Unlock()
	if e := x.compiled[key+"\n"+source]; e != nil {
		return e, nil
	}
	env, err := x.environment(key, names)
	if err != nil {
		return nil, err
	}
	checked, issues := env.Compile(source)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	program, err := env.Program(checked, cel.CostLimit(costLimit), cel.InterruptCheckFrequency(1000))
	if err != nil {
		return nil, err
	}
	e := &expression{program: program}
	for _, r := range checked.NativeRep().ReferenceMap() {
		if slices.Contains(names, r.Name) {
			e.names = append(e.names, r.Name)
		}
	}
	x.compiled[key+"\n"+source] = e
	return e, nil
}

// function declares a function over dynamic values; fn gets plain Go values.
func function(name string, args int, fn func([]any) (any, error)) cel.EnvOption {
	in := make([]*cel.Type, args)
	for i := range in {
		in[i] = cel.DynType
	}
	return cel.Function(name, cel.Overload(name+"_dyn", in, cel.DynType,
		cel.FunctionBinding(func(values ...ref.Val) ref.Val {
			native := make([]any, len(values))
			for i, v := range values {
				native[i] = plain(v)
			}
			out, err := fn(native)
			if err != nil {
				return types.NewErr("%s: %v", name, err)
			}
			return types.DefaultTypeAdapter.NativeToValue(out)
		})))
}

// functions are those that CEL lacks or that are quadratic in it: checks
// compare some ten thousand records.
func functions() []cel.EnvOption {
	return []cel.EnvOption{
		function("countBy", 2, func(a []any) (any, error) { return countBy(a[0], a[1]) }),
		function("groupBy", 2, func(a []any) (any, error) { return groupBy(a[0], a[1]) }),
		function("valueBy", 3, func(a []any) (any, error) { return valueBy(a[0], a[1], a[2]) }),
		function("maxBy", 3, func(a []any) (any, error) { return maxBy(a[0], a[1], a[2]) }),
		function("sumOf", 2, func(a []any) (any, error) { return sumOf(a[0], a[1]) }),
		function("topKey", 2, func(a []any) (any, error) { return topKey(a[0], a[1]) }),
		function("imbalance", 1, func(a []any) (any, error) { return imbalance(a[0]) }),
		function("without", 2, func(a []any) (any, error) { return flagged(a[0], a[1], false) }),
		function("flagged", 2, func(a []any) (any, error) { return flagged(a[0], a[1], true) }),
		function("sameCounts", 2, func(a []any) (any, error) { return canonical(a[0]) == canonical(a[1]), nil }),
		function("sameGroups", 6, func(a []any) (any, error) {
			left, err := groupValues(a[0], a[1], a[2])
			if err != nil {
				return nil, err
			}
			right, err := groupValues(a[3], a[4], a[5])
			return err == nil && canonical(left) == canonical(right), err
		}),
	}
}

// plain turns a CEL value into the Go values that JSON knows.
func plain(v ref.Val) any {
	switch native := v.Value().(type) {
	case []ref.Val:
		out := make([]any, len(native))
		for i, e := range native {
			out[i] = plain(e)
		}
		return out
	case map[ref.Val]ref.Val:
		out := make(map[string]any, len(native))
		for k, e := range native {
			out[fmt.Sprint(k.Value())] = plain(e)
		}
		return out
	case []any:
		out := make([]any, len(native))
		for i, e := range native {
			if r, ok := e.(ref.Val); ok {
				out[i] = plain(r)
			} else {
				out[i] = e
			}
		}
		return out
	case ref.Val:
		return plain(native)
	default:
		if v.Type() == types.NullType {
			return nil
		}
		return native
	}
}

// canonical writes a value as JSON with sorted keys; 1 and 1.0 are the same.
func canonical(v any) string {
	b, err := plainJSON(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// brief shows a value in a report.
func brief(v any) string {
	s, ok := v.(string)
	if !ok {
		s = readable(v)
	}
	return atMost(s, 600)
}

// atMost shows the beginning of a text that is longer than limit bytes.
func atMost(s string, limit int) string {
	if len(s) > limit {
		cut := strings.ToValidUTF8(s[:limit], "")
		return fmt.Sprintf("%s… (%d more bytes)", cut, len(s)-len(cut))
	}
	return s
}
