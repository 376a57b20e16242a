// Command pipelab runs data engineering labs on an emulated AWS.
package main

import (
	"os"
	"time"

	"github.com/pipelab/pipelab/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ(), time.Now))
}
