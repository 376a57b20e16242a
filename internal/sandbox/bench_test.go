package sandbox_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/prefork"
	"github.com/pipelab/pipelab/internal/sandbox"
)

// BenchmarkConfined runs programs by turns confined and not, and reports the
// medians and their ratio: what else the machine does strikes both.
func BenchmarkConfined(b *testing.B) {
	policy, err := sandbox.NewPolicy(b.Context())
	if err != nil {
		b.Skip(err)
	}
	interpreters := prefork.New()
	b.Cleanup(interpreters.Close)
	dir := b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(dir, "main.py"), []byte("import boto3\n"), 0o600))
	python, err := policy.LookPath("python3")
	require.NoError(b, err)
	for name, spec := range map[string]sandbox.Spec{
		"sh":     {Command: []string{"sh", "-c", ":"}},
		"python": {Command: []string{python, "main.py"}, Interpreters: interpreters},
	} {
		b.Run(name, func(b *testing.B) {
			spec.Dir = dir
			took := map[bool][]time.Duration{}
			for range b.N {
				for _, confined := range []bool{false, true} {
					if spec.Policy = nil; confined {
						spec.Policy = policy
					}
					begun := time.Now()
					r, err := sandbox.Run(context.Background(), spec)
					took[confined] = append(took[confined], time.Since(begun))
					require.NoError(b, err)
					require.Equal(b, 0, r.Exit, r.Stderr)
				}
			}
			median := func(confined bool) float64 {
				slices.Sort(took[confined])
				return took[confined][len(took[confined])/2].Seconds() * 1000
			}
			b.ReportMetric(median(false), "free-ms")
			b.ReportMetric(median(true), "confined-ms")
			b.ReportMetric(median(true)/median(false), "ratio")
			b.ReportMetric(took[false][0].Seconds()*1000, "free-least-ms")
			b.ReportMetric(took[true][0].Seconds()*1000, "confined-least-ms")
		})
	}
}
