package grade

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pipelab/pipelab/internal/report"
)

// evidence is what is known of when a submission was handed in. The learning platform's
// record counts first, then the time of the file as it lies here, unless that is when
// the class was downloaded, then what the learner's own machine wrote down.
type evidence struct {
	platform time.Time
	file     time.Time // of the archive, or the newest of the files
	edited   bool      // file is when somebody last edited it, which is before it was handed in
	claim    time.Time
	by       report.Basis // whose claim
}

// nearly is by how much two clocks may differ without anybody wondering.
const nearly = 5 * time.Minute

// counts is when a submission was handed in, and who says so; zero when nobody does.
// fetched says that the file's time is that of the download: it was there by then.
func (e evidence) counts(fetched, trustClaim bool) (time.Time, report.Basis) {
	switch {
	case !e.platform.IsZero():
		return e.platform, report.ByPlatform
	case trustClaim && !e.claim.IsZero():
		return e.claim, e.by
	case !e.file.IsZero() && e.edited && e.claim.After(e.file):
		return e.claim, e.by
	case !e.file.IsZero() && (!fetched || e.claim.After(e.file)):
		return e.file, report.ByFile
	case !e.claim.IsZero():
		return e.claim, e.by
	}
	return time.Time{}, ""
}

// span is a stretch of time in which files were written one right after the other.
type span struct {
	from, to time.Time
	files    int
}

func (s span) has(t time.Time) bool { return !t.Before(s.from) && !t.After(s.to) }

// downloads are the spans in which so many of a class's files were written that it was
// one person who fetched, copied or unpacked them: three at least, and half of all.
func downloads(times []time.Time) (out []span) {
	const apart, least = 2 * time.Minute, 3
	times = slices.SortedFunc(slices.Values(times), time.Time.Compare)
	for i, j := 0, 0; i < len(times); i = j {
		for j = i + 1; j < len(times) && times[j].Sub(times[j-1]) <= apart; j++ {
		}
		if j-i >= least && 2*(j-i) >= len(times) {
			out = append(out, span{times[i], times[j-1], j - i})
		}
	}
	return out
}

// filed is the time of the files as they lie here, and whether it is when they were last
// edited rather than when they were put here. It is zero where it says nothing: a clone
// has the time at which it was made.
func (s *Found) filed() (at time.Time, edited bool) {
	newest := func(path string) {
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.ModTime().After(at) {
			at = info.ModTime().UTC().Truncate(time.Second)
		}
	}
	switch s.kind {
	case kindArchive, kindOther:
		newest(s.path)
	case kindFiles:
		for _, path := range s.loose {
			newest(path)
		}
	case kindFolder:
		if has(s.path, ".git") {
			return at, false
		}
		// What cannot be read has no time; opening it says why.
		left := mostFiles
		_ = filepath.WalkDir(s.path, func(p string, d fs.DirEntry, err error) error {
			left--
			switch {
			case left < 0:
				return fs.SkipAll
			case err != nil:
				return nil
			case d.IsDir() && p != s.path && (caches(d.Name()) || slices.Contains(s.skip, p)):
				return filepath.SkipDir
			case !noWork(d.Name()):
				newest(p)
			}
			return nil
		})
		return at, true
	}
	return at, false
}

// evidence is what is known before the submission is looked into.
func (s *Found) evidence() evidence {
	e := evidence{platform: s.submitted, claim: s.committed}
	if !s.committed.IsZero() {
		e.by = report.ByCommit
	}
	e.file, e.edited = s.filed()
	return e
}

// timed reports whether the rules ask when something was handed in. Without, times of
// files are left alone: a copy changes them, and the gradebook with them.
func (a *Assignment) timed() bool {
	return !a.Due.IsZero() || a.Attempts > 0 || a.Counts == Last
}

// date decides for each submission when it was handed in.
func (p *Plan) date() {
	if !p.o.Assignment.timed() {
		for _, u := range p.units {
			u.evidence.file = time.Time{}
		}
	}
	p.fetched = p.downloaded()
	for _, u := range p.units {
		p.marks = p.marks || u.marks && u.late
		s := &u.handed
		s.Submitted, s.Basis = u.counts(p.isFetched(u), p.o.TrustClaims)
		if c := u.claim; !c.IsZero() && !c.Equal(s.Submitted) {
			s.Claimed, s.Claims = c, u.by
		}
	}
}

// downloaded are the downloads that something depends on. Files that were there when
// work was due were handed in by then, whoever copied them.
func (p *Plan) downloaded() []span {
	var times []time.Time
	seen := map[string]bool{}
	for _, u := range p.units {
		if t := u.file; !t.IsZero() && !seen[u.handed.Source] {
			seen[u.handed.Source] = true
			times = append(times, t)
		}
	}
	return slices.DeleteFunc(downloads(times), func(s span) bool {
		return !p.o.Assignment.Due.IsZero() && !s.to.After(p.o.Assignment.Due)
	})
}

func (p *Plan) isFetched(u *unit) bool {
	return !u.file.IsZero() && slices.ContainsFunc(p.fetched, func(s span) bool { return s.has(u.file) })
}

// Notes say what holds for the whole class and not for one submission: on what the times
// rest by which lateness is judged.
func (p *Plan) Notes() (out []string) {
	if !p.o.Assignment.timed() {
		return nil
	}
	for _, s := range p.fetched {
		out = append(out, fmt.Sprintf("the times of %s, from %s to %s, are those of the download and do not say when "+
			"they were handed in", report.Count(s.files, "file"), stamp(s.from), stamp(s.to)))
	}
	by := map[report.Basis]int{}
	for _, u := range p.units {
		if !u.aside {
			by[u.handed.Basis]++
		}
	}
	for _, b := range []report.Basis{report.ByManifest, report.ByCommit} {
		switch {
		case by[b] > 0 && p.o.TrustClaims:
			out = append(out, fmt.Sprintf("when it was handed in is taken from %s for %s, as you have chosen", b.Words(),
				submissions(by[b])))
		case by[b] > 0:
			out = append(out, fmt.Sprintf("only %s, which a learner can change, says when it was handed in: %s", b.Words(),
				submissions(by[b])))
		}
	}
	if n := by[""]; n > 0 {
		out = append(out, "nothing says when it was handed in, so nothing was taken off: "+submissions(n))
	}
	return out
}

func submissions(n int) string { return report.Count(n, "submission") }

// lateness decides what a submission loses by its time, and says where that is in doubt:
// no doubt costs points in silence.
func (p *Plan) lateness(u *unit, a *Assignment) {
	s := &u.handed
	share, taken := a.Penalty(s.Submitted)
	if u.marks && p.marks && !u.late { // the platform knows a due date, and was in no doubt
		if a.late(s.Submitted) > 0 {
			u.notes = append(u.notes, "the platform does not mark it as late")
		}
		return
	}
	u.penalty = share
	if !taken && u.problem == "" {
		u.problem = fmt.Sprintf("handed in at %s by %s, after %s, when nothing was taken any more", stamp(s.Submitted),
			s.Basis.Words(), stamp(a.Late.Until))
	}
	days := a.late(s.Submitted)
	switch {
	case u.late && s.Submitted.IsZero():
		u.flags = append(u.flags, "marked as late; when it was handed in is not known, so nothing was taken off")
	case a.Due.IsZero():
	case u.late && days == 0:
		u.flags = append(u.flags, fmt.Sprintf("the platform marks it as late, but %s says %s; nothing was taken off",
			s.Basis.Words(), stamp(s.Submitted)))
	case !s.Claimed.IsZero() && a.late(s.Claimed) < days:
		text := fmt.Sprintf("late by %s, %s; %s says %s", s.Basis.Words(), stamp(s.Submitted),
			s.Claims.Words(), stamp(s.Claimed))
		if s.Basis == report.ByFile {
			text += ", which counts with --trust-manifest-time"
		}
		u.flags = append(u.flags, text)
	case days > 0 && s.Basis == report.ByFile:
		u.flags = append(u.flags, fmt.Sprintf("late by nothing but the time of its file, %s, which a copy changes",
			stamp(s.Submitted)))
	case p.o.TrustClaims && u.file.After(s.Submitted.Add(nearly)) && !p.isFetched(u) && a.late(u.file) > days &&
		u.platform.IsZero():
		u.flags = append(u.flags, fmt.Sprintf("%s was trusted, %s; its file is of %s, which is later",
			s.Basis.Words(), stamp(s.Submitted), stamp(u.file)))
	}
}

// late counts the days begun after a submission was due; 0 when it was in time, or its
// time is not known.
func (a *Assignment) late(at time.Time) int {
	if at.IsZero() || a.Due.IsZero() {
		return 0
	}
	over := at.Sub(a.Due.Add(a.Late.Grace))
	if over <= 0 {
		return 0
	}
	return int((over + 24*time.Hour - 1) / (24 * time.Hour))
}
