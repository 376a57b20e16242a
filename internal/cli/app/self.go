package app

import (
	"os"
	"path/filepath"
	"runtime"
)

// Self is what to type to run this program: its name where the PATH leads to it, else
// the whole path of its file, which holds in any folder.
func (a *App) Self() string {
	const name = "pipelab"
	if a.Program == "" || a.onPath(name) {
		return name
	}
	return ShellWord(a.Program)
}

// onPath reports whether the first file of this name on the PATH is this program.
func (a *App) onPath(name string) bool {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	own, err := os.Stat(a.Program)
	if err != nil {
		return true // gone, or nobody knows: what is usual is the best guess
	}
	for _, dir := range filepath.SplitList(a.Getenv("PATH")) {
		if st, err := os.Stat(filepath.Join(dir, name)); err == nil && !st.IsDir() {
			return os.SameFile(st, own)
		}
	}
	return false
}

// PathHint says how to type the name alone; empty where that is possible already.
func (a *App) PathHint() string {
	if a.Self() == "pipelab" {
		return ""
	}
	dir := filepath.Dir(a.Program)
	if runtime.GOOS == "windows" {
		return "$env:PATH = \"" + dir + ";$env:PATH\""
	}
	return "export PATH=" + ShellWord(dir) + ":$PATH"
}
