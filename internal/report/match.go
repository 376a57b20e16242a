package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/foreign"
)

// match finds each learner's row. A learner or a row that could be more than
// one is not matched at all: a grade in a wrong row is worse than none.
func (t target) match(scores []fillScore, f *Filled) map[int]int {
	rowOf := map[int]int{}
	taken := map[int][]claim{}
	spoken := map[int]bool{} // rows that are accounted for, matched or not
	for i, s := range scores {
		rows, sure := t.find(s.learner)
		for _, r := range rows {
			spoken[r] = true
		}
		switch len(rows) {
		case 0:
			f.Learners = append(f.Learners, who(s.learner))
		case 1:
			taken[rows[0]] = append(taken[rows[0]], claim{i, sure})
		default:
			f.Ambiguous = append(f.Ambiguous, fmt.Sprintf("%s could be the rows %s", who(s.learner), t.places(rows)))
		}
	}
	for _, row := range t.body {
		claims := taken[row]
		slices.SortStableFunc(claims, func(a, b claim) int { return a.level - b.level })
		switch {
		case len(claims) == 1:
			rowOf[claims[0].learner] = row
		case len(claims) > 1:
			if claims[0].level < claims[1].level { // an id is surer than a name
				rowOf[claims[0].learner] = row
			}
			var names []string
			for _, c := range claims {
				names = append(names, who(scores[c.learner].learner))
			}
			f.Ambiguous = append(f.Ambiguous, fmt.Sprintf("line %d, %s, could be %s", t.sheet.rows[row][0].line, t.who(row),
				strings.Join(names, " or ")))
		case !spoken[row]:
			f.Rows = append(f.Rows, fmt.Sprintf("line %d, %s", t.sheet.rows[row][0].line, t.who(row)))
		}
	}
	return rowOf
}

// claim is a learner who may stand in a row, and how sure that is.
type claim struct{ learner, level int }

// find returns the rows that the surest level with any finds, and the level.
func (t target) find(l Learner) ([]int, int) {
	for n, level := range t.levels {
		var rows []int
		for _, key := range level.keys(l) {
			if key = level.fold(key); key == "" {
				continue
			}
			for _, row := range t.body {
				if !slices.Contains(rows, row) && level.has(t.sheet, row, key) {
					rows = append(rows, row)
				}
			}
		}
		if len(rows) > 0 {
			return rows, n
		}
	}
	return nil, 0
}

func (l level) has(s *sheet, row int, key string) bool {
	if l.name { // of a first and a last name that stand apart, too
		var whole []string
		for _, c := range l.columns {
			whole = append(whole, s.cell(row, c))
		}
		return l.fold(strings.Join(whole, " ")) == key
	}
	return slices.ContainsFunc(l.columns, func(c int) bool {
		cell := s.cell(row, c)
		if l.last {
			cell = lastWord(cell)
		}
		return l.fold(cell) == key
	})
}

// fold makes keys comparable: in any spelling of their letters and either case, names
// as the set of their words, so that "Lovelace, Ada" is "Ada Lovelace".
func (l level) fold(key string) string {
	key = foreign.Key(strings.TrimSpace(key))
	if !l.name {
		return key
	}
	words := strings.FieldsFunc(key, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\u00a0' })
	slices.Sort(words)
	return strings.Join(words, " ")
}

// lastWord is 123 of Participant 123, in any language.
func lastWord(s string) string {
	words := strings.Fields(s)
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}

func (t target) places(rows []int) string {
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprintf("%d (%s)", t.sheet.rows[r][0].line, t.who(r)))
	}
	return strings.Join(out, ", ")
}

// who is a learner for people: id and name.
func who(l Learner) string {
	if l.Name == "" || l.Name == l.ID {
		return l.ID
	}
	return l.ID + " (" + l.Name + ")"
}

// accounts are the learner's names in the systems that are named.
func accounts(systems ...string) func(Learner) []string {
	return func(l Learner) []string {
		var out []string
		for _, s := range systems {
			out = append(out, l.Accounts[s])
		}
		return out
	}
}

// identifiers are what any system may know the learner by.
func identifiers(l Learner) []string {
	return append([]string{l.ID, l.Email}, accounts("sis", "login", "username")(l)...)
}

func learnerName(l Learner) []string { return []string{l.Name} }

// position finds a column by any of its names, without case.
func position(header []string, names ...string) int {
	return slices.IndexFunc(header, func(h string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(h, n) })
	})
}

// present drops the columns that are not there.
func present(columns ...int) []int {
	return slices.DeleteFunc(columns, func(c int) bool { return c < 0 })
}

// choose finds the grade column: titles says by what names a header can be
// called, those that are no grade have none.
func choose(header []string, want string, titles func(header string) []string) (int, error) {
	var found, all []string
	at := -1
	for i, h := range header {
		names := titles(h)
		if len(names) == 0 {
			continue
		}
		all = append(all, h)
		if slices.Contains(names, want) {
			found, at = append(found, h), i
		}
	}
	switch len(found) {
	case 0:
		return -1, fmt.Errorf("the export has no grade column %q; it has: %s", want, or(strings.Join(all, ", "), "none"))
	case 1:
		return at, nil
	}
	return -1, fmt.Errorf("more than one column is called %q: %s; name it by its id", want, strings.Join(found, ", "))
}
