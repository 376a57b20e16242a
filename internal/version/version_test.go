package version_test

import (
	"os"
	"regexp"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/version"
)

func TestOf_saysWhatWasBuilt(t *testing.T) {
	t.Parallel()
	built := func(module string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: module}, Settings: settings}
	}
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	for want, info := range map[string]*debug.BuildInfo{
		"7.8.9":                  built("v7.8.9"),
		version.Release + "-dev": built("(devel)"),
		version.Release + "-dev+0123456789ab": built("", revision,
			debug.BuildSetting{Key: "vcs.modified", Value: "false"}),
		version.Release + "-dev+0123456789ab.dirty": built("(devel)", revision,
			debug.BuildSetting{Key: "vcs.modified", Value: "true"}),
	} {
		require.Equal(t, want, version.Of(info))
	}
	require.Equal(t, version.Release+"-dev", version.Of(nil))
}

// Who raises the one must write the other.
func TestRelease_hasAChapterInTheChangelog(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../CHANGELOG.md")
	require.NoError(t, err)
	newest := regexp.MustCompile(`(?m)^## \[?(\d+\.\d+\.\d+)`).FindStringSubmatch(string(b))
	require.NotNil(t, newest)
	require.Equal(t, version.Release, newest[1])
	require.Contains(t, string(b), "## [Unreleased]")
}
