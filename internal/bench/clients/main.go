// Command clients runs the programs with which people use AWS against the embedded one,
// as they come: each does what its folder below clients says, against an emulator of
// its own, and what became of it is a row of docs/clients.md.
//
//	go run ./internal/bench/clients            # all
//	go run ./internal/bench/clients -quick     # those that are installed soon
//	go run ./internal/bench/clients boto3 sam
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/provision"
)

// client is one program, as client.json in its folder describes it.
type client struct {
	Name    string `json:"-"`
	Title   string `json:"title"`
	Does    string `json:"does"`    // what run does with it, for the table
	Install string `json:"install"` // shell, once, into $CLIENT_HOME: a version that is named, changed on purpose
	Version string `json:"version"` // shell: prints it
	Quick   bool   `json:"quick"`   // installed within three minutes
	Point   string `json:"point"`   // how to point it at PipeLab, where the environment of pipelab env is not enough
	Trap    string `json:"trap"`    // what to know
}

// result is what became of one.
type result struct {
	client
	version, problem string
	took             time.Duration
	missing          bool // it could not be installed: the client was not judged
}

// Each may take so long to be installed, and to run.
const (
	installFor = 5 * time.Minute
	runFor     = 10 * time.Minute
)

// atOnce is how many clients are tried at a time.
const atOnce = 4

func main() {
	quick := flag.Bool("quick", false, "only clients that are installed within three minutes")
	docs := flag.String("docs", "", "write the table to this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *quick, *docs, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, quick bool, docs string, names []string) error {
	all, err := clients("clients")
	if err != nil {
		return err
	}
	for _, n := range names {
		if !slices.ContainsFunc(all, func(c client) bool { return c.Name == n }) {
			return fmt.Errorf("there is no client %q in clients", n)
		}
	}
	all = slices.DeleteFunc(all, func(c client) bool {
		return len(names) > 0 && !slices.Contains(names, c.Name) || quick && !c.Quick
	})
	results := together(ctx, all)
	if err := ctx.Err(); err != nil {
		return err
	}
	var failed []string
	for _, r := range results {
		if r.problem != "" && !r.missing {
			failed = append(failed, r.Name)
		}
	}
	if docs != "" {
		if err := write(docs, results); err != nil {
			return err
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%s: see above", strings.Join(failed, ", "))
	}
	return nil
}

// together tries clients, several at a time: most wait most of the time.
func together(ctx context.Context, all []client) []result {
	results, places := make([]result, len(all)), make(chan bool, atOnce)
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() {
			places <- true
			defer func() { <-places }()
			r := try(ctx, c)
			results[i] = r
			fmt.Printf("%-12s %-20s %6.1f s  %s\n", c.Name, r.version, r.took.Seconds(), r.verdict())
		})
	}
	wg.Wait()
	return results
}

// clients reads the folders.
func clients(dir string) ([]client, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "client.json"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no clients in %s: run this in PipeLab's own folder", dir)
	}
	var all []client
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		c := client{Name: filepath.Base(filepath.Dir(f))}
		decoder := json.NewDecoder(bytes.NewReader(b))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&c); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		all = append(all, c)
	}
	return all, err
}

func (r result) verdict() string {
	switch {
	case r.missing:
		return "could not be installed: " + r.problem
	case r.problem != "":
		return "FAILED\n" + r.problem
	}
	return "works"
}

// try installs a client where that has not been done, and runs it in a copy of its
// folder.
func try(ctx context.Context, c client) result {
	r := result{client: c}
	home, err := installed(ctx, c)
	if err != nil {
		r.problem, r.missing = err.Error(), true
		return r
	}
	work, err := os.MkdirTemp("", "pipelab-client-")
	if err != nil {
		r.problem = err.Error()
		return r
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := os.CopyFS(work, os.DirFS(filepath.Join("clients", c.Name))); err != nil {
		r.problem = err.Error()
		return r
	}
	e, err := embedded.Driver{Provision: provision.At}.Start(ctx, emulator.Options{})
	if err != nil {
		r.problem = err.Error()
		return r
	}
	defer func() { _ = e.Close() }()
	environment := append(surroundings(home, work), e.Endpoint().Env()...)
	if out, err := shell(ctx, work, environment, runFor, c.Version); err == nil {
		r.version = strings.TrimSpace(out)
	}
	start := time.Now()
	out, err := shell(ctx, work, environment, runFor, "bash -eu ./run.sh")
	r.took = time.Since(start)
	if err != nil {
		r.problem = last(out, 40) + err.Error()
	}
	return r
}

// installed is the folder that a client was installed into.
func installed(ctx context.Context, c client) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(c.Install))
	home := filepath.Join(cache, "pipelab-clients", hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(home); err == nil {
		return home, nil
	}
	if err := os.MkdirAll(home, 0o750); err != nil {
		return "", err
	}
	out, err := shell(ctx, home, append(os.Environ(), "CLIENT_HOME="+home), installFor, c.Install)
	if err != nil {
		_ = os.RemoveAll(home)
		return "", fmt.Errorf("%s%w", last(out, 5), err)
	}
	return home, nil
}

// surroundings are those of a fresh account on this machine: none of its AWS settings.
func surroundings(home, work string) []string {
	environment := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "HOME=") || strings.HasPrefix(v, "PIPELAB_")
	})
	return append(environment, "HOME="+work, "CLIENT_HOME="+home)
}

func shell(ctx context.Context, dir string, environment []string, limit time.Duration, script string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euc", script)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, environment, time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = fmt.Errorf("it took more than %s", limit)
	}
	return string(out), err
}

// last are the last lines of a text.
func last(text string, n int) string {
	lines := slices.Collect(strings.Lines(text))
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

const introduction = `# Clients

Each program is run as it comes against the embedded AWS: with the environment that
` + "`pipelab env`" + ` prints, and nothing else unless the table says so. What each does is in
its folder below ` + "`clients/`" + `. This page is made by ` + "`make test-clients`" + `.

| client | version | what is done with it | verdict | to point it here | to know |
|---|---|---|---|---|---|
`

// write makes the page.
func write(file string, results []result) error {
	var b strings.Builder
	b.WriteString(introduction)
	for _, r := range results {
		verdict := "works"
		switch {
		case r.missing:
			verdict = "could not be installed where this was made"
		case r.problem != "":
			verdict = "fails"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.Title, r.version, r.Does, verdict, r.Point, r.Trap)
	}
	return os.WriteFile(file, []byte(b.String()), 0o600)
}
