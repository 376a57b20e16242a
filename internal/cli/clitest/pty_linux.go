package clitest

import (
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// RunWide runs one command with its output on a terminal of so many columns. The
// answer's Out is what the terminal was sent, with plain ends of lines.
func (c *Terminal) RunWide(t *testing.T, columns int, args ...string) Answer {
	t.Helper()
	screen, end := openTerminal(t, columns)
	got := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(screen) // ends with an error when the other side is closed
		got <- string(b)
	}()
	out := c.Out
	c.Out = end
	a := c.Run(args...)
	c.Out = out
	require.NoError(t, end.Close())
	a.Out = strings.ReplaceAll(<-got, "\r\n", "\n")
	require.NoError(t, screen.Close())
	return a
}

// openTerminal returns both sides of a pseudo-terminal: what a person sees, and
// what a program writes to.
func openTerminal(t *testing.T, columns int) (screen, end *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	fd := int(screen.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(columns)}))
	end, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	return screen, end
}
