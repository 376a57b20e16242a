package store

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"

	"github.com/tidwall/btree"
)

// replay reads the files of a state, oldest first, into the collections.
type replay struct {
	s        *Store
	dir      string
	base     uint64 // the generation of the snapshot
	gen      uint64 // of the last file
	seq      uint64 // of the last change
	changes  uint64 // read so far, for messages
	size     int64  // of the last journal, without a torn tail
	fresh    bool   // there was nothing to read
	rewrite  bool   // the files are not as today's would be
	modern   bool   // the snapshot has a header, so all files must have one
	rows     uint64 // in the file that is read
	manifest manifest
	old      oldCollections
}

// manifest is the first frame of a snapshot.
type manifest struct {
	Collections map[string]int `json:"collections"` // name to version
	Rows        uint64         `json:"rows"`        // in the snapshot
}

// oldCollections are the rows that cannot be decoded as rows of today, by the
// name of their collection.
type oldCollections map[string]*oldRows

func (o oldCollections) names() iter.Seq[string] { return maps.Keys(o) }

// version is the version in which the files hold a collection.
func (r *replay) version(name string) int { return max(1, r.manifest.Collections[name]) }

// run reads the newest snapshot and every journal since.
func (r *replay) run() error {
	snaps, err := generations(r.dir, "snapshot")
	if err != nil {
		return err
	}
	logs, err := generations(r.dir, "journal")
	if err != nil {
		return err
	}
	first := uint64(0)
	if len(snaps) > 0 {
		first = snaps[len(snaps)-1]
		if err := r.file("snapshot", first, false); err != nil {
			return err
		}
	}
	for len(logs) > 0 && logs[0] < first {
		logs = logs[1:] // the snapshot holds them
	}
	r.base, r.gen, r.fresh = first, first, len(snaps) == 0 && len(logs) == 0
	for i, g := range logs {
		if g != first+uint64(i) {
			return r.missing("journal", first+uint64(i))
		}
		if err := r.file("journal", g, i == len(logs)-1); err != nil {
			return err
		}
		r.gen = g
	}
	if len(snaps) > 0 && len(logs) == 0 && !r.rewrite {
		return r.missing("journal", first)
	}
	if !r.rewrite {
		r.rewrite = !maps.Equal(r.manifest.Collections, r.s.versions())
	}
	return nil
}

func (r *replay) missing(kind string, gen uint64) error {
	return &DamageError{File: path(r.dir, kind, gen), Changes: r.changes, Reason: "the file is missing"}
}

// file applies the frames of one file. Only in the last journal may the last
// frame be torn.
func (r *replay) file(kind string, gen uint64, last bool) error {
	name := path(r.dir, kind, gen)
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	in := &input{file: f, size: info.Size(), gen: gen, r: bufio.NewReaderSize(f, 1<<20)}
	r.rows = 0
	err = r.begin(in, kind)
	for first := true; err == nil; first = false {
		var payload []byte
		if payload, err = in.next(); err != nil {
			break
		}
		if kind == "snapshot" && first && !in.old {
			err = json.Unmarshal(payload, &r.manifest)
		} else {
			before := r.rows
			err = r.apply(payload)
			if r.changes++; kind == "snapshot" && !in.old {
				r.changes += r.rows - before - 1 // many rows share a frame
			}
		}
		if err == nil {
			in.at = in.after
		}
	}
	switch torn := r.torn(in, err); {
	case errors.Is(err, io.EOF), torn && last:
		err = nil
	case torn:
		err = errors.New("the file ends inside a change, and it is not the last one")
	}
	if err == nil && kind == "journal" && !in.old && !r.modern && r.rows > 0 {
		return r.missing("snapshot", r.base)
	}
	if err == nil && kind == "snapshot" && !in.old && r.rows != r.manifest.Rows {
		err = fmt.Errorf("the file ends after %d of %d rows", r.rows, r.manifest.Rows)
	}
	if err != nil {
		return r.explain(err, name, in.at)
	}
	if kind == "journal" || in.old {
		r.seq = in.seq
	}
	r.size = in.at
	return nil
}

// explain makes a DamageError of what is wrong at a byte of a file.
func (r *replay) explain(err error, file string, at int64) error {
	var perr *fs.PathError
	if errors.Is(err, ErrNewer) || errors.As(err, &perr) {
		return fmt.Errorf("%s: %w", file, err)
	}
	return &DamageError{File: file, Offset: at, Changes: r.changes, Reason: err.Error()}
}

// torn reports whether reading ended because a write was cut short.
func (r *replay) torn(in *input, err error) bool {
	var bad *badFrame
	switch {
	case errors.Is(err, errTorn):
		return !in.old || !r.s.frameFollows(in.file, in.at+1, in.size)
	case errors.As(err, &bad):
		if in.old {
			return neverWritten(in.file, in.at, int64(len(tail)), in.size) // frames may end in zeros
		}
		return neverWritten(in.file, in.at, bad.size, in.size)
	}
	return false
}

// input is one file while it is read.
type input struct {
	file      *os.File
	r         *bufio.Reader
	size      int64
	gen, seq  uint64
	old       bool  // format 1
	at, after int64 // where the frame read last begins, and where it ends
}

// begin reads the header, if there is one.
func (r *replay) begin(in *input, kind string) error {
	want := map[string]string{"journal": kindJournal, "snapshot": kindSnapshot}[kind]
	head, err := in.r.Peek(headerLen)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !r.modern && isFormat1(head) {
		in.old, in.seq, r.rewrite = true, r.seq, true
		return nil
	}
	if len(head) < headerLen {
		return errHeader
	}
	seq, err := parseHeader(head, want, in.gen)
	switch {
	case err != nil:
		return err
	case kind == "snapshot":
		r.seq, r.modern = seq, true
	case seq != r.seq:
		return fmt.Errorf("it begins after change %d, and the file before it ends with change %d", seq, r.seq)
	default:
		in.seq = seq
	}
	in.at, in.after = headerLen, headerLen
	_, err = in.r.Discard(headerLen)
	return err
}

// next reads one frame.
func (in *input) next() (payload []byte, err error) {
	if in.old {
		payload, err = readFrame1(in.r, in.size-in.at)
		in.after = in.at + headLen1 + int64(len(payload))
	} else {
		payload, err = readFrame(in.r, in.size-in.at, in.gen, in.seq+1)
		in.after = in.at + headLen + int64(len(payload)+len(tail))
	}
	if err == nil {
		in.seq++
	}
	return payload, err
}

// apply carries out the changes of one frame.
func (r *replay) apply(payload []byte) error {
	return eachChange(payload, func(name, key string, value []byte, deleted bool) error {
		r.rows++
		c := r.s.collections[name]
		switch version := r.version(name); {
		case c != nil && version == c.version():
			return c.apply(key, value, deleted)
		case c != nil && version > c.version():
			return fmt.Errorf("%w: it holds %s in version %d, and this release knows up to %d",
				ErrNewer, name, version, c.version())
		}
		rows := r.old[name]
		if rows == nil {
			rows = new(btree.Map[string, []byte])
			r.old[name] = rows
		}
		if deleted {
			rows.Delete(key)
		} else {
			rows.Set(key, value)
		}
		return nil
	})
}
