//go:build amd64 || arm64

package confine

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// keeping is the keeper's script. Its argument is pipelab's process: if that can
// be signalled the keeper is not confined, and killing all would mean all of the
// machine. Then it reads lines of process numbers and answers which of them it
// can signal, which are those of the cage. At the end of its input, also when
// pipelab has died, it kills them all in one system call, so that a process that
// forks faster than anybody can count does not get away.
const keeping = `kill -0 "$1" && exit 3
echo ready
while read -r line; do
	found=
	for p in $line; do kill -0 "$p" && found="$found $p"; done
	echo "$found"
done
kill -s KILL -- -1
`

// detached is the same without its parent, for processes that must not see it
// among their children.
const detached = "exec 3<&0\n{\n" + keeping + "} <&3 3<&- &\n"

// patience is how long the keeper may take; it does next to nothing.
const patience = 10 * time.Second

// keeper waits in the outer domain to tell and to end what is in the cage.
type keeper struct {
	asks, answers *os.File // ours
	in, out       *os.File // the keeper's; closed once it has them
	lines         *bufio.Reader
	mu            sync.Mutex // one question at a time
}

func newKeeper() (*keeper, error) {
	in, asks, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	answers, out, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close(), asks.Close())
	}
	return &keeper{asks: asks, answers: answers, in: in, out: out, lines: bufio.NewReader(answers)}, nil
}

// start starts the keeper from the thread that is in the outer domain.
func (k *keeper) start(null *os.File) error {
	cmd := exec.Command(shell, "-c", keeping, "sh", strconv.Itoa(os.Getpid())) //nolint:noctx // it ends with its input
	cmd.Stdin, cmd.Stdout, cmd.Stderr = k.in, k.out, null
	cmd.Env, cmd.Dir, cmd.SysProcAttr = []string{}, "/", &unix.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the keeper of a program: %w", err)
	}
	go func() { _ = cmd.Wait() }() // the end of its output is what counts
	return k.await()
}

// await lets go of the keeper's ends of the pipes and waits until it is ready.
func (k *keeper) await() error {
	k.release()
	if err := k.answers.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	line, err := k.lines.ReadString('\n')
	if err == nil && line != "ready\n" {
		err = fmt.Errorf("it said %q", line)
	}
	if err != nil {
		return fmt.Errorf("the keeper of a program is not ready: %w", err)
	}
	return nil
}

func (k *keeper) release() {
	_, _ = k.in.Close(), k.out.Close() // the keeper has its own; closing twice does no harm
}

// members tells which of some processes are in the cage.
func (k *keeper) members(pids []int) ([]int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var line strings.Builder
	for _, pid := range pids {
		fmt.Fprintf(&line, "%d ", pid)
	}
	if err := k.answers.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintln(k.asks, line.String()); err != nil {
		return nil, err
	}
	answer, err := k.lines.ReadString('\n')
	if err != nil {
		return nil, err
	}
	var found []int
	for _, word := range strings.Fields(answer) {
		pid, err := strconv.Atoi(word)
		if err != nil {
			return nil, err
		}
		found = append(found, pid)
	}
	return found, nil
}

// kill has everything in the cage killed and waits until that is done. A keeper
// that was never started has nothing to kill. It may be called more than once.
func (k *keeper) kill() {
	k.release()
	_ = k.asks.Close() // tells it
	k.mu.Lock()
	defer k.mu.Unlock()
	_ = k.answers.SetReadDeadline(time.Now().Add(patience)) // closed by an earlier call: as below
	_, _ = io.Copy(io.Discard, k.lines)                     // to the end of its output, which is its own
	_ = k.answers.Close()
}
