//go:build cgo

package sqlengine_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/sqlengine"
)

func open(t testing.TB) *sqlengine.DB {
	t.Helper()
	db, err := sqlengine.Open(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

type row = map[string]any

func query(t *testing.T, db *sqlengine.DB, sql string) *sqlengine.Table {
	t.Helper()
	out, err := db.Query(context.Background(), sql)
	require.NoError(t, err)
	return out
}

func TestLoad_givesColumnsTheKindsOfTheirValues(t *testing.T) {
	db := open(t)
	require.NoError(t, db.Load(context.Background(), "t", []row{
		{"whole": int64(1), "mixed": int64(1), "loose": int64(1), "flag": true, "time": "2026-01-05T08:00:00Z",
			"row": row{"a": int64(1), "b": row{"c": "x"}}, "list": []any{int64(1), 2.5}, "odd": []any{int64(1)}, "it's": "q",
			"none": nil},
		{"whole": int64(9007199254740993), "mixed": 1.5, "loose": "one", "flag": nil, "row": row{"a": int64(2)},
			"odd": row{"x": int64(1)}},
	}))
	got := query(t, db,
		`SELECT typeof(whole) whole, typeof(mixed) mixed, typeof(loose) loose, typeof(flag) flag, typeof("time") AS at,
		typeof(list) list, typeof(odd) odd, typeof("it's") quoted, typeof("none") AS nil FROM t LIMIT 1`)
	require.Equal(t, []any{"BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN", "VARCHAR", "DOUBLE[]", "JSON", "VARCHAR", "VARCHAR"},
		got.Rows[0])
	got = query(t, db,
		`SELECT sum(whole) AS s, sum("row".a) AS a, max("row".b.c) AS c, min("time"::TIMESTAMP) AS at, 1.50 AS d FROM t`)
	require.Equal(t, []string{"s", "a", "c", "at", "d"}, got.Columns)
	require.Equal(t, `[9007199254740994 3 x 2026-01-05T08:00:00Z 1.5]`, fmt.Sprint(got.Rows[0]))
	got = query(t, db, `SELECT loose FROM t ORDER BY loose`)
	require.True(t, got.Ordered)
	require.Equal(t, [][]any{{"1"}, {"one"}}, got.Rows)
	require.False(t, query(t, db, `SELECT * FROM (SELECT loose FROM t ORDER BY loose)`).Ordered)
}

func TestQuery_tellsDataErrorsFromItsOwn(t *testing.T) {
	db := open(t)
	ctx := context.Background()
	require.NoError(t, db.Load(ctx, "t", []row{{"a": "x"}}))
	require.NoError(t, db.Load(ctx, "empty", nil))
	var data *sqlengine.DataError
	for sql, theirs := range map[string]bool{
		"SELECT b FROM t":                      true,
		"SELECT b FROM empty":                  true,
		"SELECT a::INT FROM t":                 true,
		"SELECT FROM WHERE":                    false,
		"SELECT a FROM absent":                 false,
		"SELECT 1; SELECT 2":                   false,
		"INSERT INTO t VALUES ('y')":           false,
		"SELECT * FROM read_csv('/etc/hosts')": false,
		"SELECT * FROM '/etc/hosts'":           false,
		"ATTACH '/tmp/x.db'":                   false,
		"SET enable_external_access = true":    false,
		"SELECT * FROM range(200001)":          false,
	} {
		_, err := db.Query(ctx, sql)
		require.Error(t, err, sql)
		if theirs {
			require.ErrorAs(t, err, &data, sql)
		} else {
			require.NotErrorAs(t, err, &data, sql)
		}
	}
	require.ErrorAs(t, db.Load(ctx, "u", []row{{"a": 1, "A": 2}}), &data)
	require.Empty(t, query(t, db, "SELECT * FROM empty").Rows)
}

func TestQuery_endsWithItsContext(t *testing.T) {
	db := open(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50_000_000)
	defer cancel()
	_, err := db.Query(ctx, "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestCompare_showsWhatDiffers(t *testing.T) {
	table := func(ordered bool, columns []string, rows ...[]any) *sqlengine.Table {
		return &sqlengine.Table{Columns: columns, Rows: rows, Ordered: ordered}
	}
	ab := []string{"a", "b"}
	d := sqlengine.Compare(table(false, ab, []any{int64(1), "x"}), table(false, []string{"b", "a"}, []any{"x", 1.0}))
	require.True(t, d.Equal(), "%+v", d)
	d = sqlengine.Compare(table(false, ab), table(false, []string{"a", "c"}))
	require.Equal(t, "columns b", d.Wanted())
	require.Equal(t, "columns missing: b\ncolumns not expected: c", d.Found())
	rows := func(from, to int) (out [][]any) {
		for i := from; i < to; i++ {
			out = append(out, []any{int64(i)})
		}
		return out
	}
	d = sqlengine.Compare(table(false, ab[:1], rows(0, 20)...),
		table(false, ab[:1], append(rows(8, 21), []any{int64(9)})...))
	require.Equal(t, "8 missing rows:\n{\"a\": 0}\n{\"a\": 1}\n{\"a\": 2}\n{\"a\": 3}\n{\"a\": 4}\n… and 3 more",
		d.Wanted())
	require.Equal(t, "2 unexpected rows:\n{\"a\": 20}\n{\"a\": 9}", d.Found())
	d = sqlengine.Compare(table(true, ab[:1], []any{"x"}, []any{"y"}), table(true, ab[:1], []any{"y"}, []any{"x"}))
	require.Equal(t, `as row 1: {"a": "x"}`, d.Wanted())
	require.Equal(t, `as row 1: {"a": "y"}`, d.Found())
	d = sqlengine.Compare(table(false, ab[:1], []any{0.1 + 0.2}, []any{"1"}),
		table(false, ab[:1], []any{0.3}, []any{int64(1)}))
	require.Equal(t, 1, d.MissingCount, "fractions are compared loosely, text and numbers are not")
}

// Whatever goes in as rows comes out as rows, so an answer equals itself in
// any order and differs as soon as one row is gone.
func TestCompare_isAboutMultisets(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		rows := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 3), func(i int) []any {
			return []any{int64(i)}
		}), 1, 20).Draw(r, "rows")
		shuffled := rapid.Permutation(rows).Draw(r, "shuffled")
		a, b := &sqlengine.Table{Columns: []string{"n"}, Rows: rows}, &sqlengine.Table{Columns: []string{"n"}, Rows: shuffled}
		if !sqlengine.Compare(a, b).Equal() {
			r.Fatalf("%v and %v differ", rows, shuffled)
		}
		b.Rows = shuffled[1:]
		if d := sqlengine.Compare(a, b); d.MissingCount != 1 || d.UnexpectedCount != 0 {
			r.Fatalf("%+v", d)
		}
	})
}

func BenchmarkOracle(b *testing.B) {
	rows := make([]row, 50_000)
	for i := range rows {
		rows[i] = row{"id": fmt.Sprint(i), "key": fmt.Sprint(i % 1000), "row": row{"cents": int64(i), "country": "DE"},
			"flags": []any{}}
	}
	for b.Loop() {
		db, err := sqlengine.Open(context.Background())
		require.NoError(b, err)
		require.NoError(b, db.Load(context.Background(), "t", rows))
		t, err := db.Query(context.Background(), `SELECT key, sum("row".cents) FROM t GROUP BY key`)
		require.NoError(b, err)
		require.Len(b, t.Rows, 1000)
		require.NoError(b, db.Close())
	}
}
