package grade_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/report"
)

// script is a long program that nobody else writes; word makes it another one.
func script(word string) string {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, "sort --%s%d | uniq -c > out%d\n", word, i, i)
	}
	return b.String()
}

func TestRun_namesSubmissionsThatAreAlike(t *testing.T) {
	c := newClass(t, "tiny")
	own := right + script("a")
	renamed := strings.ReplaceAll(own, "uniq -c > out1", "uniq -c  > out1") // of which the digest differs
	c.put(map[string]string{
		"class/ann/app.sh": own, "class/bob/app.sh": "# mine\n" + renamed, "class/cyd/app.sh": right + script("c"),
		"class/dan/app.sh": right, "class/eve/app.sh": right, // short, and the solution
	})
	book := c.graded("class").Book
	require.Len(t, book.Alike, 1)
	a := book.Alike[0]
	require.Equal(t, []string{"tiny", "ann", "bob"}, []string{a.Lab, a.Learner, a.Other})
	require.True(t, a.Same)
	require.Contains(t, a.Passages[0].Here.Text, "sort --a0 | uniq -c > out0")
	require.Equal(t, a.Passages[0].Here.From+1, a.Passages[0].There.From)
	require.InDelta(t, 100, byLearner(book)["bob tiny"].Points, 0, "it is no verdict")

	require.Equal(t, bytesOf(t, book), bytesOf(t, c.graded("class").Book), "the same class, the same bytes")
	for _, piece := range book.Each() {
		require.Empty(t, piece.Book.Alike, "it names others")
	}
	var said strings.Builder
	require.NoError(t, report.Write("text", &said, book, report.Options{}))
	require.Contains(t, said.String(), "ann and bob: the same but for names, numbers, texts and comments")
}

// Who handed in together has one submission, and a later attempt is one's own.
func TestRun_nobodyIsAlikeToOneself(t *testing.T) {
	c := newClass(t, "tiny")
	own := right + script("a")
	c.put(map[string]string{"class/ann/attempt-1/app.sh": own, "class/ann/attempt-2/app.sh": "# again\n" + own})
	require.Empty(t, c.graded("class").Book.Alike)
}
