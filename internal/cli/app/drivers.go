package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/emulator/endpoint"
	"github.com/pipelab/pipelab/internal/emulator/localstack"
	"github.com/pipelab/pipelab/internal/emulator/proxy"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/provision"
)

// container returns the driver that runs an emulator of this kind in a
// container.
func (a *App) container(k emulator.Kind) emulator.Driver {
	return &localstack.Driver{Kind: k, Progress: a.Err, Environ: a.Environ}
}

// Usable is what a driver implements that needs something of the machine, such
// as a container engine.
type Usable interface {
	// Usable says why the driver cannot start anything here, nil if it can. It
	// starts nothing and answers soon.
	Usable(ctx context.Context) error
}

// Kinds are the words that --emulator takes besides a URL, the default first.
func Kinds() []emulator.Kind {
	return []emulator.Kind{emulator.Embedded, emulator.LocalStack, emulator.MiniStack}
}

// Driver returns the driver of an emulator by the word of --emulator: embedded,
// localstack, ministack or a URL. All but the embedded one have PipeLab's proxy
// in front of them.
func (a *App) Driver(name string) (emulator.Driver, error) {
	doubt := func(c emulator.Capability, err error) {
		a.Statusf("note: this emulator turned out not to have %s: %v", c, err)
	}
	token := a.Getenv(TokenVariable)
	switch kind := emulator.Kind(name); {
	case kind == emulator.Embedded:
		return embedded.Driver{Provision: provision.At, Interpreters: a.Interpreters, Token: token, Log: a.Log}, nil
	case endpoint.Is(name):
		return endpoint.Driver{URL: name, Real: a.RealAWS, Token: token, Doubt: doubt, Log: a.Log}, nil
	case slices.Contains(Kinds(), kind):
		return proxy.Front{Under: a.container(kind), Token: token, Doubt: doubt, Log: a.Log}, nil
	}
	e := Usagef("there is no emulator %q", name)
	if near := lab.Nearest(name, words()); near != "" {
		e = e.Hint("did you mean " + near + "?")
	}
	return nil, e.Hint("there are " + words()[0] + " (the default), " + strings.Join(words()[1:], ", ") +
		", and http://… for one that runs already")
}

// words are the kinds as text.
func words() (out []string) {
	for _, k := range Kinds() {
		out = append(out, string(k))
	}
	return out
}

// Reach says why an emulator cannot be used now, before anything is made.
func (a *App) Reach(ctx context.Context, name string) error {
	d, err := a.Driver(name)
	if err != nil {
		return err
	}
	if front, ok := d.(proxy.Front); ok {
		d = front.Under
	}
	if u, ok := d.(Usable); ok {
		if err := u.Usable(ctx); err != nil {
			return StartProblem(err)
		}
	}
	if endpoint.Is(name) {
		if _, err := endpoint.Look(ctx, name, a.RealAWS); err != nil {
			return StartProblem(err)
		}
	}
	return nil
}

// CapabilitiesNamed are those of an emulator by the word of --emulator: of a
// URL what a trial shows, of the others what the table says without one.
func (a *App) CapabilitiesNamed(ctx context.Context, name string) ([]emulator.Capability, error) {
	if !endpoint.Is(name) {
		if !slices.Contains(Kinds(), emulator.Kind(name)) {
			_, err := a.Driver(name) // words what is wrong with the name
			return nil, err
		}
		return emulator.CapabilitiesOf(emulator.Kind(name)), nil
	}
	d, err := a.Driver(name)
	if err != nil {
		return nil, err
	}
	e, err := d.Start(ctx, emulator.Options{})
	if err != nil {
		return nil, StartProblem(err)
	}
	return e.Capabilities(), e.Close()
}

// Sweep removes what killed processes have left in the container engine, if the
// emulator of that name is a container, and says how much. Without an engine
// there is nothing that could be removed now, and the error says so.
func (a *App) Sweep(ctx context.Context, name string) (int, error) {
	if name == string(emulator.Embedded) || endpoint.Is(name) || !slices.Contains(words(), name) {
		return 0, nil // no container
	}
	n, err := localstack.Sweep(ctx)
	return n, StartProblem(err)
}

// RealAWSFlag is the flag that lets through what looks like the real AWS.
const RealAWSFlag = "i-know-this-is-real-aws"

// EmulatorFlags adds --emulator and what belongs to it to a command.
func (a *App) EmulatorFlags(c *cobra.Command, name *string, usage string) {
	c.Flags().StringVar(name, "emulator", string(emulator.Embedded), usage+": "+strings.Join(words(), ", ")+" or http://…")
	c.Flags().BoolVar(&a.RealAWS, RealAWSFlag, false,
		"use an --emulator URL although it looks like the real AWS, which costs money and keeps what you do")
	_ = c.RegisterFlagCompletionFunc("emulator", cobra.FixedCompletions(words(),
		cobra.ShellCompDirectiveNoFileComp)) // a flag has one completion, and this is it
}

// StartProblem words for a person why an emulator could not be used.
func StartProblem(err error) error {
	var e *Error
	var container *localstack.Error
	var state *emulator.StateError
	switch {
	case err == nil, errors.As(err, &e):
		return err
	case errors.As(err, &container):
		return &Error{Code: ExitEnvironment, Message: container.Message, Cause: err, Hints: []string{container.Hint}}
	case errors.As(err, &state) && state.Newer:
		return &Error{Code: ExitEnvironment, Message: err.Error(), Cause: err, Hints: []string{
			"use the pipelab that wrote it, or a newer one: pipelab --version",
			"or start afresh and keep it aside: " + moveAside(state.Dir)}}
	case errors.As(err, &state):
		return &Error{Code: ExitEnvironment, Message: err.Error(), Cause: err, Hints: []string{
			"start afresh, and keep the damaged state for a look: " + moveAside(state.Dir),
			"what lies in it, and how to save what can be read: docs/state.md"}}
	case errors.Is(err, endpoint.ErrReal):
		return &Error{Code: ExitUsage, Message: err.Error(), Cause: err, Hints: []string{
			"labs make and delete resources; give the address of an emulator",
			"if it is one all the same: --" + RealAWSFlag}}
	}
	return &Error{Code: ExitEnvironment, Message: err.Error(), Cause: err,
		Hints: []string{"is it running? see: pipelab doctor", "the embedded AWS needs nothing: leave --emulator out"}}
}

// moveAside is the command that keeps a state under another name.
func moveAside(dir string) string {
	clean := filepath.Clean(dir)
	return fmt.Sprintf("mv %s %s", ShellWord(clean), ShellWord(clean+".aside"))
}

// ShellWord quotes what a shell would take apart.
func ShellWord(s string) string {
	if !strings.ContainsAny(s, " \t\n'\"\\$`*?[]{}()<>|&;#!~") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// AtURL reports whether a word for an emulator is the URL of one that runs.
func AtURL(name string) bool { return endpoint.Is(name) }
