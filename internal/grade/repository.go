package grade

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// repository is the git folder of a bare repository or a work tree; "" when
// dir is neither.
func repository(dir string) string {
	if has(dir, ".git") {
		return filepath.Join(dir, ".git")
	}
	if has(dir, "HEAD") && has(dir, "objects") && has(dir, "refs") {
		return dir
	}
	return ""
}

// git runs a command on somebody else's repository, whose configuration must
// not make it run anything: no hooks, no file system monitor, no fetching, and
// only commands that apply no filters.
func git(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git",
		append([]string{"--git-dir", dir, "-c", "safe.directory=*", "-c", "core.fsmonitor=false",
			"-c", "core.hooksPath=" + os.DevNull, "-c", "protocol.allow=never"}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_NO_LAZY_FETCH=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "LC_ALL=C"}
	return cmd
}

// commitTime is when what ref names was committed; zero when there is none.
func commitTime(ctx context.Context, dir, ref string) time.Time {
	out, err := git(ctx, dir, "show", "-s", "--no-show-signature", "--format=%cI", "--end-of-options", ref+
		"^{commit}").Output()
	if err != nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, strings.TrimSpace(string(out)))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// checkOut writes the files of a commit into a folder. It reads objects and
// not "git archive", which would run filters that the repository's own
// configuration names.
func checkOut(ctx context.Context, dir, ref string, w *writer) error {
	out, err := git(ctx, dir, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", ref+"^{commit}").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &badSubmission{fmt.Sprintf("git finds no files in %s: %s", ref, firstLine(exit.Stderr))}
	}
	if err != nil {
		return fmt.Errorf("run git: %w", err)
	}
	var wanted []treeEntry
	for _, line := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		e, ok := parseTree(line)
		switch {
		case !ok:
		case e.kind != "blob" || e.mode == "120000":
			w.leftOut(e.name)
		default:
			wanted = append(wanted, e)
		}
	}
	return readBlobs(ctx, dir, wanted, w)
}

type treeEntry struct{ mode, kind, object, name string }

func parseTree(line string) (e treeEntry, ok bool) {
	head, name, ok := strings.Cut(line, "\t")
	parts := strings.Fields(head)
	if !ok || len(parts) != 3 {
		return e, false
	}
	return treeEntry{mode: parts[0], kind: parts[1], object: parts[2], name: name}, true
}

// readBlobs asks one git for all files, one after the other.
func readBlobs(ctx context.Context, dir string, wanted []treeEntry, w *writer) error {
	var ask bytes.Buffer
	for _, e := range wanted {
		ask.WriteString(e.object + "\n")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := git(ctx, dir, "cat-file", "--batch")
	cmd.Stdin = &ask
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run git: %w", err)
	}
	defer func() { cancel(); _ = cmd.Wait() }() // all was read, or an error is known
	r := bufio.NewReader(pipe)
	for _, e := range wanted {
		head, err := r.ReadString('\n') // <object> blob <size>
		if err != nil {
			return fmt.Errorf("git ended early: %w", err)
		}
		parts := strings.Fields(head)
		if len(parts) != 3 {
			return &badSubmission{"the repository is incomplete: " + strings.TrimSpace(head)}
		}
		size, err := strconv.ParseInt(parts[2], 10, 64)
		if err != nil {
			return fmt.Errorf("git says %q", head)
		}
		if err := w.write(e.name, io.LimitReader(r, size), e.mode == "100755"); err != nil {
			return err
		}
		if _, err := r.Discard(1); err != nil {
			return fmt.Errorf("git ended early: %w", err)
		}
	}
	return nil
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return line
}
