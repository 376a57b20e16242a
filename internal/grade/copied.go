package grade

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/pipelab/pipelab/internal/digest"
)

// seedDigits is the length of every derived seed.
const seedDigits = 15

// suspects lists the numbers of a text that look like derived seeds. Whose they
// are is looked up later: what a check has seen is kept, and the class may
// change.
func suspects[T string | []byte](text T) (out []uint64) {
	digits, n := 0, uint64(0)
	for i := range len(text) + 1 {
		if i < len(text) && text[i] >= '0' && text[i] <= '9' {
			if digits++; digits <= seedDigits {
				n = n*10 + uint64(text[i]-'0')
			}
			continue
		}
		if digits == seedDigits && n >= firstSeed {
			out = append(out, n)
		}
		digits, n = 0, 0
	}
	return out
}

// within lists those of a value of probes: JSON's types and Go's numbers.
func within(value any) (out []uint64) {
	switch v := value.(type) {
	case string:
		return suspects(v)
	case []byte:
		return suspects(v)
	case []any:
		for _, e := range v {
			out = append(out, within(e)...)
		}
	case map[string]any:
		for k, e := range v {
			out = append(append(out, suspects(k)...), within(e)...)
		}
	case float64:
		if v >= firstSeed && v <= firstSeed+seedRange && v == math.Trunc(v) {
			out = append(out, uint64(v))
		}
	case nil, bool:
	default:
		return suspects(fmt.Sprint(v))
	}
	return out
}

// sightings are the numbers that the checks of one submission see.
type sightings struct {
	own uint64

	mu   sync.Mutex
	seen map[uint64]string
}

func watch(own uint64) *sightings { return &sightings{own: own, seen: map[uint64]string{}} }

// mostSightings bounds what is kept of one submission whose data are full of
// such numbers.
const mostSightings = 2000

// saw looks through a value that a check has seen.
func (s *sightings) saw(check string, value any) {
	found := within(value)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range found {
		if _, known := s.seen[n]; !known && n != s.own && len(s.seen) < mostSightings {
			s.seen[n] = "check " + check
		}
	}
}

// list are the numbers in order.
func (s *sightings) list() (out []sighting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, where := range s.seen {
		out = append(out, sighting{Seed: n, Where: where})
	}
	slices.SortFunc(out, func(a, b sighting) int {
		return strings.Compare(strconv.FormatUint(a.Seed, 10), strconv.FormatUint(b.Seed, 10))
	})
	return out
}

// mostScanned bounds the size of a file that is searched for seeds.
const mostScanned = 16 << 20

// inFiles lists the seeds in a submission's own files, each where it is first. What is
// nobody's is not kept: files may be full of such numbers.
func inFiles(dir string, files []digest.File, own uint64, owners map[uint64]string) (out []sighting) {
	known := map[uint64]bool{own: true}
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if info, err := os.Stat(path); err != nil || info.Size() > mostScanned {
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for i, line := range bytes.Split(b, []byte("\n")) {
			for _, n := range suspects(line) {
				if _, seed := owners[n]; seed && !known[n] {
					known[n] = true
					out = append(out, sighting{Seed: n, Where: fmt.Sprintf("%s:%d", f.Name, i+1)})
				}
			}
		}
	}
	return out
}

// owners are the learners by their seeds.
func (p *Plan) owners() map[uint64]string {
	out := map[uint64]string{}
	if p.o.Assignment.Variants {
		for _, l := range p.people {
			out[p.seedOf(l.ID)] = l.ID
		}
	}
	return out
}

// copied words what was found of other learners' seeds.
func copied(owners map[uint64]string, self string, seen []sighting) (flags []string) {
	for _, s := range seen {
		if who, ok := owners[s.Seed]; ok && who != self {
			flags = append(flags, fmt.Sprintf("%s holds the seed of %s, %d", s.Where, who, s.Seed))
		}
	}
	return flags
}
