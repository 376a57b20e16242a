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

// oracle asks both queries of one fresh database and compares the answers.
// What the learner's data do not allow is their failure; SQL that is wrong in
// itself is the lab's error.
func (s *session) oracle(ctx context.Context, e lab.Expect, out *report.Check) (bool, error) {
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
	for _, name := range slices.Sorted(maps.Keys(e.SQL.Tables)) {
		v, failed, err := s.look(ctx, e.SQL.Tables[name], false)
		if err != nil {
			return false, err
		}
		rows, bad := tableRows(v)
		if failed != nil || bad != nil {
			s.differs(e, out, "rows for the table "+name, errors.Join(failed, bad).Error())
			return false, nil
		}
		if len(rows) == 0 {
			empty = append(empty, name)
		}
		switch err := db.Load(ctx, name, rows); {
		case errors.As(err, &data):
			s.differs(e, out, "rows for the table "+name, err.Error())
			return false, nil
		case err != nil:
			return false, err
		}
	}
	want, err := db.Query(ctx, e.SQL.Expected)
	if err != nil {
		return false, fmt.Errorf("the query of what is expected: %w", err)
	}
	have, err := db.Query(ctx, e.SQL.Actual)
	switch {
	case errors.As(err, &data) && len(empty) > 0 && len(want.Rows) == 0:
		return true, nil
	case errors.As(err, &data) && len(empty) > 0:
		if out.Message == "" {
			for _, row := range sqlengine.Compare(want, &sqlengine.Table{Columns: want.Columns}).Missing {
				s.suspect = append(s.suspect, parseJSON([]byte(row)))
			}
		}
		s.differs(e, out, report.Count(len(want.Rows), "row"), "no rows in "+strings.Join(empty, ", "))
		return false, nil
	case errors.As(err, &data):
		s.differs(e, out, e.Message, "the output does not fit the query: "+err.Error())
		return false, nil
	case err != nil:
		return false, fmt.Errorf("the query of what is there: %w", err)
	}
	d := sqlengine.Compare(want, have)
	if d.Equal() {
		return true, nil
	}
	if out.Message == "" {
		for _, row := range slices.Concat(d.Missing, d.Unexpected) {
			s.suspect = append(s.suspect, parseJSON([]byte(row)))
		}
	}
	s.differs(e, out, d.Wanted(), d.Found())
	return false, nil
}

// differs fills in the first difference that is found; others come after it.
func (s *session) differs(e lab.Expect, out *report.Check, expected, seen string) {
	if out.Message == "" {
		out.Message, out.Expected, out.Seen = e.Message, brief(expected), brief(seen)
	}
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
