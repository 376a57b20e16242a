package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// numbered is a number before a plural: "%d lines".
var numbered = regexp.MustCompile(`%d (?:more |API |[a-z]+ed )?([a-z]{3,}s)\b`)

// bound is what stands before a number that is a limit, and so never one.
var bound = regexp.MustCompile(`(more|less|fewer|longer|deeper) than $|(up to|at most|about|than that of) $`)

// "1 lines" tells a learner that nobody has read the text: where people read, numbers of
// things are written by report.Count.
func TestTexts_countOneThingAsOne(t *testing.T) {
	many := []string{ // what is said only of more than one
		"%d words; what one means", ", %d of %d times", "the best of %d attempts",
		"there are %d learners; nothing was graded",
		"%d calls were made during this check, more than", "tried %d times in all", "%d of %d pass",
	}
	verbs := map[string]bool{"has": true, "was": true, "does": true, "less": true, "bytes": true}
	found := 0
	for _, root := range []string{"check", "cli", "report", "labtest", "grade", "trial", "deploy", "workspace"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				text, ok := n.(*ast.BasicLit)
				if !ok || text.Kind != token.STRING {
					return true
				}
				s, _ := strconv.Unquote(text.Value) // the parser has read it
				for _, at := range numbered.FindAllStringSubmatchIndex(s, -1) {
					if found++; !verbs[s[at[2]:at[3]]] && !bound.MatchString(s[:at[0]]) &&
						!slices.ContainsFunc(many, func(m string) bool { return strings.Contains(s, m) }) {
						t.Error(path + " may say \"1 " + s[at[2]:at[3]] + "\": " + s + "; write it with report.Count")
					}
				}
				return true
			})
			return nil
		})
		require.NoError(t, err)
	}
	require.Positive(t, found)
}
