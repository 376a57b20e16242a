package report_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/report"
)

func TestCount_knowsOneFromMany(t *testing.T) {
	for want, got := range map[string]string{
		"1 line": report.Count(1, "line"), "0 lines": report.Count(0, "line"), "2 entries": report.Count(2, "entry"),
		"3 days": report.Count(3, "day"), "2 batches": report.Count(2, "batch"), "2 API calls": report.Count(2, "API call"),
		"2 classes": report.Count(2, "class"), "1 entry": report.Count(1, "entry"),
	} {
		require.Equal(t, want, got)
	}
}
