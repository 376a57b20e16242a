package gateway

import (
	"maps"
	"reflect"
	"strconv"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/ident"
)

// Option says more of an operation than its handler does.
type Option func(*Operation)

// With applies options to all of these operations. Options given to an
// operation itself have been applied before, so that defaults come last.
func With(ops []Operation, options ...Option) []Operation {
	for i := range ops {
		for _, o := range options {
			o(&ops[i])
		}
	}
	return ops
}

// Action names the IAM action of an operation where it has another name:
// "s3:ListBucket" of HeadBucket.
func Action(name string) Option { return func(op *Operation) { op.Action, op.named = name, true } }

// Free marks an operation that needs no permission.
func Free() Option { return Action("") }

// Prefix gives operations without one the action of their own name,
// "kinesis:PutRecord" for the prefix "kinesis".
func Prefix(prefix string) Option {
	return func(op *Operation) {
		if !op.named {
			op.Action, op.named = prefix+":"+op.Name, true
		}
	}
}

// On says which resources an operation is about, from its typed input.
func On[I any](arns func(*I, *Call) []string) Option {
	return func(op *Operation) {
		op.Resources = func(c *Call) []string { return arns(c.Input.(*I), c) }
	}
}

// Anything marks an operation whose action has no resource, although its input
// names one: policies have to say "*".
func Anything() Option {
	return func(op *Operation) { op.Resources = func(*Call) []string { return []string{"*"} } }
}

// Keyed gives an operation's condition keys, from its typed input.
func Keyed[I any](keys func(*I, *Call) map[string][]string) Option {
	return func(op *Operation) {
		op.ConditionKeys = func(c *Call) map[string][]string { return keys(c.Input.(*I), c) }
	}
}

// Needing lists the permissions of an operation whose action depends on its
// input, or that needs several.
func Needing[I any](needs func(*I, *Call) []Need) Option {
	return func(op *Operation) {
		op.Permissions = func(c *Call) []Need { return needs(c.Input.(*I), c) }
	}
}

// Hashes says that the handler compares the body, which streams, with the hash
// that the request tells, also where signatures are verified.
func Hashes() Option { return func(op *Operation) { op.hashes = true } }

// First lets an operation refuse an input, a pointer, before it is compared with the
// model: what AWS finds wrong there is all that it reports.
func First(check func(input any) error) Option {
	return func(op *Operation) { op.first = check }
}

// Crashes says that the handler runs a program and acts out the faults that end
// it; a fault of the kind crash is left to it.
func Crashes() Option { return func(op *Operation) { op.runs = true } }

// Trusting marks the operation that takes a role: the role's trust policy has to
// allow it, in every mode.
func Trusting() Option { return func(op *Operation) { op.trusts = true } }

// Unlocking marks an operation that the policy of a resource cannot deny to the root
// of the resource's account, so that nobody locks himself out.
func Unlocking() Option { return func(op *Operation) { op.frees = true } }

// Partly marks an operation that does what it may and answers for the rest: its
// handler asks Call.Refuses of each part.
func Partly() Option { return func(op *Operation) { op.partly = true } }

// About gives operations without resources the one that the first of these
// members names, as arn spells it. Operations without such a member stay as
// they are; a call without its value is about "*".
func About(arn func(name string, scope ident.Scope) string, members ...string) Option {
	return func(op *Operation) {
		read := Member(op.Input, members...)
		if op.Resources != nil || op.Permissions != nil || read == nil {
			return
		}
		op.Resources = func(c *Call) []string {
			if name := read(c.Input); name != "" {
				return []string{arn(name, c.Scope)}
			}
			return []string{"*"}
		}
	}
}

// ByARN is About for members that hold the resource's ARN.
func ByARN(members ...string) Option {
	return About(func(arn string, _ ident.Scope) string { return arn }, members...)
}

// Repeating gives operations the condition keys that repeat members of their input, texts,
// numbers or lists of texts, beside those that they have, also where their permissions
// depend on it.
func Repeating(members map[string]string) Option {
	return func(op *Operation) {
		read := repeated(op.Input, members)
		if read == nil {
			return
		}
		own, needs := op.ConditionKeys, op.Permissions
		if needs != nil {
			op.Permissions = func(c *Call) []Need {
				all := needs(c)
				for i := range all {
					keys := read(c.Input)
					maps.Copy(keys, all[i].keys())
					all[i].Keys = keys
				}
				return all
			}
			return
		}
		op.ConditionKeys = func(c *Call) map[string][]string {
			keys := read(c.Input)
			if own != nil {
				maps.Copy(keys, own(c))
			}
			return keys
		}
	}
}

// repeated reads condition keys from members of a structure; nil when it has none of them.
func repeated(structure reflect.Type, members map[string]string) func(input any) map[string][]string {
	one, several := map[string]func(any) string{}, map[string][]int{}
	for key, member := range members {
		if f, ok := structure.FieldByName(member); ok && f.Type == reflect.TypeFor[[]string]() {
			several[key] = f.Index
		} else if read := Member(structure, member); read != nil {
			one[key] = read
		}
	}
	if len(one)+len(several) == 0 {
		return nil
	}
	return func(input any) map[string][]string {
		keys := map[string][]string{}
		for key, read := range one {
			if v := read(input); v != "" {
				keys[key] = []string{v}
			}
		}
		for key, index := range several {
			if all, _ := reflect.ValueOf(input).Elem().FieldByIndex(index).Interface().([]string); len(all) > 0 {
				keys[key] = all
			}
		}
		return keys
	}
}

// Traced says which member names what an operation is about, where the options
// before it have found nothing, and how much of its value is the name: nil takes
// it whole.
func Traced(name func(value string) string, member string) Option {
	return func(op *Operation) {
		read, before := Member(op.Input, member), op.Trace
		if read == nil {
			return
		}
		op.Trace = func(input any) string {
			if before != nil {
				if v := before(input); v != "" {
					return v
				}
			}
			v := read(input)
			if name != nil {
				v = name(v)
			}
			return v
		}
	}
}

// LastPart is the last part of an ARN or a URL, or a plain name as it is.
func LastPart(s string) string { return s[strings.LastIndexAny(s, "/:")+1:] }

// Member reads the first of these members that is set, a text or a number, from
// pointers to a structure; nil when it has none of them.
func Member(structure reflect.Type, names ...string) func(input any) string {
	var at [][]int
	for _, n := range names {
		if f, ok := structure.FieldByName(n); ok {
			at = append(at, f.Index)
		}
	}
	if len(at) == 0 {
		return nil
	}
	return func(input any) string {
		v := reflect.ValueOf(input)
		if v.Kind() != reflect.Pointer || v.IsNil() {
			return ""
		}
		for _, i := range at {
			f := reflect.Indirect(v.Elem().FieldByIndex(i))
			switch {
			case f.Kind() == reflect.String && f.Len() > 0:
				return f.String()
			case f.Kind() == reflect.Int32, f.Kind() == reflect.Int64:
				return strconv.FormatInt(f.Int(), 10)
			}
		}
		return ""
	}
}
