package glossary

import "strings"

// Mention is a place of a text where a word stands, in bytes.
type Mention struct {
	From, To int
	Entry    *Entry
}

// Reader reads texts one after the other and finds each word the first time it
// comes.
type Reader struct {
	glossary *Glossary
	seen     map[*Entry]bool
	order    []*Entry
}

// Reader returns one that has seen nothing yet.
func (g *Glossary) Reader() *Reader { return &Reader{glossary: g, seen: map[*Entry]bool{}} }

// Read returns where the text mentions words that this Reader has not met before.
// Of two names that overlap the longer one counts: "event source mapping" is no
// event.
func (r *Reader) Read(text string) (out []Mention) {
	all := tokens(text)
	for i := 0; i < len(all); i++ {
		e, n := r.at(text, all[i:])
		if e == nil {
			continue
		}
		if !r.seen[e] {
			r.seen[e] = true
			r.order = append(r.order, e)
			out = append(out, Mention{all[i].from, all[i+n-1].to, e})
		}
		i += n - 1
	}
	return out
}

// Seen are the words that were met, in the order of the texts.
func (r *Reader) Seen() []*Entry { return r.order }

// at finds the longest name that begins with the first of some tokens. Its parts
// stand next to each other: a comma or a full stop between them parts them.
func (r *Reader) at(text string, from []token) (found *Entry, length int) {
	var key strings.Builder
	for n := 0; n < min(len(from), r.glossary.longest); n++ {
		if n > 0 {
			if between := text[from[n-1].to:from[n].from]; strings.Trim(between, " \n\t-") != "" || len(between) > 3 {
				break
			}
			key.WriteByte(' ')
		}
		key.WriteString(singular(strings.ToLower(from[n].text)))
		if e := r.glossary.text[key.String()]; e != nil && (n > 0 || e.spelled(from[0].text)) {
			found, length = e, n+1
		}
	}
	return found, length
}

// spelled reports whether a single word of a text is one of the word's names, with its
// capitals: COPY is a command, and a copy is none.
func (e *Entry) spelled(word string) bool {
	for _, name := range append([]string{e.Name}, e.Also...) {
		if normal(name) == normal(word) && (name == strings.ToLower(name) || strings.HasPrefix(word, name)) {
			return true
		}
	}
	return false
}
