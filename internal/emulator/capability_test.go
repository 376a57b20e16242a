package emulator_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/probe"
)

func TestTable_isWhole(t *testing.T) {
	t.Parallel()
	seen := map[emulator.Capability]bool{}
	for _, r := range emulator.Table() {
		require.False(t, seen[r.Capability], r.Capability)
		seen[r.Capability] = true
		require.NotEmpty(t, r.Meaning, r.Capability)
		require.NotEmpty(t, r.Source, r.Capability)
		for _, s := range []emulator.Support{r.Embedded, r.LocalStack, r.MiniStack, r.Endpoint} {
			require.Contains(t, []emulator.Support{emulator.No, emulator.Yes, emulator.Proxy, emulator.Try}, s, r.Capability)
			require.True(t, s != emulator.Try || probe.Can(r.Capability), "%s is to be tried and there is no trial",
				r.Capability)
		}
		require.True(t, r.Outside || r.At(emulator.Embedded) == emulator.No, "%s takes a hold that nobody has from outside",
			r.Capability)
	}
	require.NotContains(t, emulator.CapabilitiesOf(emulator.AtURL), emulator.SQSFIFO, "what was not tried is not there")
	require.Contains(t, emulator.Possible(emulator.AtURL, true), emulator.SQSFIFO)
	require.Equal(t, []string{"x", "clock.advance"}, emulator.Lacking([]string{"x", "clock.advance", "x", "trace"},
		emulator.CapabilitiesOf(emulator.AtURL)))
}
