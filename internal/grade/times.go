package grade

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/foreign"
)

// Times are when a platform took submissions, as a table of it says: Moodle's grading
// worksheet, the grades of Gradescope or GitHub Classroom, or a CSV file with a column
// "submitted" beside one that says who.
type Times struct {
	name string
	rows []timeRow
	// Unread are the lines whose time is in no form that is known.
	Unread []string
}

type timeRow struct {
	claims []claim
	at     time.Time
}

// timeHeadings are the names of the column with the time, as fold leaves them.
func timeHeadings() []string {
	return []string{"submitted", "submittedat", "submissiontime", "submissiontimestamp", "submissiondate",
		"lastmodifiedsubmission", "timesubmitted"}
}

// layouts are the forms in which platforms write times: ISO 8601 and its neighbours, and
// Moodle's, British and American.
func layouts() []string {
	return []string{time.RFC3339Nano, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 -07:00", "2006-01-02 15:04:05 UTC",
		"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "Monday, 2 January 2006, 3:04 PM",
		"Monday, January 2, 2006, 3:04 PM", "Monday, 2 January 2006, 15:04", "2 January 2006, 3:04 PM"}
}

// HasTimes tells whether a table says when something was handed in.
func HasTimes(b []byte) bool {
	b, err := foreign.Text(b)
	if err != nil {
		return false
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma = separator(b)
	head, err := r.Read()
	return err == nil && slices.ContainsFunc(head, func(h string) bool { return slices.Contains(timeHeadings(), fold(h)) })
}

// ParseTimes reads such a table. Times without a zone are those of zone; nil is UTC.
func ParseTimes(name string, b []byte, zone *time.Location) (*Times, error) {
	b, err := foreign.Text(b)
	if err != nil {
		return nil, &RosterError{name, 1, err.Error()}
	}
	if zone == nil {
		zone = time.UTC
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma, r.FieldsPerRecord, r.TrimLeadingSpace = separator(b), -1, true
	head, err := r.Read()
	if err != nil {
		return nil, &RosterError{name, 1, fmt.Sprintf("it has no heading line: %v", err)}
	}
	when := slices.IndexFunc(head, func(h string) bool { return slices.Contains(timeHeadings(), fold(h)) })
	who := whoColumns(head)
	if when < 0 || len(who) == 0 {
		return nil, &RosterError{name, 1, "it needs a column that says who, such as id or email, and one that says when, " +
			"such as submitted"}
	}
	out := &Times{name: name}
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, &RosterError{name, 0, err.Error()}
		}
		if when >= len(row) || strings.Trim(row[when], " -") == "" {
			continue // nothing was handed in
		}
		at, ok := readTime(row[when], zone)
		if line, _ := r.FieldPos(0); !ok {
			out.Unread = append(out.Unread, fmt.Sprintf("%s:%d: %s", name, line, row[when]))
			continue
		}
		t := timeRow{at: at.UTC()}
		for _, c := range who {
			if c.column < len(row) {
				t.claims = append(t.claims, claimOf(c.system, row[c.column]))
			}
		}
		out.rows = append(out.rows, t)
	}
}

func readTime(text string, zone *time.Location) (time.Time, bool) {
	text = strings.TrimSpace(strings.NewReplacer("\u202f", " ", "\u00a0", " ").Replace(text))
	for _, l := range layouts() {
		if at, err := time.ParseInLocation(l, text, zone); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

type whoColumn struct {
	system string
	column int
}

// whoColumns are the columns that say who, the surest first.
func whoColumns(head []string) (out []whoColumn) {
	names := headings()
	for _, system := range []string{byID, byEmail, "canvas", "moodle", "github", "gradescope", "login", byName} {
		for i, h := range head {
			if slices.Contains(names[system], fold(h)) {
				out = append(out, whoColumn{system, i})
			}
		}
	}
	return out
}

// claimOf reads who a cell means: Moodle's "Participant 901", in any language, is a
// number of Moodle's.
func claimOf(system, cell string) claim {
	if m := regexp.MustCompile(`^\D+ (\d+)$`).FindStringSubmatch(strings.TrimSpace(cell)); m != nil && system == byID {
		return claim{"moodle", m[1]}
	}
	return claim{system, cell}
}

// dateBy takes the times of a platform's table for those who have handed in one thing for
// a lab; of several the table has the last one's only, and does not say which that is.
func (p *Plan) dateBy(t *Times) {
	if t == nil {
		return
	}
	people := &Roster{Learners: p.people, index: map[string][]int{}}
	_ = people.build("", map[string]int{}) // who is who twice is told where the roster is read
	at := map[string]time.Time{}
	for _, row := range t.rows {
		for _, c := range row.claims {
			if l, _ := people.match(c); l != nil {
				at[l.ID] = row.at
				break
			}
		}
	}
	n := map[whose]int{}
	for _, u := range p.units {
		n[u.whose()]++
	}
	for _, u := range p.units {
		when, ok := at[u.learner.ID]
		switch {
		case !ok || !u.platform.IsZero():
		case n[u.whose()] == 1:
			u.platform = when
		default:
			u.notes = append(u.notes, fmt.Sprintf("%s has one time, %s, for %s", t.name, stamp(when),
				submissions(n[u.whose()])))
		}
	}
}
