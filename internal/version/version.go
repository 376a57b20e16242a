// Package version is the one place for the numbers that tell one pipelab from
// another: the release, and the formats of the files that it writes for other
// programs and for its later self. The state of an emulator has a format of its
// own, which internal/aws/store keeps and upgrades.
//
// A format's number goes up when a program that knows the old one would
// misunderstand the new one. New members that may be left out do not raise it.
package version

import (
	"runtime/debug"
)

// Release is the version of CHANGELOG.md that this source is, or becomes next.
const Release = "0.1.0"

// Formats of files.
const (
	Lab       = 1 // lab.yaml and what lies beside it; in its JSON Schema
	Result    = 1 // report.Result, the format json of one run
	Gradebook = 1 // report.Gradebook, the format json of a class
	Manifest  = 1 // the manifest of a submission
	Bundle    = 1 // the signed list of files of a packed assignment
	Workspace = 1 // workspace.json
)

// Format is one of them by name.
type Format struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
}

// Formats lists them in the order above.
func Formats() []Format {
	return []Format{{"lab", Lab}, {"result", Result}, {"gradebook", Gradebook}, {"manifest", Manifest}, {"bundle", Bundle},
		{"workspace", Workspace}}
}

// Of is the version of a program with this build information, which may be nil:
// that of the module where it was installed as one ("0.1.0"), else the release
// that the source is on its way to, with the commit where Go recorded it
// ("0.1.0-dev+1a2b3c4d5e6f", with ".dirty" for files changed since).
func Of(info *debug.BuildInfo) string {
	if info == nil {
		return Release + "-dev"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		if v[0] == 'v' {
			v = v[1:]
		}
		return v
	}
	commit, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = ".dirty"
		}
	}
	if commit == "" {
		return Release + "-dev"
	}
	return Release + "-dev+" + commit + dirty
}
