package cli_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pipelab/pipelab/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pipelab": func() {
			os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ(), time.Now))
		},
	})
}

// The scripts run the real program as a process of its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PIPELAB_STATE", env.WorkDir+"/state")
			// The Python environment is made once for a machine.
			cache := os.Getenv("PIPELAB_CACHE")
			if cache == "" {
				dir, err := os.UserCacheDir()
				if err != nil {
					return err
				}
				cache = filepath.Join(dir, "pipelab")
			}
			env.Setenv("PIPELAB_CACHE", cache)
			return nil
		},
	})
}
