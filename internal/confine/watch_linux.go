//go:build amd64 || arm64

package confine

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// How often is looked: at processes, and every so many times at the folders, at what
// processes hold, and at all processes of the machine. A program can take what it
// gets in between beyond its limits.
const (
	interval     = 20 * time.Millisecond
	foldersEvery = 5
	allEvery     = 25
	manyNew      = 1000 // numbers to ask about rather than listing all
)

// rest is how many times as long as a look at folders and what is held has taken the
// watch leaves them alone, mostRest how long at most: it may have waited for a disk.
const (
	rest     = 5
	mostRest = time.Second
)

// unexplained is how much of a file system may go, beside what is counted, while a
// cage is there, in bytes: others write too.
const unexplained = 256 << 20

// hiding is how many looks in a row may not be allowed into a process; one that
// is just becoming another program is closed for a moment.
const hiding = 10

// watch is what is known of the processes in a cage.
type watch struct {
	c      *domains
	seen   census
	before start

	held    int64            // memory at the last look at holdings: what the kernel keeps
	apart   int64            // the same: shared memory
	hidden  int              // looks in a row that were not allowed
	large   map[uint64]int64 // sizes of files at the last look, by their numbers
	written int64            // by all processes
	last    map[int]int64
	mapped  map[int]*mapping
	idle    time.Time // until when folders are left alone
	turns   turns

	// What processes share takes long to tell, and the more of them there are the
	// longer: meanwhile their number is watched.
	shares chan int64
	asked  bool
	began  time.Time // when it was asked
	again  time.Time // until when it is not asked again, as for folders
}

// start is how things were before the program ran.
type start struct {
	usage
	free     map[uint64]int64 // bytes, by file system
	inMemory bool             // one of them is
	ours     map[uint64]int64 // files without a name that the program was given
	blind    bool             // nobody may look into processes here
}

// prepare looks at the folders, in the background, before the program runs.
func (c *domains) prepare() {
	c.before = make(chan start, 1)
	go func() {
		s := start{usage: c.policy.diskUse()}
		s.free, s.inMemory = c.policy.free()
		c.before <- s
	}()
}

// begin returns the watch, which is to run once there is a keeper. The process is there
// already and has run nothing of the program's: what it holds now is ours.
func (c *domains) begin(pid int) *watch {
	w := &watch{c: c, before: <-c.before, last: map[int]int64{}, mapped: map[int]*mapping{}, shares: make(chan int64, 1),
		turns: turns{}}
	h := holdingsOf([]int{pid}, nil, w.mapped)
	w.before.ours, w.before.blind = h.files, h.hidden > 0
	return w
}

// run watches until it is told to end, when it counts the processes once more, or
// until a limit is broken, which ends the cage.
func (w *watch) run() {
	c := w.c
	timer := time.NewTimer(untilNext())
	defer timer.Stop()
	for look := 0; ; {
		text := ""
		select {
		case <-c.done:
			if _, err := c.count(&w.seen); err == nil {
				text = c.tooMany(len(w.seen.members))
			}
			if text == "" && c.group.full() {
				text = c.tooLarge()
			}
			c.say(text)
			return
		case sum := <-w.shares:
			w.asked, w.again = false, time.Now().Add(min(rest*time.Since(w.began), mostRest))
			if sum > c.policy.memory() {
				text = c.tooLarge()
			}
		case now := <-timer.C:
			timer.Reset(untilNext())
			closely := look%foldersEvery == 0
			look++
			if !closely && w.seen.still() {
				continue
			}
			text = w.look(closely && now.After(w.idle))
		}
		if text != "" {
			c.say(text)
			c.keeper.kill()
			return
		}
	}
}

// untilNext is how long it is until all watches look again. They do so at the same
// moments: a processor that has gone to rest is woken once for all of them.
func untilNext() time.Duration {
	return interval - time.Duration(time.Now().UnixNano())%interval
}

// look looks at the processes, and at what else they hold if it is to. It returns the
// limit that is broken.
func (w *watch) look(closely bool) string {
	c := w.c
	if c.group.full() {
		return c.tooLarge()
	}
	memory, err := c.count(&w.seen)
	if err != nil { // without /proc nothing can be counted; or it is being ended
		return ""
	}
	if text := c.tooMany(len(w.seen.members)); text != "" {
		return text
	}
	if closely {
		w.turns.give(w.seen.members)
		begun := time.Now()
		text := w.lookClosely()
		w.idle = time.Now().Add(min(rest*time.Since(begun), mostRest))
		if text != "" {
			return text
		}
	}
	if memory+w.held+w.apart > c.policy.memory() && !w.asked && time.Now().After(w.again) {
		members, held, apart := slices.Clone(w.seen.members), w.held, w.apart
		w.asked, w.began = true, time.Now()
		go func() {
			sum, mapped := share(members)
			w.shares <- sum + held + max(0, apart-mapped)
		}()
	}
	return ""
}

// lookClosely looks at the folders and at what processes hold.
func (w *watch) lookClosely() string {
	c := w.c
	now := c.policy.diskUse()
	latest := maps.Clone(now.large)
	if now.deep && !w.before.deep {
		return fmt.Sprintf("it made more than %d folders one in another", mostDeep)
	}
	grown := now.bytes - w.before.bytes
	if !w.before.blind {
		for number, size := range w.large {
			if _, there := now.large[number]; !there {
				now.large[number] = size
			}
		}
		h := holdingsOf(w.seen.members, now.large, w.mapped)
		w.held, w.apart = h.kernel(), h.apart()
		grown += h.disk(w.before.ours)
		w.large = latest
		for number, size := range h.files {
			w.large[number] = size
		}
		if w.hidden = (w.hidden + 1) * min(h.hidden, 1); w.hidden >= hiding {
			return "it hid what its processes have open"
		}
	}
	if grown > c.policy.disk() || w.vanished(grown) {
		return fmt.Sprintf("it wrote more than %d MiB", c.policy.disk()>>20)
	}
	return ""
}

// vanished reports whether a file system has lost much more than is counted, and the
// program has written as much: it keeps files where nobody can see them, on their way
// from one process to another for instance. Neither alone says so, as others write
// as well, and what is written may have been removed.
func (w *watch) vanished(grown int64) bool {
	w.written += written(w.seen.members, w.before.inMemory, w.last)
	room := w.c.policy.disk() + unexplained + max(grown, 0)
	if w.written < room {
		return false
	}
	free, _ := w.c.policy.free()
	for id, before := range w.before.free {
		if now, ok := free[id]; ok && before-now > room {
			return true
		}
	}
	return false
}

// free is what is left on the file systems of the folders that may be written, and
// whether one of them is in memory.
func (p *Policy) free() (left map[uint64]int64, inMemory bool) {
	left = map[uint64]int64{}
	for _, folder := range p.Write {
		var st unix.Stat_t
		var s unix.Statfs_t
		if unix.Stat(folder, &st) == nil && unix.Statfs(folder, &s) == nil {
			left[st.Dev] = int64(s.Bfree) * s.Bsize
			inMemory = inMemory || s.Type == unix.TMPFS_MAGIC || s.Type == unix.RAMFS_MAGIC
		}
	}
	return left, inMemory
}

// tooMany says that there are more processes than the policy allows; empty when
// there are not.
func (c *domains) tooMany(processes int) string {
	if processes <= c.policy.processes() {
		return ""
	}
	return fmt.Sprintf("it started more than %d processes", c.policy.processes())
}

// tooLarge says that there is more memory in use than the policy allows.
func (c *domains) tooLarge() string {
	return fmt.Sprintf("it took more than %d MiB of memory", c.policy.memory()>>20)
}

// say makes a text the breach.
func (c *domains) say(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.breach = text
}
