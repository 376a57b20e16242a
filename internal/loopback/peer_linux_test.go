package loopback

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOwner_isWhoHasTheOtherEnd(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := Listen(t.Context(), addr)
		if err != nil && strings.Contains(addr, "::1") {
			t.Logf("this machine has no IPv6: %v", err)
			continue
		}
		require.NoError(t, err)
		defer l.Close()
		client, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		server, err := l.Accept()
		require.NoError(t, err)
		s, known := ask(server.RemoteAddr().(*net.TCPAddr), server.LocalAddr().(*net.TCPAddr))
		require.True(t, known, "the kernel does not answer: this test says nothing here")
		require.Equal(t, os.Getuid(), s.uid)
		require.NotZero(t, s.inode)
		require.Empty(t, Stranger(server))

		// A process that lets go of its socket at once is not taken for root.
		require.NoError(t, client.Close())
		s, known = ask(server.RemoteAddr().(*net.TCPAddr), server.LocalAddr().(*net.TCPAddr))
		require.True(t, known)
		require.Equal(t, gone, s.uid)
		require.NotEmpty(t, Stranger(server))
		require.NoError(t, server.Close())
	}
}

func TestOwn_areTheUsersProgramsAndRoots(t *testing.T) {
	env := map[string]string{"SUDO_UID": "1000", UsersVariable: "1001, 1002"}
	getenv := func(k string) string { return env[k] }
	guest := 1<<30 + 4711
	for _, uid := range []int{0, 1000, 1001, 1002, guest} {
		require.True(t, own(uid, 0, 0, getenv), uid) // as root, by sudo
	}
	require.False(t, own(65534, 0, 0, getenv))
	require.False(t, own(guest, 1005, 1005, getenv), "nobody but root has guests")
	require.False(t, own(1000, 1005, 1005, getenv), "somebody who is not root did not come by sudo")
	require.True(t, own(1005, 1005, 1005, getenv))
	env[UsersVariable] = "any"
	require.True(t, own(65534, 1005, 1005, getenv))
}

// Another user of the machine gets nothing out of a server.
func TestServer_refusesOtherUsers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can be somebody else")
	}
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("there is no curl")
	}
	l, err := Listen(context.Background(), "")
	require.NoError(t, err)
	server := Server(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "secret")
	}), slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	for uid, want := range map[uint32]string{0: "secret", 65534: "belongs to another user", 1<<30 + 5: "secret"} {
		cmd := exec.Command(curl, "-s", "http://"+l.Addr().String()+"/")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), want, strconv.Itoa(int(uid)))
	}
}
