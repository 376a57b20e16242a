package report_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/report"
)

func TestConsole_textOfOthersCommandsNeitherTerminalNorCI(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"plain\ttext\n":                       "plain\ttext\n",
		"\x1b]0;owned\a":                      "\uFFFD]0;owned\uFFFD",
		"a\r\nb\rc":                           "a\nb\nc",
		"::error::owned":                      ": :error::owned",
		"x\n  ::add-mask::a":                  "x\n  : :add-mask::a",
		"std::string stays":                   "std::string stays",
		"##[error]owned ##vso[task.x]":        "## [error]owned ## vso[task.x]",
		"moved \u202etxt.exe":                 "moved \uFFFDtxt.exe",
		"no text \xff":                        "no text \uFFFD",
		"\u0085::set-output name=x::y\u2028z": "\uFFFD::set-output name=x::y\u2028z",
	} {
		require.Equal(t, want, report.Console(given), "%q", given)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := report.Console(rapid.String().Draw(t, "text"))
		require.Equal(t, s, report.Console(s), "what was made harmless stays as it is")
		for line := range strings.Lines(s) {
			require.False(t, strings.HasPrefix(strings.TrimSpace(line), "::"))
		}
	})
}
