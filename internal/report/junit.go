package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The JUnit format has no specification, but two schemas that readers go by:
// Ant's (https://github.com/windyroad/JUnit-Schema) and that of Jenkins' xUnit
// plugin (junit-10.xsd, https://github.com/jenkinsci/xunit-plugin). What is
// written here is valid under both: no attributes on testsuites, which Ant's
// declares none of; every attribute of testsuite that either requires; the
// children in Ant's order; properties on suites only; one outcome for a test.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Package    string          `xml:"package,attr"`
		ID         int             `xml:"id,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Hostname   string          `xml:"hostname,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Properties junitProperties `xml:"properties"`
		Cases      []junitCase     `xml:"testcase"`
		Out        string          `xml:"system-out"`
		Err        string          `xml:"system-err"`
	}
	junitProperties struct {
		Properties []junitProperty `xml:"property"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Time    string        `xml:"time,attr"`
		Skipped *junitOutcome `xml:"skipped"`
		Error   *junitOutcome `xml:"error"`
		Failure *junitOutcome `xml:"failure"`
	}
	junitOutcome struct {
		Type    string `xml:"type,attr,omitempty"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes a suite for each learner and lab.
func writeJUnit(w io.Writer, b *Gradebook, o Options) error {
	var doc junitSuites
	for i, g := range b.Grades {
		s := b.junitSuite(g)
		s.ID, s.Timestamp = i, o.now(b).Format("2006-01-02T15:04:05")
		doc.Suites = append(doc.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (b *Gradebook) junitSuite(g Grade) junitSuite {
	lab := b.lab(g.Lab)
	s := junitSuite{Name: oneLine(g.Lab), Package: oneLine(or(b.Assignment, g.Lab)), Hostname: "localhost", Err: g.why(),
		Properties: junitProperties{g.junitProperties(b)}}
	if g.Learner.ID != "" {
		s.Name = oneLine(g.Learner.ID) + "/" + s.Name
	}
	var millis int64
	for _, c := range g.items() {
		k := junitCase{Class: s.Name, Name: oneLine(c.ID + ": " + c.Title), Time: seconds(c.Millis)}
		outcome := &junitOutcome{Type: string(c.Verdict), Message: c.headline(), Text: c.detail(lab)}
		switch c.Verdict.kind() {
		case "failed":
			k.Failure = outcome
			s.Failures++
		case "not judged":
			k.Error = outcome
			s.Errors++
		case "skipped":
			k.Skipped = &junitOutcome{Message: c.headline()}
			s.Skipped++
		}
		s.Cases = append(s.Cases, k)
		millis += c.Millis
	}
	s.Tests, s.Time = len(s.Cases), seconds(millis)
	return s
}

// junitProperties carry what test cases have no place for: points and seed.
func (g Grade) junitProperties(b *Gradebook) []junitProperty {
	var out []junitProperty
	add := func(name, value string) {
		if value = oneLine(value); value != "" {
			out = append(out, junitProperty{name, value})
		}
	}
	add("tool", b.Tool)
	add("status", string(g.Status))
	if g.Final() {
		add("points", Points(g.Points))
	}
	add("possible", Points(g.Possible))
	if g.Penalty > 0 && g.Final() {
		add("penalty", Points(g.Penalty))
	}
	add("submitted", g.Submission.When())
	add("extension", g.Extension.Words())
	if g.Result != nil {
		add("seed", strconv.FormatUint(g.Result.Seed, 10))
		add("emulator", g.Result.Emulator)
	}
	if points, possible, hidden := g.lab(); possible > 0 && g.Final() {
		add("lab.points", Points(points))
		add("lab.possible", Points(possible))
		add("lab.hidden", Points(hidden))
	}
	for _, c := range g.checks() {
		if !c.Verdict.unjudged() {
			add("check."+c.ID+".points", Points(c.Points))
		}
		add("check."+c.ID+".possible", Points(c.Possible))
	}
	add("flags", strings.Join(g.Flags, "; "))
	return out
}

// seconds has three decimals: Jenkins' schema takes no more.
func seconds(millis int64) string { return fmt.Sprintf("%d.%03d", millis/1000, millis%1000) }
