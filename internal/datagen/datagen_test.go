package datagen_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/datagen"
	"github.com/pipelab/pipelab/internal/lab"
)

func specs() *rapid.Generator[lab.Dataset] {
	share := rapid.Float64Range(0, 0.5)
	return rapid.Custom(func(t *rapid.T) lab.Dataset {
		return lab.Dataset{
			Generator: rapid.SampledFrom([]string{"clickstream", "telemetry", "orders", "transactions", "logs", "scores",
				"stock"}).Draw(t, "generator"),
			Count: rapid.IntRange(0, 300).Draw(t, "count"), Keys: rapid.IntRange(0, 40).Draw(t, "keys"),
			Defects: lab.Defects{Duplicates: share.Draw(t, "duplicates"), Poison: share.Draw(t, "poison"),
				Late:       share.Draw(t, "late"),
				OutOfOrder: share.Draw(t, "outOfOrder"), SchemaDrift: share.Draw(t, "drift"), PII: share.Draw(t, "pii"),
				Whale: share.Draw(t, "whale")},
		}
	})
}

func TestGenerate_ledgerTellsTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec, seed := specs().Draw(t, "spec"), rapid.Uint64().Draw(t, "seed")
		got, err := datagen.All(spec, "set", seed)
		require.NoError(t, err)
		again, err := datagen.All(spec, "set", seed)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(got, again), "the same seed gives the same entries")
		require.Len(t, got, spec.Count)
		first, newest := map[string]datagen.Entry{}, map[string]string{}
		for i, e := range got {
			require.Equal(t, i, e.Seq)
			var row map[string]any
			require.Equal(t, slices.Contains(e.Flags, datagen.FlagPoison), json.Unmarshal([]byte(e.Raw), &row) != nil)
			earlier, repeated := first[e.ID]
			require.Equal(t, repeated, slices.Contains(e.Flags, datagen.FlagDuplicate))
			if repeated {
				require.Equal(t, earlier.Raw, e.Raw)
				continue
			}
			first[e.ID] = e
			if slices.Contains(e.Flags, datagen.FlagOutOfOrder) {
				require.Less(t, e.Time, newest[e.Key])
			}
			newest[e.Key] = max(newest[e.Key], e.Time)
			require.Equal(t, slices.Contains(e.Flags, datagen.FlagPII), strings.Contains(e.Raw, "@") || e.Row == nil &&
				slices.Contains(e.Flags, datagen.FlagPII))
		}
	})
}

func TestGenerate_anotherSeedGivesOtherData(t *testing.T) {
	spec := lab.Dataset{Generator: "orders", Count: 100}
	a, err := datagen.All(spec, "set", 1)
	require.NoError(t, err)
	for _, other := range []struct {
		name string
		seed uint64
	}{{"set", 2}, {"other", 1}} {
		b, err := datagen.All(spec, other.name, other.seed)
		require.NoError(t, err)
		require.NotEqual(t, datagen.Encode(a, "jsonl"), datagen.Encode(b, "jsonl"))
	}
}

func TestGenerate_sharesAreKept(t *testing.T) {
	got, err := datagen.All(lab.Dataset{Generator: "clickstream", Count: 50000, Keys: 1000,
		Defects: lab.Defects{Whale: 0.2, Duplicates: 0.1}}, "set", 7)
	require.NoError(t, err)
	keys, duplicates := map[string]int{}, 0
	for _, e := range got {
		keys[e.Key]++
		if slices.Contains(e.Flags, datagen.FlagDuplicate) {
			duplicates++
		}
	}
	require.Len(t, keys, 1000)
	require.InDelta(t, 5000, duplicates, 500)
	biggest := 0
	for _, n := range keys {
		biggest = max(biggest, n)
	}
	require.InDelta(t, 10000, biggest, 1000)
}

func TestEncode_writesCSVThatReadersAccept(t *testing.T) {
	got, err := datagen.All(lab.Dataset{Generator: "orders", Count: 50, Defects: lab.Defects{SchemaDrift: 0.2}}, "set", 3)
	require.NoError(t, err)
	rows, err := csv.NewReader(strings.NewReader(datagen.Encode(got, "csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 51)
	require.True(t, slices.IsSorted(rows[0]))
}

func TestGenerate_stockIsCountedBeforeItMoves(t *testing.T) {
	got, err := datagen.All(lab.Dataset{Generator: "stock", Count: 300, Keys: 5, Defects: lab.Defects{Duplicates: 0.2}},
		"set", 4)
	require.NoError(t, err)
	next, kinds := map[string]int64{}, map[string]int{}
	for _, e := range got {
		if slices.Contains(e.Flags, datagen.FlagDuplicate) {
			continue
		}
		require.Equal(t, next[e.Key]+1, e.Row["n"])
		if next[e.Key] == 0 {
			require.Equal(t, "count", e.Row["kind"])
		}
		next[e.Key]++
		kinds[fmt.Sprint(e.Row["kind"])]++
		require.Equal(t, e.Key, e.Row["product"])
	}
	require.Len(t, kinds, 2)
	require.Less(t, kinds["count"], kinds["move"])
}

func TestGenerate_everySpreadsTheSameEventsOverMoreTime(t *testing.T) {
	spec := lab.Dataset{Generator: "telemetry", Count: 60, Keys: 2, Defects: lab.Defects{OutOfOrder: 0.3}}
	usual, err := datagen.All(spec, "set", 5)
	require.NoError(t, err)
	spec.Every = "10s" // 40 times the usual
	slow, err := datagen.All(spec, "set", 5)
	require.NoError(t, err)
	at := func(e datagen.Entry) time.Time {
		v, err := time.Parse(time.RFC3339, e.Time)
		require.NoError(t, err)
		return v
	}
	began := at(usual[0]).Truncate(time.Minute)
	for i := range usual {
		require.Equal(t, usual[i].ID, slow[i].ID)
		require.Equal(t, 40*at(usual[i]).Sub(began), at(slow[i]).Sub(began))
	}
}

func TestGenerate_refusesAnUnknownKind(t *testing.T) {
	_, err := datagen.Generate(lab.Dataset{Generator: "weather", Count: 1}, "set", 1)
	require.EqualError(t, err, `there is no generator "weather"`)
}

// A check about poison must meet some, whatever the seed.
func TestGenerate_plantsEveryDefectThatIsAskedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rare := rapid.Float64Range(0.0001, 0.05)
		spec := lab.Dataset{Generator: rapid.SampledFrom([]string{"clickstream", "telemetry", "orders"}).Draw(t, "generator"),
			Count: rapid.IntRange(20, 200).Draw(t, "count"), Keys: rapid.IntRange(1, 4).Draw(t, "keys"),
			Defects: lab.Defects{Duplicates: rare.Draw(t, "duplicates"), Poison: rare.Draw(t, "poison"),
				Late:       rare.Draw(t, "late"),
				OutOfOrder: rare.Draw(t, "outOfOrder"), SchemaDrift: rare.Draw(t, "drift"), PII: rare.Draw(t, "pii"),
				Whale: rare.Draw(t, "whale")}}
		got, err := datagen.All(spec, "set", rapid.Uint64().Draw(t, "seed"))
		require.NoError(t, err)
		planted := map[string]bool{}
		for _, e := range got {
			for _, f := range e.Flags {
				planted[f] = planted[f] || e.Row != nil || f == datagen.FlagPoison
			}
		}
		for _, f := range []string{datagen.FlagDuplicate, datagen.FlagPoison, datagen.FlagLate, datagen.FlagOutOfOrder,
			datagen.FlagSchemaDrift, datagen.FlagPII, datagen.FlagWhale} {
			require.True(t, planted[f], "no %s among %d", f, spec.Count)
		}
	})
}
