package check_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/endpoint"
	"github.com/pipelab/pipelab/internal/report"
)

const twoChecks = head + `
programs: { fails: { command: [sh, -c, "exit 1"] } }
probes: { calls: { calls: { service: s3 } } }
checks:
  - { id: first, title: T, points: 50, hints: [a, b, c], expect: [{ that: "size(calls) == 0", message: m }] }
  - { id: clock, title: T, points: 0, hints: [a, b, c], steps: [{ advance: 1m }], expect: [{ that: "true",
        message: m }] }
  - { id: second, title: T, points: 50, hints: [a, b, c], steps: [{ run: { program: fails } }],
        expect: [{ that: "run.fails[0].exit == 0", message: m }] }
`

// What fails because the emulator is gone is not the learner's failure: the run
// ends with one error. Before that, what it lacks is named.
func TestRun_endsWhenTheEmulatorIsGone(t *testing.T) {
	t.Parallel()
	behind := emulated(t)
	e, err := endpoint.Driver{URL: behind.Endpoint().URL}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	defer e.Close()
	o := optionsOn(t, e, twoChecks)
	o.Driver = "that-one"
	r := judge(t, o)
	require.Equal(t, report.Fail, r.Checks[2].Verdict, "while it is there the failure is the learner's")
	require.Equal(t, "the emulator that-one lacks clock.advance (time can be moved)", r.Checks[1].Message)
	require.Equal(t, report.Unsupported, r.Checks[1].Verdict)

	o.Done = func(c report.Check) {
		if c.ID == "clock" {
			require.NoError(t, behind.Close())
		}
	}
	r, err = check.Run(t.Context(), o)
	require.ErrorIs(t, err, check.ErrGone)
	require.ErrorContains(t, err, "does not answer")
	require.Len(t, r.Checks, 2, "what was judged before stands")
}

// Without snapshots each check begins with what was deployed anew.
func TestRun_renewsWhatHasNoSnapshots(t *testing.T) {
	t.Parallel()
	behind := emulated(t)
	e, err := endpoint.Driver{URL: behind.Endpoint().URL}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	defer e.Close()
	renewed := 0
	o := optionsOn(t, e, twoChecks)
	o.Renew = func(context.Context) (map[string]string, error) {
		renewed++
		return map[string]string{"Name": "anew"}, nil
	}
	judge(t, o)
	require.Equal(t, 1, renewed, "before the second check that ran, not before the first, nor for one that did not run")
}

const brokenChecks = head + `
programs:
  get:
    command: [python3, -c, "import os, sys, urllib.request as r;
        r.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/' + sys.argv[1])"]
checks:
  - id: broken
    title: T
    points: 20
    hints: [a, b, c]
    steps: [{ run: { program: get, args: [broken] } }]
    expect: [{ that: "run.get[0].exit == 0", message: It ends well }]
  - id: after
    title: T
    points: 20
    needs: [broken]
    hints: [a, b, c]
    expect: [{ that: "true", message: m }]
  - id: unneeded
    title: T
    points: 20
    hints: [a, b, c]
    steps: [{ run: { program: get, args: [broken] } }]
    expect: [{ that: "run.get[0].exit != 0", message: m }]
  - id: own
    title: The check's own call
    points: 20
    hints: [a, b, c]
    steps: [{ call: { service: s3, operation: ListObjectsV2, input: { Bucket: broken } } }]
    expect: [{ that: "true", message: m }]
  - id: missing
    title: T
    points: 10
    hints: [a, b, c]
    steps: [{ run: { program: get, args: [missing] } }]
    expect: [{ that: "run.get[0].exit == 0", message: It ends well }]
  - id: asked
    title: What the lab itself lets fail
    points: 10
    hints: [a, b, c]
    steps:
      - fault: { kind: error, service: s3, operation: "*", error: InternalError, status: 500 }
      - run: { program: get, args: [missing] }
    expect: [{ that: "run.get[0].exit == 0", message: It ends well }]
`

// A failing check is not the learner's failure when the emulator behind the
// proxy failed by itself; and it is when the lab asked for that.
func TestRun_doesNotBlameALearnerForTheEmulatorsFailure(t *testing.T) {
	t.Parallel()
	behind := emulated(t)
	to, err := url.Parse(behind.Endpoint().URL)
	require.NoError(t, err)
	forward := httputil.NewSingleHostReverseProxy(to)
	shaky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/broken") {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte("<Error><Code>InternalError</Code><Message>a bug</Message></Error>"))
			return
		}
		forward.ServeHTTP(w, r)
	}))
	defer shaky.Close()
	e, err := endpoint.Driver{URL: shaky.URL}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	defer e.Close()
	o := optionsOn(t, e, brokenChecks)
	o.Driver = "shaky"
	r := judge(t, o)
	seen := map[string]report.Check{}
	for _, c := range r.Checks {
		seen[c.ID] = c
	}
	broken := seen["broken"]
	require.Equal(t, report.Error, broken.Verdict, "%+v", broken)
	require.Equal(t,
		"the emulator shaky failed by itself during this check, s3 ListObjects was answered with 500 InternalError; so it "+
			"says nothing about your work", broken.Message)
	require.Contains(t, broken.Hint, "pipelab check broken;")
	require.Contains(t, broken.Seen, "It ends well")
	require.Equal(t, report.Error, seen["after"].Verdict, "what needs it was not judged either")
	require.Equal(t, report.Pass, seen["unneeded"].Verdict, "what passes all the same has passed")
	require.Equal(t, report.Error, seen["own"].Verdict)
	require.Contains(t, seen["own"].Message,
		"s3 ListObjectsV2 was answered with 500 InternalError, and so were 2 more calls")
	require.Equal(t, report.Fail, seen["missing"].Verdict, "a refusal is an answer: %+v", seen["missing"])
	require.Equal(t, report.Fail, seen["asked"].Verdict, "the lab asked for this one: %+v", seen["asked"])
	_, _, final := r.Score()
	require.False(t, final)
}
