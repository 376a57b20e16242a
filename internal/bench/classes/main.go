// Command classes measures how classes of several sizes are graded: time,
// memory, growth. The classes are made of what the labs know: solutions,
// starters, wrong answers, and submissions that are broken. Of these it asserts
// nothing.
//
// With -hostile so many members mean harm, in thirty ways, and the class is graded
// with them and with what they would have handed in otherwise. Then it fails unless
// the grades of everybody else are the same, byte for byte, nobody has points by
// harm, and nothing is left behind.
//
//	go run ./internal/bench/classes bin/pipelab 50 100 200
//	go run ./internal/bench/classes -hostile 60 bin/pipelab 200
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/workspace"
	"github.com/pipelab/pipelab/labs"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == adopting {
		exit(adoptee(os.Args[2:]))
		return
	}
	hostile := flag.Int("hostile", 0, "how many members of each class mean harm; it is graded with and without them")
	rounds := flag.Int("rounds", 1, "with -hostile: how often each of the two is graded")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: classes [-hostile N [-rounds N]] PATH-TO-PIPELAB SIZE…")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() < 2 {
		flag.Usage()
		os.Exit(2)
	}
	binary, err := filepath.Abs(flag.Arg(0))
	if err == nil {
		err = run(context.Background(), binary, flag.Args()[1:], *hostile, *rounds)
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, sizes []string, hostile, rounds int) error {
	fmt.Println("grading a class: four labs, one submission each; targets for 200: 60 s on two processors, 1.5 GB")
	for _, s := range sizes {
		n, err := strconv.Atoi(s)
		if err != nil {
			return err
		}
		if hostile > 0 {
			err = crowd(ctx, binary, n, hostile, rounds)
		} else {
			err = size(ctx, binary, n)
		}
		if err != nil {
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
	if err := rules(dir); err != nil {
		return err
	}
	m, err := gradeIn(ctx, binary, dir)
	if err != nil {
		return err
	}
	fmt.Printf("  %4d submissions  %6.1f s  %5.2f s each  %6.1f s of processors  "+
		"pipelab itself %4d MB, all together %4d MB\n",
		n, m.Took.Seconds(), m.Took.Seconds()/float64(n), m.CPU.Seconds(), m.memory.own>>20, m.memory.held>>20)
	if m.Exit != 0 {
		return fmt.Errorf("it ended with %d:\n%s", m.Exit, m.tail())
	}
	return slowest(dir)
}

// rules writes down what the class is graded by.
func rules(dir string) error {
	var text strings.Builder
	text.WriteString("id: bench\ntitle: Bench\nseed: 7\nvariants: true\nlabs:\n")
	for _, id := range labIDs {
		text.WriteString("  - { id: " + id + " }\n")
	}
	return os.WriteFile(filepath.Join(dir, "assignment.yaml"), []byte(text.String()), 0o600)
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
