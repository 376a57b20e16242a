// Command bench measures what users feel and prints it as ratios against a
// baseline of the same run, so that the figures mean something on any machine.
// It asserts nothing.
//
//	go run ./internal/bench bin/pipelab
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bench PATH-TO-PIPELAB")
		os.Exit(2)
	}
	binary, err := filepath.Abs(os.Args[1])
	if err == nil {
		err = run(context.Background(), binary)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string) error {
	if err := throughput(ctx); err != nil {
		return fmt.Errorf("throughput: %w", err)
	}
	if err := enforcement(ctx); err != nil {
		return fmt.Errorf("enforcement: %w", err)
	}
	if err := growth(ctx); err != nil {
		return fmt.Errorf("growth: %w", err)
	}
	if err := starts(ctx, binary); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if err := idle(ctx, binary); err != nil {
		return fmt.Errorf("idle memory: %w", err)
	}
	return labTests(ctx, binary)
}

func title(format string, args ...any) { fmt.Printf("\n"+format+"\n", args...) }

// labIDs asks the program for its catalogue.
func labIDs(ctx context.Context, binary string) ([]string, error) {
	out, err := exec.CommandContext(ctx, binary, "list", "--json").Output()
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, part := range strings.Split(string(out), `"id": "`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		ids = append(ids, id)
	}
	return ids, nil
}

// rounds is how often a command is timed; the median counts.
const rounds = 9

func starts(ctx context.Context, binary string) error {
	ids, err := labIDs(ctx, binary)
	if err != nil {
		return err
	}
	title("pipelab start, process start to provisioned, median of %d (target 300 ms)", rounds)
	for _, id := range ids {
		var times []time.Duration
		for range rounds {
			t, err := oneStart(ctx, binary, id)
			if err != nil {
				return err
			}
			times = append(times, t)
		}
		slices.Sort(times)
		fmt.Printf("  %-30s %6d ms   (%d to %d)\n", id, times[rounds/2].Milliseconds(), times[0].Milliseconds(),
			times[rounds-1].Milliseconds())
	}
	return nil
}

func oneStart(ctx context.Context, binary, id string) (d time.Duration, err error) {
	dir, err := os.MkdirTemp("", "pipelab-bench-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	lab := filepath.Join(dir, id)
	cmd := exec.CommandContext(ctx, binary, "start", id, "--dir", lab)
	cmd.Env = append(os.Environ(), "PIPELAB_STATE="+filepath.Join(dir, "progress"))
	begin := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	d = time.Since(begin)
	stop := exec.CommandContext(ctx, binary, "stop")
	stop.Dir, stop.Env = lab, cmd.Env
	if out, err := stop.CombinedOutput(); err != nil {
		return d, fmt.Errorf("%w: %s", err, out)
	}
	return d, nil
}

// idle measures a daemon that has nothing to do.
func idle(ctx context.Context, binary string) error {
	cmd := exec.CommandContext(ctx, binary, "emulator", "serve", "--addr", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }() // it is of no use any more
	if _, err := out.Read(make([]byte, 1)); err != nil {
		return err
	}
	time.Sleep(3 * time.Second) // a daemon settles: the runtime gives memory back
	title("idle emulator (target 60 MB)")
	status, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/status")
	if err != nil {
		fmt.Println("  cannot be told on this system")
		return nil
	}
	for _, line := range strings.Split(string(status), "\n") {
		name, value, _ := strings.Cut(line, ":")
		kb, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB")) // other lines are not wanted
		switch name {
		case "VmRSS":
			fmt.Printf("  %-30s %6.1f MB\n", "resident", float64(kb)/1000)
		case "RssAnon":
			fmt.Printf("  %-30s %6.1f MB\n", "  of which its own", float64(kb)/1000)
		case "RssFile":
			fmt.Printf("  %-30s %6.1f MB\n", "  of which pages of files", float64(kb)/1000)
		}
	}
	return nil
}

// labTests times one run of each solution.
func labTests(ctx context.Context, binary string) error {
	ids, err := labIDs(ctx, binary)
	if err != nil {
		return err
	}
	title("pipelab lab test --only solution --repeat 1: two seeds, side by side (target 3 s)")
	for _, id := range ids {
		begin := time.Now()
		if out, err := exec.CommandContext(ctx, binary, "lab", "test", id, "--only", "solution", "--repeat",
			"1").CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		fmt.Printf("  %-30s %6.1f s\n", id, time.Since(begin).Seconds())
	}
	return nil
}
