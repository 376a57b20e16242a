package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pipelab/pipelab/labs"
)

// member is one of a class with hostile members.
type member struct {
	name, lab, tree string
	attack          *attack // nil for an honest one
	again           bool
}

// members of a class of n of which so many are hostile, spread over it. The first of
// a kind does harm before a solution, the second before a wrong answer.
func members(n, hostile int) ([]member, error) {
	kindsOfHarm, err := attacks()
	if err != nil {
		return nil, err
	}
	out := make([]member, n)
	for i := range out {
		id := labIDs[i%len(labIDs)]
		trees, err := kinds(labs.FS(), id)
		if err != nil {
			return nil, err
		}
		out[i] = member{name: fmt.Sprintf("learner%03d", i), lab: id, tree: trees[i/len(labIDs)%len(trees)]}
	}
	for h := range hostile {
		m := &out[(h*n+n/2)/hostile]
		// With few of them, not the first ones by name.
		m.attack, m.again = &kindsOfHarm[h*7%len(kindsOfHarm)], h/len(kindsOfHarm)%2 == 1
		m.tree = "solution"
		if m.again {
			m.tree = "starter"
		}
	}
	return out, nil
}

// seatThem lays out what they hand in, with harm or without.
func seatThem(dir string, all []member, harm bool) error {
	class := filepath.Join(dir, "class")
	roster := "id\n"
	for i, m := range all {
		into := filepath.Join(class, m.name, m.lab)
		if err := layOut(labs.FS(), m.lab, m.tree, into); err != nil {
			return err
		}
		// No two are the same: copies are run once.
		note := []byte("by learner " + strconv.Itoa(i) + "\n")
		if err := os.WriteFile(filepath.Join(into, "NOTES.txt"), note, 0o600); err != nil {
			return err
		}
		roster += m.name + "\n"
	}
	for i, m := range all {
		if m.attack == nil || !harm {
			continue
		}
		beside := slices.IndexFunc(all, func(o member) bool {
			return o.attack == nil && o.lab == m.lab && o.tree == "solution"
		})
		s := &seat{class: class, learner: m.name, lab: m.lab, again: m.again}
		if beside >= 0 {
			s.neighbour = filepath.Join(all[beside].name, m.lab)
		}
		if err := m.attack.lay(s); err != nil {
			return fmt.Errorf("make %s of learner %d: %w", m.attack.name, i, err)
		}
	}
	return errors.Join(rules(dir), os.WriteFile(filepath.Join(dir, "roster.csv"), []byte(roster), 0o600))
}

// graded is a class that was graded.
type graded struct {
	measured
	grades map[string][]byte  // what the gradebook and the table of it say of each member
	points map[string]float64 // of all labs
	words  map[string]string  // for a person: what became of it
	lasted map[string]int64   // milliseconds
	traces []string           // of what it has left behind
}

// gradeClass lays a class out in a folder, which is to be the same for all that are
// compared, grades it and removes it.
func gradeClass(ctx context.Context, binary, dir string, all []member, harm bool) (g *graded, err error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := seatThem(dir, all, harm); err != nil {
		return nil, err
	}
	before, err := inventory(filepath.Join(dir, "class"))
	if err != nil {
		return nil, err
	}
	g = &graded{grades: map[string][]byte{}, points: map[string]float64{}, words: map[string]string{},
		lasted: map[string]int64{}}
	if g.measured, err = gradeIn(ctx, binary, dir, "--roster", "roster.csv", "--format", "csv=grades.csv"); err != nil {
		return nil, err
	}
	after, err := inventory(filepath.Join(dir, "class"))
	if err != nil {
		return nil, err
	}
	if before != after {
		g.traces = append(g.traces, "what was handed in is not what it was")
	}
	g.traces = append(g.traces, leftBehind(dir)...)
	for _, line := range g.Left {
		g.traces = append(g.traces, "a process: "+line)
	}
	return g, errors.Join(g.readBook(dir), g.readTable(dir), g.readTimings(dir))
}

// readBook reads the gradebook: of each member all grades as they are written.
func (g *graded) readBook(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "grades", "gradebook.json"))
	if err != nil {
		return fmt.Errorf("the class was not graded to its end: exit code %d\n%s", g.Exit, g.tail())
	}
	var book struct {
		Grades []json.RawMessage `json:"grades"`
	}
	if err := json.Unmarshal(b, &book); err != nil {
		return err
	}
	for _, raw := range book.Grades {
		var one struct {
			Learner struct {
				ID string `json:"id"`
			} `json:"learner"`
			Lab, Status, Deploy, Problem string
			Points                       float64
			Result                       struct {
				Checks []struct{ Verdict, Message string }
			}
		}
		if err := json.Unmarshal(raw, &one); err != nil {
			return err
		}
		who := one.Learner.ID
		g.grades[who] = append(append(g.grades[who], raw...), '\n')
		if one.Status == "missing" {
			continue
		}
		g.points[who] += one.Points
		why := []string{}
		for _, text := range []string{one.Problem, one.Deploy} {
			if text != "" {
				why = append(why, text)
			}
		}
		for _, c := range one.Result.Checks {
			if c.Verdict != "pass" && c.Verdict != "skip" && len(why) == 0 {
				why = append(why, c.Verdict+": "+c.Message)
			}
		}
		g.words[who] = one.Status + ", " + strings.Join(why, "; ")
	}
	return nil
}

// readTable adds the lines of the table that an instructor gets.
func (g *graded) readTable(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "grades.csv"))
	if errors.Is(err, os.ErrNotExist) {
		b, err = os.ReadFile(filepath.Join(dir, "grades", "grades.csv"))
	}
	if err != nil {
		return err
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		return err
	}
	for _, row := range rows {
		g.grades[row[0]] = fmt.Appendf(g.grades[row[0]], "%q\n", row)
	}
	return nil
}

func (g *graded) readTimings(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "grades", "timings.json"))
	if err != nil {
		return err
	}
	var timings []struct {
		Learner string
		Millis  int64
	}
	err = json.Unmarshal(b, &timings)
	for _, t := range timings {
		g.lasted[t.Learner] += t.Millis
	}
	return err
}

// inventory says of every file below a folder what it is and what is in it; of large
// ones the size.
func inventory(dir string) (string, error) {
	var out strings.Builder
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%q %s", name, info.Mode())
		if info.Mode().IsRegular() {
			fmt.Fprintf(&out, " %d %s", info.Size(), info.ModTime())
		}
		out.WriteByte('\n')
		return nil
	})
	return out.String(), err
}

// leftBehind lists what is there after the run and should not be: temporary files,
// folders for work, groups of processes.
func leftBehind(dir string) (out []string) {
	for _, pattern := range []string{filepath.Join(dir, "tmp", "*"), filepath.Join(dir, "grades", ".work"),
		"/sys/fs/cgroup/pipelab-cage-*", "/sys/fs/cgroup/*/pipelab-cage-*"} {
		found, _ := filepath.Glob(pattern) // the patterns are right
		for _, f := range found {
			out = append(out, "a file: "+strings.TrimPrefix(f, dir+"/"))
		}
	}
	return out
}
