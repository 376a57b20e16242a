package markdown_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/markdown"
)

const sample = `# Spread the load, *keep* the order

A shop sends every click to a Kinesis stream with four shards. Say
` + "`pipelab run -- aws`" + ` or **not at all**; \*plain\* stays. See [the page](https://docs.aws.amazon.com/x.html).

## What is given

- a stream ` + "`clicks`" + ` with four shards; its name is in
  ` + "`STREAM_NAME`" + `
- ` + "`src/producer.py`" + `

1. first

   more of it
2. second

` + "```sh" + `
pipelab trace --service kinesis        # a line that is longer than forty columns
` + "```" + `

| what | on AWS | in this lab |
|---|---|---|
| time of one invocation | 15 minutes | 3 seconds |
| memory | 10,240 MB | 256 MB |

> quoted

<!-- nobody sees this -->
`

func TestRender_ofPlainText(t *testing.T) {
	t.Parallel()
	require.Equal(t, `Spread the load, *keep* the order
=================================

A shop sends every click to a Kinesis
stream with four shards. Say `+"`pipelab"+`
run -- aws`+"`"+` or not at all; *plain*
stays. See the page
(https://docs.aws.amazon.com/x.html).

What is given
-------------

- a stream `+"`clicks`"+` with four shards;
  its name is in `+"`STREAM_NAME`"+`
- `+"`src/producer.py`"+`

1. first

   more of it

2. second

    pipelab trace --service kinesis        # a line that is longer than forty columns

what             on AWS      in this lab
---------------  ----------  -----------
time of one      15 minutes  3 seconds
invocation
memory           10,240 MB   256 MB

│ quoted
`, markdown.Render(sample, markdown.Options{Width: 40}))
}

func TestRender_ofColours(t *testing.T) {
	t.Parallel()
	shard := func(text string) [][2]int {
		if i := strings.Index(text, "event source mapping"); i >= 0 {
			return [][2]int{{i, i + len("event source mapping")}}
		}
		return nil
	}
	out := markdown.Render("# A *b*\n\nAn event source\nmapping is `an event source mapping` and **more**.\n",
		markdown.Options{Width: 24, Colour: true, Mark: shard})
	require.Equal(t, "\x1b[0;1mA \x1b[0;1;3mb\x1b[0m\n\nAn \x1b[0;4mevent source mapping\x1b[0m\n"+
		"is \x1b[0;36man event source\x1b[0m\n\x1b[0;36mmapping\x1b[0m and \x1b[0;1mmore\x1b[0m.\n", out)
	require.NotContains(t, markdown.Render(sample, markdown.Options{Width: 80, Mark: shard}), "\x1b")
}

func TestRender_neverCutsAWord(t *testing.T) {
	t.Parallel()
	words := strings.Fields("the producer src/producer.py of s3://uploads-000000000000/year=2026/month=02/day=03/f ends")
	for width := 20; width <= 60; width += 7 {
		out := markdown.Render("- "+strings.Join(words, " "), markdown.Options{Width: width})
		require.Equal(t, append([]string{"-"}, words...), strings.Fields(out))
		for _, l := range strings.Split(out, "\n") {
			if strings.Contains(strings.TrimSpace(strings.TrimPrefix(l, "-")), " ") {
				require.LessOrEqual(t, utf8.RuneCountInString(l), width, out)
			}
		}
	}
	require.Equal(t, []string{"a bc", "defghi", "j"}, markdown.Wrap("a bc defghi j", 4))
	require.Equal(t, []string{""}, markdown.Wrap("", 4))
	require.Equal(t, []string{"a", "b"}, markdown.Wrap("a\nb", 40))
	require.Equal(t, []string{"a   b", "c"}, markdown.Wrap("a   b   c", 6), "blanks between words stay")
}

func TestRender_setsATableThatIsTooWideAsAList(t *testing.T) {
	t.Parallel()
	table := "| attribute | value |\n|---|---|\n| `device`, `start` | the key |\n| `count` | incomprehensibilities |\n"
	require.Equal(t,
		"attribute: `device`,\n  `start`\nvalue: the key\n\nattribute: `count`\nvalue:\n  incomprehensibilities\n",
		markdown.Render(table, markdown.Options{Width: 28}))
}

func TestRender_drawsDiagrams(t *testing.T) {
	t.Parallel()
	out := markdown.Render("- x\n\n  ```mermaid\n  flowchart LR\n    A[a b] --> B\n  ```\n", markdown.Options{Width: 40})
	require.Equal(t, "- x\n\n  ┌─────┐\n  │ a b │\n  └─┬───┘\n    └──▶ B\n", out)
	out = markdown.Render("```mermaid\ngantt\n  title x\n```\n", markdown.Options{Width: 40})
	require.Equal(t, "(a diagram, which cannot be drawn here)\n", out)
}

func TestProse_leavesCodeOut(t *testing.T) {
	t.Parallel()
	require.Equal(t, "An event ,,,,,,,. here .\nitem .\nhead .\ncell .\n", markdown.Prose("# Title\n\nAn event\n"+
		"`stack`. here\n\n"+
		"    code\n\n- item\n\n| head |\n|---|\n| cell |\n"))
}

func FuzzRender(f *testing.F) {
	f.Add(sample, 40, true)
	f.Add("```mermaid\nflowchart LR\nA & B -. \"x\" .-> C[[d]]\n```", 20, false)
	f.Fuzz(func(t *testing.T, text string, width int, colour bool) {
		out := markdown.Render(text, markdown.Options{Width: width % 200, Colour: colour})
		require.True(t, out == "" || strings.HasSuffix(out, "\n"))
	})
}
