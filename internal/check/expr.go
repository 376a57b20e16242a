package check

import (
	"encoding/json"
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

// environment knows the names of probes besides data, run, outputs and seed.
func environment(names []string) (*cel.Env, error) {
	opts := []cel.EnvOption{
		ext.Strings(), ext.Lists(), ext.Math(), ext.Sets(), ext.Encoders(), ext.Bindings(), ext.TwoVarComprehensions(),
		cel.OptionalTypes(), // a.?b.orValue(c)
		cel.Variable("data", cel.DynType), cel.Variable("run", cel.DynType),
		cel.Variable("outputs", cel.DynType), cel.Variable("seed", cel.DynType),
	}
	for _, n := range names {
		opts = append(opts, cel.Variable(n, cel.DynType))
	}
	return cel.NewEnv(append(opts, functions()...)...)
}

// Compile says whether an expression is well formed; it is the hook that
// lab.Open wants.
func Compile(expression string, names []string) error {
	env, err := environment(names)
	if err != nil {
		return err
	}
	_, issues := env.Compile(expression)
	return issues.Err()
}

// expression is compiled and knows which names it mentions.
type expression struct {
	program cel.Program
	names   []string
}

// Expressions keeps compiled expressions for several runs of the same labs:
// compiling costs more than evaluating, and waiting evaluates again and again.
// Make one with NewExpressions; any number of runs may share it.
type Expressions struct {
	mu       sync.Mutex
	envs     map[string]*cel.Env
	programs map[string]*expression
}

// NewExpressions returns an empty one.
func NewExpressions() *Expressions {
	return &Expressions{envs: map[string]*cel.Env{}, programs: map[string]*expression{}}
}

// compile returns the expression over probes of these names, sorted.
func (x *Expressions) compile(source string, names []string) (*expression, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	scope := strings.Join(names, "\n")
	key := scope + "\x00" + source
	if e, ok := x.programs[key]; ok {
		return e, nil
	}
	env, ok := x.envs[scope]
	if !ok {
		var err error
		if env, err = environment(names); err != nil {
			return nil, err
		}
		x.envs[scope] = env
	}
	e, err := compile(env, source, names)
	if err == nil {
		x.programs[key] = e
	}
	return e, err
}

func compile(env *cel.Env, source string, names []string) (*expression, error) {
	checked, issues := env.Compile(source)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	program, err := env.Program(checked, cel.CostLimit(costLimit), cel.InterruptCheckFrequency(1000))
	if err != nil {
		return nil, err
	}
	x := &expression{program: program}
	for _, r := range checked.NativeRep().ReferenceMap() {
		if slices.Contains(names, r.Name) {
			x.names = append(x.names, r.Name)
		}
	}
	return x, nil
}

// function declares a function over dynamic values; fn gets plain Go values.
func function(name string, args int, fn func([]any) (any, error)) cel.EnvOption {
	in := make([]*cel.Type, args)
	for i := range in {
		in[i] = cel.DynType
	}
	return cel.Function(name, cel.Overload(name+"_dyn", in, cel.DynType, cel.FunctionBinding(func(values ...ref.Val) ref.Val {
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
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// brief shows a value in a report.
func brief(v any) string {
	s, ok := v.(string)
	if !ok {
		s = canonical(v)
	}
	const limit = 600
	if len(s) > limit {
		cut := strings.ToValidUTF8(s[:limit], "")
		return fmt.Sprintf("%s… (%d more bytes)", cut, len(s)-len(cut))
	}
	return s
}
