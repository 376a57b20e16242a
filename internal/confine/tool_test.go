package confine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/confine"
)

// Whoever grades stands in a folder of strangers' files, which no tool that is asked about
// the machine may load.
func TestTool_loadsNothingOfTheFolderThatWeAreIn(t *testing.T) {
	dir := t.TempDir()
	ran := filepath.Join(dir, "ran")
	for name, text := range map[string]string{
		"boto3.py":           "open('" + ran + "', 'w')\n",
		"pip/__main__.py":    "open('" + ran + "', 'w')\n",
		"venv/__main__.py":   "open('" + ran + "', 'w')\n",
		"sitecustomize.py":   "open('" + ran + "', 'w')\n",
		"go.mod":             "module x\n\ngo 1.9999\n\ntoolchain go1.9999.1\n",
		"go.work":            "go 1.9999\n",
		".npmrc":             "node-options=--require ./boto3.js\n",
		"package.json":       "{\"type\": 1",
		"node_modules/fs.js": "process.exit(1)\n",
	} {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	t.Chdir(dir)
	for _, command := range [][]string{
		{"python3", "-c", "import boto3"}, {"python3", "-m", "pip", "--version"}, {"python3", "-m", "venv", "--help"},
		{"go", "env", "GOROOT"}, {"node", "-p", "process.execPath"},
	} {
		if _, err := exec.LookPath(command[0]); err != nil {
			continue
		}
		out, err := confine.Tool(t.Context(), command[0], command[1:]...).CombinedOutput()
		require.NoFileExists(t, ran, "%q", command)
		if command[0] != "python3" { // which may lack modules
			require.NoError(t, err, "%q: %s", command, out)
		}
	}
}
