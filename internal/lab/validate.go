package lab

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"
)

// Compile is how Parse asks whether an expression is well formed; names are
// the probes it may mention. The lab package knows no expression language.
type Compile func(expression string, names []string) error

var (
	idPattern   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	namePattern = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9]*$`)
	taskPattern = regexp.MustCompile(`^[1-4]\.[1-9]$`)
)

// reserved are the names that expressions see besides the probes.
var reserved = []string{"data", "run", "outputs", "seed"}

// Parse reads a lab.yaml. The error is Problems with everything that is
// wrong. compile may be nil: expressions are not looked at then.
func Parse(file string, src []byte, compile Compile) (*Lab, error) {
	l := &Lab{}
	d := decodeFile(file, src, l)
	syntax := len(d.places) == 0
	if !syntax {
		v := &validator{decoder: d, lab: l, compile: compile}
		v.everything()
	}
	d.problems.sort()
	if len(d.problems) > 0 {
		return l, d.problems
	}
	return l, nil
}

type validator struct {
	*decoder
	lab     *Lab
	compile Compile
}

func (v *validator) text(path, s string) {
	if strings.TrimSpace(s) == "" {
		v.at(path, "", "%s is missing", path[strings.LastIndex(path, ".")+1:])
	}
}

func (v *validator) oneOf(path, s string, allowed ...string) {
	if s != "" && !slices.Contains(allowed, s) {
		hint := nearest(s, allowed)
		if hint == "" {
			hint = "one of " + strings.Join(allowed, ", ")
		}
		v.at(path, hint, "%q is not known here", s)
	}
}

func (v *validator) unique(path string, seen map[string]bool, id string) {
	switch {
	case id == "":
		v.at(path, "", "id is missing")
	case !idPattern.MatchString(id):
		v.at(path, "small letters, digits and hyphens", "%q is not an id", id)
	case seen[id]:
		v.at(path, "", "the id %q is taken", id)
	}
	seen[id] = true
}

// everything looks at everything outside the checks, then at the checks.
func (v *validator) everything() {
	l := v.lab
	v.text("title", l.Title)
	v.text("summary", l.Summary)
	v.text("level", l.Level)
	v.unique("id", map[string]bool{}, l.ID)
	v.oneOf("level", l.Level, "beginner", "intermediate", "advanced")
	if l.Minutes <= 0 {
		v.at("minutes", "", "minutes must be above 0")
	}
	if len(l.Services) == 0 {
		v.at("services", "", "services is missing")
	}
	for i := range l.Services {
		v.service(fmt.Sprintf("services[%d]", i), &l.Services[i])
	}
	if len(l.ExamTasks) == 0 {
		v.at("examTasks", `such as ["1.1"]`, "examTasks is missing")
	}
	for i, t := range l.ExamTasks {
		if !taskPattern.MatchString(t) {
			v.at(fmt.Sprintf("examTasks[%d]", i), `quote it: "1.1"`, "%q is not a task number", t)
		}
	}
	for i, id := range l.Checklist {
		if _, ok := ChecklistItem(id); !ok {
			v.at(fmt.Sprintf("checklist[%d]", i), "pipelab list --coverage shows them all",
				"%q is no item of the self-assessment", id)
		}
	}
	seen := map[string]bool{}
	for i, t := range l.Tasks {
		p := fmt.Sprintf("tasks[%d]", i)
		v.unique(p+".id", seen, t.ID)
		v.text(p+".title", t.Title)
		v.text(p+".text", t.Text)
	}
	if len(l.Tasks) == 0 {
		v.at("tasks", "", "tasks is missing")
	}
	seen = map[string]bool{}
	for i, m := range l.Mistakes {
		p := fmt.Sprintf("mistakes[%d]", i)
		v.unique(p+".id", seen, m.ID)
		v.text(p+".title", m.Title)
		v.text(p+".explanation", m.Explanation)
	}
	v.datasets("data", l.Data)
	v.programs()
	v.probes("probes", l.Probes)
	v.checks()
	v.durations(reflect.ValueOf(l).Elem(), "")
}

func (v *validator) programs() {
	for name, p := range v.lab.Programs {
		if len(p.Command) == 0 {
			v.at("programs."+name, "such as [python3, src/app.py]", "command is missing")
		}
		for i, c := range p.Alternatives {
			if commandFile(c) == "" {
				v.at(fmt.Sprintf("programs.%s.alternatives[%d]", name, i), "such as [node, src/app.mjs]",
					"an alternative names the file that it runs")
			}
		}
	}
}

func (v *validator) datasets(path string, sets map[string]Dataset) {
	for name, s := range sets {
		p := path + "." + name
		if !namePattern.MatchString(name) {
			v.at(p, "letters and digits", "%q is not a name that expressions can use", name)
		}
		if (s.Generator == "") == (s.File == "") {
			v.at(p, "", "give either generator or file")
		}
		v.oneOf(p+".generator", s.Generator, "clickstream", "telemetry", "orders", "transactions", "logs", "scores", "stock")
		v.oneOf(p+".format", s.Format, "jsonl", "csv")
		if s.Generator != "" && s.Count <= 0 {
			v.at(p+".count", "", "count must be above 0")
		}
		if s.Keys < 0 {
			v.at(p+".keys", "", "keys must not be negative")
		}
		if s.Every.Or(time.Second) < time.Millisecond {
			v.at(p+".every", "", "every must be a millisecond or more")
		}
		shares := reflect.ValueOf(s.Defects)
		for i := range shares.NumField() {
			if f := shares.Field(i).Float(); f < 0 || f > 1 {
				key := shares.Type().Field(i).Tag.Get("yaml")
				v.at(p+".defects."+key, "0.05 is one in twenty", "a share lies between 0 and 1, %v does not", f)
			}
		}
	}
}

// looking are operations that change nothing.
var looking = regexp.MustCompile(`^(Get|Head|List|Describe|Query|Scan|Filter)[A-Z]?\w*$`)

func (v *validator) probes(path string, probes map[string]Probe) {
	for name, p := range probes {
		at := path + "." + name
		if !namePattern.MatchString(name) || slices.Contains(reserved, name) {
			v.at(at, "letters and digits; not "+strings.Join(reserved, ", "), "%q cannot be a probe's name", name)
		}
		v.exactlyOne(at, reflect.ValueOf(p), "probe")
		if p.Calls != nil {
			v.service(at+".calls.service", &p.Calls.Service)
		}
		if p.Call != nil {
			v.call(at+".call", p.Call)
			if op := p.Call.Operation; op != "" && !looking.MatchString(p.Call.Operation) {
				v.at(at+".call.operation", "make it a step", "a probe changes nothing, %s may", p.Call.Operation)
			}
		}
	}
}

// exactlyOne holds a struct of alternatives to one of them.
func (v *validator) exactlyOne(path string, s reflect.Value, what string) {
	set, names := 0, []string{}
	for i := range s.NumField() {
		names = append(names, s.Type().Field(i).Tag.Get("yaml"))
		if !s.Field(i).IsZero() {
			set++
			if f := s.Field(i); f.Kind() == reflect.Pointer {
				v.required(join(path, names[i]), f.Elem())
			}
		}
	}
	if set != 1 {
		v.at(path, strings.Join(names, ", "), "a %s has exactly one kind, this has %d", what, set)
	}
}

// required reports text members that must be there: those whose JSON tag has
// no omitempty, so that the schema and this rule cannot differ.
func (v *validator) required(path string, s reflect.Value) {
	for i := range s.NumField() {
		f, field := s.Field(i), s.Type().Field(i)
		if strings.Contains(field.Tag.Get("json"), "omit") || f.Kind() == reflect.Bool {
			continue
		}
		if f.IsZero() {
			v.at(path, "", "%s is missing", field.Tag.Get("yaml"))
		}
	}
}

var durationType = reflect.TypeFor[Duration]()

// durations finds every Duration in the lab, wherever it is.
func (v *validator) durations(x reflect.Value, path string) {
	if x.Type() == durationType {
		s := x.String()
		if d, err := time.ParseDuration(s); s != "" && (err != nil || d < 0) {
			v.at(path, "such as 500ms, 30s or 2m", "%q is not a duration", s)
		}
		return
	}
	switch x.Kind() {
	case reflect.Pointer:
		if !x.IsNil() {
			v.durations(x.Elem(), path)
		}
	case reflect.Struct:
		for i := range x.NumField() {
			v.durations(x.Field(i), join(path, x.Type().Field(i).Tag.Get("yaml")))
		}
	case reflect.Slice:
		for i := range x.Len() {
			v.durations(x.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Map:
		for _, k := range x.MapKeys() {
			v.durations(x.MapIndex(k), join(path, k.String()))
		}
	}
}

func keys[T any](maps ...map[string]T) []string {
	var out []string
	for _, m := range maps {
		for k := range m {
			out = append(out, k)
		}
	}
	sort.Strings(out)
	return slices.Compact(out)
}
