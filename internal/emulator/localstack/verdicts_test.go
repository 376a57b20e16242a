package localstack_test

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
