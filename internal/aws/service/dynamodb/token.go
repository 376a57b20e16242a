package dynamodb

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// tokenBatch is how many expired request tokens a transaction forgets: more than
// it adds, so that they do not pile up.
const tokenBatch = 10

// expiryOf orders tokens by when they expire.
func expiryOf(t time.Time, name string) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(t.UnixNano()))) + name // after 1970
}

func (s *Service) putToken(tx *store.Tx, sc ident.Scope, name string, t token) {
	if old, had := s.tokens.Get(tx, sc, name); had {
		s.stale.Delete(tx, sc, expiryOf(old.Until, name))
	}
	s.tokens.Put(tx, sc, name, t)
	s.stale.Put(tx, sc, expiryOf(t.Until, name), name)
}

// forgetTokens removes tokens that have expired, the oldest first.
func (w *work) forgetTokens() {
	var keys, names []string
	end := expiryOf(w.now, "\xff")
	w.s.stale.Scan(w.tx, w.sc, "", "", func(key, name string) bool {
		if key >= end || len(keys) == tokenBatch {
			return false
		}
		keys, names = append(keys, key), append(names, name)
		return true
	})
	for i, key := range keys {
		w.s.stale.Delete(w.tx, w.sc, key)
		w.s.tokens.Delete(w.tx, w.sc, names[i])
	}
}

// upgradeToken notes when a token expires that was stored without.
func (s *Service) upgradeToken(tx *store.Tx, sc ident.Scope, name string, old []byte) error {
	var t token
	if err := json.Unmarshal(old, &t); err != nil {
		return err
	}
	s.putToken(tx, sc, name, t)
	return nil
}
