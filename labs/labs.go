// Package labs holds the catalogue: one folder per lab, embedded in the
// program.
package labs

import (
	"embed"
	"io/fs"
)

//go:embed all:*
var files embed.FS

// FS returns the catalogue.
func FS() fs.FS { return files }
