package localstack_test

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/labs"
)

// read takes lines "KIND LAB: verdicts" and the comments above them, which
// explain.
func read(t *testing.T, file string) (verdicts, comments map[string]string) {
	t.Helper()
	verdicts, comments = map[string]string{}, map[string]string{}
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return verdicts, comments
	}
	require.NoError(t, err)
	comment := ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		name, verdict, found := strings.Cut(line, ": ")
		switch {
		case strings.HasPrefix(line, "#"):
			comment += line + "\n"
		case found:
			verdicts[name], comments[name] = verdict, comment
			comment = ""
		default: // an empty line ends what is said of the file
			comments[""] += comment
			comment = ""
		}
	}
	return verdicts, comments
}

func write(verdicts, comments map[string]string) []byte {
	var b strings.Builder
	b.WriteString(comments[""] + "\n")
	for _, name := range slices.Sorted(maps.Keys(verdicts)) {
		b.WriteString(comments[name] + name + ": " + verdicts[name] + "\n")
	}
	return []byte(b.String())
}

func TestVerdicts_keepTheirExplanations(t *testing.T) {
	file := t.TempDir() + "/v"
	text := "# About all.\n\n# Why.\n# More.\na x: p=pass q=fail\nb y: p=pass\n"
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	verdicts, comments := read(t, file)
	require.Equal(t, map[string]string{"a x": "p=pass q=fail", "b y": "p=pass"}, verdicts)
	require.Equal(t, text, string(write(verdicts, comments)))
}

// What is recorded fits the labs as they are, which needs no container to see: a
// line for each, its checks, and unsupported where the table of capabilities says
// so. What is only known after a trial may be either.
func TestVerdicts_fitTheLabs(t *testing.T) {
	recorded, _ := read(t, "testdata/verdicts.txt")
	ids, err := lab.IDs(labs.FS())
	require.NoError(t, err)
	for _, kind := range []emulator.Kind{emulator.LocalStack, emulator.MiniStack} {
		for _, id := range ids {
			name := string(kind) + " " + id
			l, err := lab.Open(labs.FS(), id, check.Compile)
			require.NoError(t, err)
			l = l.Visible()
			sure, possible := judgeable(l, emulator.CapabilitiesOf(kind)), judgeable(l, emulator.Possible(kind, false))
			seen := strings.Fields(recorded[name])
			require.Len(t, seen, len(l.Checks), "%s: make test-containers, or go test -run Labs -update, records it", name)
			for i, c := range l.Order() {
				check, verdict, _ := strings.Cut(seen[i], "=")
				require.Equal(t, c.ID, check, name)
				if slices.Contains(sure, c.ID) {
					require.NotEqual(t, string(report.Unsupported), verdict, "%s %s", name, c.ID)
				}
				if !slices.Contains(possible, c.ID) {
					require.Equal(t, string(report.Unsupported), verdict, "%s %s", name, c.ID)
				}
			}
			delete(recorded, name)
		}
	}
	require.Empty(t, recorded, "these labs are gone")
}

func judgeable(l *lab.Folder, has []emulator.Capability) []string {
	names := make([]string, len(has))
	for i, c := range has {
		names[i] = string(c)
	}
	return l.Judgeable(names)
}
