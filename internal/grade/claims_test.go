package grade_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/report"
)

// What a submission says of itself is a claim: it may say anything, and is not
// believed. Each of these is graded for what it does, as its folder's owner.
func TestRun_aManifestSaysWhatItLikesAndChangesNothing(t *testing.T) {
	deep := strings.Repeat("[", 20_000)
	for name, text := range map[string]string{
		"a key twice":        `{"version":1,"learner":"eve","learner":"zoe","lab":"tiny","files":{}}`,
		"keys in other case": `{"version":1,"LEARNER":"zoe","lab":"tiny","Lab":"tiny","files":{}}`,
		"a control":          `{"version":1,"learner":"zoe\u0000\u001b[2J","lab":"tiny","files":{}}`,
		"turned":             `{"version":1,"learner":"\u202eeoz","lab":"tiny","files":{}}`,
		"a formula":          `{"version":1,"learner":"=cmd|' /C calc'!A0","lab":"tiny","files":{"=1+1":"x"}}`,
		"a path":             `{"version":1,"learner":"../../zoe","lab":"tiny","files":{"../../etc/passwd":"x"}}`,
		"nested":             `{"version":1,"lab":"tiny","files":` + deep,
		"a huge version":     `{"version":99999999999999999999,"lab":"tiny"}`,
		"no version":         `{"lab":"tiny"}`,
		"no object":          `null`,
		"no text":            "\xff\xfe{\x00}\x00",
		"a byte order mark":  "\ufeff{}",
		"nothing":            "",
		"two objects":        `{"version":1,"learner":"eve","lab":"tiny"}{"learner":"zoe"}`,
		"the far future":     `{"version":1,"lab":"tiny","submitted":"9999-12-31T23:59:59Z","files":{}}`,
		"the far past":       `{"version":1,"lab":"tiny","submitted":"0001-01-01T00:00:01Z","files":{}}`,
		"a time beyond time": `{"version":1,"lab":"tiny","submitted":"99999-12-31T23:59:59Z","files":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := newClass(t, "tiny")
			c.people("id\neve\nzoe\n")
			c.put(map[string]string{"class/zoe/app.sh": right, "class/eve/app.sh": wrong,
				"class/eve/pipelab-submission.json": text})
			out := c.graded("class").Book
			book := byLearner(out)
			require.Len(t, book, 2)
			require.InDelta(t, 100, book["zoe tiny"].Points, 0)
			require.Empty(t, book["zoe tiny"].Flags)
			require.Equal(t, report.Final, book["eve tiny"].Status, book["eve tiny"].Problem)
			require.InDelta(t, 40, book["eve tiny"].Points, 0)
			for _, format := range []string{"csv", "text", "markdown", "github"} {
				var b strings.Builder
				if err := report.Write(format, &b, out, report.Options{}); err == nil {
					require.NotContains(t, b.String(), "\x1b[2J", format)
					require.NotContains(t, b.String(), "\u202e", format)
				}
			}
		})
	}
}

// Nothing else runs beside this test, since what all tests allocate is counted.
func TestRun_claimsWithoutEndTakeNoMemory(t *testing.T) {
	var files strings.Builder
	for i := range 1_500_000 {
		fmt.Fprintf(&files, `"%x":"",`, i)
	}
	for _, name := range []string{"pipelab-submission.json", ".pipelab/workspace.json"} {
		c := newClass(t, "tiny")
		c.put(map[string]string{"class/zoe/app.sh": right, "class/eve/app.sh": wrong,
			"class/eve/" + name: `{"version":1,"lab":"tiny","files":{` + files.String() + `"x":""}}`})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p := c.planned("class")
		runtime.ReadMemStats(&after)
		require.NotNil(t, p)
		require.Less(t, (after.TotalAlloc-before.TotalAlloc)>>20, uint64(200), "MiB: %s", name)
	}
}

// A learner who writes down millions of numbers is not the one who has copied.
func TestRun_decoysHideNoSeedAndTakeNoMemory(t *testing.T) {
	c := newClass(t, "tiny")
	c.rules.Variants = true
	c.put(map[string]string{"class/zoe/app.sh": right, "class/eve/app.sh": right})
	zoe := byLearner(c.graded("class").Book)["zoe tiny"].Result.Seed
	var decoys strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&decoys, "%d\n", uint64(i)+9_000_000_000_000_000_000)
	}
	c.put(map[string]string{"class/eve/data.txt": decoys.String() + fmt.Sprint(zoe)})
	flags := byLearner(c.graded("class").Book)["eve tiny"].Flags
	require.Equal(t, []string{fmt.Sprintf("data.txt:200001 holds the seed of zoe, %d", zoe)}, flags)
}
