package check

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/sqlengine"
)

// oracle is an expectation in SQL.
func (s *session) oracle(ctx context.Context, e lab.Expect, out *report.Check) (bool, error) {
	return s.sameRows(ctx, e.SQL, func(expected, seen string, rows []string) {
		if expected == "" {
			expected = e.Message
		}
		if out.Message == "" { // the first difference that is found; others come after it
			out.Message, out.Expected, out.Seen = e.Message, brief(expected), brief(seen)
			for _, row := range rows {
				s.suspect = append(s.suspect, parseJSON([]byte(row)))
			}
		}
	})
}

// sameRows asks both queries of one fresh database and compares the answers; differs
// hears what differs, and in which rows; what was expected is empty where no row says it. What the
// learner's data do not allow is their failure; SQL that is wrong in itself is the lab's
// error.
func (s *session) sameRows(
	ctx context.Context, q *lab.SQL, differs func(expected, seen string, rows []string),
) (bool, error) {
	db, err := sqlengine.Open(ctx)
	if errors.Is(err, sqlengine.ErrUnsupported) {
		return false, fmt.Errorf("%w: %w", errUnsupported, err)
	}
	if err != nil {
		return false, err
	}
	defer db.Close() //nolint:errcheck // in memory, thrown away
	var data *sqlengine.DataError
	var empty []string // tables without rows, which have no columns either
	for _, name := range slices.Sorted(maps.Keys(q.Tables)) {
		v, failed, err := s.look(ctx, q.Tables[name], false)
		if err != nil {
			return false, err
		}
		rows, bad := tableRows(v)
		if failed != nil || bad != nil {
			differs("rows for the table "+name, errors.Join(failed, bad).Error(), nil)
			return false, nil
		}
		if len(rows) == 0 {
			empty = append(empty, name)
		}
		switch err := db.Load(ctx, name, rows); {
		case errors.As(err, &data):
			differs("rows for the table "+name, err.Error(), nil)
			return false, nil
		case err != nil:
			return false, err
		}
	}
	want, err := db.Query(ctx, q.Expected)
	if err != nil {
		return false, fmt.Errorf("the query of what is expected: %w", err)
	}
	have, err := db.Query(ctx, q.Actual)
	switch {
	case errors.As(err, &data) && len(empty) > 0 && len(want.Rows) == 0:
		return true, nil
	case errors.As(err, &data) && len(empty) > 0:
		differs(report.Count(len(want.Rows), "row"), "no rows in "+strings.Join(empty, ", "),
			sqlengine.Compare(want, &sqlengine.Table{Columns: want.Columns}).Missing)
		return false, nil
	case errors.As(err, &data):
		differs("", "the output does not fit the query: "+err.Error(), nil)
		return false, nil
	case err != nil:
		return false, fmt.Errorf("the query of what is there: %w", err)
	}
	d := sqlengine.Compare(want, have)
	if d.Equal() {
		return true, nil
	}
	differs(d.Wanted(), d.Found(), slices.Concat(d.Missing, d.Unexpected))
	return false, nil
}

func tableRows(v any) ([]map[string]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("a list of objects is needed, not %s", brief(v))
	}
	out := make([]map[string]any, len(list))
	for i, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("row %d is no object: %s", i+1, brief(e))
		}
		out[i] = m
	}
	return out, nil
}
