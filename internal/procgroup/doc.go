// Package procgroup gives a program a process group of its own and ends the
// whole group, so that nothing a program started outlives it. It does not
// limit what the program may do.
package procgroup
