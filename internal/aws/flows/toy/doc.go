// Package toy is a service that AWS does not have, small enough to be read in
// one go: counters that tell a queue what they have counted. It was written by
// following docs/adding-a-service.md, and its test is the proof that a service
// is one folder: its model, its operations, a delivery, a resource type, a door
// and a port of its own. No cloud but a test's has it.
//
// Left out: ListCounters, which answers 501, and CreateCounter's Colour.
package toy
