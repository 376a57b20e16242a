package cli_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
)

// members is how large the class is; PIPELAB_CLASS asks for more than CI needs.
func members(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("PIPELAB_CLASS"))
	if err != nil {
		return 10
	}
	return n
}

func zipOf(t *testing.T, files ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		require.NoError(t, err)
		_, err = io.WriteString(w, files[i+1])
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.String()
}

// moodleClass is what Moodle lets a teacher download of a class, its worksheet, and the
// worksheet as it should be when all is graded.
func moodleClass(t *testing.T) (dir, filled string) {
	t.Helper()
	dir = killClass(t)
	const inTime, threeLate, twoLate = "Sunday, 29 November 2026, 5:30 PM", "Thursday, 3 December 2026, 10:00 AM",
		"Wednesday, 2 December 2026, 9:00 AM"
	app := func(who string) string { return "echo $1 # " + who + "\n" }
	forged := app("forger")
	manifest := fmt.Sprintf(`{"version":1,"learner":"forger@uni.example","lab":"tiny","submitted":"2026-11-29T10:00:00Z",`+
		`"files":{"app.sh":"%x"}}`, sha256.Sum256([]byte(forged)))
	type member struct{ name, mail, when, file, grade string }
	class := []member{
		{"Zoë Ångström", "zoe", inTime, zipOf(t, "app.sh", app("zoe")), "100"},
		{"Wei Windows", "wei", inTime, zipOf(t, `work\app.sh`, app("wei"), `work\notes\x.txt`, "x"), "100"},
		{"Fay Forger", "forger", threeLate, zipOf(t, "app.sh", forged, "pipelab-submission.json", manifest), "70"},
		{"Carl Copy", "carl", inTime, zipOf(t, "app.sh", app("we")), "100"},
		{"Cora Copy", "cora", inTime, zipOf(t, "app.sh", app("we")), "100"},
		{"Ella Extended", "ella", twoLate, zipOf(t, "app.sh", app("ella")), "100"},
		{"Dan Damaged", "dan", inTime, "PK\x03\x04 and no more", ""},
		{"Mia Missing", "mia", "-", "", ""},
		{"Willy Wrong", "willy", inTime, zipOf(t, "app.sh", "echo no # willy\n"), "70"},
	}
	for i := len(class); i < members(t); i++ {
		who := fmt.Sprintf("more%d", i)
		class = append(class, member{"More Number" + strconv.Itoa(i), who, inTime, zipOf(t, "app.sh", app(who)), "100"})
	}
	sheet := "\ufeffIdentifier,\"Full name\",\"Email address\",Status,Grade,\"Maximum grade\",\"Grade can be changed\"," +
		"\"Last modified (submission)\",\"Feedback comments\"\r\n"
	filled = sheet
	download := []string{norm.NFD.String("Sören Stranger") + "_999_assignsubmission_file_/app.sh", "echo $1 # stranger\n"}
	for i, m := range class {
		row := func(grade string) string {
			return fmt.Sprintf("Participant %d,\"%s\",%s@uni.example,,%s,100.00,Yes,\"%s\",\r\n", 901+i, m.name, m.mail, grade,
				m.when)
		}
		sheet, filled = sheet+row(""), filled+row(m.grade)
		if m.file != "" {
			download = append(download, fmt.Sprintf("%s_%d_assignsubmission_file_/answer.zip", norm.NFD.String(m.name), 901+i),
				m.file)
		}
	}
	for name, text := range map[string]string{"download.zip": zipOf(t, download...), "worksheet.csv": sheet,
		"week/assignment.yaml": "id: week\ntitle: Week\nlabs: [{ id: ../tiny }]\ndue: 2026-11-30T18:00:00Z\n" +
			"late: { perDay: 0.1 }\nseed: 7\nextensions: [{ learner: ella@uni.example, days: 3 }]\n"} {
		full := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(strings.ReplaceAll(text, "../tiny", "tiny")), 0o600))
	}
	require.NoError(t, os.CopyFS(filepath.Join(dir, "week", "tiny"), os.DirFS(filepath.Join(dir, "tiny"))))
	return dir, filled
}

// From what the platform lets a teacher download to what it takes back, without a step
// by hand: names in another spelling, zips of Windows, a forged manifest, two copies, an
// extension, a damaged file, and somebody whom nobody knows.
func TestGrade_leadsFromTheDownloadToTheExport(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the submissions are shell scripts")
	}
	dir, want := moodleClass(t)
	run := func(args ...string) (string, int) {
		cmd := exec.Command("pipelab", append([]string{"grade", "download.zip", "--assignment", "week", "--out", "out"},
			args...)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "TZ=UTC")
		output, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			require.NoError(t, err)
		}
		return string(output), cmd.ProcessState.ExitCode()
	}
	// What cannot come to an end is refused before anybody is graded.
	for _, c := range []struct {
		line, want string
		code       int
	}{
		{"--fill worksheet.csv --format gradescope", "write a file for each into a folder: --format gradescope=FOLDER/", 2},
		{"--fill worksheet.csv --format csv=roster.csv/x.csv", "roster.csv is no folder", 2},
		{"--fill worksheet.csv --write tiny", "it is a folder", 2},
		{"--fill worksheet.csv --write a.csv --format csv=a.csv", "go to the same place", 2},
		{"--fill roster.csv", "no gradebook export of Canvas and no grade export of Moodle", 4},
		{"--fill nowhere.csv", "the export cannot be read", 2},
		{"--missing", "--missing needs --fill", 2},
		{"--times roster.csv", "it needs a column that says who", 4},
	} {
		output, code := run(strings.Fields(c.line)...)
		require.Contains(t, output, c.want, c.line)
		require.Equal(t, c.code, code, output)
		require.NoFileExists(t, filepath.Join(dir, "out", "gradebook.json"), c.line)
	}
	line := strings.Fields("--fill worksheet.csv --write filled.csv --format gradescope=scores/ " +
		"--format markdown=mails/ --format html")
	output, code := run("--fill", "worksheet.csv", "--dry-run")
	require.Zero(t, code, output)
	for _, w := range []string{"2026-12-03 10:00 UTC by the platform's record; its manifest says 2026-11-29 10:00 UTC",
		"late: 30 % off", "extension to 2026-12-03 18:00 UTC", "exactly the files of cora@uni.example",
		"match nobody of the roster, not filled:"} {
		require.Contains(t, output, w)
	}
	require.NoFileExists(t, filepath.Join(dir, "filled.csv"))
	for range 2 { // once more, nothing is run and all is the same
		output, code = run(line...)
		require.Zero(t, code, output)
		got, err := os.ReadFile(filepath.Join(dir, "filled.csv"))
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	require.Contains(t, output, "rejected, not filled")
	mails, err := filepath.Glob(filepath.Join(dir, "mails", "*"))
	require.NoError(t, err)
	require.Len(t, mails, max(members(t), 9))
	require.True(t, slices.Contains(mails, filepath.Join(dir, "mails", "cora@uni.example.md")), mails)
	mail, err := os.ReadFile(filepath.Join(dir, "mails", "cora@uni.example.md"))
	require.NoError(t, err)
	require.NotContains(t, string(mail), "carl", "what the grader is to look at is not the learner's to read")
	score, err := os.ReadFile(filepath.Join(dir, "scores", "forger@uni.example.json"))
	require.NoError(t, err)
	require.Contains(t, string(score), `"score": 70,`)
}
