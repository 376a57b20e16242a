package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// resent is the second attempt of a call of the SDK for Go.
func resent(ctx context.Context, number int) *http.Request {
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader("{}"))
	req.Header.Set("User-Agent", "aws-sdk-go-v2/1.42.0 os/linux")
	req.Header.Set("Amz-Sdk-Invocation-Id", "one")
	req.Header.Set("Amz-Sdk-Request", fmt.Sprintf("attempt=%d; max=3", number))
	return req
}

// Whoever stopped waiting before there was an answer has made the call twice, as on AWS.
func TestResends_keepNoAnswerThatNobodyWaitedFor(t *testing.T) {
	calls := 0
	h := gateway.NewResends(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		_, _ = fmt.Fprintf(w, "call %d", calls)
	}))
	gone, leave := context.WithCancel(t.Context())
	leave()
	h.ServeHTTP(httptest.NewRecorder(), resent(gone, 1))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, resent(t.Context(), 2))
	require.Equal(t, "call 2", w.Body.String())
	w = httptest.NewRecorder()
	h.ServeHTTP(w, resent(t.Context(), 3))
	require.Equal(t, "call 2", w.Body.String(), "that answer was on its way")
}

func TestResends_areBounded(t *testing.T) {
	calls := 0
	h := gateway.NewResends(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		calls++
		_, _ = w.Write(make([]byte, 900<<10))
		if req.Header.Get("Amz-Sdk-Invocation-Id") == "large" {
			_, _ = w.Write(make([]byte, 200<<10))
		}
	}))
	call := func(id string, number int) {
		req := resent(t.Context(), number)
		req.Header.Set("Amz-Sdk-Invocation-Id", id)
		h.ServeHTTP(httptest.NewRecorder(), req)
	}
	call("large", 1)
	call("large", 2)
	require.Equal(t, 2, calls, "an answer of more than a megabyte is not kept")
	for i := range 20 {
		call(fmt.Sprint(i), 1)
	}
	call("19", 2)
	require.Equal(t, 22, calls)
	call("0", 2)
	require.Equal(t, 23, calls, "the oldest went first")
}

func TestResends_areSoMany(t *testing.T) {
	calls := 0
	h := gateway.NewResends(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusOK)
	}))
	call := func(id, number int) {
		req := resent(t.Context(), number)
		req.Header.Set("Amz-Sdk-Invocation-Id", fmt.Sprint(id))
		h.ServeHTTP(httptest.NewRecorder(), req)
	}
	for id := range 1001 {
		call(id, 1)
	}
	call(1, 2)
	require.Equal(t, 1001, calls, "a thousand are kept")
	call(0, 2)
	require.Equal(t, 1002, calls, "and not one more")
}
