package grade_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/grade"
)

// An assignment's id names a zip, and the folder that a learner's machine unpacks it
// into: it leads nowhere else.
func TestParseAssignment_refusesIdsThatArePaths(t *testing.T) {
	t.Parallel()
	parse := func(id string) error {
		_, err := grade.ParseAssignment("assignment.yaml", []byte("id: "+id+"\ntitle: T\nlabs: [{ id: ./mine }]\n"))
		return err
	}
	for _, id := range []string{"week-3", "Week_3.b", "2026"} {
		require.NoError(t, parse(id))
	}
	for _, id := range []string{"../../.ssh", "/etc", "a/b", `"a\\b"`, "..", ".hidden", `"a b"`, `"a\nb"`, "-x"} {
		require.ErrorContains(t, parse(id), "such as week-3", id)
	}
}
