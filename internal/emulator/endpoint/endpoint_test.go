package endpoint_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/drivertest"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/emulator/endpoint"
)

// upstream starts an emulator when it is first needed, and again after it was
// killed, at the same address.
type upstream struct {
	t    testing.TB
	addr string
	e    emulator.Emulator
}

func (u *upstream) Name() string { return "endpoint" }

func (u *upstream) Start(ctx context.Context, o emulator.Options) (emulator.Emulator, error) {
	if u.e == nil {
		e, err := embedded.Driver{}.Start(context.Background(), emulator.Options{Addr: u.addr})
		require.NoError(u.t, err)
		u.e, u.addr = e, strings.TrimPrefix(e.Endpoint().URL, "http://")
	}
	return endpoint.Driver{URL: u.e.Endpoint().URL + "/"}.Start(ctx, o)
}

func (u *upstream) kill() {
	require.NoError(u.t, u.e.Close())
	u.e = nil
}

func TestDriver(t *testing.T) {
	u := &upstream{t: t}
	drivertest.Run(t, u, drivertest.Options{Shared: true, Kill: func(testing.TB, emulator.Emulator) { u.kill() }})
}

func TestDriver_knowsPipelabByItsAnswerAndTriesWhatItCan(t *testing.T) {
	t.Parallel()
	e, err := embedded.Driver{}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	defer e.Close()
	kind, err := endpoint.Look(t.Context(), e.Endpoint().URL, false)
	require.NoError(t, err)
	require.Equal(t, emulator.Embedded, kind)
	var doubts []emulator.Capability
	d := endpoint.Driver{URL: e.Endpoint().URL, Doubt: func(c emulator.Capability, _ error) { doubts = append(doubts, c) }}
	through, err := d.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	require.Empty(t, doubts)
	has := through.Capabilities()
	for _, c := range []emulator.Capability{emulator.KinesisLimits, emulator.SQSFIFO, emulator.DynamoDBTransact,
		emulator.DynamoDBStreams, emulator.S3PublicBlock, emulator.CallTrace, emulator.FaultInjection,
		emulator.LambdaFunctions, emulator.Durable} {
		require.Contains(t, has, c)
	}
	for _, c := range []emulator.Capability{emulator.ClockAdvance, emulator.Snapshots, emulator.TraceInside,
		emulator.FaultsInside, emulator.Reset, emulator.IAMEnforced} {
		require.NotContains(t, has, c)
	}
	require.NoError(t, through.Close())
	// The trials have left nothing behind.
	calls, err := e.Control().Trace(t.Context(), 0)
	require.NoError(t, err)
	made := 0
	for _, c := range calls {
		switch {
		case c.Error != "":
		case strings.HasPrefix(c.Operation, "Create"):
			made++
		case strings.HasPrefix(c.Operation, "Delete"):
			made--
		}
	}
	require.Zero(t, made)
}

// An emulator that takes everything and does nothing has nothing.
func TestDriver_believesNoTrialThatDidNotShowIt(t *testing.T) {
	t.Parallel()
	e, err := embedded.Driver{}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	defer e.Close()
	// All of the embedded AWS but the services under trial, which a stub plays.
	stub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch target := r.Header.Get("X-Amz-Target"); {
		case strings.HasSuffix(target, "GetCallerIdentity"), strings.Contains(r.Header.Get("Authorization"), "/sts/"):
			fmt.Fprint(w,
				`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Account>`+
					`123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
		case strings.HasSuffix(target, "CreateTable"), strings.HasSuffix(target, "DescribeTable"):
			fmt.Fprint(w, `{"TableDescription":{"TableStatus":"ACTIVE"},"Table":{"TableStatus":"ACTIVE"}}`)
		case strings.HasSuffix(target, "DescribeStream"):
			fmt.Fprint(w, `{"StreamDescription":{"StreamStatus":"ACTIVE"}}`)
		case target != "":
			fmt.Fprint(w, `{}`)
		}
	}))
	defer stub.Close()
	doubts := map[emulator.Capability]error{}
	through, err := endpoint.Driver{URL: stub.URL, Doubt: func(c emulator.Capability, err error) {
		doubts[c] = err
	}}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	defer through.Close()
	for _, c := range []emulator.Capability{emulator.KinesisLimits, emulator.SQSFIFO, emulator.DynamoDBTransact,
		emulator.DynamoDBStreams, emulator.S3PublicBlock} {
		require.Error(t, doubts[c], c)
		require.NotContains(t, through.Capabilities(), c)
	}
	require.NotContains(t, through.Capabilities(), emulator.LambdaFunctions, "what cannot be tried is not there")
}

func TestLook_refusesTheRealAWS(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"kinesis.us-east-1.amazonaws.com", "s3.cn-north-1.amazonaws.com.cn",
		"bucket.s3.amazonaws.com", "sqs.us-east-1.api.aws",
		"AMAZONAWS.COM.", "vpce-1.kinesis.us-east-1.vpce.amazonaws.com", "x.lambda-url.us-east-1.on.aws"} {
		_, err := endpoint.Look(t.Context(), "https://"+host, false)
		require.ErrorIs(t, err, endpoint.ErrReal, host)
		require.ErrorContains(t, err, "nothing was sent")
	}
	for _, host := range []string{"127.0.0.1", "localhost", "localhost.localstack.cloud", "amazonaws.com.example.org",
		"notamazonaws.com"} {
		require.False(t, endpoint.RealHost(host), host)
	}
	answers := func(account string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && account == "" {
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprint(w,
					`<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>The security token included in the request is `+
						`invalid.</Message></Error></ErrorResponse>`)
				return
			}
			fmt.Fprintf(w,
				`<GetCallerIdentityResponse><GetCallerIdentityResult><Account>%s</Account></GetCallerIdentityResult>`+
					`</GetCallerIdentityResponse>`, account)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	_, err := endpoint.Look(t.Context(), answers("482719003152"), false)
	require.ErrorIs(t, err, endpoint.ErrReal)
	require.ErrorContains(t, err, "482719003152")
	_, err = endpoint.Look(t.Context(), answers(""), false)
	require.ErrorIs(t, err, endpoint.ErrReal)
	for _, account := range []string{"000000000000", "123456789012"} {
		_, err = endpoint.Look(t.Context(), answers(account), false)
		require.NoError(t, err)
	}
	kind, err := endpoint.Look(t.Context(), answers("482719003152"), true)
	require.NoError(t, err, "it was said that it is known")
	require.Equal(t, emulator.AtURL, kind)
	for _, bad := range []string{"localhost:4566", "http://", "ftp://x", "http://u:p@h", "http://h?x=1"} {
		_, err := endpoint.Look(t.Context(), bad, false)
		require.ErrorContains(t, err, "is not the URL of an emulator", bad)
	}
}
