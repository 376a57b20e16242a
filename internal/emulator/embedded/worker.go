package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/confine"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/prefork"
)

// ServeApart is the process of Apart: it starts and stops emulators, made as d
// says but for the bounds, as it is told on in and answers on out, until in ends.
// It ends the process when that takes more memory than it may.
func ServeApart(ctx context.Context, in io.Reader, out io.Writer, d Driver) error {
	yieldMemory()
	var e emulator.Emulator
	defer func() {
		if e != nil {
			_ = e.Close() // it holds nothing that could be lost
		}
	}()
	asked, answers := json.NewDecoder(in), json.NewEncoder(out)
	first := true
	for {
		var o orders
		if err := asked.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if first {
			first = false
			if o.Memory > 0 {
				go watchSelf(o.Memory)
			}
			if o.Lent {
				lent, err := prefork.Borrow(os.NewFile(lentFile, "interpreters"))
				if err != nil {
					return err
				}
				defer lent.Close()
				d.Interpreters = lent
			}
		}
		said, err := answer{}, error(nil)
		switch {
		case o.Do == "start" && e == nil:
			if e, err = startFor(ctx, d, o); err == nil {
				said.URL, said.Token = e.Endpoint().URL, e.Endpoint().Token
			}
		case o.Do == "stop" && e != nil:
			err, e = e.Close(), nil
			giveBack()
		default:
			err = fmt.Errorf("the order %q makes no sense now", o.Do)
		}
		if err != nil {
			said = answer{Error: err.Error()}
		}
		if err := answers.Encode(said); err != nil {
			return err
		}
	}
}

// lentFile is the first after the three standard streams.
const lentFile = 3

func startFor(ctx context.Context, d Driver, o orders) (emulator.Emulator, error) {
	d.MaxBytes, d.Confine = o.MaxBytes, o.Confine
	if o.Image != "" {
		boxed, err := confine.NewContainer(ctx, o.Image)
		if err != nil {
			return nil, err
		}
		d.Confine = boxed.With(o.Confine.Read, o.Confine.Write, o.Confine.Ports...)
	}
	e, err := d.Start(ctx, emulator.Options{})
	if err != nil {
		return nil, err // and not an emulator that is nil
	}
	return e, nil
}

// kept is what a process may keep of memory that it has freed, in bytes.
const kept = 128 << 20

// giveBack lets the machine have what a large emulator has held.
func giveBack() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapSys-m.HeapReleased > kept {
		debug.FreeOSMemory()
	}
}

// lookEvery is how often a process looks at itself: memory is not filled sooner
// than that by what comes over a socket.
const lookEvery = 50 * time.Millisecond

// spentCode is the exit code of a process that has taken too much memory.
const spentCode = 74

// watchSelf ends the process when it takes more memory than it may: the machine
// has others to serve. Where the kernel tells nothing, nothing is watched.
func watchSelf(limit int64) {
	for range time.Tick(lookEvery) { //nolint:forbidigo // the machine's time is what memory is taken in
		b, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			return
		}
		fields := strings.Fields(string(b))
		if len(fields) < 3 {
			return
		}
		resident, err1 := strconv.ParseInt(fields[1], 10, 64)
		shared, err2 := strconv.ParseInt(fields[2], 10, 64)
		if err1 != nil || err2 != nil {
			return
		}
		if size := (resident - shared) * int64(os.Getpagesize()); size > limit {
			fmt.Fprintf(os.Stderr, "the emulated AWS took %d MiB of memory, more than %d, and was ended\n", size>>20, limit>>20)
			os.Exit(spentCode) //nolint:forbidigo // whoever holds the memory does not come to an end by itself
		}
	}
}

// yieldMemory lets the kernel, when it has no memory left, end this process and
// those that it starts before that which judges.
// Source: proc_pid_oom_score_adj(5)
func yieldMemory() {
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("800"), 0) // where there is no such thing, all are equal
}
