package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// The form of files, format 2. Numbers are little endian; checksums are
// CRC-32C (Castagnoli).
//
//	file    header frame…
//	header  kind[8] format u32, generation u64, sequence u64, checksum u32
//	frame   size u32, sequence u64, checksum of payload u32, checksum of head u32, payload, "done"
//
// The header's sequence is the number of the last change before the file; each
// frame has the next one. The checksum of a frame's head covers the generation
// too, so that a frame can be taken for one of another file as little as for
// one of another size. "done" is not zero: a file that ends in zeros was made
// longer by a write whose bytes never reached the disk.
const (
	format    = 2
	headerLen = 32
	headLen   = 20
	tail      = "done"
	// frameMax bounds a transaction, so that a damaged size is noticed.
	frameMax = 1 << 30
)

// Kinds of files. As a frame's size in format 1 they are more than a frame may
// have, and a release that knows only format 1 refuses the state for that.
const (
	kindJournal  = "PIPEJRNL"
	kindSnapshot = "PIPESNAP"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header begins a file of the generation gen, after the change number seq.
func header(kind string, gen, seq uint64) []byte {
	b := make([]byte, 0, headerLen)
	b = append(b, kind...)
	b = binary.LittleEndian.AppendUint32(b, format)
	b = binary.LittleEndian.AppendUint64(b, gen)
	b = binary.LittleEndian.AppendUint64(b, seq)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// errHeader says that a file has no header that can be trusted.
var errHeader = errors.New("the header's checksum is wrong")

// parseHeader takes a header apart. A format that is not ours is an ErrNewer.
func parseHeader(b []byte, kind string, gen uint64) (seq uint64, err error) {
	switch sum := binary.LittleEndian.Uint32(b[headerLen-4:]); {
	case string(b[:8]) != kind || crc32.Checksum(b[:headerLen-4], castagnoli) != sum:
		return 0, errHeader
	case binary.LittleEndian.Uint32(b[8:]) != format:
		return 0, fmt.Errorf("%w: its format is %d, and this release knows 1 and %d",
			ErrNewer, binary.LittleEndian.Uint32(b[8:]), format)
	case binary.LittleEndian.Uint64(b[12:]) != gen:
		return 0, fmt.Errorf("it is the file of generation %d under another name", binary.LittleEndian.Uint64(b[12:]))
	}
	return binary.LittleEndian.Uint64(b[20:]), nil
}

// beginFrame makes room for a frame's head in an empty buffer.
func beginFrame(b []byte) []byte { return append(b[:0], make([]byte, headLen)...) }

// endFrame fills in the head of a frame that beginFrame began.
func endFrame(b []byte, gen, seq uint64) ([]byte, error) {
	if len(b)-headLen > frameMax {
		return nil, fmt.Errorf("one transaction of %d bytes is more than the %d that can be stored", len(b)-headLen, frameMax)
	}
	binary.LittleEndian.PutUint32(b, uint32(len(b)-headLen))
	binary.LittleEndian.PutUint64(b[4:], seq)
	binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[headLen:], castagnoli))
	binary.LittleEndian.PutUint32(b[16:], headSum(b, gen))
	return append(b, tail...), nil
}

func headSum(b []byte, gen uint64) uint32 {
	var g [8]byte
	binary.LittleEndian.PutUint64(g[:], gen)
	return crc32.Update(crc32.Checksum(g[:], castagnoli), castagnoli, b[:headLen-4])
}

// errTorn says that a file ends inside a frame: the write of it was cut short,
// and nobody was told that it had been done.
var errTorn = errors.New("the last change is incomplete")

// badFrame is a frame that is wholly there and not what was written.
type badFrame struct {
	reason string
	size   int64 // bytes that are the frame's without doubt
}

// Error implements error.
func (e *badFrame) Error() string { return e.reason }

// readFrame reads the frame that must have the number seq. left is how many
// bytes the file has from here on. io.EOF means that there is no further frame,
// errTorn that the file ends inside it, a badFrame that it is damaged.
func readFrame(r io.Reader, left int64, gen, seq uint64) ([]byte, error) {
	var head [headLen]byte
	switch {
	case left == 0:
		return nil, io.EOF
	case left < headLen:
		return nil, errTorn
	}
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	if binary.LittleEndian.Uint32(head[16:]) != headSum(head[:], gen) {
		// Of a head that is cut short not even the last byte was written.
		return nil, &badFrame{"the checksum of a change's head is wrong", headLen + int64(len(tail)) - 1}
	}
	size := int64(binary.LittleEndian.Uint32(head[:]))
	whole := headLen + size + int64(len(tail))
	if got := binary.LittleEndian.Uint64(head[4:]); got != seq {
		return nil, &badFrame{fmt.Sprintf("change %d is where change %d belongs", got, seq), whole}
	}
	if left < whole {
		return nil, errTorn
	}
	payload := make([]byte, size+int64(len(tail)))
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, err
	}
	payload, end := payload[:size:size], payload[size:]
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(head[12:]) || string(end) != tail {
		return nil, &badFrame{"the checksum of a change is wrong", whole}
	}
	return payload, nil
}

// neverWritten reports whether the end of a bad frame at a byte, and all that
// follows it in the file, is zero. Some file systems leave that after a power
// cut: the length of the file was written and its bytes were not, so the change
// is one of the last second, which a power cut may cost. A frame that was
// written does not end in zeros.
// Source: https://xfs.org/index.php/XFS_FAQ (binary NULLs in files after recovery)
func neverWritten(f io.ReaderAt, at, frame, size int64) bool {
	from := at + frame - int64(len(tail))
	if from >= size {
		return false
	}
	r := io.NewSectionReader(f, from, size-from)
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if bytes.Count(buf[:n], []byte{0}) != n {
			return false
		}
		if err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

// One change of a payload: what it does, then the name, the key and the value,
// each behind its length.
const (
	opPut    = 0
	opDelete = 1
)

func appendChange(b []byte, name, key string, value []byte, deleted bool) []byte {
	if deleted {
		b = append(b, opDelete)
	} else {
		b = append(b, opPut)
	}
	b = append(binary.AppendUvarint(b, uint64(len(name))), name...)
	b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
	if !deleted {
		b = append(binary.AppendUvarint(b, uint64(len(value))), value...)
	}
	return b
}

// eachChange takes a payload apart.
func eachChange(b []byte, fn func(name, key string, value []byte, deleted bool) error) error {
	for len(b) > 0 {
		var name, key, value []byte
		op, ok := b[0], b[0] <= opDelete
		if ok {
			name, b, ok = cutBytes(b[1:])
		}
		if ok {
			key, b, ok = cutBytes(b)
		}
		if ok && op == opPut {
			value, b, ok = cutBytes(b)
		}
		if !ok {
			return errors.New("a change cannot be taken apart")
		}
		if err := fn(string(name), string(key), value, op == opDelete); err != nil {
			return err
		}
	}
	return nil
}

func cutBytes(b []byte) (head, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	return b[w : w+int(n) : w+int(n)], b[w+int(n):], true
}
