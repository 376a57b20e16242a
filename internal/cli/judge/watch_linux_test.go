package judge_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/cli/clitest"
)

// What a learner sees who works beside the screen: the failure, hints, the calls, a
// template with a mistake, and the end of the lab.
func TestWatch_isAScreenOnATerminal(t *testing.T) {
	t.Parallel()
	c := clitest.New(t, "TERM=xterm-256color")
	c.Few()
	w, _ := c.Work(t)
	s := c.OnScreen(t, 80, 24, "check", "--watch")
	first := s.Shows(t, "A queue of your own", "fail        named  0 of 100 points", "There is a queue named answer",
		"0 of 100 points: 1 pass, 1 fail", "h hint  l logs  t trace  a all checks  r run again  q quit")
	lines := strings.Split(strings.TrimRight(first, "\n"), "\n")
	require.Len(t, lines, 24)
	require.Regexp(t, `\d\d:\d\d:\d\d$`, lines[0], "when it was judged")
	require.Less(t, strings.Index(first, "pass        given"), strings.Index(first, "There is a queue named answer"),
		"the failure comes last")

	s.Type(t, "h")
	s.Shows(t, "hint 1 of 3: The name is in the task.", "hint 2 of 3: It is a property of the template.",
		"h shows one more")
	s.Type(t, "h")
	s.Shows(t, "hint 3 of 3: QueueName: answer")
	require.Equal(t, 3, reopened(t, w).Meta.Hints["named"], "the command goes on from there")
	s.Type(t, "t")
	s.Shows(t, "calls during named", "sqs.ListQueues")
	s.Type(t, "l")
	s.Shows(t, "what functions printed during named", "nothing was printed")
	s.Type(t, "a")
	s.Shows(t, "    What was given is there", "    The queue has its name")
	s.Type(t, "\x1b")
	s.Shows(t, "fail        named  0 of 100 points")

	s.Resize(t, 40, 12)
	narrow := s.Shows(t, "h hint  l logs  t trace  a all checks", "There is a queue named answer")
	for _, l := range strings.Split(narrow, "\n") {
		require.LessOrEqual(t, utf8.RuneCountInString(l), 40)
	}
	s.Resize(t, 100, 30)
	s.Until(t, "the keys on the last line", func(text string) bool {
		lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
		return len(lines) == 30 && strings.HasPrefix(lines[29], "h hint")
	})

	c.Write(t, "template.yaml", "Resources: [\n")
	s.Shows(t, "error: ", "template.yaml", "nothing was judged")
	solution, err := os.ReadFile(filepath.Join(w.Meta.Source, "solution", "template.yaml"))
	require.NoError(t, err)
	c.Write(t, "template.yaml", string(solution))
	s.Shows(t, "done: A queue of your own", "your pipeline survived 1 wrong idea", "pipelab solve --diff",
		"next: pipelab start s3-landing-zone", "100 of 100 points: 2 pass")
	s.Type(t, "q")
	a := s.Ended(t)
	require.Equal(t, app.ExitOK, a.Code, a.Err)
	require.Equal(t, "100 of 100 points: 2 pass\n", a.Err)
	s.Until(t, "the terminal as it was before", func(text string) bool { return !strings.Contains(text, "h hint") })
}

func TestWatch_endsWithCtrlC(t *testing.T) {
	t.Parallel()
	c := clitest.New(t, "TERM=xterm", "NO_COLOR=1")
	c.Work(t)
	s := c.OnScreen(t, 120, 24, "check", "--watch")
	s.Shows(t, "judging") // or has just done so
	s.Type(t, "\x03")
	require.Equal(t, app.ExitInterrupted, s.Ended(t).Code)
	s = c.OnScreen(t, 120, 24, "check", "--watch", "named")
	s.Shows(t, "0 of 100 points: 1 fail")
	s.Type(t, "r")
	s.Shows(t, "0 of 100 points: 1 fail")
	s.Type(t, "\x03")
	require.Equal(t, app.ExitInterrupted, s.Ended(t).Code)
}
