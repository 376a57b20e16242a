package runtime

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// responseLimit is the largest answer of a synchronous invocation, in bytes.
// Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
// and the text of the error for larger ones.
const responseLimit = 6291556

const apiPrefix = "/2018-06-01/runtime/"

// reply is what a runtime sends back for an invocation.
type reply struct {
	payload []byte
	failed  bool
	large   bool
}

// routes is the Runtime API of one environment.
func (e *Environment) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET "+apiPrefix+"invocation/next", e.next)
	m.HandleFunc("POST "+apiPrefix+"invocation/{id}/response",
		func(w http.ResponseWriter, r *http.Request) { e.answer(w, r, false) })
	m.HandleFunc("POST "+apiPrefix+"invocation/{id}/error",
		func(w http.ResponseWriter, r *http.Request) { e.answer(w, r, true) })
	m.HandleFunc("POST "+apiPrefix+"init/error", e.initError)
	return m
}

// next gives the runtime its next invocation; the first call ends the
// initialisation.
func (e *Environment) next(w http.ResponseWriter, r *http.Request) {
	e.readyOnce.Do(func() { close(e.ready) })
	select {
	case inv := <-e.work:
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", inv.ID)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", inv.ARN)
		h.Set("Lambda-Runtime-Trace-Id", inv.Trace)
		if inv.ClientContext != "" {
			h.Set("Lambda-Runtime-Client-Context", inv.ClientContext)
		}
		h.Set("Content-Type", "application/json")
		_, _ = w.Write(inv.Payload) // a process that is gone is noticed by its end
	case <-r.Context().Done():
	case <-e.gone:
		w.WriteHeader(http.StatusGone)
	}
}

func (e *Environment) answer(w http.ResponseWriter, r *http.Request, failed bool) {
	id := r.PathValue("id")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, responseLimit))
	var large *http.MaxBytesError
	if err != nil && !errors.As(err, &large) {
		return // the process died while it wrote
	}
	if !e.expected(id) { // answered already, or never asked
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	if failed {
		body = e.spec.shown(body)
	}
	e.replies <- reply{payload: body, failed: failed, large: large != nil} // has room for the one answer
	if large != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
			"Exceeded maximum allowed payload size (6291556 bytes).")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`+"\n") // as above
}

// expect makes the environment take one answer for an invocation.
func (e *Environment) expect(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.current = id
}

// expected reports whether an answer is awaited, and awaits it no longer.
func (e *Environment) expected(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current == "" || e.current != id {
		return false
	}
	e.current = ""
	return true
}

func (e *Environment) initError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, responseLimit))
	if err != nil {
		return
	}
	e.initOnce.Do(func() {
		e.initFault = e.spec.shown(body)
		close(e.initFailed)
	})
	w.WriteHeader(http.StatusAccepted)
}

func refuse(w http.ResponseWriter, status int, kind, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"errorType": kind, "errorMessage": text}) // as above
}
