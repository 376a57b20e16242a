// Package sqlengine answers SQL over rows that are in memory: the oracle of
// checks. Each DB is fresh, in memory and closed off: its SQL can neither read
// files nor reach the network, and time, memory and answers are bounded.
//
// The engine is DuckDB, which needs cgo. In a build without it Open returns
// ErrUnsupported; everything else in this package works without it.
package sqlengine

import (
	"errors"
	"fmt"
	"time"
)

// What one DB may use.
const (
	// MemoryMB bounds DuckDB's own memory. Nothing is spilled to disk.
	MemoryMB = 512
	// Time bounds a query.
	Time = 30 * time.Second
	// MaxRows bounds an answer.
	MaxRows = 200_000
)

// ErrUnsupported is returned by Open in a build without DuckDB.
var ErrUnsupported = errors.New(
	"this pipelab was built without SQL: install a C compiler (gcc or clang) and build it again with CGO_ENABLED=1")

// Table is an answer.
type Table struct {
	Columns []string
	// Rows hold nil, bool, int64, float64, json.Number (integers beyond 64
	// bits and decimals), string, []any and map[string]any. Dates and times
	// are text in RFC 3339.
	Rows [][]any
	// Ordered tells whether the query says in which order its rows come: by
	// an ORDER BY of its own, not one of a subquery.
	Ordered bool
}

// DataError is SQL that the data do not fit: a missing column, a value that
// cannot be cast. Any other error is the SQL's own or the engine's.
type DataError struct{ Err error }

func (e *DataError) Error() string { return e.Err.Error() }
func (e *DataError) Unwrap() error { return e.Err }

func dataErrorf(format string, args ...any) error {
	return &DataError{fmt.Errorf(format, args...)}
}
