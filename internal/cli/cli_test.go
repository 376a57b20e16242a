package cli_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pipelab/pipelab/internal/cli"
	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/provision"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pipelab": func() {
			os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ(), time.Now))
		},
		"logline": func() {
			if err := logLine(os.Args[1], os.Args[2]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		},
	})
}

// logLine writes one line as a function of that name would.
func logLine(function, line string) error {
	ctx, group, stream := context.Background(), aws.String("/aws/lambda/"+function), aws.String("s")
	client := cloudwatchlogs.New(cloudwatchlogs.Options{Region: os.Getenv("AWS_REGION"),
		BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL")),
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", "")})
	var exists *types.ResourceAlreadyExistsException
	if _, err := client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}); err != nil &&
		!errors.As(err, &exists) {
		return err
	}
	if _, err := client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group,
		LogStreamName: stream}); err != nil && !errors.As(err, &exists) {
		return err
	}
	_, err := client.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream,
		LogEvents: []types.InputLogEvent{{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: &line}}})
	return err
}

// endpoint starts an emulator that is none of the program's doing, at $ENDPOINT,
// or stops it: "endpoint start", "endpoint stop".
func endpoint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: endpoint start|stop")
	}
	switch args[0] {
	case "start":
		e, err := embedded.Driver{Provision: provision.At}.Start(context.Background(), emulator.Options{})
		ts.Check(err)
		ts.Setenv("ENDPOINT", e.Endpoint().URL)
		running.Store(e.Endpoint().URL, e)
		ts.Defer(func() { _ = e.Close() }) // may be stopped by then
	case "stop":
		e, ok := running.LoadAndDelete(ts.Getenv("ENDPOINT"))
		if !ok {
			ts.Fatalf("no endpoint is running")
		}
		ts.Check(e.(emulator.Emulator).Close())
	}
}

// running are the endpoints of the scripts, by URL.
var running sync.Map

// The scripts run the real program as a process of its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"endpoint": endpoint},
		Setup: func(env *testscript.Env) error {
			env.Setenv("PIPELAB_STATE", env.WorkDir+"/state")
			// The Python environment is made once for a machine; grades that an earlier run
			// has kept are nobody's here.
			cache := os.Getenv("PIPELAB_CACHE")
			if cache == "" {
				dir, err := os.UserCacheDir()
				if err != nil {
					return err
				}
				cache = filepath.Join(dir, "pipelab")
			}
			if bin := filepath.Join(cache, "python", app.VenvBin); exists(bin) {
				env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			}
			env.Setenv("PIPELAB_CACHE", env.WorkDir+"/cache")
			return nil
		},
	})
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
