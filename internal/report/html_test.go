package report_test

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/report"
)

// elements lists every element of the page.
func elements(t require.TestingT, page []byte) []*html.Node {
	root, err := html.Parse(bytes.NewReader(page))
	require.NoError(t, err)
	var all []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			all = append(all, n)
		}
	}
	return all
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// shape is the page without any text: what a browser builds of it.
func shape(t require.TestingT, page []byte) string {
	var b strings.Builder
	for _, n := range elements(t, page) {
		b.WriteString(n.Data)
		for _, a := range n.Attr {
			b.WriteString(" " + a.Key)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Whatever learners are called and write, the page has the elements and
// attributes that it has for plain words.
func TestHTML_isNotChangedByWhatLearnersWrite(t *testing.T) {
	fill := func(text func() string) []byte {
		b := class()
		b.Title = text()
		for i := range b.Grades {
			g := &b.Grades[i]
			g.Learner.Name, g.Learner.Section, g.Learner.Email = text(), text(), text()
			g.Problem, g.Rerun, g.Flags, g.Submission.Note = text(), text(), []string{text()}, text()
			if g.Result == nil {
				continue
			}
			for k := range g.Result.Checks {
				c := &g.Result.Checks[k]
				c.ID = g.Lab + strconv.Itoa(k) + text()
				c.Way = &report.Way{Record: text(), Steps: []report.Step{{What: text(), Where: text()}}}
				c.Causes = []report.Cause{{What: text(), Error: text(), Where: text(), Line: text(), Log: []string{text()}}}
				c.Title, c.Message, c.Sent, c.Expected, c.Seen, c.Hint = text(), text(), []string{text()}, text(), text(), text()
			}
		}
		for i := range b.Labs {
			b.Labs[i].Checks = nil
		}
		var out bytes.Buffer
		require.NoError(t, report.Write("html", &out, b, options()))
		return out.Bytes()
	}
	n := 0
	plain := shape(t, fill(func() string { n++; return "word" + strconv.Itoa(n) }))
	rapid.Check(t, func(t *rapid.T) {
		markup := rapid.OneOf(rapid.SampledFrom([]string{hostile, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`,
			`</dd></dl><style>*{display:none}</style>`, `javascript:alert(1)`,
			`<!--`, `]]>`, `&lt;script&gt;`, `{{.Title}}`, "\u2028</script>"}), rapid.StringMatching(`[<>"'&/=a-z -]{1,30}x`))
		i := 0
		require.Equal(t, plain, shape(t, fill(func() string {
			i++
			return "x" + strconv.Itoa(i) + markup.Draw(t, "text")
		})))
	})
}

func TestHTML_loadsAndRunsNothing(t *testing.T) {
	page := write(t, "html", class())
	ids := map[string]bool{}
	for _, n := range elements(t, page) {
		require.NotContains(t, []string{"script", "link", "img", "iframe", "object", "embed", "base", "form"}, n.Data)
		for _, a := range n.Attr {
			require.NotContains(t, []string{"src", "srcset", "action"}, a.Key)
			require.False(t, strings.HasPrefix(a.Key, "on"), a.Key)
		}
		if id := attr(n, "id"); id != "" {
			require.False(t, ids[id], "the id %s is there twice", id)
			ids[id] = true
		}
	}
	require.NotContains(t, string(page), "@import")
	require.NotContains(t, string(page), "url(")
	links := 0
	for _, n := range elements(t, page) {
		if href := attr(n, "href"); href != "" {
			links++
			require.True(t, ids[strings.TrimPrefix(href, "#")], "the link %s leads nowhere", href)
		}
	}
	require.Greater(t, links, 12)
}

func TestHTML_canBeReadByAll(t *testing.T) {
	page := write(t, "html", class())
	tables, level := 0, 0
	for _, n := range elements(t, page) {
		switch n.Data {
		case "html":
			require.Equal(t, "en", attr(n, "lang"))
		case "table":
			tables++
		case "th":
			require.Contains(t, []string{"row", "col"}, attr(n, "scope"))
		case "svg":
			require.Equal(t, "img", attr(n, "role"))
			require.Contains(t, attr(n, "aria-label"), "1 from 0 to 14 points")
		case "h1", "h2", "h3":
			next := int(n.Data[1] - '0')
			require.LessOrEqual(t, next, level+1, "a heading leaves a level out")
			level = next
		case "td":
			if strings.HasPrefix(attr(n, "class"), "v ") && attr(n, "class") != "v " { // a word, not a colour alone
				var text strings.Builder
				for d := range n.Descendants() {
					if d.Type == html.TextNode {
						text.WriteString(d.Data)
					}
				}
				require.Regexp(t, `(pass|partial|fail|timeout|skipped|unsupported|error)$`, text.String())
			}
		}
	}
	require.Greater(t, tables, 8)
}

// Contrast of text is 4.5 to 1 at least, in light and in dark.
// Source: https://www.w3.org/TR/WCAG22/#contrast-minimum
func TestHTML_hasContrast(t *testing.T) {
	css, err := os.ReadFile("page/report.css")
	require.NoError(t, err)
	blocks := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllSubmatch(css, -1)
	require.Len(t, blocks, 2)
	for _, block := range blocks {
		colour := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllSubmatch(block[1], -1) {
			colour[string(m[1])] = string(m[2])
		}
		pairs := [][2]string{{"ink", "paper"}, {"quiet", "paper"}, {"ink", "panel"}, {"quiet", "panel"}, {"link", "paper"}}
		for _, v := range []string{"pass", "partial", "fail", "timeout", "skipped", "unsupported", "error"} {
			pairs = append(pairs, [2]string{v + "-fg", v + "-bg"})
		}
		for _, p := range pairs {
			a, b := luminance(t, colour[p[0]]), luminance(t, colour[p[1]])
			require.GreaterOrEqual(t, (max(a, b)+0.05)/(min(a, b)+0.05), 4.5, "%v", p)
		}
	}
}

// luminance is WCAG's relative luminance of an sRGB colour.
func luminance(t *testing.T, hex string) (l float64) {
	v, err := strconv.ParseUint(hex, 16, 32)
	require.NoError(t, err)
	for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
		c := float64(v>>(8*i)&0xff) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		l += weight * c
	}
	return l
}

func TestHTML_ofALargeClassIsSmall(t *testing.T) {
	b := large(200)
	require.Less(t, len(write(t, "html", b)), 2<<20)
	b = large(60)
	for i := range b.Grades {
		for k := range b.Grades[i].Result.Checks {
			c := &b.Grades[i].Result.Checks[k]
			c.Verdict, c.Points, c.Message, c.Seen = report.Fail, 0, strings.Repeat("<&>", 500),
				strings.Repeat("long output\n", 400)
			c.Sent, c.Expected, c.Hint = []string{c.Seen}, c.Seen, c.Message
			c.Way = &report.Way{Record: c.Seen, Steps: []report.Step{{What: c.Seen, Where: c.Seen}, {What: c.Message}}}
			c.Causes = []report.Cause{{What: c.Message, Error: c.Seen, Log: []string{c.Seen, c.Seen}}}
		}
	}
	page := write(t, "html", b)
	require.Less(t, len(page), 2<<20, "even where every check fails with a flood of output")
	require.Contains(t, string(page), "bytes more)")
}

// tidy is a second opinion on the markup, where it is installed.
func TestHTML_isValid(t *testing.T) {
	tidy, err := exec.LookPath("tidy")
	if err != nil {
		t.Skip("tidy is not on this machine (apt-get install tidy)")
	}
	files, err := filepath.Glob("testdata/formats/*.html")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		out, err := exec.Command(tidy, "-errors", "-quiet", "-utf8", "--drop-empty-elements", "no", f).CombinedOutput()
		require.NoError(t, err, "%s: %s", f, out)
	}
}
