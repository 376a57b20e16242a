package store

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// Format 1, which early builds wrote, has no header: a file is a row of frames
//
//	size u32, checksum of payload u32, payload
//
// with the payload of format 2. It is read and never written.
const headLen1 = 8

// isFormat1 reports whether a file has none of the headers that there are.
// An empty file is of format 1.
func isFormat1(start []byte) bool {
	return !bytes.HasPrefix(start, []byte(kindJournal)) && !bytes.HasPrefix(start, []byte(kindSnapshot)) &&
		!bytes.HasPrefix([]byte(kindJournal), start) || len(start) == 0
}

// readFrame1 reads the next frame of a file of format 1; errors as readFrame's.
func readFrame1(r io.Reader, left int64) ([]byte, error) {
	var head [headLen1]byte
	switch {
	case left == 0:
		return nil, io.EOF
	case left < headLen1:
		return nil, errTorn
	}
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := int64(binary.LittleEndian.Uint32(head[:]))
	if size == 0 || size > frameMax {
		return nil, &badFrame{"the size of a change is impossible", headLen1}
	}
	if left < headLen1+size {
		return nil, errTorn
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, err
	}
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, &badFrame{"the checksum of a change is wrong", headLen1 + size}
	}
	return payload, nil
}

// frameFollows reports whether a whole frame of format 1 lies anywhere behind a
// byte. Its head has no checksum, so a damaged size looks like a write that was
// cut short; only what follows tells them apart.
func (s *Store) frameFollows(f io.ReaderAt, from, size int64) bool {
	r := bufio.NewReaderSize(io.NewSectionReader(f, from, size-from), 1<<20)
	for at := from; at+headLen1 < size; at++ {
		head, err := r.Peek(headLen1 + 2)
		if err != nil {
			return false
		}
		n := int64(binary.LittleEndian.Uint32(head))
		// Cheap before dear: the length, then how a payload begins.
		if n > 4 && at+headLen1+n <= size && head[8] <= opDelete && head[9] > 0 && head[9] < 0x80 &&
			s.isFrame1(f, at+headLen1, n, binary.LittleEndian.Uint32(head[4:])) {
			return true
		}
		if _, err := r.Discard(1); err != nil {
			return false
		}
	}
	return false
}

func (s *Store) isFrame1(f io.ReaderAt, at, n int64, sum uint32) bool {
	name := make([]byte, min(n, 130))
	if _, err := f.ReadAt(name, at); err != nil {
		return false
	}
	name, _, ok := cutBytes(name[1:])
	if _, known := s.collections[string(name)]; !ok || !known && s.retired[string(name)] == nil {
		return false
	}
	payload := make([]byte, n)
	_, err := f.ReadAt(payload, at)
	return err == nil && crc32.Checksum(payload, castagnoli) == sum
}
