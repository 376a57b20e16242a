package grade

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/pipelab/pipelab/internal/foreign"
	"github.com/pipelab/pipelab/internal/report"
)

// Roster is the people of a class, sorted by id.
type Roster struct {
	Learners []report.Learner
	// Ignored are headings that mean nothing here.
	Ignored []string

	index map[string][]int // system + value, both as fold leaves them
}

// The systems that a roster or a submission can know a learner by, beside those
// of report.Learner.Accounts.
const (
	byID    = "id"
	byName  = "name"
	byEmail = "email"
	byLocal = "local" // what stands before the @ of the email
)

// headings are the names that columns have in the files that learning systems
// write, as fold leaves them.
func headings() map[string][]string {
	return map[string][]string{
		byID: {"id", "learner", "learnerid", "studentid", "studentnumber", "sisuserid", "sisid", "identifier",
			"matriculation", "username", "userid", "idnumber", "rosteridentifier", "sid"},
		byName:       {"name", "fullname", "student", "studentname", "learnername", "displayname"},
		"first":      {"firstname", "first", "givenname", "forename"},
		"last":       {"lastname", "last", "surname", "familyname"},
		byEmail:      {"email", "emailaddress", "mail", "universityemail"},
		"section":    {"section", "sections", "group", "class", "course"},
		"canvas":     {"canvas", "canvasid", "canvasuserid"},
		"moodle":     {"moodle", "moodleid", "participant"},
		"github":     {"github", "githubusername", "githubid", "githublogin", "githubuser"},
		"gradescope": {"gradescope", "gradescopeid"},
		"login":      {"login", "sisloginid", "loginid"},
	}
}

// fold makes names comparable, however they are spelled: letters with their marks, and
// digits, small.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, foreign.Key(s))
}

// RosterError is one line of a roster that cannot be right.
type RosterError struct {
	File    string
	Line    int
	Message string
}

func (e *RosterError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message) }

// ParseRoster reads a roster: CSV with a heading line, separated by commas,
// semicolons or tabs, in UTF-8, or in UTF-16 with a byte order mark. Headings are matched
// loosely ("Student ID", "student_id"); a column for the id is needed. Two
// people with one id, email or account are an error, since their grades would
// be mixed up.
func ParseRoster(name string, b []byte) (*Roster, error) {
	b, err := foreign.Text(b)
	if err != nil {
		return nil, &RosterError{name, 1, err.Error()}
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma, r.FieldsPerRecord, r.TrimLeadingSpace = separator(b), -1, true
	head, err := r.Read()
	if errors.Is(err, io.EOF) {
		return nil,
			&RosterError{name, 1, "the roster is empty; its first line names the columns, such as id,name,email,github"}
	}
	if err != nil {
		return nil, &RosterError{name, 1, err.Error()}
	}
	out := &Roster{index: map[string][]int{}}
	columns, err := out.columns(name, head)
	if err != nil {
		return nil, err
	}
	lines := map[string]int{} // id -> line
	var problems []error
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // it may have no fields whose place could be asked for
			line := 0
			if p := (*csv.ParseError)(nil); errors.As(err, &p) {
				line = p.StartLine
			}
			return nil, &RosterError{name, line, err.Error()}
		}
		line, _ := r.FieldPos(0)
		l := learner(columns, row)
		if canvas(head) && canvasOwn(l, row) {
			continue
		}
		if l.ID == "" {
			if strings.TrimSpace(strings.Join(row, "")) != "" {
				problems = append(problems, &RosterError{name, line, "the id is missing"})
			}
			continue
		}
		if before, ok := lines[l.ID]; ok {
			problems = append(problems, &RosterError{name, line, fmt.Sprintf("the id %s stands in line %d already", l.ID,
				before)})
			continue
		}
		lines[l.ID] = line
		out.Learners = append(out.Learners, l)
	}
	if len(out.Learners) == 0 && len(problems) == 0 {
		return nil, &RosterError{name, 1, "the roster names nobody"}
	}
	slices.SortFunc(out.Learners, func(a, b report.Learner) int { return strings.Compare(a.ID, b.ID) })
	problems = append(problems, out.build(name, lines)...)
	return out, errors.Join(problems...)
}

// separator is the one that the heading line has most of.
func separator(b []byte) rune {
	head, _, _ := bytes.Cut(b, []byte("\n"))
	best, most := ',', 0
	for _, c := range ",;\t" {
		if n := bytes.Count(head, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

// canvas tells an export of Canvas' gradebook: its ID is Canvas' own.
func canvas(head []string) bool {
	return slices.ContainsFunc(head, func(h string) bool { return fold(h) == "sisuserid" || fold(h) == "sisloginid" })
}

// moodle tells a grading worksheet of Moodle: its Identifier is Moodle's own.
func moodle(head []string) bool {
	return slices.ContainsFunc(head, func(h string) bool { return fold(h) == "gradecanbechanged" })
}

// canvasOwn are the rows of such an export that are nobody's: how grades are posted, the
// points possible, and the student that teachers test with.
func canvasOwn(l report.Learner, row []string) bool {
	return strings.Contains(row[0], "Points Possible") || l.ID == "" && (l.Accounts["canvas"] == "" ||
		foreign.Key(l.Name) == "student, test")
}

// columns tells what each column is.
func (r *Roster) columns(name string, head []string) (map[string]int, error) {
	columns, canvas, moodle := map[string]int{}, canvas(head), moodle(head)
	for i, h := range head {
		what := ""
		for key, names := range headings() {
			if slices.Contains(names, fold(h)) {
				what = key
			}
		}
		if canvas && fold(h) == "id" {
			what = "canvas"
		}
		if moodle && fold(h) == "identifier" {
			what = "moodle"
		}
		if what == "" {
			if strings.TrimSpace(h) != "" {
				r.Ignored = append(r.Ignored, strings.TrimSpace(h))
			}
			continue
		}
		if before, ok := columns[what]; ok {
			return nil, &RosterError{name, 1, fmt.Sprintf("the columns %q and %q are both the %s: rename one", head[before], h,
				what)}
		}
		columns[what] = i
	}
	if _, ok := columns[byID]; !ok {
		for _, other := range []string{"login", byEmail, "moodle"} {
			if at, ok := columns[other]; ok && (other == "login" || moodle) {
				columns[byID] = at
				return columns, nil
			}
		}
		return nil, &RosterError{name, 1, fmt.Sprintf("there is no column id among %s", strings.Join(head, ", "))}
	}
	return columns, nil
}

func learner(columns map[string]int, row []string) report.Learner {
	get := func(what string) string {
		if i, ok := columns[what]; ok && i < len(row) {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	l := report.Learner{ID: get(byID), Name: get(byName), Email: get(byEmail), Section: get("section"),
		Accounts: map[string]string{}}
	if l.Name == "" {
		l.Name = strings.TrimSpace(get("first") + " " + get("last"))
	}
	for _, system := range []string{"canvas", "moodle", "github", "gradescope", "login"} {
		if v := get(system); v != "" {
			l.Accounts[system] = claimOf(byID, v).value
		}
	}
	if len(l.Accounts) == 0 {
		l.Accounts = nil
	}
	return l
}

// build indexes everybody and reports what two people share that only one can
// have.
func (r *Roster) build(file string, lines map[string]int) (problems []error) {
	for i, l := range r.Learners {
		for _, n := range nameForms(l.Name) {
			r.add(byName, n, i)
		}
		local, _, _ := strings.Cut(l.Email, "@")
		r.add(byLocal, local, i)
		single := map[string]string{byID: l.ID, byEmail: l.Email}
		maps.Copy(single, l.Accounts)
		for _, system := range slices.Sorted(maps.Keys(single)) {
			v := single[system]
			if v == "" {
				continue
			}
			if others := r.index[system+"\n"+foreign.Key(v)]; len(others) > 0 {
				problems = append(problems,
					&RosterError{file, lines[l.ID], fmt.Sprintf("%s and %s have the same %s, %s", r.Learners[others[0]].ID, l.ID,
						system, v)})
			}
			r.index[system+"\n"+foreign.Key(v)] = append(r.index[system+"\n"+foreign.Key(v)], i)
		}
	}
	return problems
}

func (r *Roster) add(system, value string, i int) {
	if v := fold(value); v != "" {
		key := system + "\n" + v
		if !slices.Contains(r.index[key], i) {
			r.index[key] = append(r.index[key], i)
		}
	}
}

// nameForms are a person's name as systems write it: "Ada Lovelace" and, for
// Canvas and for tables, "Lovelace, Ada".
func nameForms(name string) []string {
	if last, first, ok := strings.Cut(name, ","); ok {
		return []string{last + first, first + last}
	}
	words := strings.Fields(name)
	forms := []string{strings.Join(words, "")}
	for i := 1; i < len(words); i++ { // a family name may have several words
		forms = append(forms, strings.Join(slices.Concat(words[i:], words[:i]), ""))
	}
	return forms
}

// claim is one way in which a submission says whose it is.
type claim struct{ system, value string }

// match finds the one learner whom a claim means. Nobody, or more than one
// person, is nil; many says that it was the latter.
func (r *Roster) match(c claim) (l *report.Learner, many bool) {
	value := foreign.Key(strings.TrimSpace(c.value))
	if c.system == byName || c.system == byLocal {
		value = fold(c.value)
	}
	if value == "" {
		return nil, false
	}
	found := r.index[c.system+"\n"+value]
	if len(found) == 1 {
		return &r.Learners[found[0]], false
	}
	return nil, len(found) > 1
}
