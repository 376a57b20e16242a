package report

import (
	"fmt"
	"regexp"
	"strings"
)

// FillCanvas puts grades into a gradebook export of Canvas and changes nothing
// else in it. A learner is recognised by their account named canvas (the ID of
// the export), then by id, e-mail address or an account named sis or login, then
// by name. Cells with EX (excused) and N/A (not assigned) stay.
// Source: the importer's behaviour, https://github.com/instructure/canvas-lms
// lib/gradebook_importer.rb, and https://community.canvaslms.com, CSV files of
// the gradebook.
func FillCanvas(export []byte, b *Gradebook, o FillOptions) (Filled, error) {
	s, err := openSheet(export, "gradebook export of Canvas", func(h []string) bool {
		return position(h, "ID") > 0 && position(h, "Section") > 0 &&
			(strings.Contains(h[0], "Student") || position(h, "LastName") == 0)
	})
	if err != nil {
		return Filled{}, err
	}
	header := s.header()
	column, err := choose(header, fillColumn(b, o), func(h string) []string { return canvasTitles(header, h) })
	if err != nil {
		return Filled{}, err
	}
	id := position(header, "ID")
	t := target{sheet: s, column: column, decimal: o.Decimal, locked: func(row int) string {
		return canvasLock(s.cell(row, column))
	},
		max: func(int) (float64, bool) { return 0, false }, who: func(row int) string { return s.cell(row, 0) }}
	names := []int{0}
	if position(header, "LastName") == 0 {
		names = present(0, position(header, "FirstName"))
	}
	for r := 1; r < len(s.rows); r++ {
		switch {
		case strings.Contains(s.cell(r, 0), "Points Possible"):
			cell := s.cell(r, column)
			if strings.Contains(strings.ToLower(cell), "read only") {
				return Filled{}, fmt.Errorf("the column %s is read only: Canvas ignores what is filled into it", header[column])
			}
			if limit, ok := parsePoints(cell); ok {
				t.max = func(int) (float64, bool) { return limit, true }
			}
		case s.cell(r, id) != "": // other rows without one are the platform's own
			t.body = append(t.body, r)
		}
	}
	t.levels = []level{
		{columns: []int{id}, keys: accounts("canvas")},
		{columns: present(id, position(header, "SIS User ID"), position(header, "SIS Login ID"),
			position(header, "Integration ID")), keys: identifiers},
		{columns: names, keys: learnerName, name: true},
	}
	if t.decimal == "" {
		t.decimal = s.decimalMark(map[byte]string{';': ","}[s.delimiter])
		t.decimal = or(t.decimal, ".")
	}
	return t.fill(b, o)
}

// fillColumn is the column's name, as asked for or as titles have it.
func fillColumn(b *Gradebook, o FillOptions) string {
	switch {
	case o.Column != "":
		return o.Column
	case o.Lab != "":
		return b.lab(o.Lab).Title
	}
	return b.Title
}

// canvasTitles are the names of an assignment's column: header, title and id. A
// student's column, a total or an override has none.
func canvasTitles(header []string, h string) []string {
	for i, other := range header { // columns of students end with Section
		if other == h && i <= position(header, "Section") {
			return nil
		}
	}
	for _, total := range []string{"Current Score", "Final Score", "Current Points", "Final Points", "Current Grade",
		"Final Grade", "Override Score", "Override Grade", "Override Status"} {
		if strings.HasSuffix(h, total) {
			return nil
		}
	}
	m := regexp.MustCompile(`^(.*\S)\s*\((\d+)\)$`).FindStringSubmatch(h)
	if m == nil {
		return []string{h}
	}
	return []string{h, m[1], m[2]}
}

func canvasLock(cell string) string {
	switch strings.ToUpper(cell) {
	case "EX":
		return "the learner is excused"
	case "N/A":
		return "the assignment is not theirs"
	}
	return ""
}

// FillMoodle puts grades into an export of Moodle and changes nothing else in
// it: a grading worksheet of an assignment, or an export of the gradebook to be
// imported again. A learner is recognised by their account named moodle (the
// number in Participant 123, the ID number or the user name), then by id or
// e-mail address, then by name. Cells of a worksheet that say that the grade
// cannot be changed stay.
// Headers are known in English; with Column an export in another language is
// read too, where e-mail addresses and the numbers of participants tell who is who.
// Source: the documented behaviour, https://docs.moodle.org/en/Grade_import and
// https://docs.moodle.org/en/Assignment_settings, offline grading worksheet.
func FillMoodle(export []byte, b *Gradebook, o FillOptions) (Filled, error) {
	s, err := openSheet(export, "grade export of Moodle", func(h []string) bool {
		return position(h, "Identifier") >= 0 && position(h, "Grade") >= 0 || len(h) > 1 && o.Column != "" &&
			position(h, o.Column) >= 0 ||
			len(h) > 2 && (position(h, "Email address", "ID number", "Username") >= 0 || position(h, "First name") >= 0)
	})
	if err != nil {
		return Filled{}, err
	}
	header := s.header()
	id, worksheet := position(header, "Identifier"), position(header, "Grade")
	t := target{sheet: s, decimal: o.Decimal, locked: func(int) string { return "" }, max: func(int) (float64, bool) {
		return 0, false
	}}
	if id >= 0 && worksheet >= 0 {
		t.column = worksheet
		if o.Column != "" && o.Column != header[worksheet] {
			return Filled{}, fmt.Errorf("a grading worksheet has one grade column, Grade, and not %q", o.Column)
		}
		limit, may := position(header, "Maximum Grade"), position(header, "Grade can be changed")
		t.max = func(row int) (float64, bool) { return parsePoints(s.cell(row, limit)) }
		t.locked = func(row int) string {
			if strings.EqualFold(s.cell(row, may), "No") {
				return "Moodle says that the grade cannot be changed"
			}
			return ""
		}
	} else if t.column, err = choose(header, fillColumn(b, o), moodleTitles); err != nil {
		return Filled{}, err
	}
	t.people(header)
	if !(id >= 0 && worksheet >= 0) && position(header, "Email address", "First name", "Full name", "ID number",
		"Username", "Last name", "Surname") < 0 {
		t.notes = []string{"the headers are not English: neither the maximum of the column nor whether a grade may be " +
			"changed was looked at"}
	}
	if t.decimal == "" {
		t.decimal = s.decimalMark(".")
	}
	return t.fill(b, o)
}

// people finds who stands in the rows of a Moodle export.
func (t *target) people(header []string) {
	s := t.sheet
	id, mail := position(header, "Identifier"), position(header, "Email address")
	if id < 0 {
		id = s.columnOf(regexp.MustCompile(`^\D+ \d+$`))
	}
	if mail < 0 {
		mail = s.columnOf(regexp.MustCompile(`^\S+@\S+$`))
	}
	names := present(position(header, "Full name"))
	if len(names) == 0 {
		names = present(position(header, "First name"), position(header, "Last name", "Surname"))
	}
	t.who = func(row int) string {
		for _, columns := range [][]int{names, present(mail), present(id), {0}} {
			var words []string
			for _, c := range columns {
				words = append(words, s.cell(row, c))
			}
			if text := strings.TrimSpace(strings.Join(words, " ")); text != "" {
				return text
			}
		}
		return "nobody"
	}
	for r := 1; r < len(s.rows); r++ {
		if len(s.rows[r]) > 1 { // an empty line is one cell
			t.body = append(t.body, r)
		}
	}
	number, user := position(header, "ID number"), position(header, "Username")
	t.levels = []level{
		{columns: present(id), keys: func(l Learner) []string {
			return []string{lastWord(l.Accounts["moodle"])}
		}, last: true},
		{columns: present(number, user), keys: accounts("moodle")},
		{columns: present(number, user, mail), keys: identifiers},
	}
	if len(names) > 0 {
		t.levels = append(t.levels, level{columns: names, keys: learnerName, name: true})
	}
}

// columnOf is the only column in which every row has such a cell, or -1.
func (s *sheet) columnOf(pattern *regexp.Regexp) int {
	found := -1
	for c := range s.rows[0] {
		all := len(s.rows) > 1
		for r := 1; r < len(s.rows) && all; r++ {
			all = len(s.rows[r]) == 1 || pattern.MatchString(s.cell(r, c))
		}
		switch {
		case all && found >= 0:
			return -1
		case all:
			found = c
		}
	}
	return found
}

// moodleTitles are the names of a grade item's column in a gradebook export:
// the header, and the item's name without the module before and the kind of
// grade after it, as in "Assignment: Week 3 (Real)". What describes the user,
// or is feedback, has none.
func moodleTitles(h string) []string {
	switch strings.ToLower(h) {
	case "first name", "last name", "surname", "id number", "institution", "department", "email address", "username",
		"full name", "last downloaded from this course":
		return nil
	}
	for _, kind := range []string{"(Feedback)", "(Letter)", "(Percentage)"} {
		if strings.HasSuffix(h, kind) {
			return nil
		}
	}
	title := strings.TrimSpace(strings.TrimSuffix(h, "(Real)"))
	out := []string{h, title}
	if _, name, ok := strings.Cut(title, ": "); ok {
		out = append(out, name)
	}
	return out
}
