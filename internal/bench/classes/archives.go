package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// instead removes the folder of a learner and returns the name of an archive that
// takes its place.
func (s *seat) instead(suffix string) (string, error) {
	folder := filepath.Join(s.class, s.learner)
	return folder + suffix, os.RemoveAll(folder)
}

// bomb is a small archive of 32 GiB: one file under many names, or of many files.
func bomb(s *seat) (err error) {
	name, err := s.instead(".zip")
	if err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, members := 64<<20, 512
	if s.again {
		size, members = 1, 200_000
	}
	zeros := make([]byte, size)
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err != nil {
		return err
	}
	if _, err := w.Write(zeros); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	out := zip.NewWriter(f)
	for i := range members {
		into, err := out.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf("%s/src/%d.py", s.lab, i), Method: zip.Deflate,
			CRC32: crc32.ChecksumIEEE(zeros), CompressedSize64: uint64(packed.Len()), UncompressedSize64: uint64(size)})
		if err != nil {
			return err
		}
		if _, err := into.Write(packed.Bytes()); err != nil {
			return err
		}
	}
	return out.Close()
}

// tape is an archive of what is no file, or of names that lead elsewhere.
func tape(s *seat) (err error) {
	name, err := s.instead(".tar.gz")
	if err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	packed := gzip.NewWriter(f)
	out := tar.NewWriter(packed)
	members := []tar.Header{{Typeflag: tar.TypeSymlink, Name: s.lab, Linkname: "../" + s.neighbour},
		{Typeflag: tar.TypeLink, Name: s.lab + "/src", Linkname: "../" + s.neighbour + "/src"},
		{Typeflag: tar.TypeFifo, Name: s.lab + "/template.yaml"},
		{Typeflag: tar.TypeBlock, Name: s.lab + "/disk", Devmajor: 8}}
	if s.again {
		members = []tar.Header{{Typeflag: tar.TypeReg, Name: "../" + s.neighbour + "/src/" + programs[s.lab], Size: 4},
			{Typeflag: tar.TypeReg, Name: "/etc/passwd", Size: 4},
			{Typeflag: tar.TypeReg, Name: s.lab + "/\x1b[31m\n::error::x", Size: 4}}
	}
	for i := range members {
		h := &members[i]
		h.Mode = 0o777
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.WriteString(out, strings.Repeat("x", int(h.Size))); err != nil {
			return err
		}
	}
	return errors.Join(out.Close(), packed.Close())
}

// borrow is a repository that is the neighbour's, or that lets nobody read it.
func borrow(s *seat) error {
	if !s.again {
		return s.write(".git", "gitdir: ../../"+s.neighbour+"/.git\n")
	}
	if err := s.write(".git/objects/info/alternates", "../../../../"+s.neighbour+"/.git/objects\n"); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(s.tree(), ".git", "refs"), 0o755); err != nil {
		return err
	}
	return mkfifo(filepath.Join(s.tree(), ".git", "HEAD"))
}

// branches is a repository of a few KiB with a thousand thousand million files.
func branches(s *seat) error {
	run := func(stdin string, args ...string) (string, error) {
		cmd := exec.Command("git", args...) //nolint:noctx // git reads its input and ends
		cmd.Dir, cmd.Stdin = s.tree(), strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a",
			"GIT_COMMITTER_EMAIL=a@b", "GIT_AUTHOR_DATE=@0 +0000", "GIT_COMMITTER_DATE=@0 +0000")
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	if _, err := run("", "init", "-q", "-b", "main"); err != nil {
		return err
	}
	blob, err := run("x", "hash-object", "-w", "--stdin")
	if err != nil {
		return err
	}
	tree, err := run("100644 blob "+blob+"\tapp.py\n", "mktree")
	for range 12 {
		var lines strings.Builder
		for i := range 10 {
			fmt.Fprintf(&lines, "040000 tree %s\td%d\n", tree, i)
		}
		if err == nil {
			tree, err = run(lines.String(), "mktree")
		}
	}
	if err != nil {
		return err
	}
	commit, err := run("x", "commit-tree", tree)
	if err != nil {
		return err
	}
	_, err = run("", "update-ref", "refs/heads/main", commit)
	return err
}

// pipe is a pipe among the files, or a file of 100 GiB of which nothing is there.
func pipe(s *seat) error {
	if !s.again {
		return mkfifo(filepath.Join(s.tree(), "src", "data"))
	}
	if err := s.write("src/data", ""); err != nil {
		return err
	}
	return os.Truncate(filepath.Join(s.tree(), "src", "data"), 100<<30)
}
