// Package awstest starts an emulated cloud for tests: real HTTP on loopback,
// real SDK clients, a clock that stands still until it is moved.
package awstest

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/sdkhttp"
)

// Epoch is where the clock of a test cloud stands at first.
var Epoch = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// Cloud is a running cloud with the services a test asked for.
type Cloud struct {
	URL     string
	Clock   *clock.Clock
	Host    *gateway.Host
	Gateway *gateway.Gateway

	t testing.TB
}

// New starts a cloud in memory and stops it when the test ends.
func New(t testing.TB, services ...func(*gateway.Host) gateway.Service) *Cloud {
	t.Helper()
	return NewWithClock(t, clock.NewManual(Epoch), services...)
}

// NewWithClock is New on another clock.
func NewWithClock(t testing.TB, clk *clock.Clock, services ...func(*gateway.Host) gateway.Service) *Cloud {
	t.Helper()
	return start(t, store.Options{}, clk, services)
}

// NewInDir is New with the state in a folder, where an earlier cloud may have
// left some. The folder can be opened again when the test has ended.
func NewInDir(t testing.TB, dir string, services ...func(*gateway.Host) gateway.Service) *Cloud {
	t.Helper()
	return start(t, store.Options{Dir: dir}, clock.NewManual(Epoch), services)
}

// NewBounded is New with a bound on what is stored, in bytes.
func NewBounded(t testing.TB, most int64, services ...func(*gateway.Host) gateway.Service) *Cloud {
	t.Helper()
	return start(t, store.Options{MaxBytes: most}, clock.NewManual(Epoch), services)
}

func start(t testing.TB, o store.Options, clk *clock.Clock, services []func(*gateway.Host) gateway.Service) *Cloud {
	t.Helper()
	st := store.New(o)
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	g := gateway.New(st, clk, ident.NewSeeded(1), log)
	for _, make := range services {
		g.Register(make(g.Host()))
	}
	if err := st.Open(); err != nil {
		t.Fatalf("open store: %v", err)
	}
	server := httptest.NewServer(g)
	g.SetEndpoint(server.URL)
	scratch := t.TempDir()
	g.SetScratch(func() (string, error) { return scratch, nil })
	if err := g.Start(context.Background()); err != nil {
		t.Fatalf("start services: %v", err)
	}
	t.Cleanup(func() {
		g.Stop()
		server.CloseClientConnections()
		server.Close()
		clk.Close()
		if err := g.Close(); err != nil {
			t.Errorf("close listeners: %v", err)
		}
		if err := st.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return &Cloud{URL: server.URL, Clock: clk, Host: g.Host(), Gateway: g, t: t}
}

// Config is for SDK clients: static credentials, no retries, so that a test
// sees every answer.
func (c *Cloud) Config() aws.Config {
	return aws.Config{
		Region:       ident.DefaultRegion,
		BaseEndpoint: aws.String(c.URL),
		HTTPClient:   sdkhttp.New(),
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// Advance moves the clock and runs what falls due.
func (c *Cloud) Advance(d time.Duration) {
	c.t.Helper()
	if err := c.Clock.Advance(context.Background(), d); err != nil {
		c.t.Fatalf("advance clock: %v", err)
	}
}

// testWriter logs into the test's own output.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(string(b))
	return len(b), nil
}
