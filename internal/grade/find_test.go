package grade_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/grade"
)

// mapped is a mapping as lines: learner, lab, source, attempt, what is wrong.
func mapped(p *grade.Plan) (lines []string) {
	for _, s := range p.Mapping().Submissions {
		line := fmt.Sprintf("%s %s %s", s.Learner.ID, s.Lab, s.Source)
		if s.Attempt > 0 {
			line += fmt.Sprintf(" #%d", s.Attempt)
		}
		if !s.Submitted.IsZero() {
			line += s.Submitted.Format(" 2006-01-02T15:04Z")
		}
		if !s.Counts {
			line += " extra"
		}
		if s.Problem != "" {
			line += " rejected: " + s.Problem
		}
		if len(s.Notes) > 0 {
			line += " (" + strings.Join(s.Notes, "; ") + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

const roster = `id,name,email,github,canvas,moodle
s1,Ada Lovelace,ada@uni.example,ada-l,4711,901
s2,Alan Turing,alan@uni.example,turing,4712,902
s3,Grace Brewster Murray Hopper,grace@uni.example,amazing-grace,4713,903
s4,Alan Kay,kay@uni.example,kay,4714,904
`

func same(t *testing.T, want, got []string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("-want +got\n%s", d)
	}
}

func TestFind_foldersArchivesAndAttemptsOfAClass(t *testing.T) {
	c := newClass(t, "tiny")
	c.people(roster)
	c.put(map[string]string{
		"class/s1/app.sh":               right,
		"class/alan@uni.example.zip":    zipped(t, map[string]string{"stuff/app.sh": right}),
		"class/amazing-grace-2.zip":     zipped(t, map[string]string{"app.sh": right}),
		"class/amazing-grace-1.zip":     zipped(t, map[string]string{"app.sh": wrong}),
		"class/kay/attempt-1/app.sh":    wrong,
		"class/kay/attempt-2/app.sh":    right,
		"class/Somebody Else/app.sh":    right,
		"class/empty/":                  "",
		"class/broken.zip":              "PK\x03\x04 and no more",
		"class/notes.txt":               "remember",
		"class/Alan T/app.sh":           right,
		"class/.hidden/app.sh":          right,
		"class/s1/.pipelab/stacks/x":    "state",
		"class/s1/__pycache__/x.pyc":    "cache",
		"class/__MACOSX/app.sh":         "x",
		"class/s2-unrelated/readme.txt": "hello",
	})
	c.rules.Attempts = 1
	same(t, []string{
		"Alan T tiny class/Alan T (matches nobody of the roster)",
		"Somebody Else tiny class/Somebody Else (matches nobody of the roster)",
		"broken tiny class/broken.zip rejected: the zip is damaged, which a cut download or upload does " +
			"(not a valid zip file); it is needed again (matches nobody of the roster)",
		"empty tiny class/empty rejected: it holds no files (matches nobody of the roster)",
		"notes.txt tiny class/notes.txt rejected: it is no folder, zip, tar.gz or git repository (matches nobody of the " +
			"roster)",
		"s1 tiny class/s1",
		"s2 tiny class/alan@uni.example.zip",
		"s2-unrelated tiny class/s2-unrelated rejected: it holds readme.txt and nothing that the lab tiny is made of, such " +
			"as app.sh (matches nobody of the roster)",
		"s3 tiny class/amazing-grace-1.zip #1 (exactly the files of s4 (class/kay/attempt-1))",
		"s3 tiny class/amazing-grace-2.zip #2 extra",
		"s4 tiny class/kay/attempt-1 #1 (exactly the files of s3 (class/amazing-grace-1.zip))",
		"s4 tiny class/kay/attempt-2 #2 extra",
	}, mapped(c.planned("class")))
}

func TestFind_whatLearningSystemsLetTeachersDownload(t *testing.T) {
	c := newClass(t, "tiny")
	c.people(roster)
	work := zipped(t, map[string]string{"app.sh": right})
	c.put(map[string]string{
		"canvas/lovelaceada_4711_9001_answer.zip":                                 work,
		"canvas/turingalan_LATE_4712_9002_app.sh":                                 right,
		"canvas/turingalan_LATE_4712_9003_notes.txt":                              "x",
		"canvas/brewstermurrayhoppergrace_99_9004_answer.zip":                     work,
		"canvas/nobody_77_9005_answer.zip":                                        work,
		"moodle/Ada Lovelace_901_assignsubmission_file_/answer.zip":               work,
		"moodle/Alan Turing_12_assignsubmission_file_/app.sh":                     right,
		"moodle/Grace Brewster Murray Hopper_55_assignsubmission_file_answer.zip": work,
		"gradescope/submission_1/app.sh":                                          right,
		"gradescope/submission_2/app.sh":                                          right,
		"gradescope/submission_metadata.yml":                                      gradescopeExport,
		"classroom/week-ada-l/app.sh":                                             right,
		"classroom/week-amazing-grace/app.sh":                                     right,
		"classroom/week-unknown/app.sh":                                           right,
	})
	same(t, []string{
		"nobody tiny canvas/nobody_77_9005_answer.zip (matches nobody of the roster)",
		"s1 tiny canvas/lovelaceada_4711_9001_answer.zip",
		"s2 tiny canvas/turingalan_LATE_4712_9002_app.sh (marked as late; when it was handed in is not known, so nothing " +
			"was taken off)",
		"s3 tiny canvas/brewstermurrayhoppergrace_99_9004_answer.zip",
	}, mapped(c.planned("canvas")))
	same(t, []string{
		"s1 tiny moodle/Ada Lovelace_901_assignsubmission_file_/answer.zip",
		"s2 tiny moodle/Alan Turing_12_assignsubmission_file_",
		"s3 tiny moodle/Grace Brewster Murray Hopper_55_assignsubmission_file_answer.zip",
	}, mapped(c.planned("moodle")))
	same(t, []string{
		"s1 tiny gradescope/submission_1 2026-03-06T17:30Z",
		"s2 tiny gradescope/submission_2 2026-03-07T08:00Z",
		"s4 tiny gradescope/submission_2 2026-03-07T08:00Z",
	}, mapped(c.planned("gradescope")))
	same(t, []string{
		"s1 tiny classroom/week-ada-l",
		"s3 tiny classroom/week-amazing-grace",
		"unknown tiny classroom/week-unknown (matches nobody of the roster)",
	}, mapped(c.planned("classroom")))

	c.roster = nil
	same(t, []string{
		"ada-l tiny classroom/week-ada-l", "amazing-grace tiny classroom/week-amazing-grace",
		"unknown tiny classroom/week-unknown",
	}, mapped(c.planned("classroom")))
}

const gradescopeExport = `---
submission_1:
  :submitters:
  - :name: Ada Lovelace
    :sid: s1
    :email: ada@uni.example
  :created_at: 2026-03-06 17:30:00.123456000 Z
  :score: 10.0
  :status: processed
submission_2:
  :submitters:
  - :name: Alan Turing
    :sid:
    :email: alan@uni.example
  - :name: Alan Kay
    :sid: s4
    :email: kay@uni.example
  :created_at: 2026-03-07 09:00:00.000000000 +01:00
`

func TestFind_repositories(t *testing.T) {
	c := newClass(t, "tiny")
	c.put(map[string]string{"class/week-ada/app.sh": right, "class/week-ada/junk/x": "x"})
	tree := filepath.Join(c.dir, "class", "week-ada")
	gitIn(t, tree, "init", "-q", "-b", "main")
	gitIn(t, tree, "add", "-A")
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(tree, "link")))
	gitIn(t, tree, "add", "link")
	gitIn(t, tree, "commit", "-q", "-m", "done")
	gitIn(t, tree, "clone", "-q", "--bare", tree, filepath.Join(c.dir, "class", "bob.git"))
	c.put(map[string]string{"class/week-ada/app.sh": wrong}) // not committed, so not handed in
	// A repository's own configuration runs nothing.
	gitIn(t, tree, "config", "filter.evil.smudge", "touch "+filepath.Join(c.dir, "owned"))
	gitIn(t, tree, "config", "core.fsmonitor", "touch "+filepath.Join(c.dir, "owned"))
	c.put(map[string]string{"class/week-ada/.git/info/attributes": "* filter=evil\n"})
	same(t, []string{
		"ada tiny class/week-ada 2026-03-06T12:00Z (left out, since they are no files: link; " +
			"exactly the files of bob (class/bob.git))",
		"bob tiny class/bob.git 2026-03-06T12:00Z (left out, since they are no files: link; " +
			"exactly the files of ada (class/week-ada))",
	}, mapped(c.planned("class")))
	require.NoFileExists(t, filepath.Join(c.dir, "owned"))
	for _, g := range c.graded("class").Book.Grades {
		require.InDelta(t, 100, g.Points, 0, g.Learner.ID)
	}
	_, err := grade.Find(context.Background(), grade.FindOptions{Dir: c.dir, Paths: []string{"nowhere"}})
	require.ErrorContains(t, err, "there is no nowhere")
	found, err := grade.Find(context.Background(), grade.FindOptions{Dir: c.dir, Paths: []string{"class/bob.git"},
		Ref: "v9"})
	require.NoError(t, err)
	require.Len(t, found, 1)
}

func TestFind_labsOfAnAssignment(t *testing.T) {
	c := newClass(t, "one", "two")
	c.people("id\nada\nbob\ncy\n")
	c.put(map[string]string{
		"class/ada/one/app.sh":             right,
		"class/ada/two/app.sh":             right,
		"class/bob.zip":                    zipped(t, map[string]string{"two/app.sh": right}),
		"class/cy/app.sh":                  right,
		"class/cy/.pipelab/workspace.json": `{"version":1,"lab":"three"}`,
		"class/eve/app.sh":                 right,
		"class/eve/" +
			grade.ManifestFile: `{"version":1,"learner":"ada","lab":"two","submitted":"2026-03-06T17:00:00Z",` +
			`"files":{"app.sh":"00","gone.sh":"11"}}`,
	})
	same(t, []string{
		"ada one class/ada",
		"ada two class/ada",
		"ada two class/eve 2026-03-06T17:00Z extra (not the files that its manifest lists (changed: app.sh; missing: " +
			"gone.sh); " +
			"whose it is, only its manifest says)",
		"bob two class/bob.zip",
		"cy one class/cy rejected: it is for the lab three, which is not among one, two",
	}, func() []string {
		lines := mapped(c.planned("class"))
		for i := range lines { // two attempts of ada
			lines[i] = strings.NewReplacer(" #1", "", " #2", "").Replace(lines[i])
		}
		return lines
	}())
}

func TestManifest_roundTrip(t *testing.T) {
	c := newClass(t, "tiny")
	c.put(map[string]string{"w/app.sh": right, "w/src/x.py": "x", "w/.git/HEAD": "x"})
	dir := filepath.Join(c.dir, "w")
	m, left, err := grade.NewManifest(dir, c.labs["tiny"])
	require.NoError(t, err)
	require.Empty(t, left)
	m.Learner, m.Lab, m.Submitted = "ada", "tiny", at("2026-03-06T17:00:00Z")
	require.NoError(t, grade.WriteManifest(dir, m))
	back, err := grade.ReadManifest(dir)
	require.NoError(t, err)
	require.Equal(t, m, back)
	require.Len(t, m.Files, 2)
	differs, err := back.Verify(dir)
	require.NoError(t, err)
	require.Empty(t, differs)
	c.put(map[string]string{"w/src/x.py": "y", "w/more": "z"})
	differs, err = back.Verify(dir)
	require.NoError(t, err)
	require.Equal(t, "not the files that its manifest lists (changed: src/x.py; added: more)", differs)
	c.put(map[string]string{"w/" + grade.ManifestFile: `{"version":9}`})
	_, err = grade.ReadManifest(dir)
	require.ErrorContains(t, err, "version 9")
}
