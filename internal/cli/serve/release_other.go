//go:build !linux

package serve

// releaseText does nothing here.
func releaseText() {}
