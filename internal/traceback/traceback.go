// Package traceback finds the exception in what a program has printed when it
// ended in error, as Python, Node and Go print it, and the lines of source that it
// came through. It knows no files: what is a learner's own is for others to say.
package traceback

import (
	"regexp"
	"strconv"
	"strings"
)

// Frame is a place in the source.
type Frame struct {
	File string // as it was printed
	Line int    // from 1
}

// Raised is an exception.
type Raised struct {
	// Error is its type and what it says, in one line; empty when only places were
	// printed.
	Error string
	// Frames are the places that it came through; the last is where it was raised.
	Frames []Frame
}

var (
	// pythonFrame is of a traceback, and without a comma of a syntax error that
	// Lambda reports.
	pythonFrame = regexp.MustCompile(`^\s+File "([^"]+)",? [Ll]ine (\d+)`)
	// pythonError begins in the first column: "KeyError: 'time'", "botocore.errorfactory.X: …".
	pythonError = regexp.MustCompile(`^[A-Za-z_][\w.]*(: .*)?$`)
	// lambdaError is how Lambda's runtime for Python logs one that was not caught.
	// Source: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
	lambdaError = regexp.MustCompile(`^\[ERROR\] ([A-Za-z_][\w.]*: ?.*)$`)
	// nodeFrame is "at handler (file:///var/task/app.mjs:3:9)" or "at /var/task/app.mjs:3:9".
	nodeFrame = regexp.MustCompile(`^\s+at (?:.*\()?(?:file://)?(/[^():]+|[A-Za-z]:[^():]+):(\d+):\d+\)?$`)
	// nodePlace comes before the text of an error that was not caught or of a syntax error.
	nodePlace = regexp.MustCompile(`^(?:file://)?(/\S+\.[cm]?js):(\d+)$`)
	nodeError = regexp.MustCompile(`^(?:Uncaught )?([A-Z]\w*(?:Error|Exception)\b(?: \[\w+\])?: .*)$`)
	// goFrame is of a goroutine, goPlace what a compiler says.
	goFrame = regexp.MustCompile(`^\t(/\S+\.go):(\d+)`)
	goPlace = regexp.MustCompile(`^(?:vet: )?((?:\./)?[\w./-]+\.go):(\d+):\d+: (.*)$`)
	goPanic = regexp.MustCompile(`^(panic: .*|fatal error: .*)$`)
)

// Find returns the last exception of a text; ok is false when there is none.
func Find(text string) (r Raised, ok bool) {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		switch {
		case lambdaError.MatchString(l):
			r, ok = Raised{Error: lambdaError.FindStringSubmatch(l)[1]}, true
			r.Frames, i = frames(lines, i+1)
		case strings.HasPrefix(l, "Traceback (most recent call last):") || pythonFrame.MatchString(l):
			was := r
			r, ok = Raised{}, true
			r.Frames, i = frames(lines, i)
			if next := i + 1; next < len(lines) && pythonError.MatchString(lines[next]) {
				r.Error, i = lines[next], next
			} else if len(r.Frames) == 0 {
				r = was
			} else if len(was.Frames) == 0 { // what was raised stands before it, in several lines
				r.Error = was.Error
			}
		case goPanic.MatchString(l):
			return goroutine(lines[i:]), true
		case goPlace.MatchString(l) && !ok:
			m := goPlace.FindStringSubmatch(l)
			return Raised{Error: m[3], Frames: []Frame{frame(m[1], m[2])}}, true // the compiler's first is what to mend first
		case nodePlace.MatchString(l):
			m := nodePlace.FindStringSubmatch(l)
			r, ok = Raised{Frames: []Frame{frame(m[1], m[2])}}, true
		case nodeError.MatchString(l):
			place := r.Frames
			if r.Error != "" {
				place = nil
			}
			r, ok = Raised{Error: nodeError.FindStringSubmatch(l)[1]}, true
			r.Frames, i = stack(lines, i+1)
			if len(r.Frames) == 0 {
				r.Frames = place
			}
		}
	}
	return r, ok && (r.Error != "" || len(r.Frames) > 0)
}

func frame(file, line string) Frame {
	n, _ := strconv.Atoi(line) // digits; one that is too long is no line
	return Frame{File: file, Line: n}
}

// frames reads a traceback of Python from line i on; last is its last line.
func frames(lines []string, i int) (out []Frame, last int) {
	last = i - 1
	for ; i < len(lines); i++ {
		if m := pythonFrame.FindStringSubmatch(lines[i]); m != nil {
			out = append(out, frame(m[1], m[2]))
		} else if !strings.HasPrefix(lines[i], "  ") && !strings.HasPrefix(lines[i], "Traceback ") {
			break
		}
		last = i
	}
	return out, last
}

// stack reads a stack of Node, whose first line is the innermost.
func stack(lines []string, i int) (out []Frame, last int) {
	last = i - 1
	for ; i < len(lines) && strings.HasPrefix(strings.TrimLeft(lines[i], " "), "at "); i++ {
		if m := nodeFrame.FindStringSubmatch(lines[i]); m != nil {
			out = append([]Frame{frame(m[1], m[2])}, out...)
		}
		last = i
	}
	return out, last
}

// goroutine reads the first goroutine of a panic.
func goroutine(lines []string) Raised {
	r := Raised{Error: lines[0]}
	begun := false
	for _, l := range lines[1:] {
		if strings.HasPrefix(l, "goroutine ") {
			if begun {
				break
			}
			begun = true
		}
		if m := goFrame.FindStringSubmatch(l); m != nil {
			r.Frames = append([]Frame{frame(m[1], m[2])}, r.Frames...)
		}
	}
	return r
}
