package provision

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// The two keys by which packed local code stands in a template's Code.
const (
	localPath   = "LocalPath"
	localDigest = "LocalDigest"
)

// Assets keeps packed code by the digest of its zip, so that a rollback finds
// the code of the version before.
type Assets interface {
	Put(digest string, zipped []byte) error
	Get(digest string) ([]byte, error)
}

// maxUnpacked is the size of a function's code, unpacked.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxUnpacked = 250 << 20

// pack zips a folder below base (or takes a .zip as it is, or a single file).
// The same files give the same bytes: entries are sorted and carry a fixed time.
// Links that lead out of base are not followed: whoever deploys for others must
// not hand them files of its own.
func pack(base, location string) ([]byte, error) {
	below, err := os.OpenRoot(base)
	if err != nil {
		return nil, err
	}
	defer below.Close()
	tree := below.FS()
	location = path.Clean(filepath.ToSlash(location))
	info, err := fs.Stat(tree, location)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no such file or folder")
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() && strings.HasSuffix(location, ".zip") {
		return fs.ReadFile(tree, location)
	}
	root := location
	if !info.IsDir() {
		root = path.Dir(location)
	}
	ignored, err := readIgnore(tree, root)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	total := int64(0)
	err = fs.WalkDir(tree, location, func(name string, d fs.DirEntry, err error) error { // in lexical order
		if err != nil {
			return err
		}
		rel := name
		if name == root {
			rel = "."
		} else if root != "." {
			rel = strings.TrimPrefix(name, root+"/")
		}
		if rel != "." && ignored.match(rel, d.IsDir()) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		if total += int64(len(b)); total > maxUnpacked {
			return errors.New("the code is larger than 250 MB unpacked")
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		return addFile(z, rel, b, st.Mode().Perm()&0o111 != 0)
	})
	if err == nil {
		err = z.Close()
	}
	if err == nil && total == 0 {
		err = errors.New("there is no code in it")
	}
	return buf.Bytes(), err
}

func addFile(z *zip.Writer, name string, b []byte, executable bool) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	h.SetMode(0o644)
	if executable {
		h.SetMode(0o755)
	}
	w, err := z.CreateHeader(h)
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}

// zipInline packs ZipFile of a template: one file, named by the handler, or
// index as CloudFormation has it.
// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-lambda-function-code.html
func zipInline(runtime, handler, text string) ([]byte, error) {
	module, _, _ := strings.Cut(handler, ".")
	if module == "" {
		module = "index"
	}
	ext := ""
	switch {
	case strings.HasPrefix(runtime, "python"):
		ext = ".py"
	case strings.HasPrefix(runtime, "nodejs"):
		ext = ".js"
	default:
		return nil, fmt.Errorf("inline code needs a Python or Node.js runtime, not %q", runtime)
	}
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	if err := addFile(z, module+ext, []byte(text), false); err != nil {
		return nil, err
	}
	err := z.Close()
	return buf.Bytes(), err
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// ignore is what .pipelabignore lists, a pattern a line: a name at any depth,
// or a path from the root when it holds a slash; a slash at the end means
// folders only, ! takes back.
type ignore []string

func readIgnore(tree fs.FS, root string) (ignore, error) {
	out := ignore{".git/", ".pipelab/", "__pycache__/", "*.pyc", ".DS_Store", ".pipelabignore"}
	b, err := fs.ReadFile(tree, path.Join(root, ".pipelabignore"))
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out, err
}

func (g ignore) match(rel string, dir bool) bool {
	hit := false
	for _, p := range g {
		p, back := strings.CutPrefix(p, "!")
		p, folder := strings.CutSuffix(p, "/")
		if folder && !dir {
			continue
		}
		subject := path.Base(rel)
		if strings.Contains(p, "/") {
			subject, p = rel, strings.TrimPrefix(p, "/")
		}
		if ok, err := path.Match(p, subject); err == nil && ok {
			hit = !back
		}
	}
	return hit
}
