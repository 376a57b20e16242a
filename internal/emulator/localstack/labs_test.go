package localstack_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/localstack"
	"github.com/pipelab/pipelab/internal/emulator/proxy"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/labtest"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/labs"
	pins "github.com/pipelab/pipelab/localstack"
)

var update = flag.Bool("update", false, "rewrite testdata/verdicts.txt with what is seen")

// wall is this machine's time: what runs in a container lives in it.
type wall struct{}

func (wall) Now() time.Time { return time.Now() }

func (wall) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// The labs' solutions, judged on containers. A solution is right, so whatever
// does not pass is the emulator's lack, and testdata/verdicts.txt has them all:
// one that comes or goes is to be explained there.
func TestLabs_verdictsAreAsRecorded(t *testing.T) {
	if os.Getenv("PIPELAB_CONTAINERS") != "required" && !*update {
		t.Skip("every lab takes minutes; localstack/test.sh runs them")
	}
	require.NoError(t, localstack.Available(t.Context()))
	ids, err := lab.IDs(labs.FS())
	require.NoError(t, err)
	seen, mu := map[string]string{}, sync.Mutex{}
	t.Run("all", func(t *testing.T) {
		for _, kind := range []emulator.Kind{emulator.MiniStack, emulator.LocalStack} {
			d := proxy.Front{Under: &localstack.Driver{Kind: kind, Image: pins.Pins()[strings.ToUpper(string(kind))+
				"_BUILT_IMAGE"]}}
			for _, id := range ids {
				t.Run(string(kind)+"/"+id, func(t *testing.T) {
					t.Parallel()
					line := solution(t, d, id)
					// One that broke is asked again: what it does each time is what it does.
					for try := 1; try < 3 && broke(line); try++ {
						t.Logf("again: %s", line)
						line = solution(t, d, id)
					}
					mu.Lock()
					defer mu.Unlock()
					seen[string(kind)+" "+id] = line
				})
			}
		}
	})
	if t.Failed() {
		return
	}
	file := filepath.Join("testdata", "verdicts.txt")
	recorded, comments := read(t, file)
	for name := range recorded {
		if _, run := seen[name]; !run { // -run may leave labs out
			seen[name] = recorded[name]
		}
	}
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, write(seen, comments), 0o644))
		return
	}
	require.Empty(t, cmp.Diff(recorded, seen),
		"recorded and seen; if that is right, explain it in %s: go test -run Labs -update", file)
}

// broke tells that the emulator has failed, not that it lacks something.
func broke(line string) bool {
	return strings.Contains(line, "="+string(report.Error)) || strings.HasPrefix(line, undeployed)
}

const undeployed = "cannot be deployed: "

// solution deploys and judges a lab's solution once.
func solution(t *testing.T, d emulator.Driver, id string) string {
	l, err := lab.Open(labs.FS(), id, check.Compile)
	require.NoError(t, err)
	s := stacks{state: provision.NewMemoryState()}
	out, err := labtest.Test(t.Context(), labtest.Options{Lab: l.Visible(), Driver: d, Clock: wall{}, Seeds: []uint64{1},
		Repeat: 1, Only: "solution", Partial: true,
		Deploy: s.deploy, Remove: s.remove})
	require.NoError(t, err)
	require.Len(t, out.Runs, 1)
	r := out.Runs[0]
	if r.Result != nil && testing.Verbose() {
		for _, c := range r.Result.Checks {
			if c.Verdict != report.Pass && c.Verdict != report.Unsupported {
				b, err := json.MarshalIndent(c, "", "  ")
				require.NoError(t, err)
				t.Logf("%s", b)
			}
		}
	}
	if r.Deploy != "" {
		return undeployed + r.Deploy
	}
	var b strings.Builder
	for _, c := range r.Result.Checks {
		fmt.Fprintf(&b, "%s=%s ", c.ID, c.Verdict)
	}
	return strings.TrimSpace(b.String())
}

// stacks are what is deployed for one lab: it is removed before each check, since
// a container cannot be taken back to a state.
type stacks struct{ state provision.State }

func (s stacks) target(e emulator.Emulator) deploy.Target {
	return deploy.Target{Endpoint: e.Endpoint(), State: s.state, Environ: os.Environ()}
}

func (s stacks) deploy(ctx context.Context, e emulator.Emulator, l *lab.Folder, folder string) (map[string]string,
	error) {
	provided, err := s.target(e).Provided(ctx, l)
	if err != nil {
		return nil, err
	}
	res, err := s.target(e).Submission(ctx, l, l.ID, folder, provided)
	if err != nil {
		return nil, err
	}
	return res.Outputs, nil
}

func (s stacks) remove(ctx context.Context, e emulator.Emulator, l *lab.Folder) error {
	return s.target(e).Remove(ctx, l, l.ID)
}
