package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// crowd grades a class of n with hostile members and the same with ordinary ones in
// their places, in turn, and compares.
func crowd(ctx context.Context, binary string, n, hostile, rounds int) (err error) {
	if hostile > n/2 {
		return errors.New("at most half of a class is hostile")
	}
	all, err := members(n, hostile)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pipelab-class-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var peaceful, harmed []*graded
	for range rounds {
		for _, harm := range []bool{false, true} {
			g, err := gradeClass(ctx, binary, filepath.Join(dir, "bench"), all, harm)
			if err != nil {
				return err
			}
			what := "peaceful"
			if harm {
				what = fmt.Sprintf("%d hostile", hostile)
				harmed = append(harmed, g)
			} else {
				peaceful = append(peaceful, g)
			}
			fmt.Printf("  %4d submissions, %-10s  %6.1f s  %6.1f s of processors  pipelab itself %4d MB, all together %4d MB\n",
				n, what, g.Took.Seconds(), g.CPU.Seconds(), g.memory.own>>20, g.memory.held>>20)
		}
	}
	ratios(peaceful, harmed)
	fates(all, peaceful[0], harmed[0])
	return compare(all, peaceful, harmed)
}

// ratios compares the middle ones of what the two took.
func ratios(peaceful, harmed []*graded) {
	ratio := func(of func(*graded) float64) float64 { return middle(harmed, of) / middle(peaceful, of) }
	fmt.Printf("       of the peaceful class: time %.2f, processors %.2f, memory of all %.2f, of pipelab itself %.2f\n",
		ratio(func(g *graded) float64 { return g.Took.Seconds() }), ratio(func(g *graded) float64 { return g.CPU.Seconds() }),
		ratio(func(g *graded) float64 { return float64(g.memory.held) }),
		ratio(func(g *graded) float64 { return float64(g.memory.own) }))
}

func middle(all []*graded, of func(*graded) float64) float64 {
	var out []float64
	for _, g := range all {
		out = append(out, of(g))
	}
	slices.Sort(out)
	return out[len(out)/2]
}

// fates shows what became of who meant harm.
func fates(all []member, peaceful, harmed *graded) {
	list := slices.DeleteFunc(slices.Clone(all), func(m member) bool { return m.attack == nil })
	slices.SortStableFunc(list, func(a, b member) int { return cmp.Compare(a.attack.name, b.attack.name) })
	for _, m := range list {
		why := strings.Join(strings.Fields(harmed.words[m.name]), " ")
		if len(why) > 110 {
			why = why[:110] + "…"
		}
		fmt.Printf("       %-11s %-10s %-27s %3.0f of %3.0f points %6.1f s  %q\n", m.attack.name, m.name, m.lab,
			harmed.points[m.name], peaceful.points[m.name],
			(time.Duration(harmed.lasted[m.name]) * time.Millisecond).Seconds(), why)
	}
}

// byChance are wrong answers that draw by chance or race with themselves, by their
// trees: what a check sees of them ("seen") is different in each run, peaceful or not.
// All the rest of their grades is compared.
var byChance = map[string]string{
	"mutants/hot-key-random":    "it draws keys by chance",
	"mutants/random-key":        "it draws keys by chance",
	"mutants/read-modify-write": "what it loses depends on who is first",
}

// what of a member's grades is compared.
func what(m *member, grades []byte) []byte {
	if byChance[m.tree] == "" {
		return grades
	}
	return regexp.MustCompile(`(?m)^ *"seen": .*\n`).ReplaceAll(grades, nil)
}

// compare returns what hostile members have achieved.
func compare(all []member, peaceful, harmed []*graded) error {
	var failures []error
	same, unsteady := 0, 0
	for _, m := range all {
		if m.attack != nil {
			failures = append(failures, unearned(&m, peaceful, harmed)...)
			continue
		}
		// What a race in their own program decides can be different in each run.
		first := what(&m, peaceful[0].grades[m.name])
		if slices.ContainsFunc(peaceful, func(g *graded) bool { return !bytes.Equal(what(&m, g.grades[m.name]), first) }) {
			unsteady++
			continue
		}
		same++
		for _, g := range harmed {
			if now := what(&m, g.grades[m.name]); !bytes.Equal(now, first) {
				failures = append(failures, fmt.Errorf("%s (%s of %s) has another grade:\n%s", m.name, m.tree, m.lab,
					difference(first, now)))
			}
		}
	}
	fmt.Printf("       %d honest grades compared byte for byte, %d are not the same in the peaceful class either\n",
		same, unsteady)
	for _, g := range slices.Concat(peaceful, harmed) {
		for _, trace := range g.traces {
			failures = append(failures, errors.New("left behind: "+trace))
		}
	}
	return errors.Join(failures...)
}

// unearned are points that a hostile member has and would not have without harm.
func unearned(m *member, peaceful, harmed []*graded) (out []error) {
	for _, g := range harmed {
		if g.points[m.name] > peaceful[0].points[m.name] {
			out = append(out, fmt.Errorf("%s has %v points by %s, and %v without", m.name, g.points[m.name], m.attack.name,
				peaceful[0].points[m.name]))
		}
		if strings.HasPrefix(g.words[m.name], "open") {
			out = append(out, fmt.Errorf("%s keeps the grade open by %s: %s", m.name, m.attack.name, g.words[m.name]))
		}
	}
	return out
}

// difference shows the checks that came out differently; where none did, the place
// where two texts part.
func difference(a, b []byte) string {
	type check struct{ ID, Verdict, Message, Seen string }
	checks := func(text []byte) map[string]check {
		out := map[string]check{}
		for d := json.NewDecoder(bytes.NewReader(text)); ; {
			var g struct {
				Lab    string
				Result struct{ Checks []check }
			}
			if d.Decode(&g) != nil { // the lines of the table come behind
				return out
			}
			for _, c := range g.Result.Checks {
				out[g.Lab+" "+c.ID] = c
			}
		}
	}
	var out []string
	before, after := checks(a), checks(b)
	for _, id := range slices.Sorted(maps.Keys(before)) {
		if before[id] != after[id] {
			out = append(out, fmt.Sprintf("  %s: %.300q\n    then %.300q", id, before[id], after[id]))
		}
	}
	if len(out) > 0 {
		return strings.Join(out, "\n")
	}
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	part := func(s []byte) []byte { return s[max(0, min(len(s), at-200)):min(len(s), at+300)] }
	return fmt.Sprintf("  %q\n  %q", part(a), part(b))
}
