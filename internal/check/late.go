package check

import (
	"sync"
	"time"
)

// Of what has used up its time once, less is waited for the next time, down to these:
// a program that never ends would else take its full time in every check, and everybody
// who is to be judged after it would wait as long. They are several times what honest
// programs take on a busy machine.
const (
	leastForProgram = 10 * time.Second
	leastForCheck   = 20 * time.Second
)

// lateness is how often programs or checks of one tree have used up their time.
type lateness struct {
	mu    sync.Mutex
	times int
}

// limit is what is left of a time limit: half of it for each time, but not less than
// least where it has been that much.
func (l *lateness) limit(full, least time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(full>>min(l.times, 30), min(full, least))
}

// again notes that something has used up its time.
func (l *lateness) again() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times++
}
