package sandbox_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/prefork"
	"github.com/pipelab/pipelab/internal/sandbox"
)

// What is loaded before a program because its surroundings say so.
const (
	loadedPython = `
import os, signal
for place in (os.environ.get("OUTSIDE", "") + "/result.json", "/etc/shadow", "/proc/1/environ"):
    try:
        print("LOADED", open(place).read())
    except OSError:
        pass
try:
    os.kill(int(os.environ.get("JUDGE", "0")) or os.getpid(), signal.SIGKILL)
except OSError:
    pass
open("loaded", "a").write("x")
`
	loadedNode = `const fs = require("fs"); try {
console.log("LOADED", fs.readFileSync(process.env.OUTSIDE + "/result.json", "utf8")) } catch (e) {}`
	loadedShell = "cat \"$OUTSIDE/result.json\" /etc/shadow 2>/dev/null; kill -9 $JUDGE 2>/dev/null\n"
)

// Programs are started by interpreters that load what variables, folders and files of
// the learner's name. It is loaded where the program is, or not at all: never before,
// never into the interpreter that others are forked from, and never for others.
func TestHostile_isLoadedNowhereElse(t *testing.T) {
	python := map[string]string{"main.py": "print('main')\n", "payload.py": loadedPython, "sitecustomize.py": loadedPython,
		"usercustomize.py": loadedPython, "json.py": loadedPython, "encodings/__init__.py": loadedPython,
		"ctypes.py":                          loadedPython,
		"lib/python3.11/site-packages/x.pth": "import payload\n", "x.pth": "import payload\n",
		".local/lib/python3.11/site-packages/usercustomize.py": loadedPython, "pyvenv.cfg": "home = .\n",
		"payload.js": loadedNode, "package.json": `{"main": "payload.js", "type": "commonjs"}`,
		"node_modules/fs/index.js": loadedNode, ".npmrc": "node-options=--require ./payload.js\n", "rc": loadedShell,
		".bashrc": loadedShell, ".profile": loadedShell, "Payload.pm": "print `cat $ENV{OUTSIDE}/result.json`; 1;\n",
		"gconv-modules": "module PAYLOAD// INTERNAL ./payload 1\n"}
	python3, sh := []string{"python3", "main.py"}, []string{"sh", "-c", "echo main"}
	node := []string{"node", "-e", "console.log('main')"}
	for name, c := range map[string]struct {
		command []string
		env     []string
	}{
		"a start of Python":       {python3, []string{"PYTHONSTARTUP=payload.py", "PYTHONINSPECT=1"}},
		"a path of Python":        {python3, []string{"PYTHONPATH=."}},
		"a user of Python":        {python3, []string{"PYTHONUSERBASE=."}},
		"a home of Python":        {python3, []string{"PYTHONHOME=."}},
		"warnings of Python":      {python3, []string{"PYTHONPATH=.", "PYTHONWARNINGS=error::payload.X"}},
		"a breakpoint of Python":  {python3, []string{"PYTHONBREAKPOINT=payload.x"}},
		"caches of Python":        {python3, []string{"PYTHONPYCACHEPREFIX=/root"}},
		"libraries of Python":     {python3, []string{"PYTHONPLATLIBDIR=.", "PYTHONEXECUTABLE=./python"}},
		"an encoding of Python":   {python3, []string{"PYTHONIOENCODING=payload", "PYTHONPATH=."}},
		"a home":                  {python3, []string{"HOME=."}},
		"options of Node.js":      {node, []string{"NODE_OPTIONS=--require ./payload.js"}},
		"an import of Node.js":    {node, []string{"NODE_OPTIONS=--import ./payload.js"}},
		"an inspector of Node.js": {node, []string{"NODE_OPTIONS=--inspect=0.0.0.0:0"}},
		"a path of Node.js":       {node, []string{"NODE_PATH=node_modules"}},
		"certificates of Node.js": {node, []string{"NODE_EXTRA_CA_CERTS=/etc/shadow", "OPENSSL_CONF=/etc/shadow"}},
		"a heap of Node.js":       {node, []string{"NODE_V8_COVERAGE=/tmp", "NODE_REDIRECT_WARNINGS=/tmp/w"}},
		"a start of a shell":      {sh, []string{"ENV=./rc", "BASH_ENV=./rc"}},
		"a prompt of a shell":     {sh, []string{"SHELLOPTS=xtrace", "PS4=$(sh ./rc)"}},
		"a function of a shell":   {sh, []string{"BASH_FUNC_echo%%=() { sh ./rc; }"}},
		"a separator of a shell":  {sh, []string{"IFS=/", "PATH=."}},
		"an audit of the loader":  {sh, []string{"LD_AUDIT=./payload.so"}},
		"a path of the loader":    {sh, []string{"LD_LIBRARY_PATH=.", "LD_BIND_NOW=1"}},
		"what the loader shows":   {sh, []string{"LD_DEBUG=all", "LD_DEBUG_OUTPUT=/tmp/loaded"}},
		"a profile of the loader": {sh, []string{"LD_PROFILE=libc.so.6", "LD_PROFILE_OUTPUT=/tmp"}},
		"tunables of the library": {sh, []string{"GLIBC_TUNABLES=glibc.malloc.check=3:glibc.malloc.mxfast=99999999999"}},
		"a converter":             {python3, []string{"GCONV_PATH=.", "LANG=xx.PAYLOAD", "LC_ALL=xx.PAYLOAD"}},
		"a locale":                {python3, []string{"LOCPATH=.", "LANGUAGE=../../..", "NLSPATH=./%N"}},
		"a resolver":              {python3, []string{"HOSTALIASES=/etc/shadow", "RES_OPTIONS=debug", "LOCALDOMAIN=x"}},
		"a time zone":             {python3, []string{"TZ=:/etc/shadow", "TZDIR=/etc"}},
		"a module of Perl": {
			[]string{"perl", "-e", "print qq(main\\n)"}, []string{"PERL5LIB=.", "PERL5OPT=-MPayload"}},
		"a debugger of Perl": {[]string{"perl", "-d", "-e", "print qq(main\\n)"}, []string{
			"PERL5DB=BEGIN { require './Payload.pm' }"}},
		"settings of Go": {sh, []string{"GOFLAGS=-toolexec=./rc", "GODEBUG=execerrdot=0"}},
		"settings of git": {[]string{"git", "--version"}, []string{"GIT_EXEC_PATH=.",
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=alias.version", "GIT_CONFIG_VALUE_0=!sh ./rc"}},
		"the judge's own variables": {sh, []string{"PIPELAB_CONFIG=/x", "TMPDIR=/root", "GOMEMLIMIT=1", "GOTRACEBACK=crash"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, i := range []*prefork.Interpreters{nil, warm} {
				h := newHostile(t)
				if _, err := h.policy.LookPath(c.command[0]); err != nil {
					t.Skip(err)
				}
				for file, text := range python {
					full := filepath.Join(h.workspace, file)
					require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
					require.NoError(t, os.WriteFile(full, []byte(text), 0o600))
				}
				r, err := sandbox.Run(t.Context(), sandbox.Spec{Command: c.command, Dir: h.workspace, Policy: h.policy,
					Timeout: 20 * time.Second, Output: 1 << 20, Interpreters: i,
					Env: append([]string{"OUTSIDE=" + h.outside, "JUDGE=" + strconv.Itoa(os.Getpid())}, c.env...)})
				require.NoError(t, err)
				require.NotContains(t, r.Stdout+r.Stderr, "SECRET")
				require.NotContains(t, r.Stdout+r.Stderr, "root:")
				require.Empty(t, r.Breach)
				after := newHostile(t) // the next one's
				r = after.run(t, warm, "python3", "-c", "import os, json; print(sorted(os.listdir('.')), json.__file__[-16:])")
				require.Equal(t, "[] json/__init__.py\n", r.Stdout, r.Stderr)
			}
		})
	}
	require.NoFileExists(t, "/tmp/loaded")
}
