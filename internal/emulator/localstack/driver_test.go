package localstack

import (
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/drivertest"
	"github.com/pipelab/pipelab/internal/emulator/proxy"
)

// With the proxy in front, as the command line uses it.
func TestDriver_isADriverLikeOthers(t *testing.T) {
	for _, kind := range []emulator.Kind{emulator.MiniStack, emulator.LocalStack} {
		t.Run(string(kind), func(t *testing.T) {
			e := needs(t, kind)
			drivertest.Run(t, proxy.Front{Under: &Driver{Kind: kind}}, drivertest.Options{
				Kill: func(t testing.TB, _ emulator.Emulator) {
					for _, id := range mine(t, e) {
						_, err := e.ContainerKill(t.Context(), id, client.ContainerKillOptions{})
						require.NoError(t, err)
					}
				},
				Leftovers: func(t testing.TB) []string { return mine(t, e) },
			})
		})
	}
}
