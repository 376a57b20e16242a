package cfn

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a template.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to do about it; may be empty
}

// String renders file:line:column: message, then the hint on its own line, as all hints are.
func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	if p.Hint != "" {
		s += "\nhint: " + p.Hint
	}
	return s
}

// Problems are all problems of a template, in the order of the file. It is an
// error when it is not empty.
type Problems struct {
	File string
	List []Problem
}

// Error implements error: one problem per line.
func (ps *Problems) Error() string {
	lines := make([]string, len(ps.List))
	for i, p := range ps.List {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps *Problems) add(pos Pos, hint, format string, args ...any) {
	p := Problem{File: ps.File, Line: pos.Line, Column: pos.Column, Hint: hint, Message: fmt.Sprintf(format, args...)}
	if !slices.Contains(ps.List, p) {
		ps.List = append(ps.List, p)
	}
}

// Add reports a problem that the caller found at a node.
func (ps *Problems) Add(n *Node, hint, format string, args ...any) {
	pos := Pos{}
	if n != nil {
		pos = n.Pos
	}
	ps.add(pos, hint, format, args...)
}

// err returns ps, sorted, or nil when there is nothing to say.
func (ps *Problems) err() error {
	if len(ps.List) == 0 {
		return nil
	}
	slices.SortStableFunc(ps.List, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return ps
}

// nearest returns a hint that names what was probably meant, or "".
func nearest(got string, names []string) string {
	best, distance := "", 1+max(2, len(got)/3)
	for _, n := range names {
		d := editDistance(strings.ToLower(got), strings.ToLower(n))
		if d < distance || d == distance && best != "" && n < best {
			best, distance = n, d
		}
	}
	for _, n := range names { // a beginning is closer than any number of edits
		if best == "" && len(got) > 2 && strings.HasPrefix(strings.ToLower(n), strings.ToLower(got)) {
			best = n
		}
	}
	for _, n := range names { // so is a name of which a word was left out
		if best == "" && len(got) > 4 && leavesOut(strings.ToLower(got), strings.ToLower(n)) {
			best = n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %s?", best)
}

// leavesOut reports whether a name is another one without something in its middle.
func leavesOut(short, long string) bool {
	for i := 2; i <= len(short)-2; i++ {
		if strings.HasPrefix(long, short[:i]) && strings.HasSuffix(long, short[i:]) && len(long) > len(short) {
			return true
		}
	}
	return false
}

// editDistance counts insertions, deletions, substitutions and swaps of
// neighbours, each as one.
func editDistance(a, b string) int {
	if len(a) > 100 || len(b) > 100 {
		return 100
	}
	row := func() []int { return make([]int, len(b)+1) }
	before, prev, cur := row(), row(), row()
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(b)]
}
