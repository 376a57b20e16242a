package traceback_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/traceback"
)

func TestFind_readsWhatInterpretersAndCompilersPrint(t *testing.T) {
	t.Parallel()
	frames := func(file string, line int) []traceback.Frame { return []traceback.Frame{{File: file, Line: line}} }
	for name, c := range map[string]struct {
		text string
		want traceback.Raised
	}{
		"python": {"reading\nTraceback (most recent call last):\n" +
			"  File \"/w/src/land.py\", line 9, in <module>\n    main()\n    ~~~~^^\n" +
			"  File \"/usr/lib/python3.13/json/__init__.py\", line 346, in loads\n    return 1\n" +
			"KeyError: 'time'\n",
			traceback.Raised{Error: "KeyError: 'time'", Frames: []traceback.Frame{{"/w/src/land.py", 9},
				{"/usr/lib/python3.13/json/__init__.py", 346}}}},
		"python, an exception without words": {"Traceback (most recent call last):\n  File \"a.py\", line 2, in <module>\n" +
			"    raise NotImplementedError\nNotImplementedError\n",
			traceback.Raised{Error: "NotImplementedError", Frames: frames("a.py", 2)}},
		"python, one while another is handled": {"Traceback (most recent call last):\n  File \"a.py\", line 2, in f\n" +
			"KeyError: 1\n\nDuring handling of the above exception, another exception occurred:\n\n" +
			"Traceback (most recent call last):\n  File \"b.py\", line 4, in g\nbotocore.errorfactory.Gone: no table\n",
			traceback.Raised{Error: "botocore.errorfactory.Gone: no table", Frames: frames("b.py", 4)}},
		"python, syntax": {"  File \"/w/src/app.py\", line 3\n    def x(:\n          ^\nSyntaxError: invalid syntax\n",
			traceback.Raised{Error: "SyntaxError: invalid syntax", Frames: frames("/w/src/app.py", 3)}},
		"lambda, python": {"[ERROR] KeyError: 'time'\nTraceback (most recent call last):\n" +
			"  File \"/var/task/app.py\", line 18, in handler\n    event['time']\n",
			traceback.Raised{Error: "KeyError: 'time'", Frames: frames("/var/task/app.py", 18)}},
		"lambda, syntax": {"[ERROR] Runtime.UserCodeSyntaxError: Syntax error in module 'app': invalid syntax\n" +
			"Traceback (most recent call last):\n  File \"/var/task/app.py\" Line 70\n    def x(:\n",
			traceback.Raised{Error: "Runtime.UserCodeSyntaxError: Syntax error in module 'app': invalid syntax",
				Frames: frames("/var/task/app.py", 70)}},
		"node": {"file:///w/src/a.mjs:3\n  throw new TypeError('no');\n  ^\n\nTypeError: no\n" +
			"    at f (file:///w/src/a.mjs:3:9)\n" +
			"    at async main (file:///w/src/b.mjs:7:1)\n    at node:internal/main:1:1\n\nNode.js v22\n",
			traceback.Raised{Error: "TypeError: no", Frames: []traceback.Frame{{"/w/src/b.mjs", 7}, {"/w/src/a.mjs", 3}}}},
		"node, syntax": {"file:///w/a.mjs:2\nlet x = ;\n        ^\n\nSyntaxError: Unexpected token ';'\n" +
			"    at compileSourceTextModule (node:internal/x:1:2)\n",
			traceback.Raised{Error: "SyntaxError: Unexpected token ';'", Frames: frames("/w/a.mjs", 2)}},
		"go": {"panic: assignment to entry in nil map\n\ngoroutine 1 [running]:\nmain.main()\n\t/w/src/main.go:12 +0x1d\n" +
			"goroutine 7 [sleep]:\n\t/w/src/other.go:1 +0x1d\nexit status 2\n",
			traceback.Raised{Error: "panic: assignment to entry in nil map", Frames: frames("/w/src/main.go", 12)}},
		"go, compiled": {"# example.com/a\nsrc/main.go:10:2: undefined: x\nsrc/main.go:11:2: undefined: y\n",
			traceback.Raised{Error: "undefined: x", Frames: frames("src/main.go", 10)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := traceback.Find(c.text)
			require.True(t, ok)
			require.Equal(t, c.want, got)
		})
	}
}

func TestFind_takesNoOrdinaryLineForAnException(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "done\n", "Error: 3 records were refused\n",
		"[ERROR]\t2026-11-30T10:00:00Z\tid\tlogged\n",
		"File \"a.py\", line 3\n", "http://127.0.0.1:4566/a:1:2\n", "Traceback (most recent call last):\n"} {
		_, ok := traceback.Find(text)
		require.False(t, ok, "%q", text)
	}
}
