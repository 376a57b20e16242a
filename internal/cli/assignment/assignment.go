// Package assignment holds the commands with which instructors hand out labs
// and learners hand in their work: assignment keys, new, pack, verify and open,
// and submit.
package assignment

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/seal"
)

// Commands returns the group "assignment" and submit.
func Commands(a *app.App) []*cobra.Command {
	group := &cobra.Command{
		Use: "assignment", Short: "Hand out labs: keys, dates, hidden checks", GroupID: "grading", Args: cobra.NoArgs,
		Long: `An assignment is labs with points, dates and rules. The instructor writes it
(new), packs what learners get (pack) and looks it over (verify). Hidden checks,
in a lab's folder "sealed", and the seed of everybody's data are encrypted to the
instructor's keys; all of it is signed.`,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	group.AddCommand(newKeys(a), newNew(a), newPack(a), newVerify(a), newOpen(a))
	return []*cobra.Command{group, newSubmit(a)}
}

// KeysFlag is where an instructor's keys are; PIPELAB_KEYS holds the path, or
// the text itself where a CI has only secrets.
func KeysFlag(c *cobra.Command, to *string) {
	c.Flags().StringVar(to, "keys", "",
		"the instructor's keys (default: $PIPELAB_KEYS, else the file that assignment keys makes)")
}

// keysFile is where the keys are; an error where nothing says so.
func keysFile(a *app.App, path string) (string, error) {
	if path == "" {
		path = a.Getenv("PIPELAB_KEYS")
	}
	if path != "" {
		return a.Path(path), nil
	}
	dir := a.ConfigDir()
	if dir == "" {
		return "", app.Environmentf("HOME is not set, so there is no place for an instructor's keys").
			Hint("name the file: PIPELAB_KEYS=FILE, or set HOME")
	}
	return filepath.Join(dir, "instructor.keys"), nil
}

// keysText is what PIPELAB_KEYS holds where it is the keys themselves, no path.
// It is secret: no message repeats it, and no file is named after it.
func keysText(a *app.App) (string, bool) {
	text := a.Getenv("PIPELAB_KEYS")
	return text, strings.Contains(text, "AGE-SECRET-KEY-")
}

// Keys reads an instructor's keys: from a file, or from PIPELAB_KEYS when it
// holds them.
func Keys(a *app.App, path string) (*seal.Keys, error) {
	if text, ok := keysText(a); ok && path == "" {
		k, err := seal.ParseKeys(text)
		if err != nil {
			return nil, app.Invalidf("the keys in PIPELAB_KEYS: %w", err)
		}
		return k, nil
	}
	path, err := keysFile(a, path)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil,
			app.Usagef("there are no keys in %s",
				path).Hint("make them once: pipelab assignment keys").Hint("or name them: --keys FILE, or PIPELAB_KEYS")
	}
	if err != nil {
		return nil, err
	}
	k, err := seal.ParseKeys(string(b))
	if err != nil {
		return nil, app.Invalidf("%s: %w", path, err)
	}
	return k, nil
}

func newKeys(a *app.App) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use: "keys", Short: "Make an instructor's keys, once", Args: cobra.NoArgs,
		Long: `Makes the keys that open hidden checks and sign assignments. Keep the file: what
was sealed to lost keys stays sealed. In CI put its text into the secret
PIPELAB_KEYS.`,
		Example: "  pipelab assignment keys",
		RunE: func(*cobra.Command, []string) error {
			k, err := seal.NewKeys()
			if err != nil {
				return err
			}
			if _, ok := keysText(a); ok && output == "" {
				return app.Usagef("PIPELAB_KEYS holds keys already").Hint("make others for all that: --output FILE")
			}
			path := output
			if path != "" {
				path = a.Path(path)
			} else if path, err = keysFile(a, ""); err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if errors.Is(err, fs.ErrExist) {
				return app.Usagef("%s is there already", path).Hint("another place: --output FILE")
			}
			if err != nil {
				return err
			}
			_, err = f.WriteString(k.String())
			if err = errors.Join(err, f.Close()); err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]string{"file": path, "recipient": k.Recipient(), "signer": k.Signer()})
			}
			a.Printf("%s\n\n  recipient  %s\n  signer     %s\n", path, k.Recipient(), k.Signer())
			a.Statusf("\ntell learners the signer: they name it when they open their first assignment")
			return nil
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "", "file to write (default: where the other commands look)")
	return c
}

// folders opens labs by id or folder, each with its hidden checks.
func folders(a *app.App, names []string) ([]*lab.Folder, error) {
	var out []*lab.Folder
	for _, name := range names {
		l, err := a.WholeFolder(name)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// Handout opens what "assignment pack" has made, a zip or a folder, with an
// instructor's keys. It is nil without an error when the path is none. One that is
// older than another that was opened is refused unless older is set.
func Handout(a *app.App, path, keys string, older bool) (*grade.Handout, func(), error) {
	st, err := os.Stat(a.Path(path))
	if err != nil {
		return nil, nil, nil
	}
	if st.IsDir() {
		if _, err := os.Stat(filepath.Join(a.Path(path), seal.ListFile)); err != nil {
			return nil, nil, nil
		}
	} else if !strings.EqualFold(filepath.Ext(path), ".zip") {
		return nil, nil, nil
	}
	k, err := Keys(a, keys)
	if err != nil {
		return nil, nil, err
	}
	tree, release, err := openTree(a, path)
	if err != nil {
		return nil, nil, err
	}
	h, err := handout(tree, path, k, k.Signer())
	if err == nil {
		err = fresh(a, path, h, older)
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return h, release, nil
}

// openTree opens a folder or a zip file as a tree of files.
func openTree(a *app.App, path string) (fs.FS, func(), error) {
	full := a.Path(path)
	st, err := os.Stat(full)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, app.Usagef("there is no %s", path).Hint("it is the file that pipelab assignment pack has made")
	}
	if err != nil {
		return nil, nil, err
	}
	if st.IsDir() {
		return os.DirFS(full), func() {}, nil
	}
	z, err := zip.OpenReader(full)
	if err != nil {
		return nil, nil, app.Invalidf("%s is neither a folder nor a zip file: %w", path, err)
	}
	total := uint64(0)
	for _, f := range z.File {
		total += f.UncompressedSize64
	}
	if total > maxHandout {
		_ = z.Close() // was only read
		return nil, nil, app.Invalidf("%s says that it holds %d MB; a handout has at most %d", path, total>>20,
			maxHandout>>20)
	}
	return z, func() { _ = z.Close() }, nil
}

// maxHandout bounds what a handout may hold, in bytes.
const maxHandout = 256 << 20

// zipOf writes files as a zip; the same files give the same bytes.
func zipOf(files map[string][]byte) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0,
			time.UTC)})
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(files[name]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// writeNew writes a file that is not there yet.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) // to be handed out
	if errors.Is(err, fs.ErrExist) {
		return app.Usagef("%s is there already", path).Hint("remove it, or name another: --output FILE")
	}
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err != nil {
		_ = f.Close()
		return errors.Join(err, os.Remove(path))
	}
	return f.Close()
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
