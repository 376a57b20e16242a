package streamlog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

func TestRecordCodec_roundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		image := func(name string) item.Item {
			if !rapid.Bool().Draw(t, name) {
				return nil
			}
			return item.Item{"pk": item.Str("a"), name: item.Str(rapid.String().Draw(t, "text"))}
		}
		r := &Record{
			Event: rapid.SampledFrom([]string{"INSERT", "MODIFY", "REMOVE"}).Draw(t, "event"), ID: "0123456789abcdef",
			Seq: rapid.Uint64().Draw(t, "seq"), At: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), 5).UTC(),
			Keys: item.Item{"pk": item.Str("a")}, New: image("new"), Old: image("old"), Expired: rapid.Bool().Draw(t, "expired"),
		}
		b, err := encodeRecord(r)
		require.NoError(t, err)
		back, err := decodeRecord(b)
		require.NoError(t, err)
		require.Equal(t, r, back)
		_, err = decodeRecord(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")])
		require.Error(t, err, "a cut record is noticed")
	})
}

func TestSequence_textOrderIsNumberOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b")
		require.Equal(t, a < b, FormatSequence(a) < FormatSequence(b))
		back, err := ParseSequence(FormatSequence(a))
		require.NoError(t, err)
		require.Equal(t, a, back)
	})
}

func FuzzDecodeRecord(f *testing.F) {
	b, _ := encodeRecord(&Record{Event: "INSERT", ID: "x", Keys: item.Item{"pk": item.Str("a")},
		New: item.Item{"v": item.Num("1")}})
	f.Add(b)
	f.Add([]byte{7})
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := decodeRecord(b); err == nil {
			_, err := encodeRecord(r)
			require.NoError(t, err)
		}
	})
}
