package grade_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/report"
)

// dated gives a file, or all files of a folder, a time.
func (c *class) dated(times map[string]string) {
	c.t.Helper()
	for name, when := range times {
		root := filepath.Join(c.dir, filepath.FromSlash(name))
		err := filepath.WalkDir(root, func(p string, _ os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Chtimes(p, at(when), at(when))
		})
		require.NoError(c.t, err)
	}
}

func handedIn(t *testing.T, who, submitted string) string {
	t.Helper()
	own := right + "# " + who + "\n" // nobody has copied
	return zipped(t, map[string]string{"app.sh": own, grade.ManifestFile: manifest(who, submitted, own)})
}

// manifest is as submit writes it.
func manifest(who, submitted, app string) string {
	return fmt.Sprintf(`{"version":1,"learner":%q,"lab":"tiny","submitted":%q,"files":{"app.sh":"%x"}}`, who, submitted,
		sha256.Sum256([]byte(app)))
}

// due is the class in the week of which work was due on the last of November.
func due(t *testing.T) *class {
	t.Helper()
	c := newClass(t, "tiny")
	c.rules.Due = at("2026-11-30T18:00:00Z")
	c.rules.Late = grade.Late{PerDay: 0.1, Until: at("2026-12-10T18:00:00Z")}
	return c
}

// times are the mapping's times, and what is to be looked at, by learner.
func times(p *grade.Plan) map[string]string {
	out := map[string]string{}
	for _, s := range p.Mapping().Submissions {
		line := string(s.Basis) + " " + s.Submitted.Format("02T15:04")
		if s.Submitted.IsZero() {
			line = "unknown"
		}
		if !s.Claimed.IsZero() {
			line += ", claimed " + s.Claimed.Format("02T15:04")
		}
		if s.Late > 0 {
			line += ", late"
		}
		if s.Problem != "" {
			line += ", rejected"
		}
		for _, n := range s.Notes {
			line += "; " + n
		}
		out[s.Learner.ID] = line
	}
	return out
}

const alone = "late by nothing but the time of its file, "

func TestPlan_theFilesTimeOutranksAForgedManifest(t *testing.T) {
	c := due(t)
	c.put(map[string]string{
		"class/forger.zip":  handedIn(t, "forger", "2026-11-29T10:00:00Z"),
		"class/ontime.zip":  handedIn(t, "ontime", "2026-11-30T12:00:00Z"),
		"class/earlier.zip": handedIn(t, "earlier", "2026-11-28T12:00:00Z"),
		"class/lazy.zip":    handedIn(t, "lazy", "2026-12-02T12:00:00Z"),
		"class/silent.zip":  zipped(t, map[string]string{"app.sh": right}),
		"class/gone.zip":    handedIn(t, "gone", "2026-11-29T10:00:00Z"),
	})
	c.dated(map[string]string{"class/forger.zip": "2026-12-03T10:00:00Z", "class/ontime.zip": "2026-11-30T17:59:00Z",
		"class/earlier.zip": "2026-11-30T09:00:00Z", "class/lazy.zip": "2026-12-02T12:03:00Z",
		"class/silent.zip": "2026-12-01T10:00:00Z", "class/gone.zip": "2026-12-20T10:00:00Z"})
	require.Equal(t, map[string]string{
		"forger": "file 03T10:00, claimed 29T10:00, late; late by the time of its file, 2026-12-03 10:00 UTC; its manifest " +
			"says 2026-11-29 10:00 UTC, which counts with --trust-manifest-time",
		"ontime":  "file 30T17:59, claimed 30T12:00",
		"earlier": "file 30T09:00, claimed 28T12:00",
		"lazy":    "file 02T12:03, claimed 02T12:00, late; " + alone + "2026-12-02 12:03 UTC, which a copy changes",
		"silent":  "file 01T10:00, late; " + alone + "2026-12-01 10:00 UTC, which a copy changes",
		"gone": "file 20T10:00, claimed 29T10:00, rejected; late by the time of its file, 2026-12-20 10:00 UTC; its " +
			"manifest says 2026-11-29 10:00 UTC, which counts with --trust-manifest-time",
	}, times(c.planned("class")))

	c.plan.TrustClaims = true
	trusting := times(c.planned("class"))
	require.Equal(t, "manifest 29T10:00; its manifest was trusted, 2026-11-29 10:00 UTC; its file is of 2026-12-03 10:00 "+
		"UTC, which is later", trusting["forger"])
	require.NotContains(t, trusting["gone"], "rejected")
	require.Contains(t, trusting["silent"], "file 01T10:00, late", "it has no manifest to trust")
}

// What a copy, an unpacked download or a clone has set says nothing of any learner: it
// neither convicts nor acquits.
func TestPlan_theTimeOfTheDownloadIsNobodys(t *testing.T) {
	c := due(t)
	files := map[string]string{}
	fetched := map[string]string{}
	for i, who := range []string{"ada", "bob", "cyd", "dee"} {
		files["class/"+who+".zip"] = handedIn(t, who, "2026-11-29T10:00:00Z")
		fetched["class/"+who+".zip"] = at("2026-12-05T10:00:00Z").Add(time.Duration(i) * time.Minute).Format(time.RFC3339)
	}
	files["class/eve.zip"] = handedIn(t, "eve", "2026-11-29T10:00:00Z") // came by itself, later
	fetched["class/eve.zip"] = "2026-12-08T10:00:00Z"
	files["class/mum.zip"] = zipped(t, map[string]string{"app.sh": wrong})
	fetched["class/mum.zip"] = "2026-12-05T10:03:30Z"
	files["class/odd.zip"] = handedIn(t, "odd", "2027-01-01T10:00:00Z") // its clock is wrong
	fetched["class/odd.zip"] = "2026-12-05T10:04:00Z"
	c.put(files)
	c.dated(fetched)
	p := c.planned("class")
	got := times(p)
	require.Equal(t, "manifest 29T10:00", got["ada"])
	require.Equal(t, "manifest 29T10:00", got["dee"])
	require.Contains(t, got["eve"], "file 08T10:00, claimed 29T10:00, late; late by the time of its file")
	require.Equal(t, "unknown", got["mum"])
	require.Contains(t, got["odd"], "file 05T10:04, claimed 01T10:00, late", "it was there by then")
	require.Equal(t, []string{
		"the times of 6 files, from 2026-12-05 10:00 UTC to 2026-12-05 10:04 UTC, are those of the download and do not say " +
			"when they were handed in",
		"only its manifest, which a learner can change, says when it was handed in: 4 submissions",
		"nothing says when it was handed in, so nothing was taken off: 1 submission",
	}, p.Notes())
	var text strings.Builder
	require.NoError(t, p.Mapping().Text(&text))
	require.Contains(t, text.String(), "ada  tiny  class/ada.zip, 2026-11-29 10:00 UTC (only its manifest says when)\n")
	require.Contains(t, text.String(), "times: the times of 6 files")

	for name := range fetched { // fetched before it was due: nobody is late
		fetched[name] = "2026-11-30T12:00:00Z"
	}
	c.dated(fetched)
	p = c.planned("class")
	require.Equal(t, "file 30T12:00", times(p)["mum"])
	require.Empty(t, p.Notes())
}

func TestPlan_whatAPlatformSaysOutranksAll(t *testing.T) {
	c := due(t)
	c.people("id,name,email,canvas\ns1,Ada Lovelace,ada@uni.example,4711\ns2,Alan Turing,alan@uni.example,4712\n" +
		"s3,Grace Hopper,grace@uni.example,4713\n")
	c.put(map[string]string{
		"gs/submission_1/app.sh":                right,
		"gs/submission_1/" + grade.ManifestFile: manifest("s1", "2026-11-29T10:00:00Z", right),
		"gs/submission_metadata.yml": "---\nsubmission_1:\n  :submitters:\n  - :name: Ada Lovelace\n    :sid: s1\n" +
			"  :created_at: 2026-12-01 17:30:00.123456000 Z\n",

		"bb/Week 3_alan_attempt_2026-12-01-19-00-00_answer.zip": handedIn(t, "s2", "2026-11-30T16:00:00Z"),
		"bb/Week 3_alan_attempt_2026-12-01-19-00-00.txt":        "Name: Alan Turing (alan)\n",
		"bb/Week 3_ada_attempt_2026-11-30-17-00-00_app.sh":      right,
		"bb/Week 3_ada_attempt_2026-11-30-17-00-00.txt":         "Name: Ada Lovelace (ada)\n",
		"bb/Week 3_grace_attempt_2026-11-30-17-00-00.txt":       "Name: Grace Hopper (grace)\n",
		"cv/lovelaceada_4711_9001_answer.zip":                   handedIn(t, "s1", "2026-11-30T10:00:00Z"),
		"cv/turingalan_LATE_4712_9002_answer.zip":               handedIn(t, "s2", "2026-11-30T10:00:00Z"),
		"cv/hoppergrace_LATE_4713_9003_answer.zip":              handedIn(t, "s3", "2026-12-01T10:00:00Z"),
		"none/lovelaceada_4711_9001_answer.zip":                 handedIn(t, "s1", "2026-12-01T10:00:00Z"),
		"repository/.git-is-no-time/readme":                     "x",
		"repository/s1/.git/HEAD":                               "x",
		"repository/s1/.pipelab/workspace.json":                 `{"version":1,"lab":"tiny"}`,
		"repository/s1/app.sh":                                  right,
	})
	c.dated(map[string]string{"gs": "2026-11-28T10:00:00Z", "bb": "2026-11-28T10:00:00Z", "cv": "2026-12-09T10:00:00Z",
		"none": "2026-12-09T10:00:00Z", "repository": "2026-12-09T10:00:00Z"})
	require.Equal(t, map[string]string{"s1": "platform 01T17:30, claimed 29T10:00, late; late by the platform's record, " +
		"2026-12-01 17:30 UTC; its manifest says 2026-11-29 10:00 UTC"}, times(c.planned("gs")))
	require.Equal(t, map[string]string{
		"s1": "platform 30T17:00",
		"s2": "platform 01T19:00, claimed 30T16:00, late; late by the platform's record, 2026-12-01 19:00 UTC; its " +
			"manifest says 2026-11-30 16:00 UTC",
		"s3": "platform 30T17:00, rejected",
	}, times(c.planned("bb")))
	require.Equal(t, map[string]string{
		"s1": "manifest 30T10:00",
		"s2": "manifest 30T10:00; the platform marks it as late, but its manifest says 2026-11-30 10:00 UTC; " +
			"nothing was taken off",
		"s3": "manifest 01T10:00, late",
	}, times(c.planned("cv")))
	require.Equal(t, map[string]string{"s1": "file 09T10:00, claimed 01T10:00, late; late by the time of its file, " +
		"2026-12-09 10:00 UTC; its manifest says 2026-12-01 10:00 UTC, which counts with --trust-manifest-time"},
		times(c.planned("none")), "no file is marked, so none is in time by the platform")
	require.Equal(t, map[string]string{"s1": "unknown"}, times(c.planned("repository")))

	c.zone = time.FixedZone("", 2*60*60)
	require.Contains(t, times(c.planned("bb"))["s1"], "platform 30T15:00", "the server's clock has the zone of the place")
}

func TestPlan_aCommitsTimeIsAClaim(t *testing.T) {
	c := due(t)
	c.put(map[string]string{"class/ada/app.sh": right})
	tree := filepath.Join(c.dir, "class", "ada")
	gitIn(t, tree, "init", "-q", "-b", "main")
	gitIn(t, tree, "add", "-A")
	gitIn(t, tree, "commit", "-q", "-m", "done")
	p := c.planned("class")
	require.Equal(t, "commit 06T12:00", times(p)["ada"])
	require.Equal(t, []string{"only its commit, which a learner can change, says when it was handed in: 1 submission"},
		p.Notes())
}

func TestPlan_attemptsAreInThePlatformsOrder(t *testing.T) {
	c := newClass(t, "tiny")
	c.rules.Attempts = 1
	c.put(map[string]string{
		"bb/Week 3_ada_attempt_2026-11-30-17-00-00_ada-attempt-2.zip": handedIn(t, "ada", "2026-11-30T10:00:00Z"),
		"bb/Week 3_ada_attempt_2026-11-30-18-00-00_ada-attempt-1.zip": handedIn(t, "ada", "2026-11-20T10:00:00Z"),
	})
	counting := map[string]bool{}
	for _, s := range c.planned("bb").Mapping().Submissions {
		counting[s.Submitted.Format("15:04")] = s.Counts
	}
	require.Equal(t, map[string]bool{"17:00": true, "18:00": false}, counting)
}

func TestRun_theGradebookSaysOnWhatTimesRest(t *testing.T) {
	c := due(t)
	c.put(map[string]string{"class/ada.zip": handedIn(t, "ada", "2026-11-29T10:00:00Z"), "class/bob/app.sh": right})
	c.dated(map[string]string{"class/ada.zip": "2026-12-02T10:00:00Z", "class/bob": "2026-11-30T10:00:00Z"})
	book := c.graded("class").Book
	ada := byLearner(book)["ada tiny"]
	require.InDelta(t, 80, ada.Points, 0)
	require.Equal(t, report.ByFile, ada.Submission.Basis)
	require.Equal(t, report.ByManifest, ada.Submission.Claims)
	for format, want := range map[string][]string{
		"csv":      {"2026-12-02T10:00:00Z,file,2026-11-29T10:00:00Z"},
		"text":     {"late by the time of its file, 2026-12-02 10:00 UTC; its"},
		"html":     {"Handed in: 2026-12-02 10:00 UTC by the time of its file; its manifest says 2026-11-29 10:00 UTC"},
		"markdown": {"Handed in: 2026-11-30 10:00 UTC by the time of its file"},
		"json":     {`"basis": "file"`, `"claimed": "2026-11-29T10:00:00Z"`, `"claims": "manifest"`},
	} {
		var b strings.Builder
		require.NoError(t, report.Write(format, &b, book, report.Options{}))
		for _, w := range want {
			require.Contains(t, b.String(), w, format)
		}
	}
}
