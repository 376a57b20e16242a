package cfn

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// parameterTypes are the types that need no look-up in an account.
func parameterTypes() []string {
	return []string{"String", "Number", "CommaDelimitedList", "List<Number>", "List<String>"}
}

func (t *Template) readParameter(f Field) {
	p := &Parameter{Name: f.Key, Pos: f.Pos}
	if f.Value.Kind != Map {
		t.problems.Add(f.Value, "", "parameter %s must be a map with the key Type", f.Key)
		return
	}
	for _, a := range f.Value.Fields {
		t.readParameterField(p, a)
	}
	if p.Type == "" {
		t.problems.add(f.Pos, "add Type: String", "parameter %s has no Type", f.Key)
		return
	}
	if !slices.Contains(parameterTypes(), p.Type) {
		t.problems.Add(f.Value.Get("Type"), nearest(p.Type, parameterTypes()), "parameter type %q is not supported", p.Type)
		p.Type = "String"
	}
	if p.Default != nil {
		if msg := p.Check(*p.Default); msg != "" {
			t.problems.Add(f.Value.Get("Default"), "", "the default of parameter %s is not valid: %s", p.Name, msg)
		}
	}
	if t.Parameters = append(t.Parameters, p); len(t.Parameters) == mostParameters+1 {
		t.problems.add(f.Pos, "", "a template has at most %d parameters", mostParameters)
	}
}

func (t *Template) readParameterField(p *Parameter, a Field) {
	switch a.Key {
	case "Type":
		p.Type = t.text(a.Value, "Type")
	case "Default":
		s := t.text(a.Value, "Default")
		p.Default = &s
	case "Description":
		p.Description = t.text(a.Value, "Description")
	case "ConstraintDescription":
		p.Constraint = t.text(a.Value, a.Key)
	case "NoEcho":
		p.NoEcho = t.text(a.Value, "NoEcho") == "true"
	case "AllowedValues":
		if a.Value.Kind != List {
			t.problems.Add(a.Value, "", "AllowedValues must be a list")
			return
		}
		for _, it := range a.Value.Items {
			p.Allowed = append(p.Allowed, t.text(it, "an allowed value"))
		}
	case "AllowedPattern":
		p.Pattern = t.text(a.Value, a.Key)
		if why := badPattern(p.Pattern); why != "" {
			t.problems.Add(a.Value, "", "AllowedPattern is not a regular expression: %s", why)
			p.Pattern = ""
		}
	case "MinLength", "MaxLength", "MinValue", "MaxValue":
		v, err := strconv.ParseFloat(t.text(a.Value, a.Key), 64)
		if err != nil {
			t.problems.Add(a.Value, "", "%s must be a number", a.Key)
			return
		}
		*map[string]**float64{"MinLength": &p.MinLength, "MaxLength": &p.MaxLength, "MinValue": &p.MinValue,
			"MaxValue": &p.MaxValue}[a.Key] = &v
	default:
		t.problems.add(a.Pos, nearest(a.Key, []string{"Type", "Default", "Description", "NoEcho", "AllowedValues",
			"AllowedPattern", "ConstraintDescription", "MinLength", "MaxLength", "MinValue", "MaxValue"}),
			"a parameter has no key %q", a.Key)
	}
}

// Bounds of parameters. Source for the first two:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const (
	mostParameters = 200
	longestValue   = 4096
	mostStates     = 10_000 // of a pattern: each letter of a value may take a step in each
)

// badPattern says why a pattern is none that values can be held against; "" if it is.
func badPattern(pattern string) string {
	if len(pattern) > longestValue {
		return fmt.Sprintf("it has more than %d bytes", longestValue)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return err.Error()
	}
	if prog, err := syntax.Compile(parsed.Simplify()); err != nil || len(prog.Inst) > mostStates {
		return fmt.Sprintf("it repeats too much: %d states, more than %d", len(prog.Inst), mostStates)
	}
	return ""
}

// Check returns why a value does not fit the parameter, or "".
func (p *Parameter) Check(value string) string {
	if len(value) > longestValue {
		return fmt.Sprintf("Parameter '%s' must have at most %d bytes", p.Name, longestValue)
	}
	if p.Type == "String" {
		if msg := p.checkOne(value); msg != "" {
			return msg
		}
		return p.checkLength(value)
	}
	items := []string{value}
	if p.isList() {
		items = splitList(value)
	}
	for _, it := range items {
		if msg := p.checkOne(it); msg != "" {
			return msg
		}
		if strings.Contains(p.Type, "Number") {
			f, err := strconv.ParseFloat(it, 64)
			switch {
			case err != nil:
				return fmt.Sprintf("Parameter '%s' must be a number.", p.Name)
			case p.MinValue != nil && f < *p.MinValue:
				return p.violated(fmt.Sprintf("Parameter '%s' must be a number not less than %v", p.Name, *p.MinValue))
			case p.MaxValue != nil && f > *p.MaxValue:
				return p.violated(fmt.Sprintf("Parameter '%s' must be a number not greater than %v", p.Name, *p.MaxValue))
			}
		}
	}
	return ""
}

func (p *Parameter) checkOne(value string) string {
	if len(p.Allowed) > 0 && !slices.Contains(p.Allowed, value) {
		return p.violated(fmt.Sprintf("Parameter '%s' must be one of AllowedValues [%s]", p.Name,
			strings.Join(p.Allowed, ", ")))
	}
	if p.Pattern != "" {
		// The whole value must match, as with Java's String.matches.
		if ok, err := regexp.MatchString("^(?:"+p.Pattern+")$", value); err != nil || !ok {
			return p.violated(fmt.Sprintf("Parameter '%s' must match pattern %s", p.Name, p.Pattern))
		}
	}
	return ""
}

func (p *Parameter) checkLength(value string) string {
	n := float64(len([]rune(value)))
	if p.MinLength != nil && n < *p.MinLength {
		return p.violated(fmt.Sprintf("Parameter '%s' must contain at least %v characters", p.Name, *p.MinLength))
	}
	if p.MaxLength != nil && n > *p.MaxLength {
		return p.violated(fmt.Sprintf("Parameter '%s' must contain at most %v characters", p.Name, *p.MaxLength))
	}
	return ""
}

func (p *Parameter) violated(msg string) string {
	if p.Constraint != "" {
		return fmt.Sprintf("Parameter %s failed to satisfy constraint: %s", p.Name, p.Constraint)
	}
	return msg
}

func (p *Parameter) isList() bool {
	return p.Type == "CommaDelimitedList" || strings.HasPrefix(p.Type, "List<")
}

// value is what Ref returns for the parameter.
func (p *Parameter) value(s string) any {
	if !p.isList() {
		return s
	}
	out := []any{}
	for _, it := range splitList(s) {
		out = append(out, it)
	}
	return out
}

func splitList(s string) []string {
	if s == "" {
		return nil
	}
	items := strings.Split(s, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

// bind checks the values given for the parameters and fills in defaults.
func (t *Template) bind(given map[string]string) (map[string]string, error) {
	ps := &Problems{File: t.File}
	out := map[string]string{}
	var names []string
	for _, p := range t.Parameters {
		names = append(names, p.Name)
		v, ok := given[p.Name]
		if !ok && p.Default == nil {
			ps.add(p.Pos, "give the parameter "+p.Name+" a value, or a Default in the template",
				"Parameters: [%s] must have values",
				p.Name)
			continue
		}
		if !ok {
			v = *p.Default
		}
		if msg := p.Check(v); msg != "" {
			ps.add(p.Pos, "", "%s", msg)
		}
		out[p.Name] = v
	}
	for name := range given {
		if !slices.Contains(names, name) {
			ps.add(Pos{1, 1}, nearest(name, names), "Parameters: [%s] do not exist in the template", name)
		}
	}
	return out, ps.err()
}
