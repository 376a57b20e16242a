package gateway

// Batch is a call from which the entries that a fault strikes have been taken out.
type Batch struct {
	Kept  any       // the input with the other entries; nil when there are none
	Empty any       // the output to begin with when there are none
	Merge func(any) // adds the entries that failed to an output
}

// Batched says that entries of an operation fail by themselves. split takes out of an
// input those that hit tells to fail, asking once for each in the order in which the
// handler does, with the name of what the entry is about, "" for what the call is about.
// It returns the input with the rest, nil when there is none, and what adds the failed
// entries to the output of that; no such function when all stay.
func Batched[I, O any](split func(in *I, hit func(resource string) bool) (kept *I, merge func(*O))) Option {
	return func(op *Operation) {
		op.split = func(input any, hit func(resource string) bool) *Batch {
			kept, merge := split(input.(*I), hit)
			if merge == nil {
				return nil
			}
			b := &Batch{Empty: new(O), Merge: func(out any) { merge(out.(*O)) }}
			if kept != nil {
				b.Kept = kept
			}
			return b
		}
	}
}

// Split takes the entries that hit tells to fail out of an input of the operation. It is
// for doors before an emulator that knows no faults: handlers fail their entries
// themselves. It returns nil when all entries stay, and for operations that are no batches.
func (o Operation) Split(input any, hit func(resource string) bool) *Batch {
	if o.split == nil {
		return nil
	}
	return o.split(input, hit)
}

// Struck divides entries into those that stay and the places of those that hit tells to
// fail.
func Struck[E any](entries []E, resource string, hit func(resource string) bool) (kept []E, struck []int) {
	for i, e := range entries {
		if hit(resource) {
			struck = append(struck, i)
		} else {
			kept = append(kept, e)
		}
	}
	return kept, struck
}
