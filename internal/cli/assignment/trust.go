package assignment

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/workspace"
)

// trust is whose assignments this user has opened, and how new they were: the file
// trust.json beside the progress.
type trust struct {
	path string

	// Signers are known: by their public key, when each was named first.
	Signers map[string]time.Time `json:"signers"`
	// Newest is when the newest package of an assignment was packed, by signer and id.
	Newest map[string]map[string]time.Time `json:"newest"`

	now func() time.Time
}

func loadTrust(a *app.App) (*trust, error) {
	t := &trust{Signers: map[string]time.Time{}, Newest: map[string]map[string]time.Time{}, now: a.Now}
	dir := a.StateDir()
	if dir == "" {
		return t, nil
	}
	t.path = filepath.Join(dir, "trust.json")
	b, err := os.ReadFile(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err == nil {
		err = json.Unmarshal(b, t)
	}
	if err != nil {
		return nil, app.Invalidf("what is remembered of signers cannot be read: %s: %w", t.path, err).
			Hint("remove the file, and name the signer once more: --signer")
	}
	return t, nil
}

// check refuses a package of a signer who is not known, unless the user has named
// the signer, and one that is older than another of the same assignment.
func (t *trust) check(name string, h *grade.Handout, named, older bool) error {
	if _, known := t.Signers[h.Signer]; !known && !named {
		return app.Invalidf("%s was signed by %s, whom you have not named before", name, h.Signer).
			Hint("compare that with what your instructor has told you, then: pipelab assignment open " + name +
				" --signer " + h.Signer)
	}
	if newest := t.Newest[h.Signer][h.Assignment.ID]; !older && h.Packed.Before(newest) {
		when := "does not say when it was packed"
		if !h.Packed.IsZero() {
			when = "was packed at " + h.Packed.Format(time.DateTime) + " UTC"
		}
		return app.Invalidf("%s %s; you have had one of %s that was packed at %s UTC", name, when, h.Assignment.ID,
			newest.Format(time.DateTime)).Hint("ask for the newest package; or take this one: --older")
	}
	return nil
}

// remember makes the signer known and the package the newest, if it is. Where nothing
// can be written the package is as good as it was.
func (t *trust) remember(a *app.App, h *grade.Handout) {
	if _, known := t.Signers[h.Signer]; !known {
		t.Signers[h.Signer] = t.now().UTC()
	}
	of := t.Newest[h.Signer]
	if of == nil {
		of = map[string]time.Time{}
		t.Newest[h.Signer] = of
	}
	if h.Packed.After(of[h.Assignment.ID]) {
		of[h.Assignment.ID] = h.Packed
	}
	err := workspace.ErrNoPlace
	if t.path != "" {
		err = workspace.WriteJSON(t.path, t)
	}
	if err != nil {
		a.Statusf("note: the signer will have to be named again: %v", err)
	}
}

// fresh checks and remembers a package that one's own keys have signed.
func fresh(a *app.App, name string, h *grade.Handout, older bool) error {
	t, err := loadTrust(a)
	if err != nil {
		return err
	}
	if err := t.check(name, h, true, older); err != nil {
		return err
	}
	t.remember(a, h)
	return nil
}
