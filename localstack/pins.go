// Package localstack holds what is about running LocalStack and MiniStack as
// containers, beside the driver: which images, and how they are made.
package localstack

import (
	_ "embed"
	"strings"
)

//go:embed images.env
var images string

// Pins are the values of images.env by name.
func Pins() map[string]string {
	pins := map[string]string{}
	for line := range strings.Lines(images) {
		name, value, found := strings.Cut(strings.TrimSpace(line), "=")
		if found && !strings.HasPrefix(name, "#") {
			pins[name] = value
		}
	}
	return pins
}
