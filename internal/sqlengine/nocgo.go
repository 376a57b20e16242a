//go:build !(cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64)))

package sqlengine

import "context"

// DB does not exist in this build: Open always fails.
type DB struct{}

// Open returns ErrUnsupported.
func Open(context.Context) (*DB, error) { return nil, ErrUnsupported }

// Close frees nothing.
func (*DB) Close() error { return nil }

// Load returns ErrUnsupported.
func (*DB) Load(context.Context, string, []map[string]any) error { return ErrUnsupported }

// Query returns ErrUnsupported.
func (*DB) Query(context.Context, string) (*Table, error) { return nil, ErrUnsupported }
