package sdkhttp_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/sdkhttp"
)

// moody is a body as the SDK makes them: once closed, WriteTo answers with
// io.EOF as if it were an error.
type moody struct{ *strings.Reader }

func (moody) WriteTo(io.Writer) (int64, error) { return 0, io.EOF }
func (moody) Close() error                     { return nil }

func TestDo_onlyReadsBodies(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body) // the test fails if this does
	}))
	t.Cleanup(server.Close)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, moody{strings.NewReader("hello")})
	require.NoError(t, err)
	req.ContentLength = 5
	resp, err := sdkhttp.New().Do(req)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, "hello", string(body))
}
