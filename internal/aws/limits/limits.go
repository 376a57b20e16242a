// Package limits is the quota table of the embedded AWS: every number that AWS
// sets, with its unit and its source, one file per service. Services enforce
// them, labs and calculators read them; no limit is written anywhere else.
package limits

import (
	"embed"
	"fmt"
	"sync"

	"github.com/goccy/go-yaml"
)

//go:embed *.yaml
var files embed.FS

// Limit is one row: a quota of AWS.
type Limit struct {
	Value  int64  `yaml:"value"`
	Unit   string `yaml:"unit"`   // bytes, records, seconds, count, …
	Source string `yaml:"source"` // address of the AWS page that states it
	Note   string `yaml:"note"`
}

var tables sync.Map // service -> map[string]Limit; a cache, filled once per service

// Table returns the limits of a service by name. It panics when there is no
// such file or it does not parse: the files are part of the program.
func Table(service string) map[string]Limit {
	if t, ok := tables.Load(service); ok {
		return t.(map[string]Limit)
	}
	b, err := files.ReadFile(service + ".yaml")
	if err != nil {
		panic("limits: " + err.Error())
	}
	var t map[string]Limit
	if err := yaml.UnmarshalWithOptions(b, &t, yaml.Strict()); err != nil {
		panic(fmt.Sprintf("limits: %s.yaml: %v", service, err))
	}
	tables.Store(service, t)
	return t
}

// Get returns the value of a row; it panics when there is none.
func Get(service, name string) int64 {
	l, ok := Table(service)[name]
	if !ok {
		panic("limits: no row " + name + " in " + service + ".yaml")
	}
	return l.Value
}
