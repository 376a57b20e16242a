package grade

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/pipelab/pipelab/internal/foreign"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/seal"
)

// What is in a handout beside the labs' folders.
const (
	AssignmentFile = "assignment.yaml" // without the seed
	secretFile     = "sealed.age"      // a file's name
	labsFolder     = "labs"
)

// secret is what sealed.age holds.
type secret struct {
	Seed       uint64      `json:"seed"`
	Extensions []Extension `json:"extensions,omitempty"` // nobody else's business
}

// visible are the parts of a lab that learners get.
var visible = []string{"lab.yaml", "README.md", "resources.yaml", "starter", "data", "checks"}

// Pack makes what learners get of an assignment: the text, the starter and the
// visible checks of each lab, and sealed to the instructor the hidden checks
// and the seed. All of it is signed. Recipient and Signer of the assignment
// are set to the keys', and it says that it was packed at that time.
func Pack(a *Assignment, labs []*lab.Folder, keys *seal.Keys, at time.Time) (map[string][]byte, error) {
	public := *a
	public.Seed, public.Recipient, public.Signer, public.Extensions = 0, keys.Recipient(), keys.Signer(), nil
	text, err := yaml.Marshal(public)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{AssignmentFile: text}
	hidden, err := json.Marshal(secret{Seed: a.Seed, Extensions: a.Extensions})
	if err != nil {
		return nil, err
	}
	if files[secretFile], err = seal.Seal(public.Recipient, hidden); err != nil {
		return nil, err
	}
	for _, l := range labs {
		if err := packLab(files, l, public.Recipient); err != nil {
			return nil, fmt.Errorf("pack %s: %w", l.ID, err)
		}
	}
	return files, keys.SignBundle(files, at)
}

func packLab(files map[string][]byte, l *lab.Folder, recipient string) error {
	to := path.Join(labsFolder, l.ID)
	for _, part := range visible {
		if err := collect(files, l.FS, part, to); err != nil {
			return err
		}
	}
	sealed := map[string][]byte{}
	if err := collect(sealed, l.FS, "sealed", "."); err != nil {
		return err
	}
	tree, err := lab.InMemory(sealed)
	if err != nil {
		return err
	}
	plain, err := seal.Pack(tree)
	if err != nil {
		return err
	}
	files[path.Join(to, lab.SealedBytes)], err = seal.Seal(recipient, plain)
	return err
}

// collect reads a file or folder of a tree; what is not there is left out.
func collect(files map[string][]byte, tree fs.FS, name, to string) error {
	err := fs.WalkDir(tree, name, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(tree, p)
		files[path.Join(to, p)] = b
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Handout is a packed assignment that was opened and is as it was signed.
type Handout struct {
	Assignment *Assignment
	// Labs holds a folder for each lab; with the instructor's keys their hidden
	// checks too.
	Labs fs.FS
	seal.Signed
}

// OpenHandout checks the signature and opens a packed assignment. keys may be
// nil: what is sealed stays so then, and the seed is 0.
func OpenHandout(tree fs.FS, keys *seal.Keys) (*Handout, error) {
	signed, err := seal.VerifyBundle(tree)
	if err != nil {
		return nil, err
	}
	text, err := fs.ReadFile(tree, AssignmentFile)
	if err != nil {
		return nil, err
	}
	h := &Handout{Signed: signed}
	if h.Assignment, err = ParseAssignment(AssignmentFile, text); err != nil {
		return nil, err
	}
	if h.Assignment.Signer != signed.Signer {
		return nil, fmt.Errorf("the assignment names the signer %s, but %s has signed", h.Assignment.Signer, signed.Signer)
	}
	if h.Labs, err = fs.Sub(tree, labsFolder); err != nil || keys == nil {
		return h, err
	}
	return h, h.unseal(tree, keys)
}

func (h *Handout) unseal(tree fs.FS, keys *seal.Keys) error {
	sealed, err := fs.ReadFile(tree, secretFile)
	if err != nil {
		return err
	}
	plain, err := keys.Open(sealed)
	if err != nil {
		return err
	}
	var s secret
	if err := json.Unmarshal(plain, &s); err != nil {
		return fmt.Errorf("%s: %w", secretFile, err)
	}
	h.Assignment.Seed, h.Assignment.Extensions = s.Seed, s.Extensions
	for i := range h.Assignment.Extensions {
		h.Assignment.Extensions[i].place = AssignmentFile
	}
	files := map[string][]byte{}
	if err := collect(files, h.Labs, ".", "."); err != nil {
		return err
	}
	for _, l := range h.Assignment.Labs {
		sealed, ok := files[path.Join(l.ID, lab.SealedBytes)]
		if !ok {
			return fmt.Errorf("the handout lacks the lab %s", l.ID)
		}
		plain, err := keys.Open(sealed)
		if err != nil {
			return err
		}
		hidden, err := seal.Unpack(plain)
		if err != nil {
			return fmt.Errorf("%s: %w", l.ID, err)
		}
		for name, b := range hidden {
			files[path.Join(l.ID, name)] = b
		}
	}
	h.Labs, err = lab.InMemory(files)
	return err
}

// Leaks looks for what must stay hidden in what learners can see of a handout:
// the seed, texts of hidden checks, files of solutions. It returns a sentence
// for each place.
func Leaks(tree fs.FS, seed uint64, labs []*lab.Folder) ([]string, error) {
	public := map[string][]byte{}
	if err := collect(public, tree, ".", "."); err != nil {
		return nil, err
	}
	var out []string
	find := func(what, text string) {
		for _, name := range slices.Sorted(maps.Keys(public)) {
			if bytes.Contains(public[name], []byte(text)) {
				out = append(out, fmt.Sprintf("%s holds %s", name, what))
			}
		}
	}
	if text := fmt.Sprint(seed); len(text) >= 4 { // a shorter one is in every number
		find("the assignment's seed", text)
	}
	for _, l := range labs {
		texts, err := hiddenTexts(l)
		if err != nil {
			return nil, err
		}
		for _, t := range texts {
			find(fmt.Sprintf("a text of a hidden check of %s: %.60q", l.ID, t), t)
		}
		answers := map[string][]byte{}
		if err := collect(answers, l.FS, "solution", "."); err != nil {
			return nil, err
		}
		for name, b := range answers {
			rel := strings.TrimPrefix(name, "solution/")
			given, _ := fs.ReadFile(l.FS, path.Join("starter", rel)) // not there: nothing is given
			if len(bytes.TrimSpace(b)) > 0 && !bytes.Equal(given, b) {
				find("a file of the solution of "+l.ID+": "+rel, string(b))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// hiddenTexts are the distinctive texts of a lab's sealed folder: what is long
// enough to be no accident and is not in lab.yaml, which learners have.
func hiddenTexts(l *lab.Folder) ([]string, error) {
	const distinctive = 16
	sealed := map[string][]byte{}
	if err := collect(sealed, l.FS, "sealed", "."); err != nil {
		return nil, err
	}
	known, err := fs.ReadFile(l.FS, "lab.yaml")
	if err != nil {
		return nil, err
	}
	var out []string
	add := func(s string) {
		if s = strings.TrimSpace(s); len(s) >= distinctive && !bytes.Contains(known, []byte(s)) {
			out = append(out, s)
		}
	}
	for name, b := range sealed {
		if text, err := foreign.Text(b); err == nil {
			b = text
		}
		var v any
		if path.Ext(name) != ".yaml" || yaml.Unmarshal(b, &v) != nil {
			for _, line := range strings.Split(string(b), "\n") {
				add(line)
			}
			continue
		}
		leaves(v, add)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// leaves calls add for every text of a decoded document.
func leaves(v any, add func(string)) {
	switch v := v.(type) {
	case string:
		for _, line := range strings.Split(v, "\n") {
			add(line)
		}
	case []any:
		for _, e := range v {
			leaves(e, add)
		}
	case map[string]any:
		for _, e := range v {
			leaves(e, add)
		}
	}
}
