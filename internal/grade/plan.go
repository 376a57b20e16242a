package grade

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pipelab/pipelab/internal/digest"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/sandbox"
)

// PlanOptions say what is graded, and for whom.
type PlanOptions struct {
	// Assignment has the rules. Without labs in it, those that the submissions
	// name are graded, for 100 points each.
	Assignment Assignment
	// Lab opens a lab by its id.
	Lab func(id string) (*lab.Folder, error)
	// Roster are the people; nil: whoever handed something in.
	Roster *Roster
	Found  []Found
	// Work is a folder of this run alone, where submissions are opened.
	Work string
	// Tool is the version of pipelab for the gradebook; Build tells builds apart
	// that have one version. Emulator and Sandbox are the names of what runs
	// submissions. What is kept of a submission holds as long as all are the same.
	Tool, Build, Emulator, Sandbox string
	// Confine is the cage in which git reads repositories; nil reads them
	// unconfined, with the same bounds.
	Confine *sandbox.Policy
	// TrustClaims believes manifests and commits when they say when something was handed
	// in, rather than the time of its file.
	TrustClaims bool
	// Times are a platform's, beside those in names; may be nil.
	Times *Times
}

// Plan says which submission is whose and what will be done with it. Nothing
// has been graded yet.
type Plan struct {
	o       PlanOptions
	labs    []*lab.Folder
	digests map[string]string // of labs
	units   []*unit
	people  []report.Learner // sorted by id: the roster, and who is not in it
	unknown map[string]bool  // ids of learners who are not in the roster
	// extended are the extensions by the ids of their learners.
	extended map[string]Extension
	fetched  []span // when files were downloaded
	marks    bool   // a platform marks late submissions, and has done so
}

// unit is one submission of one learner for one lab.
type unit struct {
	learner report.Learner
	lab     *lab.Folder
	dir     string // where it was opened
	files   []digest.File
	seed    uint64
	key     string // what its result depends on
	handed  report.Submission
	notes   []string
	flags   []string
	evidence
	late    bool   // as the learning system says
	marks   bool   // the learning system would say so
	problem string // why it is rejected
	open    string // why it could not be judged, which may be our fault
	claimed bool   // only its own manifest says whose it is
	aside   bool   // claimed for somebody who has handed in otherwise: it does not count
	extra   bool   // one attempt too many: it does not count
	penalty float64
}

// NewPlan opens the submissions and finds out whose they are. An error is ours;
// what is wrong with a submission is in the plan.
func NewPlan(ctx context.Context, o PlanOptions) (*Plan, error) {
	p := &Plan{o: o, digests: map[string]string{}, unknown: map[string]bool{}}
	if o.Roster != nil {
		p.people = slices.Clone(o.Roster.Learners)
	}
	for _, l := range o.Assignment.Labs {
		if _, err := p.open(l.ID); err != nil {
			return nil, err
		}
	}
	var lost []*unit // for labs that are not graded
	for i := range o.Found {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		more, err := p.take(ctx, &o.Found[i], filepath.Join(o.Work, strconv.Itoa(i)))
		if err != nil {
			return nil, err
		}
		lost = append(lost, more...)
	}
	if len(o.Assignment.Labs) == 0 {
		slices.SortFunc(p.labs, func(a, b *lab.Folder) int { return strings.Compare(a.ID, b.ID) })
	}
	if len(p.labs) == 0 {
		return nil, errNoLab
	}
	for _, u := range lost {
		u.lab = p.gap(u.learner.ID)
		p.units = append(p.units, u)
	}
	slices.SortFunc(p.people, func(a, b report.Learner) int { return strings.Compare(a.ID, b.ID) })
	if err := p.extend(); err != nil {
		return nil, err
	}
	p.dateBy(p.o.Times)
	p.date()
	p.number()
	return p, nil
}

// errNoLab is returned when nothing says which lab is graded.
var errNoLab = errors.New("nothing says which lab this is")

// IsNoLab reports whether NewPlan failed since neither the assignment nor any
// submission names a lab.
func IsNoLab(err error) bool { return errors.Is(err, errNoLab) }

// open makes a lab one of those that are graded.
func (p *Plan) open(id string) (*lab.Folder, error) {
	for _, l := range p.labs {
		if l.ID == id {
			return l, nil
		}
	}
	l, err := p.o.Lab(id)
	if err != nil {
		return nil, err
	}
	if p.digests[id], err = LabDigest(l); err != nil {
		return nil, err
	}
	p.labs = append(p.labs, l)
	return l, nil
}

// LabDigest is a hash over names and contents of all files of a lab, wherever it
// is kept: what can be executed does not survive everywhere.
func LabDigest(l *lab.Folder) (string, error) {
	files, err := digest.Files(l.FS, func(string) bool { return false })
	for i := range files {
		files[i].Runs = false
	}
	return digest.Of(files), err
}

func (p *Plan) labIDs() (ids []string) {
	for _, l := range p.o.Assignment.Labs {
		ids = append(ids, l.ID)
	}
	return ids
}

// take opens a submission and adds what is in it. Units for labs that are not
// graded come back.
func (p *Plan) take(ctx context.Context, s *Found, dir string) (lost []*unit, err error) {
	keep := p.labIDs()
	for _, l := range p.labs {
		keep = append(keep, tops(l)...)
	}
	notes, err := s.open(ctx, dir, keep, p.o.Confine)
	trees := []tree{{}}
	if err == nil {
		var found []tree
		if found, err = split(dir, p.labIDs()); err == nil {
			trees = found
		}
	}
	var bad *badSubmission
	problem, open := "", ""
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, syscall.ENOSPC):
		return nil, fmt.Errorf("open %s: %w", s.Source, err)
	case errors.As(err, &bad):
		problem = bad.why
	case err != nil: // this one's grade stays open; the others' do not depend on it
		open = fmt.Sprintf("it could not be opened: %v", err)
	}
	for _, t := range trees {
		base := unit{dir: t.dir, problem: problem, open: open, late: s.late, marks: s.marks, notes: slices.Clone(notes),
			handed: report.Submission{Source: s.Source, Attempt: s.attempt}, evidence: s.evidence()}
		var m *Manifest
		if t.dir != "" {
			if m, err = base.read(); err != nil {
				base.open = fmt.Sprintf("it could not be read: %v", err)
			}
		}
		if t.lab == "" { // it does not say itself, as what cannot be opened
			_, t.lab = p.submitted(s)
		}
		l := p.labOf(&base, t)
		for _, claims := range s.people {
			u := base
			u.lab = l
			p.whose(&u, s, claims, m)
			if l == nil {
				lost = append(lost, &u)
			} else {
				p.units = append(p.units, &u)
			}
		}
	}
	return lost, nil
}

// read looks at the files and the manifest.
func (u *unit) read() (m *Manifest, err error) {
	if u.files, err = listFiles(u.dir); err != nil {
		return nil, err
	}
	u.handed.Digest = digest.Of(u.files)
	m, bad := ReadManifest(u.dir)
	if bad != nil {
		u.notes = append(u.notes, bad.Error())
	}
	if m == nil {
		return nil, nil
	}
	differs, err := m.Verify(u.dir)
	if differs != "" {
		u.notes = append(u.notes, differs)
	}
	if u.claim.IsZero() && !m.Submitted.IsZero() {
		u.claim, u.by = m.Submitted.UTC(), report.ByManifest
	}
	return m, err
}

// labOf is the lab that a tree is for; nil, with the unit's problem, when it is
// none of those graded.
func (p *Plan) labOf(u *unit, t tree) *lab.Folder {
	given := p.o.Assignment.Labs
	var l *lab.Folder
	switch {
	case t.lab != "" && len(given) == 0:
		var err error
		if l, err = p.open(t.lab); err != nil {
			u.problem = fmt.Sprintf("it is for the lab %q: %v", t.lab, err)
			return nil // a lab that a learner names is theirs to get right
		}
	case t.lab != "":
		for _, g := range p.labs {
			if g.ID == t.lab {
				l = g
			}
		}
		if l == nil {
			u.problem = fmt.Sprintf("it is for the lab %s, which is not among %s", t.lab, strings.Join(p.labIDs(), ", "))
		}
	case len(given) == 1:
		l = p.labs[0]
	case u.problem == "":
		u.problem = "nothing in it says for which lab it is"
	}
	if l != nil && u.problem == "" && u.open == "" {
		u.problem = resembles(u.dir, u.files, l)
	}
	return l
}

// gap is the lab for which a learner has handed in nothing else, or the first.
func (p *Plan) gap(learner string) *lab.Folder {
	for _, l := range p.labs {
		if !slices.ContainsFunc(p.units, func(u *unit) bool { return u.learner.ID == learner && u.lab == l }) {
			return l
		}
	}
	return p.labs[0]
}

// setAside takes from a learner what only its manifest says is theirs, when
// something of certain origin is: anybody can write a manifest, and must not use
// up the attempts of others by that, or have them judged by it.
func (p *Plan) setAside() {
	certain := map[whose]bool{}
	for _, u := range p.units {
		certain[u.whose()] = certain[u.whose()] || !u.claimed
	}
	for _, u := range p.units {
		u.aside = u.claimed && certain[u.whose()]
	}
}

// whose tells the attempts of one learner in one lab from all others.
type whose struct {
	learner string
	lab     *lab.Folder
}

func (u *unit) whose() whose { return whose{u.learner.ID, u.lab} }

// number puts the attempts of each learner in order, decides which count, and
// what each result depends on.
func (p *Plan) number() {
	p.setAside()
	soft := map[whose]bool{} // whose attempts are not all dated by a platform
	for _, u := range p.units {
		soft[u.whose()] = soft[u.whose()] || u.handed.Basis != report.ByPlatform
	}
	slices.SortStableFunc(p.units, func(a, b *unit) int {
		number, when := cmp.Compare(a.handed.Attempt, b.handed.Attempt), a.handed.Submitted.Compare(b.handed.Submitted)
		if !soft[a.whose()] { // numbers are in names that people give
			number, when = when, number
		}
		return cmp.Or(strings.Compare(a.learner.ID, b.learner.ID), cmp.Compare(p.position(a.lab), p.position(b.lab)),
			last(a.aside, b.aside), number, when, strings.Compare(a.handed.Source, b.handed.Source))
	})
	for i, j := 0, 0; i < len(p.units); i = j {
		attempts := p.rules(p.units[i].learner.ID).Attempts
		for j = i; j < len(p.units) && p.units[j].learner.ID == p.units[i].learner.ID &&
			p.units[j].lab == p.units[i].lab && p.units[j].aside == p.units[i].aside; j++ {
			u := p.units[j]
			if u.aside {
				u.handed.Attempt = 0
				continue
			}
			if n := j - i + 1; n > 1 || u.handed.Attempt > 0 {
				u.handed.Attempt = n
			}
			u.extra = attempts > 0 && j-i >= attempts
		}
		if j-i > 1 && !p.units[i].aside {
			p.units[i].handed.Attempt = 1
		}
	}
	for _, u := range p.units {
		p.settle(u)
	}
	p.identical()
}

// last orders what is false before what is true.
func last(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (p *Plan) position(l *lab.Folder) int { return slices.Index(p.labs, l) }

// settle decides on lateness, seed and key.
func (p *Plan) settle(u *unit) {
	p.lateness(u, p.rules(u.learner.ID))
	u.seed = p.seedOf(u.learner.ID)
	sum := sha256.Sum256(fmt.Appendf(nil, "pipelab grade 2\n%s\n%s\n%s\n%s\n%d\n%s\n%s\n",
		u.handed.Digest, p.digests[u.lab.ID], p.o.Tool, p.o.Build, u.seed, p.o.Emulator, p.o.Sandbox))
	u.key = hex.EncodeToString(sum[:])
}

func (p *Plan) seedOf(learner string) uint64 {
	if p.o.Assignment.Variants {
		return DeriveSeed(p.o.Assignment.Seed, learner)
	}
	return p.o.Assignment.Seed
}

// stamp shows a time as people and programs read it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
