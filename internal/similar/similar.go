// Package similar finds submissions of a class that have long passages in common,
// also where names were changed, comments rewritten and functions put in another
// order. What it finds is a reason to look, with the passages side by side, and never
// a verdict: two people may well have the same idea.
//
// The texts are taken apart into words; of each run of some words a number is kept
// (winnowing: Schleimer, Wilkerson and Aiken, "Winnowing: Local Algorithms for Document
// Fingerprinting", SIGMOD 2003, https://doi.org/10.1145/872757.872770), and what two
// have in common is the share of these. What was handed out with the lab does not
// count, nor what a large part of the class has.
package similar

import (
	"bytes"
	"cmp"
	"math"
	"slices"
)

const (
	// run is how many words a number stands for: about two lines.
	run = 14
	// window is of how many runs beside each other one is kept: whatever is at least
	// run+window-1 words long in both is found.
	window = 8
	// fewest is how many runs of its own a submission must have: what two small ones
	// have in common says nothing.
	fewest = 12
	// Common is from which share of the smaller one's runs on a pair is named.
	Common = 0.6
	// crowd is the part of a class, and at least how many, that has what is no
	// evidence: there are not many ways to say it.
	crowd, crowdLeast = 0.25, 4
	// passages is how many are shown of a pair, of shownLines lines at most.
	passages, shownLines = 4, 24
)

// File is a file of a submission, by its name with slashes.
type File struct {
	Name string
	Text []byte
}

// Work is what one handed in for one lab.
type Work struct {
	ID    string
	Files []File
}

// Pair are two works that have much in common.
type Pair struct {
	A, B string // of Work.ID; A < B, or A alone beside the solution, whose B is empty
	// Share is the part of the smaller one's runs that the other has too, 0 to 1.
	Share float64
	// Same is set where both are the same word for word, but for names, numbers,
	// texts in quotes and comments.
	Same     bool
	Passages []Passage // the longest first
}

// Passage is what stands in both.
type Passage struct {
	A, B  Lines
	Words int
}

// Lines are lines of a file, both ends included, from 1.
type Lines struct {
	File     string
	From, To int
	Text     []string // the lines; of a long passage the first
}

// Reads reports whether a file of this name holds something that is compared.
func Reads(name string) bool {
	_, ok := languageOf(name)
	return ok
}

// Of compares the works of a class for one lab with each other and with the lab's
// solution. given is what everybody has got: the starter. The pairs come by their share,
// the largest first.
func Of(works []Work, given, solution Work) []Pair {
	base := read(given)
	all := make([]*text, 0, len(works)+1)
	for _, w := range works {
		all = append(all, read(w))
	}
	slices.SortFunc(all, func(a, b *text) int { return cmp.Compare(a.id, b.id) })
	answer := read(solution)
	held := map[uint64][]int{} // by whom
	for i, t := range all {
		for f := range t.prints {
			if _, from := base.prints[f]; from {
				delete(t.prints, f)
				continue
			}
			held[f] = append(held[f], i)
		}
	}
	shared, limit := map[[2]int]int{}, max(int(math.Ceil(crowd*float64(len(all)))), crowdLeast)
	for f, by := range held {
		if len(by) > limit {
			for _, i := range by {
				delete(all[i].prints, f)
			}
			continue
		}
		slices.Sort(by)
		for i, a := range by {
			for _, b := range by[i+1:] {
				shared[[2]int{a, b}]++
			}
		}
	}
	for f := range base.prints {
		delete(answer.prints, f)
	}
	var out []Pair
	for pair, n := range shared {
		if p, ok := compare(all[pair[0]], all[pair[1]], n); ok {
			out = append(out, p)
		}
	}
	for _, t := range all {
		n := 0
		for f := range t.prints {
			if _, too := answer.prints[f]; too {
				n++
			}
		}
		if p, ok := compare(t, answer, n); ok {
			p.B = ""
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B))
	})
	return out
}

// text is a work that was read.
type text struct {
	id     string
	files  []File
	words  [][]token        // of each file
	prints map[uint64]place // of the runs that are kept, each where it is first
}

type place struct{ file, word int }

func read(w Work) *text {
	t := &text{id: w.ID, prints: map[uint64]place{}}
	bytes := 0
	for _, f := range w.Files {
		l, ok := languageOf(f.Name)
		if bytes += len(f.Text); !ok || bytes > mostBytes {
			continue
		}
		t.files = append(t.files, f)
		words := tokens(l, f.Text)
		t.words = append(t.words, words)
		for _, at := range winnow(words) {
			hash := sum(words[at : at+run])
			if _, known := t.prints[hash]; !known {
				t.prints[hash] = place{len(t.files) - 1, at}
			}
		}
	}
	return t
}

// sum is the number of a run.
func sum(words []token) (n uint64) {
	for _, w := range words {
		n = n*1099511628211 + w.hash // FNV's prime: the order matters
	}
	n ^= n >> 29 // the last word must not decide which runs are kept
	n *= 0xbf58476d1ce4e5b9
	return n ^ n>>32
}

// winnow picks of each window the run with the smallest number, the last of several.
func winnow(words []token) (at []int) {
	n := len(words) - run + 1
	if n <= 0 {
		return nil
	}
	sums := make([]uint64, n)
	for i := range sums {
		sums[i] = sum(words[i : i+run])
	}
	last := -1
	for from := 0; from+min(window, n) <= n; from++ {
		least := from
		for i := from; i < from+min(window, n); i++ {
			if sums[i] <= sums[least] {
				least = i
			}
		}
		if least != last {
			at, last = append(at, least), least
		}
	}
	return at
}

// compare tells what two that share n runs have in common.
func compare(a, b *text, n int) (p Pair, much bool) {
	smaller := min(len(a.prints), len(b.prints))
	if smaller < fewest || float64(n) < Common*float64(smaller) {
		return p, false
	}
	p = Pair{A: a.id, B: b.id, Share: float64(n) / float64(smaller), Same: a.same(b)}
	p.Passages = common(a, b)
	return p, true
}

// same reports whether the words are the same, file by file in whatever order.
func (t *text) same(o *text) bool {
	sums := func(t *text) (out []uint64) {
		for _, words := range t.words {
			out = append(out, sum(words))
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(sums(t), sums(o))
}

// common are the passages that stand in both: each run in common grows to both
// sides as far as the words are the same.
func common(a, b *text) []Passage {
	type span struct {
		a, b  place
		words int
	}
	var spans []span
	seen := map[place]bool{} // words of a that are in a passage already
	var starts []place
	inB := map[place]place{}
	for f, at := range a.prints {
		if there, ok := b.prints[f]; ok {
			starts, inB[at] = append(starts, at), there
		}
	}
	slices.SortFunc(starts, func(x, y place) int {
		return cmp.Or(cmp.Compare(x.file, y.file), cmp.Compare(x.word, y.word))
	})
	for _, at := range starts {
		if seen[at] {
			continue
		}
		s := span{a: at, b: inB[at], words: run}
		aw, bw := a.words[s.a.file], b.words[s.b.file]
		for s.a.word > 0 && s.b.word > 0 && !seen[place{s.a.file, s.a.word - 1}] &&
			aw[s.a.word-1].hash == bw[s.b.word-1].hash {
			s.a.word, s.b.word, s.words = s.a.word-1, s.b.word-1, s.words+1
		}
		for s.a.word+s.words < len(aw) && s.b.word+s.words < len(bw) &&
			aw[s.a.word+s.words].hash == bw[s.b.word+s.words].hash {
			s.words++
		}
		for i := range s.words {
			seen[place{s.a.file, s.a.word + i}] = true
		}
		spans = append(spans, s)
	}
	slices.SortStableFunc(spans, func(x, y span) int { return cmp.Compare(y.words, x.words) })
	var out []Passage
	for _, s := range spans[:min(len(spans), passages)] {
		out = append(out, Passage{a.lines(s.a, s.words), b.lines(s.b, s.words), s.words})
	}
	return out
}

func (t *text) lines(at place, words int) Lines {
	w, f := t.words[at.file], t.files[at.file]
	l := Lines{File: f.Name, From: w[at.word].line, To: w[at.word+words-1].line}
	all := bytes.Split(f.Text, []byte("\n"))
	for i := l.From; i <= min(l.To, l.From+shownLines-1, len(all)); i++ {
		l.Text = append(l.Text, string(bytes.TrimRight(all[i-1], "\r")))
	}
	return l
}
