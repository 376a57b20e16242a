package lab

import (
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

func (v *validator) checks() {
	if len(v.lab.Checks) == 0 {
		v.at("checks", "", "checks is missing")
		return
	}
	seen, sum, ids := map[string]bool{}, 0, []string{}
	for i := range v.lab.Checks {
		c := &v.lab.Checks[i]
		v.unique(fmt.Sprintf("checks[%d].id", i), seen, c.ID)
		sum, ids = sum+c.Points, append(ids, c.ID)
	}
	if sum != 100 {
		v.at("checks", "", "the points of all checks make %d, they must make 100", sum)
	}
	for i := range v.lab.Checks {
		v.check(fmt.Sprintf("checks[%d]", i), &v.lab.Checks[i], ids)
	}
	v.cycles()
}

func (v *validator) check(path string, c *Check, ids []string) {
	v.text(path+".title", c.Title)
	if c.Points < 0 {
		v.at(path+".points", "", "points must not be negative")
	}
	for i, n := range c.Needs {
		if !slices.Contains(ids, n) {
			v.at(fmt.Sprintf("%s.needs[%d]", path, i), nearest(n, ids), "there is no check %q", n)
		}
	}
	v.observes(path+".observes", c, ids)
	if len(c.Hints) != 3 {
		v.at(path+".hints", "from the concept to nearly there", "a check has three hints, this has %d", len(c.Hints))
	}
	v.datasets(path+".data", c.Data)
	v.probes(path+".probes", c.Probes)
	names, sets := keys(v.lab.Probes, c.Probes), keys(v.lab.Data, c.Data)
	for i := range c.Steps {
		v.step(fmt.Sprintf("%s.steps[%d]", path, i), &c.Steps[i], names, sets)
	}
	v.eventually(path+".eventually", c.Eventually, names)
	for i, e := range c.Expect {
		v.expect(fmt.Sprintf("%s.expect[%d]", path, i), e, names)
	}
	for i, m := range c.Mistakes {
		p := fmt.Sprintf("%s.mistakes[%d]", path, i)
		v.evidence(p, m, names)
		v.text(p+".mistake", m.Mistake)
		v.mistake(p+".mistake", m.Mistake)
	}
	if (len(c.Expect) == 0) == (c.Program == nil) {
		v.at(path, "", "a check has either expect or program")
	}
	if c.Program != nil && len(c.Program.Command) == 0 {
		v.at(path+".program", "", "command is missing")
	}
}

// evidence is what a mistake is recognised by.
func (v *validator) evidence(path string, m Matcher, names []string) {
	v.expression(path+".when", m.When, names, m.SQL == nil)
	if strings.TrimSpace(m.When) == "true" {
		v.at(path+".when", "compare what was seen with what this mistake leaves behind", `"true" is no evidence of a mistake`)
	}
	v.oracle(path+".sql", m.SQL, names)
}

// observes copies the stimulus of the check that c observes.
func (v *validator) observes(path string, c *Check, ids []string) {
	if c.Observes == "" {
		return
	}
	i := slices.IndexFunc(v.lab.Checks, func(o Check) bool { return o.ID == c.Observes })
	at := slices.IndexFunc(v.lab.Checks, func(o Check) bool { return o.ID == c.ID })
	switch {
	case i < 0:
		v.at(path, nearest(c.Observes, ids), "there is no check %q", c.Observes)
	case i >= at:
		v.at(path, "put it below "+c.Observes, "the check %q does not come before this one", c.Observes)
	case v.lab.Checks[i].Observes != "" && v.lab.Checks[i].ID != c.ID:
		v.at(path, "observe "+v.lab.Checks[i].Observes, "the check %q has no steps of its own", c.Observes)
	case v.lab.Checks[i].Program != nil || c.Program != nil:
		v.at(path, "", "a check with a program cannot be shared")
	case c.Steps != nil || c.Eventually != nil || c.Data != nil:
		v.at(path, "", "a check that observes another has no steps, eventually or data of its own")
	default:
		o := &v.lab.Checks[i]
		c.Steps, c.Eventually, c.Data = o.Steps, o.Eventually, o.Data
		c.Timeout = max(c.Timeout, o.Timeout)
	}
}

func (v *validator) mistake(path, id string) {
	ids := make([]string, len(v.lab.Mistakes))
	for i, m := range v.lab.Mistakes {
		ids[i] = m.ID
	}
	if id != "" && !slices.Contains(ids, id) {
		v.at(path, nearest(id, ids), "there is no mistake %q", id)
	}
}

func (v *validator) eventually(path string, e *Eventually, names []string) {
	if e == nil {
		return
	}
	v.expression(path+".until", e.Until, names, true)
	if e.Stall != nil {
		v.expression(path+".stall.watch", e.Stall.Watch, names, true)
	}
	if e.Settle != nil {
		v.expression(path+".settle.watch", e.Settle.Watch, names, true)
	}
}

func (v *validator) expect(path string, e Expect, names []string) {
	v.text(path+".message", e.Message)
	if (e.That == "") == (e.SQL == nil) {
		v.at(path, "", "an expectation has either that or sql")
	}
	if e.Weight < 0 {
		v.at(path+".weight", "", "weight must not be negative")
	}
	v.expression(path+".that", e.That, names, false)
	v.expression(path+".seen", e.Seen, names, false)
	v.expression(path+".expected", e.Expected, names, false)
	v.oracle(path+".sql", e.SQL, names)
}

func (v *validator) oracle(path string, q *SQL, names []string) {
	if q == nil {
		return
	}
	v.query(path+".expected", &q.Expected)
	v.query(path+".actual", &q.Actual)
	for name, t := range q.Tables {
		if !namePattern.MatchString(name) {
			v.at(path+".tables."+name, "letters and digits", "%q cannot be a table's name", name)
		}
		v.expression(path+".tables."+name, t, names, true)
	}
}

var sharedQuery = regexp.MustCompile(`^\s*\$\{queries\.(\w+)\}\s*$`)

// query puts a shared query in the place of its name.
func (v *validator) query(path string, q *string) {
	v.text(path, *q)
	name := sharedQuery.FindStringSubmatch(*q)
	if name == nil {
		return
	}
	shared, ok := v.lab.Queries[name[1]]
	if !ok {
		v.at(path, nearest(name[1], keys(v.lab.Queries)), "there is no query %q", name[1])
		return
	}
	*q = shared
}

func (v *validator) expression(path, expr string, names []string, needed bool) {
	if strings.TrimSpace(expr) == "" {
		if needed {
			v.at(path, "", "the expression is missing")
		}
		return
	}
	if v.compile == nil {
		return
	}
	if err := v.compile(expr, names); err != nil {
		v.at(path, "", "%v", err)
	}
}

// maxInput bounds the files that programs are given: 256 MiB.
const maxInput = 256 << 20

func (v *validator) step(path string, s *Step, names, sets []string) {
	v.exactlyOne(path, reflect.ValueOf(*s), "step")
	use := func(key, set string) {
		if set != "" && !slices.Contains(sets, set) {
			v.at(path+key, nearest(set, sets), "there is no data set %q", set)
		}
	}
	switch {
	case s.PutObject != nil:
		use(".putObject.data", s.PutObject.Data)
		if p := s.PutObject; count(p.Body != "", p.Base64 != "", p.Data != "", p.CopyFrom != nil) > 1 {
			v.at(path+".putObject", "", "give one of body, base64, data and copyFrom (none writes an empty object)")
		}
	case s.PutRecords != nil:
		v.records(path+".putRecords", s.PutRecords, use, ".putRecords.data")
	case s.SendMessages != nil:
		use(".sendMessages.data", s.SendMessages.Data)
		if (len(s.SendMessages.Bodies) == 0) == (s.SendMessages.Data == "") {
			v.at(path+".sendMessages", "", "give either bodies or data")
		}
	case s.PutItems != nil:
		use(".putItems.data", s.PutItems.Data)
		if (len(s.PutItems.Items) == 0) == (s.PutItems.Data == "") {
			v.at(path+".putItems", "", "give either items or data")
		}
	case s.Deliver != nil:
		if (s.Deliver.Object == nil) == (s.Deliver.Records == nil) {
			v.at(path+".deliver", "", "give either object or records")
		}
		if s.Deliver.Records != nil {
			v.records(path+".deliver.records", s.Deliver.Records, use, ".deliver.records.data")
		}
	case s.Run != nil:
		use(".run.stdinData", s.Run.StdinData)
		if f := s.Run.File; f != nil && (f.Name != filepath.Base(f.Name) || f.Name == "." || f.Bytes < 0 ||
			f.Bytes > maxInput) {
			v.at(path+".run.file", "", "a file has a name without folders and up to %d bytes", maxInput)
		}
		v.expression(path+".run.killWhen", s.Run.KillWhen, names, false)
		if _, ok := v.lab.Programs[s.Run.Program]; !ok {
			known := keys(v.lab.Programs)
			v.at(path+".run.program", nearest(s.Run.Program, known), "there is no program %q", s.Run.Program)
		}
	case s.Call != nil:
		v.call(path+".call", s.Call)
	case s.Fault != nil:
		v.fault(path+".fault", s.Fault)
	case s.Await != nil:
		v.eventually(path+".await", s.Await, names)
	}
	v.templates(path, reflect.ValueOf(s))
}

func (v *validator) fault(path string, f *Fault) {
	v.service(path+".service", &f.Service)
	v.oneOf(path+".kind", f.Kind, "error", "throttle", "latency", "gather", "drop", "after", "entries",
		"crash", "crashLate", "duplicate", "reorder")
	if f.Share < 0 || f.Share > 1 {
		v.at(path+".share", "0.05 is one in twenty", "a share lies between 0 and 1")
	}
	if len(f.Carrying) > 0 && (f.Kind == "entries" || f.Kind == "duplicate" || f.Kind == "reorder") {
		v.at(path+".carrying", "", "a fault of the kind %s cannot choose its calls by what they carry", f.Kind)
	}
	for i, text := range f.Carrying {
		v.text(fmt.Sprintf("%s.carrying[%d]", path, i), text)
	}
}

func (v *validator) records(path string, r *PutRecords, use func(key, set string), key string) {
	use(key, r.Data)
	if (len(r.Records) == 0) == (r.Data == "") {
		v.at(path, "", "give either records or data")
	}
	// https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
	if r.Batch < 0 || r.Batch > 500 {
		v.at(path+".batch", "", "a batch has 1 to 500 records")
	}
	if r.Skip < 0 || r.Count < 0 || r.Data == "" && r.Skip+r.Count > 0 {
		v.at(path, "", "skip and count choose entries of a data set, and are not negative")
	}
}

func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

var (
	templatePattern = regexp.MustCompile(`\$\{([^}]*)\}`)
	templateKinds   = regexp.MustCompile(
		`^(outputs\.\w+|data\.\w+[.\[].+|run\.\w+\[.+|\w+\(data\..+\)|env\.\w+|now([+-]\d+)?|seed|instance)$`)
)

// templates holds every ${…} of a step to the kinds that exist.
func (v *validator) templates(path string, x reflect.Value) {
	switch x.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !x.IsNil() {
			v.templates(path, x.Elem())
		}
	case reflect.Struct:
		for i := range x.NumField() {
			v.templates(join(path, x.Type().Field(i).Tag.Get("yaml")), x.Field(i))
		}
	case reflect.Slice:
		for i := range x.Len() {
			v.templates(fmt.Sprintf("%s[%d]", path, i), x.Index(i))
		}
	case reflect.Map:
		for _, k := range x.MapKeys() {
			v.templates(join(path, k.String()), x.MapIndex(k))
		}
	case reflect.String:
		for _, m := range templatePattern.FindAllStringSubmatch(x.String(), -1) {
			if !templateKinds.MatchString(m[1]) {
				v.at(path, "${outputs.Name}, ${data.set[0].field}, ${function(data.set, …)}, ${env.NAME}, ${now+60}, ${seed} or "+
					"${instance}", "${%s} is not known", m[1])
			}
		}
	}
}

// cycles reports checks that need themselves, each circle once.
func (v *validator) cycles() {
	needs, state := map[string][]string{}, map[string]int{}
	for _, c := range v.lab.Checks {
		needs[c.ID] = c.Needs
	}
	var visit func(id string, path []string)
	visit = func(id string, path []string) {
		if state[id] == 2 {
			return
		}
		if state[id] == 1 {
			start := slices.Index(path, id)
			v.at(v.pathOf(id)+".needs", "", "the checks need each other: %s", strings.Join(append(path[start:], id), " → "))
			return
		}
		state[id] = 1
		for _, n := range needs[id] {
			visit(n, append(path, id))
		}
		state[id] = 2
	}
	for _, c := range v.lab.Checks {
		visit(c.ID, nil)
	}
}

func (v *validator) pathOf(id string) string {
	for i, c := range v.lab.Checks {
		if c.ID == id {
			return fmt.Sprintf("checks[%d]", i)
		}
	}
	return "checks"
}
