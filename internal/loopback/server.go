package loopback

import (
	"log/slog"
	"net/http"
	"time"
)

// headerTime is how long a client may take to send the header of a request. A
// machine that is busy with a class is slow; its own programs get through.
const headerTime = time.Minute

// headerBytes bounds a request's header. AWS takes 8 KB of S3's; the longest is
// sent to the Runtime API: runtimes tell the cause of an error in a header
// of up to 1 MiB. Source:
// https://github.com/aws/aws-lambda-nodejs-runtime-interface-client
const headerBytes = 1<<20 + 64<<10

// Server is an HTTP server that keeps h behind a Guard. Every listener of this
// program is served by one. Clients may speak HTTP/1.1 or, unencrypted, HTTP/2:
// Java's SDK reads event streams over that only. There is no bound on the time
// that a body takes, because uploads and polls last; requests that would hold a
// connection on purpose are refused by their header. How many connections there
// are at a time is bounded, see connections.
func Server(h http.Handler, log *slog.Logger) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler: Guard(h), ReadHeaderTimeout: headerTime, MaxHeaderBytes: headerBytes, Protocols: &protocols,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), ConnContext: know,
		ConnState: newConnections(mostConnections).note,
		// net/http answers "OPTIONS *" itself, and knows nothing of a Guard.
		DisableGeneralOptionsHandler: true,
	}
}
