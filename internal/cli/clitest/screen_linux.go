package clitest

import (
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// patience is longer than any machine needs.
const patience = 2 * time.Minute

// Screen is a terminal on which a command runs that fills it: what a person sees of it,
// and what they type.
type Screen struct {
	person *os.File // what is typed goes in here
	shows  *vt.SafeEmulator
	mu     sync.Mutex
	more   chan struct{} // closed, and made anew, whenever something was shown
	ended  chan Answer
}

// OnScreen runs one command on a screen of so many columns and rows. The command is
// ended with the test.
func (c *Terminal) OnScreen(t *testing.T, columns, rows int, args ...string) *Screen {
	t.Helper()
	person, program := openTerminal(t, columns)
	require.NoError(t, unix.IoctlSetWinsize(int(person.Fd()), unix.TIOCSWINSZ,
		&unix.Winsize{Row: uint16(rows), Col: uint16(columns)}))
	s := &Screen{person: person, shows: vt.NewSafeEmulator(columns, rows), more: make(chan struct{}),
		ended: make(chan Answer, 1)}
	go s.read()
	go func() { // a terminal answers what it is asked about itself
		_, _ = io.Copy(person, s.shows)
	}()
	on := *c
	on.In, on.Out = program, program
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.ended <- on.RunContext(ctx, args...)
	}()
	t.Cleanup(func() {
		cancel()
		<-over
		_ = program.Close()
		_ = person.Close()
	})
	return s
}

func (s *Screen) read() {
	b := make([]byte, 1<<14)
	for {
		n, err := s.person.Read(b)
		if n > 0 {
			_, _ = s.shows.Write(b[:n])
			s.mu.Lock()
			close(s.more)
			s.more = make(chan struct{})
			s.mu.Unlock()
		}
		if err != nil {
			return // the program's side is closed
		}
	}
}

// Text is what the screen shows, in lines without colours.
func (s *Screen) Text() string {
	var b strings.Builder
	for y := range s.shows.Height() {
		line := ""
		for x := 0; x < s.shows.Width(); x++ {
			if c := s.shows.CellAt(x, y); c != nil && c.Content != "" {
				line += c.Content
			} else {
				line += " "
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// Until waits for the screen to be as it should, and returns what it shows then.
func (s *Screen) Until(t *testing.T, what string, is func(text string) bool) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		s.mu.Lock()
		more := s.more
		s.mu.Unlock()
		text := s.Text()
		if is(text) {
			return text
		}
		select {
		case <-more:
		case <-ctx.Done():
			require.Failf(t, "the screen does not show it", "%s\n%s", what, text)
		}
	}
}

// Shows waits for the screen to show all of these texts.
func (s *Screen) Shows(t *testing.T, texts ...string) string {
	t.Helper()
	return s.Until(t, strings.Join(texts, "\n"), func(text string) bool {
		for _, want := range texts {
			if !strings.Contains(text, want) {
				return false
			}
		}
		return true
	})
}

// Type types keys.
func (s *Screen) Type(t *testing.T, keys string) {
	t.Helper()
	_, err := s.person.WriteString(keys)
	require.NoError(t, err)
}

// Resize makes the screen larger or smaller, as dragging the corner of a window does.
func (s *Screen) Resize(t *testing.T, columns, rows int) {
	t.Helper()
	s.shows.Resize(columns, rows)
	require.NoError(t, unix.IoctlSetWinsize(int(s.person.Fd()), unix.TIOCSWINSZ,
		&unix.Winsize{Row: uint16(rows), Col: uint16(columns)}))
	// The kernel tells those whose terminal it is; for a test's own process it is not.
	require.NoError(t, unix.Kill(os.Getpid(), unix.SIGWINCH))
}

// Ended waits for the command to end.
func (s *Screen) Ended(t *testing.T) Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case a := <-s.ended:
		return a
	case <-ctx.Done():
		require.Fail(t, "the command does not end", s.Text())
		return Answer{}
	}
}
