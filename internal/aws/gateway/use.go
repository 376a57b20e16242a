package gateway

import (
	"bytes"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/pipelab/pipelab/internal/aws/clock"
)

// Paths of the endpoints about use. To ask for it is no use; to stay is, for as long as
// the request is open.
const (
	usePath  = "/_pipelab/use"
	stayPath = "/_pipelab/stay"
)

// Use tells for how long nobody has used an emulator: requests that are under way, and
// when the last one ended, in machine time. Safe for concurrent use; make one with
// NewUse.
type Use struct {
	clock    *clock.Clock
	underWay atomic.Int64
	last     atomic.Int64 // nanoseconds since 1970
}

// NewUse returns a Use that begins now.
func NewUse(c *clock.Clock) *Use {
	u := &Use{clock: c}
	u.Touch()
	return u
}

// Begin counts a request until end is called.
func (u *Use) Begin(req *http.Request) (end func()) {
	if req.URL.Path == usePath {
		return func() {}
	}
	u.underWay.Add(1)
	return u.end
}

func (u *Use) end() {
	u.Touch()
	u.underWay.Add(-1)
}

// Touch makes this moment one of use.
func (u *Use) Touch() { u.last.Store(u.clock.Machine().UnixNano()) }

// Idle is how long ago the last use was; 0 while a request is under way.
func (u *Use) Idle() time.Duration {
	if u.underWay.Load() > 0 {
		return 0
	}
	return max(time.Duration(u.clock.Machine().UnixNano()-u.last.Load()), 0)
}

// UseRoutes adds the endpoints that tell an emulator's use and that keep it in use.
// idle is how long ago the last was, 0 while something is at work.
func UseRoutes(m *http.ServeMux, idle func() time.Duration) {
	m.HandleFunc("GET "+usePath, func(w http.ResponseWriter, _ *http.Request) {
		Reply(w, http.StatusOK, map[string]any{"idleSeconds": idle().Seconds(), "memoryBytes": resident()})
	})
	m.HandleFunc("GET "+stayPath, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
}

// resident is how much memory this process holds: as the kernel says, else as far as
// the runtime knows.
func resident() int64 {
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := bytes.Fields(b); len(f) > 1 {
			if pages, err := strconv.ParseInt(string(f[1]), 10, 64); err == nil {
				return pages * int64(os.Getpagesize())
			}
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}
