package study_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/study"
	catalogue "github.com/pipelab/pipelab/labs"
)

// A text says which exam its lab is for, and which tasks of it, as lab.yaml has them.
// What it teaches stands in words: numbers of somebody's list help nobody.
func TestTexts_nameTheExam(t *testing.T) {
	t.Parallel()
	ids, err := lab.IDs(catalogue.FS())
	require.NoError(t, err)
	for _, id := range ids {
		l, err := lab.Load(catalogue.FS(), id)
		require.NoError(t, err)
		text, err := fs.ReadFile(catalogue.FS(), id+"/README.md")
		require.NoError(t, err)
		flat := strings.Join(strings.Fields(string(text)), " ")
		line := study.ExamLine(l.ExamTasks)
		require.True(t, strings.HasSuffix(flat, line), "%s ends with: %s", id, line)
		require.NotRegexp(t, `\(facts? \d`, flat, id)
	}
}

func TestExamLine_namesTasks(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Exam: AWS Certified Data Engineer - Associate (DEA-C01), task 1.1 (Perform data ingestion).",
		study.ExamLine([]string{"1.1"}))
	require.Contains(t, study.ExamLine([]string{"2.1", "4.5"}), ", tasks 2.1 (Choose a data store) and 4.5 (Understand")
}
