package s3

import (
	"encoding/json"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// entryV1 is a key as it was stored with all its versions in one row, newest
// first.
type entryV1 struct {
	Key       string
	Versions  []version
	Sequencer uint64
}

// uploadV1 is an upload as it was stored with its parts.
type uploadV1 struct {
	upload
	Parts []part
}

// upgradeEntry gives each version its row. Their ids do not say their order, so
// their places are noted.
func (s *Service) upgradeEntry(tx *store.Tx, _ ident.Scope, key string, old []byte) error {
	var was entryV1
	if err := json.Unmarshal(old, &was); err != nil {
		return err
	}
	if len(was.Versions) == 0 {
		return nil
	}
	name := key[:max(0, len(key)-len(was.Key)-len(store.Key("", "")))]
	e := entry{Key: was.Key, Older: len(was.Versions) - 1, Sequencer: was.Sequencer}
	order := uint64(0)
	for i := len(was.Versions) - 1; i >= 0; i-- {
		v := was.Versions[i]
		order = max(order+1, uint64(v.Modified.UnixNano())) // after 1970
		v.Order = order
		if i == 0 {
			e.Newest = v
			break
		}
		s.remember(tx, name, &e, v)
		s.versions.Put(tx, everywhere, versionKey(name, e.Key, v.Order, v.ID), v)
	}
	e.Sequencer = max(e.Sequencer, order)
	s.objects.Put(tx, everywhere, key, e)
	return nil
}

// upgradeUpload gives each part its row.
func (s *Service) upgradeUpload(tx *store.Tx, _ ident.Scope, key string, old []byte) error {
	var was uploadV1
	if err := json.Unmarshal(old, &was); err != nil {
		return err
	}
	for _, p := range was.Parts {
		s.partRows.Put(tx, everywhere, partKey(was.ID, p.Number), p)
	}
	s.uploads.Put(tx, everywhere, key, was.upload)
	return nil
}
