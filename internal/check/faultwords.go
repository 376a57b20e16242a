package check

import (
	"fmt"
	"strings"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
)

// faultWords tell a learner what is made to go wrong; resource and carrying are the fault's,
// filled in.
func faultWords(f *lab.Fault, resource string, carrying []string) string {
	calls := f.Service
	switch {
	case f.Operation == "" || strings.ContainsAny(f.Operation, "*?["):
		calls = "calls of " + calls
	default:
		calls += "." + f.Operation
	}
	if resource != "" {
		calls += " on " + resource
	}
	with := ""
	if len(carrying) > 0 {
		with = " with " + strings.Join(carrying, " and ")
	}
	calls += with
	function, before := "the function "+short(resource), "before its work"
	if resource == "" {
		function = "every function"
	}
	function += with
	if f.Service != "lambda" {
		function, before = "a function", "when it makes "+calls
	}
	code := f.Error
	if code == "" {
		code = "an error"
	}
	words := map[string]string{
		"error":     calls + ": answered with " + code,
		"throttle":  calls + ": throttled",
		"latency":   fmt.Sprintf("%s: %s slower", calls, f.Latency),
		"gather":    calls + ": held until others are there",
		"drop":      calls + ": the connection is cut while the body is sent",
		"after":     calls + ": done, and then answered with " + code,
		"entries":   calls + ": single entries fail",
		"crash":     function + " crashes " + before,
		"crashLate": function + " crashes after its work, before its answer counts",
		"duplicate": function + " gets events a second time",
		"reorder":   function + " gets events in another order",
	}[f.Kind]
	if words == "" {
		words = f.Kind + " of " + calls
	}
	return "from here on " + words + often(f)
}

// often says which of the calls a fault strikes; "" for all of them.
func often(f *lab.Fault) string {
	var parts []string
	if f.Share > 0 && f.Share < 1 {
		parts = append(parts, fmt.Sprintf("%.0f of 100", 100*f.Share))
	}
	if f.Count > 0 {
		parts = append(parts, report.Count(f.Count, "time"))
	}
	if f.Skip > 0 {
		parts = append(parts, fmt.Sprintf("after the first %d", f.Skip))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// short is a name as the template has it.
func short(name string) string {
	if m := stackName.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return name
}
