package esm

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// TraceHeader is what X-Amzn-Trace-Id carries from a function to what it calls and on
// to the functions that those invoke: a trace, and how often each function has run in
// this chain of requests.
// Sources: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
// and https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
//
// AWS: does not document the form of Lineage. The one here is as SDKs are tested with:
// "Lineage=a87bd80c:1|68fd508a:5".
type TraceHeader struct {
	Root, Parent, Sampled string
	runs                  []run
}

// run is how often the function with this hash has run.
type run struct {
	function string
	times    int
}

// maxFunctions bounds a header that clients may write themselves.
const maxFunctions = 32

// ParseTraceHeader reads a header; what it does not know is left out.
func ParseTraceHeader(text string) (t TraceHeader) {
	for part := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Root":
			t.Root = value
		case "Parent":
			t.Parent = value
		case "Sampled":
			t.Sampled = value
		case "Lineage":
			for one := range strings.SplitSeq(value, "|") {
				function, times, _ := strings.Cut(one, ":")
				if n, err := strconv.Atoi(times); err == nil && len(t.runs) < maxFunctions {
					t.runs = append(t.runs, run{function, n})
				}
			}
		}
	}
	return t
}

// String is the header.
func (t TraceHeader) String() string {
	parts := []string{"Root=" + t.Root}
	if t.Parent != "" {
		parts = append(parts, "Parent="+t.Parent)
	}
	if t.Sampled != "" {
		parts = append(parts, "Sampled="+t.Sampled)
	}
	var runs []string
	for _, r := range t.runs {
		runs = append(runs, r.function+":"+strconv.Itoa(r.times))
	}
	if len(runs) > 0 {
		parts = append(parts, "Lineage="+strings.Join(runs, "|"))
	}
	return strings.Join(parts, ";")
}

// Runs is how often a function has run in the chain.
func (t TraceHeader) Runs(fn Function) int {
	for _, r := range t.runs {
		if r.function == lineageOf(fn) {
			return r.times
		}
	}
	return 0
}

// Again is the header with one more run of a function.
func (t TraceHeader) Again(fn Function) TraceHeader {
	mine := run{lineageOf(fn), t.Runs(fn) + 1}
	runs := []run{mine}
	for _, r := range t.runs {
		if r.function != mine.function && len(runs) < maxFunctions {
			runs = append(runs, r)
		}
	}
	t.runs = runs
	return t
}

// lineageOf names a function, whatever its version.
func lineageOf(fn Function) string {
	fn.Qualifier = ""
	sum := sha256.Sum256([]byte(fn.ARN()))
	return hex.EncodeToString(sum[:4])
}

// longestChain is the header of the message in a batch whose chain has run the
// function most often.
func longestChain(batch []*message, fn Function) (header string) {
	most := -1
	for _, m := range batch {
		if n := ParseTraceHeader(m.trace).Runs(fn); m.trace != "" && n > most {
			header, most = m.trace, n
		}
	}
	return header
}
