// Package datagen makes synthetic data from a seed, with planted defects, and
// the ledger of what it made. The same specification and seed give the same
// bytes on every machine. It sends nothing anywhere.
package datagen

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"sort"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/lab"
)

// The flags an entry may carry.
const (
	FlagDuplicate   = "duplicate"   // repeats an earlier entry, with its id and bytes
	FlagPoison      = "poison"      // Raw cannot be parsed; Row is nil
	FlagLate        = "late"        // the event happened one to three hours before its neighbours
	FlagOutOfOrder  = "outOfOrder"  // an older event of the same key comes after a newer one
	FlagSchemaDrift = "schemaDrift" // a new field, and a number written as text
	FlagPII         = "pii"         // holds an e-mail address
	FlagWhale       = "whale"       // belongs to the one big key
)

// Entry is one row of the ledger: what was generated and what is wrong with
// it on purpose.
type Entry struct {
	Seq   int            `json:"seq"` // from 0, in sending order
	ID    string         `json:"id"`
	Key   string         `json:"key"`
	Time  string         `json:"time"` // RFC 3339, UTC, milliseconds
	Raw   string         `json:"raw"`  // what is sent
	Row   map[string]any `json:"row"`
	Flags []string       `json:"flags"`
}

// start is the time of the first event: data must not depend on the day on
// which they are made.
var start = time.Date(2026, time.January, 5, 8, 0, 0, 0, time.UTC) // never assigned again

const timeLayout = "2006-01-02T15:04:05.000Z"

// usual is the time between two events.
const usual = 250 * time.Millisecond

// recent is how far back a duplicate may lie.
const recent = 200

// Generate yields the entries of a data set one by one, so that 50,000 need
// no more memory than one. An unknown generator is an error at once.
func Generate(spec lab.Dataset, name string, seed uint64) (iter.Seq[Entry], error) {
	columns, row := shape(spec.Generator)
	if row == nil {
		return nil, fmt.Errorf("there is no generator %q", spec.Generator)
	}
	if spec.Count < 0 || spec.Keys < 0 {
		return nil, errors.New("count and keys must not be negative")
	}
	keys := spec.Keys
	if keys == 0 {
		keys = 100
	}
	return func(yield func(Entry) bool) {
		g := &generator{spec: spec, keys: keys, row: row, columns: columns,
			unit: spec.Every.Or(usual) / (usual / time.Millisecond),
			rand: rand.New(rand.NewPCG(seed, hash(name))), last: map[string]time.Time{}, rows: map[string]int{},
			planted: map[string]bool{}} // data, not secrets
		// The ids carry the seed: a wrong answer that was copied from another
		// run shows.
		g.prefix = fmt.Sprintf("%06x", g.rand.Uint32()&0xffffff)
		for seq := range spec.Count {
			if !yield(g.next(seq)) {
				return
			}
		}
	}, nil
}

// All collects what Generate yields.
func All(spec lab.Dataset, name string, seed uint64) ([]Entry, error) {
	seq, err := Generate(spec, name, seed)
	if err != nil {
		return nil, err
	}
	out := make([]Entry, 0, spec.Count)
	for e := range seq {
		out = append(out, e)
	}
	return out, nil
}

type generator struct {
	spec    lab.Dataset
	keys    int
	row     func(*rand.Rand, int) map[string]any
	columns []string
	rand    *rand.Rand
	prefix  string
	last    map[string]time.Time
	rows    map[string]int // how many a key has had
	unit    time.Duration  // a millisecond at the usual pace
	past    [recent]Entry
	made    int
	seq     int
	planted map[string]bool // by flag
}

// hit decides whether a defect is planted now. Of every defect that is asked for
// there is at least one, since a check is about it whatever the seed: if chance
// has brought none in the first half, the next entry that can have it gets it.
func (g *generator) hit(flag string, share float64) bool {
	if share <= 0 {
		return false
	}
	hit := g.rand.Float64() < share || !g.planted[flag] && g.seq >= g.spec.Count/2
	g.planted[flag] = g.planted[flag] || hit
	return hit
}

func (g *generator) next(seq int) Entry {
	d := g.spec.Defects
	g.seq = seq
	if g.made > 0 && g.hit(FlagDuplicate, d.Duplicates) {
		e := g.past[g.rand.IntN(min(g.made, recent))]
		e.Seq = seq
		if !has(e.Flags, FlagDuplicate) {
			e.Flags = append(append([]string{}, e.Flags...), FlagDuplicate)
		}
		return e
	}
	e := Entry{Seq: seq, ID: fmt.Sprintf("%s-%06d", g.prefix, seq), Key: g.key(), Flags: []string{}}
	if e.Key == g.keyName(0) && d.Whale > 0 {
		e.Flags = append(e.Flags, FlagWhale)
	}
	at := start.Add(time.Duration(seq)*g.unit*250 + time.Duration(g.rand.IntN(200))*g.unit)
	switch {
	case g.hit(FlagLate, d.Late):
		at = at.Add(-time.Hour - time.Duration(g.rand.IntN(7200))*time.Second)
		e.Flags = append(e.Flags, FlagLate)
	case !g.last[e.Key].IsZero() && g.hit(FlagOutOfOrder, d.OutOfOrder):
		at = g.last[e.Key].Add(-time.Duration(1+g.rand.IntN(5000)) * g.unit)
		e.Flags = append(e.Flags, FlagOutOfOrder)
	}
	if at.After(g.last[e.Key]) {
		g.last[e.Key] = at
	}
	e.Time = at.Format(timeLayout)
	g.fill(&e)
	// A poison record has nothing in it to recognise it by, so a duplicate
	// is only ever made of a whole one.
	if !has(e.Flags, FlagPoison) {
		g.past[g.made%recent] = e
		g.made++
	}
	return e
}

// fill makes the row and its bytes.
func (g *generator) fill(e *Entry) {
	d := g.spec.Defects
	row := g.row(g.rand, g.rows[e.Key])
	g.rows[e.Key]++
	row["id"], row[keyColumn(g.spec.Generator)], row["time"] = e.ID, e.Key, e.Time
	if g.hit(FlagSchemaDrift, d.SchemaDrift) {
		row["channel"] = "app"
		for _, c := range g.columns {
			if n, ok := row[c].(int64); ok {
				row[c] = fmt.Sprint(n)
				break
			}
		}
		e.Flags = append(e.Flags, FlagSchemaDrift)
	}
	if g.hit(FlagPII, d.PII) {
		row["contact"] = e.Key + "@example.com"
		e.Flags = append(e.Flags, FlagPII)
	}
	e.Row = row
	e.Raw = encode(row)
	if g.hit(FlagPoison, d.Poison) {
		for _, f := range e.Flags {
			g.planted[f] = false // nobody can read it in here: there must be another
		}
		e.Raw, e.Row = e.Raw[:len(e.Raw)/2], nil
		e.Flags = append(e.Flags, FlagPoison)
	}
}

func (g *generator) key() string {
	if g.hit(FlagWhale, g.spec.Defects.Whale) {
		return g.keyName(0)
	}
	if g.spec.Defects.Whale > 0 && g.keys > 1 {
		return g.keyName(1 + g.rand.IntN(g.keys-1))
	}
	return g.keyName(g.rand.IntN(g.keys))
}

func (g *generator) keyName(i int) string { return fmt.Sprintf("c%s%05d", g.prefix[:2], i) }

func has(flags []string, f string) bool {
	for _, x := range flags {
		if x == f {
			return true
		}
	}
	return false
}

// encode writes a row as JSON; encoding/json sorts the keys of a map, which
// is what makes the bytes repeatable.
func encode(row map[string]any) string {
	b, err := json.Marshal(row)
	if err != nil {
		panic(fmt.Sprintf("datagen made a row that is not JSON: %v", err)) // rows hold text and numbers only
	}
	return string(b)
}

// hash is FNV-1a, so that two data sets of one lab differ.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// Encode writes entries as one file: JSON lines of the raw text, or CSV with
// a header of all columns. A poison entry is a line that CSV readers refuse.
func Encode(entries []Entry, format string) string {
	var b strings.Builder
	if format != "csv" {
		for _, e := range entries {
			b.WriteString(e.Raw)
			b.WriteByte('\n')
		}
		return b.String()
	}
	columns := map[string]bool{}
	for _, e := range entries {
		for c := range e.Row {
			columns[c] = true
		}
	}
	names := make([]string, 0, len(columns))
	for c := range columns {
		names = append(names, c)
	}
	sort.Strings(names)
	b.WriteString(strings.Join(names, ",") + "\n")
	for _, e := range entries {
		if e.Row == nil {
			b.WriteString("\"" + e.ID + "\n")
			continue
		}
		for i, c := range names {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(cell(e.Row[c]))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func cell(v any) string {
	if v == nil {
		return ""
	}
	s := fmt.Sprint(v)
	if strings.ContainsAny(s, ",\"\n\r") {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}
