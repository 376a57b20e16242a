package grade_test

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/unicode/norm"

	"github.com/pipelab/pipelab/internal/grade"
)

func TestParseRoster_readsOnlyTextOfACertainEncoding(t *testing.T) {
	const text = "id;name\ns1;Zoë Ångström\n"
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	require.NoError(t, err)
	r, err := grade.ParseRoster("roster.csv", []byte(wide))
	require.NoError(t, err)
	require.Equal(t, "Zoë Ångström", r.Learners[0].Name)
	windows, err := charmap.Windows1252.NewEncoder().String(text)
	require.NoError(t, err)
	_, err = grade.ParseRoster("roster.csv", []byte(windows))
	require.EqualError(t, err,
		`roster.csv:1: it is not UTF-8 text: save it as UTF-8 (in a spreadsheet, as "CSV UTF-8")`)
}

func TestParseRoster_takesAnExportOfCanvas(t *testing.T) {
	r, err := grade.ParseRoster("export.csv", []byte("\xef\xbb\xbf"+
		"Student,ID,SIS User ID,SIS Login ID,Section,Week 3 (1)\n"+
		",,,,,Manual Posting\n    Points Possible,,,,,100\n\"Lovelace, Ada\",101,s1,ada,A,\n"+
		"\"Student, Test\",108,,f3a9,A,\n"))
	require.NoError(t, err)
	require.Len(t, r.Learners, 1)
	require.Equal(t, "s1", r.Learners[0].ID)
	_, err = grade.ParseRoster("export.csv", []byte("Student,ID,SIS User ID,SIS Login ID,Section\nKay,5,,kay,A\n"))
	require.ErrorContains(t, err, "the id is missing", "a learner is not left out silently")
}

func TestPlan_knowsNamesAsOtherSystemsWriteThem(t *testing.T) {
	c := newClass(t, "tiny")
	c.people("id,name\ns1,Zoë Ångström\ns2,Sinéad O’Neill\n")
	work := zipped(t, map[string]string{"app.sh": right})
	c.put(map[string]string{"class/" + norm.NFD.String("Zoë Ångström") + ".zip": work,
		"class/Sinéad O'Neill/app.sh": right})
	for _, s := range c.planned("class").Mapping().Submissions {
		require.True(t, s.Known, s.Source)
	}
	require.Empty(t, c.planned("class").Mapping().Missing)
}

func TestPlan_understandsTheNamesThatSubmitWrites(t *testing.T) {
	c := newClass(t, "one", "two")
	c.people("id\ns1\ns2\ns3\ns-4\n")
	manifest := func(who string) string { return `{"version":1,"learner":"` + who + `","lab":"one","files":{}}` }
	c.put(map[string]string{
		"class/s1-one.zip":         zipped(t, map[string]string{"app.sh": right, "pipelab-submission.json": manifest("s1")}),
		"class/s2-two.zip":         "PK\x03\x04 and no more",
		"class/s3-two/app.sh":      right,
		"class/s-4-two (1).zip":    zipped(t, map[string]string{"app.sh": right}),
		"class/homework FINAL.zip": zipped(t, map[string]string{"app.sh": right, "pipelab-submission.json": manifest("s3")}),
		"class/nobody-two.zip":     "PK\x03\x04",
	})
	type line struct {
		Lab   string
		Known bool
		Notes int
	}
	got := map[string]line{}
	for _, s := range c.planned("class").Mapping().Submissions {
		got[s.Learner.ID+" "+s.Source] = line{s.Lab, s.Known, len(s.Notes)}
	}
	damaged := got["s2 class/s2-two.zip"]
	require.Equal(t, line{"two", true, 0}, damaged)
	require.Equal(t, line{"one", true, 1}, got["s1 class/s1-one.zip"], "of what its manifest lists, and of nobody's word")
	require.Equal(t, line{"two", true, 0}, got["s3 class/s3-two"])
	require.Equal(t, line{"two", true, 0}, got["s-4 class/s-4-two (1).zip"])
	require.Equal(t, line{"two", false, 1}, got["nobody class/nobody-two.zip"])
	only := got["s3 class/homework FINAL.zip"]
	require.Equal(t, line{"one", true, 2}, only)

	book := c.graded("class").Book
	for _, g := range book.Grades {
		require.Equal(t, g.Learner.ID == "nobody", g.Learner.Unknown, g.Learner.ID)
	}
}

func TestPlan_takesZipsOfWindowsAndLeavesOutNames(t *testing.T) {
	c := newClass(t, "tiny")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"app.sh", `notes\day.md`, `notes\a: b.md`} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, NonUTF8: true})
		require.NoError(t, err)
		_, err = w.Write([]byte(right))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	c.put(map[string]string{"class/ada.zip": b.String(), "class/bob/app.sh": right, "class/bob/a: b.md": "x"})
	same(t, []string{
		"ada tiny class/ada.zip (left out, since not every system can have the names: notes/a: b.md)",
		"bob tiny class/bob (left out, since not every system can have the names: a: b.md)",
	}, mapped(c.planned("class")))
}
