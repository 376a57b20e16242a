package streamlog

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
	"github.com/pipelab/pipelab/internal/aws/store"
)

var errRecord = errors.New("encoded stream record is damaged")

const (
	hasNew = 1 << iota
	hasOld
	isExpired
)

// recordCodec is the stored form: flags, number, time, three texts and items.
func recordCodec() store.Codec[*Record] {
	return store.Codec[*Record]{Encode: encodeRecord, Decode: decodeRecord}
}

func encodeRecord(r *Record) ([]byte, error) {
	var flags byte
	if r.New != nil {
		flags |= hasNew
	}
	if r.Old != nil {
		flags |= hasOld
	}
	if r.Expired {
		flags |= isExpired
	}
	b := binary.BigEndian.AppendUint64([]byte{flags}, r.Seq)
	b = binary.BigEndian.AppendUint64(b, uint64(r.At.UnixNano()))
	b = append(append(b, byte(len(r.Event))), r.Event...)
	b = append(append(b, byte(len(r.ID))), r.ID...)
	b = r.Keys.Encode(b)
	if r.New != nil {
		b = r.New.Encode(b)
	}
	if r.Old != nil {
		b = r.Old.Encode(b)
	}
	return b, nil
}

func decodeRecord(b []byte) (*Record, error) {
	if len(b) < 17 {
		return nil, errRecord
	}
	flags := b[0]
	r := &Record{
		Seq:     binary.BigEndian.Uint64(b[1:]),
		At:      time.Unix(0, int64(binary.BigEndian.Uint64(b[9:]))).UTC(),
		Expired: flags&isExpired != 0,
	}
	b = b[17:]
	for _, into := range []*string{&r.Event, &r.ID} {
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			return nil, errRecord
		}
		*into, b = string(b[1:1+int(b[0])]), b[1+int(b[0]):]
	}
	var err error
	if r.Keys, b, err = item.Decode(b); err != nil {
		return nil, err
	}
	if flags&hasNew != 0 {
		if r.New, b, err = item.Decode(b); err != nil {
			return nil, err
		}
	}
	if flags&hasOld != 0 {
		if r.Old, b, err = item.Decode(b); err != nil {
			return nil, err
		}
	}
	if len(b) != 0 {
		return nil, errRecord
	}
	return r, nil
}
