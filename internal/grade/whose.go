package grade

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/report"
)

// whose finds the learner of a unit: first by what a system or the name says,
// then by the manifest, which the learner wrote. Whom the roster does not know
// is graded all the same, and shown as what the name says.
func (p *Plan) whose(u *unit, s *Found, claims []claim, m *Manifest) {
	defer func() {
		if m != nil && m.Learner != "" && !strings.EqualFold(m.Learner, u.learner.ID) {
			u.flags = append(u.flags, fmt.Sprintf("its manifest says that %s handed it in", m.Learner))
		}
	}()
	if p.o.Roster == nil {
		u.learner = p.add(p.nameless(s, claims, m))
		return
	}
	several := false
	if id, _ := p.submitted(s); s.plain != "" && id != "" { // the surest, unless somebody is called like all of it
		claims = append(slices.Clone(claims), plainClaims(id)...)
	}
	for _, c := range claims {
		l, many := p.o.Roster.match(c)
		if l != nil {
			u.learner = *l
			return
		}
		several = several || many
	}
	if s.plain != "" {
		shorter, attempt := newNamingRules(nil).numbered(s.plain)
		for _, c := range plainClaims(shorter) {
			if l, _ := p.o.Roster.match(c); l != nil {
				u.learner = *l
				if u.handed.Attempt == 0 {
					u.handed.Attempt = attempt
				}
				return
			}
		}
	}
	if m != nil {
		if l, _ := p.o.Roster.match(claim{byID, m.Learner}); l != nil {
			u.learner, u.claimed = *l, true
			u.notes = append(u.notes, "whose it is, only its manifest says")
			return
		}
	}
	u.learner = p.add(p.nameless(s, claims, nil))
	p.unknown[u.learner.ID] = true
	why := "matches nobody of the roster"
	if several {
		why = "matches several people of the roster"
	}
	u.flags = append(u.flags, why)
}

// submitted reads a name as submit writes it, ID-LAB, with or without what browsers
// and platforms add for the second of a name: whose it is and for which lab; "" twice
// when it ends in no lab that is graded.
func (p *Plan) submitted(s *Found) (learner, id string) {
	name := strings.TrimSuffix(filepath.Base(s.path), ".git")
	if s.kind != kindFolder && s.kind != kindRepository {
		name = stemOf(name)
	}
	rules := newNamingRules(nil)
	if m := rules.attempt.FindStringSubmatch(name); m != nil {
		name = m[1]
	}
	for _, l := range p.labs { // the longest, should one end as another
		if rest, ok := strings.CutSuffix(name, "-"+l.ID); ok && len(l.ID) > len(id) {
			learner, id = rest, l.ID
		}
	}
	return learner, id
}

// nameless makes a learner of what is known, where there is no roster entry.
func (p *Plan) nameless(s *Found, claims []claim, m *Manifest) report.Learner {
	get := func(system string) string {
		for _, c := range claims {
			if c.system == system && strings.TrimSpace(c.value) != "" {
				return strings.TrimSpace(c.value)
			}
		}
		return ""
	}
	var l report.Learner
	if s.plain != "" {
		l.ID = get(byID)
		if id, _ := p.submitted(s); id != "" {
			l.ID = id
		}
		for _, prefix := range append(p.labIDs(), p.o.Assignment.ID) { // GitHub Classroom: assignment-username
			if rest, ok := strings.CutPrefix(l.ID, prefix+"-"); ok && prefix != "" && rest != "" {
				l.ID, l.Accounts = rest, map[string]string{"github": rest}
				break
			}
		}
		if m != nil && m.Learner != "" && len(p.o.Found) == 1 { // in a class, the folder's name is the teacher's
			l.ID = m.Learner
		}
		return l
	}
	l.ID, l.Name, l.Email = get(byID), get(byName), get(byEmail)
	if l.ID == "" {
		l.ID = l.Email
	}
	if l.ID == "" {
		l.ID = l.Name
	}
	if l.Name == l.ID {
		l.Name = ""
	}
	for _, system := range []string{"canvas", "moodle"} {
		if v := get(system); v != "" {
			l.Accounts = map[string]string{system: v}
		}
	}
	return l
}

// add makes somebody one of the class. Two people of one name whom their
// learning system tells apart stay two.
func (p *Plan) add(l report.Learner) report.Learner {
	for _, other := range p.people {
		if other.ID != l.ID {
			continue
		}
		same := true
		for system, v := range l.Accounts {
			same = same && (other.Accounts[system] == v || other.Accounts[system] == "")
		}
		if same {
			return other
		}
		for _, v := range l.Accounts {
			l.ID += "-" + v
		}
		return p.add(l)
	}
	p.people = append(p.people, l)
	return l
}
