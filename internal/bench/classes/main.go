// Command classes measures how classes of several sizes are graded: time,
// memory, growth. The classes are made of what the labs know: solutions,
// starters, wrong answers, and submissions that are broken. It asserts nothing.
//
//	go run ./internal/bench/classes bin/pipelab 50 100 200
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/workspace"
	"github.com/pipelab/pipelab/labs"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: classes PATH-TO-PIPELAB SIZE…")
		os.Exit(2)
	}
	binary, err := filepath.Abs(os.Args[1])
	if err == nil {
		err = run(context.Background(), binary, os.Args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, sizes []string) error {
	fmt.Println("grading a class: four labs, one submission each; targets for 200: 60 s on two processors, 1.5 GB")
	for _, s := range sizes {
		n, err := strconv.Atoi(s)
		if err != nil {
			return err
		}
		if err := size(ctx, binary, n); err != nil {
			return fmt.Errorf("a class of %d: %w", n, err)
		}
	}
	return nil
}

// size grades one class, with nothing known from before.
func size(ctx context.Context, binary string, n int) (err error) {
	dir, err := os.MkdirTemp("", "pipelab-class-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := generate(filepath.Join(dir, "class"), n); err != nil {
		return err
	}
	var rules strings.Builder
	rules.WriteString("id: bench\ntitle: Bench\nseed: 7\nvariants: true\nlabs:\n")
	for _, id := range labIDs {
		rules.WriteString("  - { id: " + id + " }\n")
	}
	if err := os.WriteFile(filepath.Join(dir, "assignment.yaml"), []byte(rules.String()), 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, binary, "grade", "class", "--no-cache", "--out", "grades")
	cmd.Dir = dir
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	watched := make(chan usage)
	done := make(chan struct{})
	go func() { watched <- watch(cmd.Process.Pid, done) }()
	failed := cmd.Wait()
	took := time.Since(began)
	close(done)
	all := <-watched
	if failed != nil {
		text, _ := os.ReadFile(log.Name()) // shown if it is there
		lines := strings.Split(string(text), "\n")
		fmt.Println(strings.Join(lines[max(0, len(lines)-12):], "\n"))
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() + all.left
	fmt.Printf(
		"  %4d submissions  %6.1f s  %5.2f s each  %6.1f s of processors, %.1f s of them interpreters'  pipelab itself %4d "+
			"MB, all together %4d MB\n",
		n, took.Seconds(), took.Seconds()/float64(n), cpu.Seconds(), all.left.Seconds(), all.own>>20, all.held>>20)
	return errors.Join(failed, slowest(dir))
}

// slowest shows which labs took the time.
func slowest(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "grades", "timings.json"))
	if err != nil {
		return err
	}
	var timings []struct {
		Lab    string `json:"lab"`
		Millis int64  `json:"millis"`
	}
	if err := json.Unmarshal(b, &timings); err != nil {
		return err
	}
	for _, id := range labIDs {
		n, sum, most := 0, int64(0), int64(0)
		for _, t := range timings {
			if t.Lab == id {
				n, sum, most = n+1, sum+t.Millis, max(most, t.Millis)
			}
		}
		if n > 0 {
			fmt.Printf("       %-30s %3d submissions, mean %5d ms, longest %5d ms\n", id, n, sum/int64(n), most)
		}
	}
	return nil
}

var labIDs = []string{"kinesis-partition-keys", "s3-upload-function", "ddb-cart-concurrency",
	"kinesis-consumer-idempotent"}

// programs are the files of the labs' solutions that run first.
var programs = map[string]string{"kinesis-partition-keys": "producer.py", "s3-upload-function": "app.py",
	"ddb-cart-concurrency": "shop.py", "kinesis-consumer-idempotent": "app.py"}

// generate lays out n submissions: of each twenty-five, one is an empty folder,
// one no zip, one has a template that cannot be deployed and one means harm; of
// each fifty one stores without end, and of each two hundred one never ends, which takes 40 s
// beside the others. The others
// are solutions, starters and mutants in turn.
func generate(dir string, n int) error {
	all := labs.FS()
	for i := range n {
		id := labIDs[i%len(labIDs)]
		learner := filepath.Join(dir, fmt.Sprintf("learner%03d", i))
		into := filepath.Join(learner, id)
		switch i % 25 {
		case 7:
			if err := os.MkdirAll(learner, 0o755); err != nil {
				return err
			}
			continue
		case 13:
			if err := os.WriteFile(learner+".zip", []byte("no zip"), 0o600); err != nil {
				return err
			}
			continue
		}
		trees, err := kinds(all, id)
		if err != nil {
			return err
		}
		if err := layOut(all, id, trees[i/len(labIDs)%len(trees)], into); err != nil {
			return err
		}
		// No two are the same: copies are run once.
		files := map[string]string{"NOTES.txt": "by learner " + strconv.Itoa(i) + "\n"}
		if i%25 == 19 {
			files["template.yaml"] = "Resources:\n  Broken:\n    Type: AWS::S3::Bukcet\n"
		}
		if evil := harm(i, n); evil != "" {
			main := path.Join("src", programs[id])
			b, err := os.ReadFile(filepath.Join(into, main))
			if err != nil {
				return err
			}
			files[main] = evil + string(b)
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(into, name), []byte(text), 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// harm is what a submission of n does before anything else, "" for most.
func harm(i, n int) string {
	const patient = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(1e9)\n"
	// Stores without end, until it is refused.
	const hoard = "import boto3, os\ns3 = boto3.client('s3')\ns3.create_bucket(Bucket='hoard-%d' % os.getpid())\n" +
		"for n in range(10 ** 9):\n    s3.put_object(Bucket='hoard-%d' % os.getpid(), Key=str(n), Body=os.urandom(8 << 20))\n"
	switch {
	case i%200 == 20 && i/200 < n/200:
		return patient
	case i%50 == 10:
		return hoard
	case i%25 != 3:
		return ""
	}
	return []string{
		// Writes to whatever it finds above its folder.
		"import glob, os\nfor found in glob.glob('../../**', recursive=True)[:100] + glob.glob('/proc/%d/cwd/**' % " +
			"os.getppid()):\n" +
			"    try:\n        open(found, 'a').write('overwritten')\n    except OSError:\n        pass\n",
		"hog = []\nwhile True:\n    hog.append(bytearray(b'x' * (64 << 20)))\n",
		"import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n",
		// Knocks at other doors, and says what a grader might believe.
		"import socket\nfor port in range(1, 200):\n    try:\n        socket.create_connection(('127.0.0.1', port), " +
			"0.1).close()\n    except OSError:\n        pass\n" +
			"print('::error::forged')\n",
	}[(i/25+i/100)%4] // another one for the same lab in the next hundred
}

// kinds are the trees of a lab: a third solutions, the rest everything else.
func kinds(all fs.FS, id string) ([]string, error) {
	mutants, err := fs.ReadDir(all, path.Join(id, "mutants"))
	if err != nil {
		return nil, err
	}
	mutants = slices.DeleteFunc(mutants, func(e fs.DirEntry) bool { return !e.IsDir() }) // survivors.yaml is none
	out := []string{"solution", "starter"}
	for i, m := range mutants {
		if out = append(out, path.Join("mutants", m.Name())); i%2 == 0 {
			out = append(out, "solution")
		}
	}
	return out, nil
}

func layOut(all fs.FS, id, tree, into string) error {
	mutant, wrong := strings.CutPrefix(tree, "mutants/")
	if wrong {
		tree = "solution"
	}
	sub, err := fs.Sub(all, path.Join(id, tree))
	if err != nil {
		return err
	}
	if err := workspace.CopyTree(into, sub, true); err != nil || !wrong {
		return err
	}
	l, err := lab.Open(all, id, nil)
	if err != nil {
		return err
	}
	return l.MakeWrong(mutant, into)
}
