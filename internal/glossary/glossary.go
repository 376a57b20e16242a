// Package glossary explains the words that a data engineer on AWS meets: every
// service of the exam guide and the ideas behind them, in our own sentences. It
// finds a word however it is written, and finds words in a text. Which labs use a
// word is computed by those who know the labs; nothing here knows them.
package glossary

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

//go:embed words/*.yaml
var files embed.FS

// Entry is one word.
type Entry struct {
	Name string `json:"name" yaml:"name"`
	// Also are other names, which texts use as well. Typed are names that a person
	// may ask for, but that mean something else in most texts: "mapping", "key".
	Also  []string `json:"also,omitempty" yaml:"also"`
	Typed []string `json:"-" yaml:"typed"`
	Group string   `json:"group" yaml:"-"`
	// Service is the name of its SDK package if the word is a service that labs may
	// name: kinesis.
	Service  string   `json:"service,omitempty" yaml:"service"`
	Means    string   `json:"means" yaml:"means"`       // one sentence
	Matters  string   `json:"matters" yaml:"matters"`   // why a data engineer cares
	Mistaken string   `json:"mistaken" yaml:"mistaken"` // what is often misunderstood
	Exam     string   `json:"exam" yaml:"exam"`         // what the exam asks of it
	Tasks    []string `json:"tasks" yaml:"tasks"`       // task statements of the exam: 1.1
	Related  []string `json:"related" yaml:"related"`   // names of other entries
	Page     string   `json:"page" yaml:"page"`         // of AWS's documentation
}

// Names are all that the word is called, its own name first.
func (e *Entry) Names() []string {
	return slices.Concat([]string{e.Name}, e.Also, e.Typed)
}

// Others are the word's other names that texts use, without those that differ from a
// name before only in their ending or their hyphens.
func (e *Entry) Others() (out []string) {
	said := []string{normal(e.Name)}
	for _, name := range e.Also {
		if n := normal(name); !slices.Contains(said, n) {
			said, out = append(said, n), append(out, name)
		}
	}
	return out
}

// Group is some words that belong together.
type Group struct {
	Title string   `json:"title" yaml:"group"`
	Order int      `json:"-" yaml:"order"`
	Words []*Entry `json:"words" yaml:"words"`
}

// Glossary is all words. It is not changed after Load.
type Glossary struct {
	Groups []Group
	// by what a word is called: as it stands, and without blanks or "Amazon"
	exact, loose map[string]*Entry
	// text is what a text calls words by
	text    map[string]*Entry
	longest int // words in a name of text
}

// Load reads the words that are part of this program.
func Load() (*Glossary, error) { return Read(files) }

// Read reads the files words/*.yaml of a file system.
func Read(fsys fs.FS) (*Glossary, error) {
	names, err := fs.Glob(fsys, "words/*.yaml")
	if err != nil {
		return nil, err
	}
	g := &Glossary{exact: map[string]*Entry{}, loose: map[string]*Entry{}, text: map[string]*Entry{}}
	for _, name := range names {
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		var group Group
		if err := yaml.UnmarshalWithOptions(src, &group, yaml.Strict()); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, e := range group.Words {
			e.Group = group.Title
		}
		g.Groups = append(g.Groups, group)
	}
	slices.SortStableFunc(g.Groups, func(a, b Group) int { return a.Order - b.Order })
	return g, g.index()
}

// index fills the maps. Two words with one name are an error.
func (g *Glossary) index() error {
	for _, e := range g.All() {
		for _, name := range e.Names() {
			key := normal(name)
			if other := g.exact[key]; other != nil && other != e {
				return fmt.Errorf("both %q and %q are called %q", other.Name, e.Name, name)
			}
			g.exact[key] = e
		}
		for _, name := range append([]string{e.Name}, e.Also...) {
			g.text[normal(name)] = e
			g.longest = max(g.longest, len(strings.Fields(normal(name))))
		}
	}
	// Only where nothing is called so in full: "batch" is not AWS Batch.
	for _, e := range g.All() {
		for _, name := range e.Names() {
			for _, key := range []string{squeezed(name), squeezed(bare(name))} {
				if g.loose[key] == nil {
					g.loose[key] = e
				}
			}
		}
	}
	return nil
}

// All lists the words in the order of their groups.
func (g *Glossary) All() []*Entry {
	var all []*Entry
	for i := range g.Groups {
		all = append(all, g.Groups[i].Words...)
	}
	return all
}

// Find finds a word by any of its names, however it is written: "Dead-letter
// queues", "DLQ", "deadletterqueue".
func (g *Glossary) Find(word string) (*Entry, bool) {
	for _, found := range []*Entry{g.exact[normal(word)], g.exact[normal(bare(word))], g.loose[squeezed(word)],
		g.loose[squeezed(bare(word))]} {
		if found != nil {
			return found, true
		}
	}
	return nil, false
}
