//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package sqlengine

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// DB is one database in memory. It is not safe for concurrent use. Make one
// with Open.
type DB struct {
	connector *duckdb.Connector
	sql       *sql.DB
	conn      *sql.Conn
}

// settings close the database off. One thread keeps answers without an ORDER
// BY the same each time, and memory low.
// https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
func settings() string {
	return "?" + url.Values{
		"autoinstall_known_extensions": {"false"}, "autoload_known_extensions": {"false"},
		"allow_community_extensions": {"false"}, "max_temp_directory_size": {"0B"},
		"memory_limit": {strconv.Itoa(MemoryMB) + "MB"}, "threads": {"1"},
	}.Encode()
}

// Open makes an empty database.
func Open(ctx context.Context) (*DB, error) {
	connector, err := duckdb.NewConnector(settings(), nil)
	if err != nil {
		return nil, fmt.Errorf("open a database: %w", err)
	}
	db := &DB{connector: connector, sql: sql.OpenDB(connector)}
	if db.conn, err = db.sql.Conn(ctx); err == nil {
		_, err = db.conn.ExecContext(ctx,
			"SET temp_directory = ''; SET enable_external_access = false; SET TimeZone = 'UTC'; SET lock_configuration = true")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open a database: %w", err), db.Close())
	}
	return db, nil
}

// Close frees everything.
func (db *DB) Close() error {
	var err error
	if db.conn != nil {
		err = db.conn.Close()
	}
	return errors.Join(err, db.sql.Close(), db.connector.Close())
}

// Load makes a table. Its columns are all members of the rows; a row without
// one has NULL there. Whole numbers are BIGINT, others DOUBLE, lists LIST,
// maps STRUCT; values of several kinds meet in DOUBLE, VARCHAR or JSON. A
// table without rows has no columns that a query could name.
func (db *DB) Load(ctx context.Context, name string, rows []map[string]any) error {
	structure, err := columns(rows)
	if err != nil {
		return fmt.Errorf("table %s: %w", name, err)
	}
	table := quote(name)
	if structure == "{}" {
		_, err := db.conn.ExecContext(ctx, "CREATE TABLE "+table+" AS SELECT NULL AS \"(no columns)\" FROM range("+
			strconv.Itoa(len(rows))+")")
		return err
	}
	if _, err := db.conn.ExecContext(ctx, "CREATE TEMP TABLE loading (n BIGINT, j VARCHAR)"); err != nil {
		return err
	}
	err = db.conn.Raw(func(c any) error {
		dc, ok := c.(driver.Conn)
		if !ok {
			return fmt.Errorf("%T is no connection", c)
		}
		return appendRows(dc, rows)
	})
	if err != nil {
		return fmt.Errorf("table %s: %w", name, err)
	}
	create := "CREATE TABLE " + table + " AS SELECT unnest(r) FROM (SELECT from_json(j::JSON, '" +
		strings.ReplaceAll(structure, "'", "''") + "') AS r FROM loading ORDER BY n)"
	for _, q := range []string{create, "DROP TABLE loading"} {
		if _, err := db.conn.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
	}
	return nil
}

func appendRows(c driver.Conn, rows []map[string]any) error {
	a, err := duckdb.NewAppender(c, "temp", "main", "loading")
	if err != nil {
		return err
	}
	for i, r := range rows {
		b, err := json.Marshal(r)
		if err != nil {
			return errors.Join(dataErrorf("row %d: %w", i, err), a.Close())
		}
		if err := a.AppendRow(int64(i), string(b)); err != nil {
			return errors.Join(err, a.Close())
		}
	}
	return a.Close()
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// Query answers one SELECT. The error is a DataError when the SQL is in order
// and the data do not fit it.
func (db *DB) Query(ctx context.Context, query string) (*Table, error) {
	ctx, cancel := context.WithTimeout(ctx, Time)
	defer cancel()
	ordered, err := db.parse(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := db.conn.QueryContext(ctx, query)
	if err != nil {
		return nil, classify(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says what went wrong
	t := &Table{Ordered: ordered}
	if t.Columns, err = rows.Columns(); err != nil {
		return nil, err
	}
	for rows.Next() {
		if len(t.Rows) == MaxRows {
			return nil, fmt.Errorf("the answer has more than %d rows", MaxRows)
		}
		row := make([]any, len(t.Columns))
		into := make([]any, len(row))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for i := range row {
			row[i] = plain(row[i])
		}
		t.Rows = append(t.Rows, row)
	}
	if err := rows.Err(); err != nil {
		return nil, classify(err)
	}
	return t, nil
}

// parse refuses what is not one SELECT, and tells whether it orders its rows.
// https://duckdb.org/docs/stable/data/json/sql_to_and_from_json
func (db *DB) parse(ctx context.Context, query string) (ordered bool, err error) {
	var text string
	if err := db.conn.QueryRowContext(ctx, "SELECT json_serialize_sql(?::VARCHAR)::VARCHAR",
		query).Scan(&text); err != nil {
		return false, err
	}
	var tree struct {
		Error      bool   `json:"error"`
		Message    string `json:"error_message"`
		Statements []struct {
			Node struct {
				Modifiers []struct {
					Type string `json:"type"`
				} `json:"modifiers"`
			} `json:"node"`
		} `json:"statements"`
	}
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		return false, err
	}
	if tree.Error {
		return false, fmt.Errorf("SQL: %s", tree.Message)
	}
	if len(tree.Statements) != 1 {
		return false, fmt.Errorf("SQL: one SELECT is needed, not %d statements", len(tree.Statements))
	}
	for _, m := range tree.Statements[0].Node.Modifiers {
		ordered = ordered || m.Type == "ORDER_MODIFIER"
	}
	return ordered, nil
}

func classify(err error) error {
	var e *duckdb.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Type {
	case duckdb.ErrorTypeBinder, duckdb.ErrorTypeConversion, duckdb.ErrorTypeOutOfRange, duckdb.ErrorTypeMismatchType,
		duckdb.ErrorTypeDivideByZero, duckdb.ErrorTypeInvalidInput, duckdb.ErrorTypeObjectSize:
		return &DataError{err}
	}
	return err
}

// plain turns the driver's values into those that Table promises.
func plain(v any) any {
	switch t := v.(type) {
	case nil, bool, int64, float64, string:
		return t
	case int8, int16, int32, uint8, uint16, uint32:
		n, _ := strconv.ParseInt(fmt.Sprint(t), 10, 64)
		return n
	case int:
		return int64(t)
	case uint64:
		return whole(new(big.Int).SetUint64(t))
	case *big.Int:
		return whole(t)
	case float32:
		return float64(t)
	case duckdb.Decimal:
		return json.Number(t.String())
	case time.Time:
		return t.UTC().Format(time.RFC3339Nano)
	case []byte:
		return string(t)
	case []any:
		out := make([]any, len(t))
		for i, e := range t {
			out[i] = plain(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(t))
		for k, e := range t {
			out[k] = plain(e)
		}
		return out
	}
	return fmt.Sprint(v)
}

func whole(n *big.Int) any {
	if n.IsInt64() {
		return n.Int64()
	}
	return json.Number(n.String())
}
