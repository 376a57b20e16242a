// Command emulators compares what can be behind a lab, side by side in one run:
// the embedded AWS, LocalStack and MiniStack. Each figure is also printed as a
// ratio to the embedded one's, so that it means something on any machine. It
// asserts nothing; an emulator that cannot be used is left out with its reason.
//
//	go run ./internal/bench/emulators [-json] bin/pipelab
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/localstack"
)

// labID is the lab that is started and tested. It needs little of an emulator,
// so that all of them pass it.
const labID = "kinesis-partition-keys"

// result is what was seen of one emulator.
type result struct {
	Emulator emulator.Kind `json:"emulator"`
	// Reason is why there are no figures, or why they end; empty if all are there.
	Reason  string             `json:"reason,omitempty"`
	Figures map[string]float64 `json:"figures"`
	Ratios  map[string]float64 `json:"ratios"` // to the embedded one's
}

// figure is one line of the table.
type figure struct {
	key, name, unit string
	measure         func(b *bench, ctx context.Context) (float64, error)
}

func figures() []figure {
	return []figure{
		{"ready_seconds", "start to ready", "s", (*bench).ready},
		{"provisioned_seconds", "start to provisioned", "s", (*bench).provisioned},
		{"lab_test_seconds", "lab test", "s", (*bench).labTest},
		{"idle_bytes", "idle memory", "MB", (*bench).idle},
		{"put_records_per_second", "PutRecords of 10", "/s", (*bench).putRecords},
		{"put_item_per_second", "PutItem", "/s", (*bench).putItem},
	}
}

func main() {
	asJSON := flag.Bool("json", false, "print one JSON document instead of the table")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: emulators [-json] PATH-TO-PIPELAB")
		os.Exit(2)
	}
	// An interrupt ends what is running and leaves no container.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, flag.Arg(0), *asJSON)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, asJSON bool) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	var results []result
	for _, kind := range []emulator.Kind{emulator.Embedded, emulator.LocalStack, emulator.MiniStack} {
		r := measure(ctx, binary, kind)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		results = append(results, r)
	}
	compare(results)
	if asJSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		return out.Encode(results)
	}
	print(os.Stdout, results)
	return nil
}

// measure takes the figures of one kind, as far as it gets.
func measure(ctx context.Context, binary string, kind emulator.Kind) (r result) {
	r = result{Emulator: kind, Figures: map[string]float64{}, Ratios: map[string]float64{}}
	if kind != emulator.Embedded {
		if err := localstack.Available(ctx); err != nil {
			r.Reason = err.Error()
			return r
		}
	}
	b := &bench{binary: binary, kind: kind}
	for _, f := range figures() {
		fmt.Fprintf(os.Stderr, "%s: %s\n", kind, f.name)
		v, err := f.measure(b, ctx)
		if err != nil {
			r.Reason = f.name + ": " + err.Error()
			break
		}
		r.Figures[f.key] = v
	}
	if err := b.close(); err != nil {
		r.Reason = strings.TrimPrefix(r.Reason+"; "+err.Error(), "; ")
	}
	return r
}

// compare fills in the ratios.
func compare(results []result) {
	for _, r := range results {
		for key, v := range r.Figures {
			if base := results[0].Figures[key]; base > 0 {
				r.Ratios[key] = v / base
			}
		}
	}
}

// print writes a column of figures and one of ratios for each emulator.
func print(w io.Writer, results []result) {
	fmt.Fprintf(w, "\nemulators side by side, and as ratios to the embedded one; lab %s\n  %-26s", labID, "")
	for _, r := range results {
		fmt.Fprintf(w, " %12s %7s", r.Emulator, "ratio")
	}
	fmt.Fprintln(w)
	for _, f := range figures() {
		fmt.Fprintf(w, "  %-26s", f.name+", "+f.unit)
		for _, r := range results {
			v, ok := r.Figures[f.key]
			if !ok {
				fmt.Fprintf(w, " %12s %7s", "-", "-")
				continue
			}
			if f.unit == "MB" {
				v /= 1e6
			}
			ratio := "-"
			if n, ok := r.Ratios[f.key]; ok {
				ratio = fmt.Sprintf("%.2f", n)
			}
			fmt.Fprintf(w, " %12.2f %7s", v, ratio)
		}
		fmt.Fprintln(w)
	}
	for _, r := range results {
		if r.Reason != "" {
			fmt.Fprintf(w, "left out of %s: %s\n", r.Emulator, r.Reason)
		}
	}
}

// oneLine is the last error that a command printed, or how it ended.
func oneLine(out []byte, err error) error {
	for _, line := range strings.Split(string(out), "\n") {
		if message, ok := strings.CutPrefix(line, "error: "); ok {
			err = errors.New(message)
		}
	}
	return err
}
