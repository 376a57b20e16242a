package localstack

import (
	"slices"

	"github.com/pipelab/pipelab/internal/emulator"
)

// capabilities are those that the table gives a kind, with those that it may
// turn out to have and those of a proxy in front if prospects. What hangs on
// functions is there only if one was seen to run.
func capabilities(kind emulator.Kind, functions, prospects bool) []emulator.Capability {
	var has []emulator.Capability
	for _, r := range emulator.Table() {
		switch s := r.Has(kind); {
		case !functions && slices.Contains(onFunctions(), r.Capability), s == emulator.No:
		case s == emulator.Yes || prospects:
			has = append(has, r.Capability)
		}
	}
	return has
}

func onFunctions() []emulator.Capability {
	return []emulator.Capability{emulator.LambdaFunctions, emulator.LambdaAsync, emulator.KinesisESM,
		emulator.KinesisBisect}
}
