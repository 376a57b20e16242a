package assignment

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/labtest"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/trial"
)

// verified is what verify prints as JSON.
type verified struct {
	Assignment string   `json:"assignment"`
	Signer     string   `json:"signer"`
	Leaks      []string `json:"leaks"`
	Labs       []string `json:"labs"`   // that prove themselves
	Failed     []string `json:"failed"` // that do not
}

func newVerify(a *app.App) *cobra.Command {
	var keys, from string
	var quick bool
	c := &cobra.Command{
		Use: "verify FILE", Short: "Look a packed assignment over before learners get it", Args: cobra.ExactArgs(1),
		Long: `Checks the signature, opens what is sealed to your keys, looks for leaks (a text of
a hidden check, a file of a solution, the seed in what learners can see), and lets
each lab prove itself as "pipelab lab test" does, hidden checks included.`,
		Example: "  pipelab assignment verify week3.zip",
		RunE: func(c *cobra.Command, args []string) error {
			k, err := Keys(a, keys)
			if err != nil {
				return err
			}
			tree, release, err := openTree(a, args[0])
			if err != nil {
				return err
			}
			defer release()
			h, err := handout(tree, args[0], k, k.Signer())
			if err != nil {
				return err
			}
			_, labs, err := source(a, []string{from})
			if err != nil {
				return err
			}
			a.Statusf("signed by you, sealed to you")
			out := verified{Assignment: h.Assignment.ID, Signer: h.Signer, Leaks: []string{}, Labs: []string{},
				Failed: []string{}}
			if err := leaks(a, args[0], h.Assignment.Seed, labs); err != nil {
				return err
			}
			a.Statusf("nothing hidden shows")
			for _, l := range labs {
				if quick {
					break
				}
				o := labtest.Options{Lab: l, Driver: embedded.Driver{Provision: provision.At, Interpreters: a.Interpreters},
					Interpreters: a.Interpreters, Clock: a.Wall(), Variants: 4,
					Deploy: trial.Stacks(func(e emulator.Emulator) deploy.Target { return a.Target(e, nil, nil) }),
					Done: func(r labtest.Run) {
						for _, p := range r.Problems {
							a.Statusf("%s: %s: %s", l.ID, r.Name, p)
						}
					}}
				a.Statusf("testing %s…", l.ID)
				res, err := labtest.Test(c.Context(), o)
				if err != nil {
					return err
				}
				if res.OK {
					out.Labs = append(out.Labs, l.ID)
				} else {
					out.Failed = append(out.Failed, l.ID)
				}
			}
			if a.JSON {
				if err := a.PrintJSON(out); err != nil {
					return err
				}
			} else if len(out.Failed) == 0 {
				a.Printf("%s can be handed out\n", args[0])
			}
			if len(out.Failed) > 0 {
				return app.Invalidf("labs that do not prove themselves: %v",
					out.Failed).Hint(fmt.Sprintf("see: pipelab lab test %s", out.Failed[0]))
			}
			return nil
		},
	}
	KeysFlag(c, &keys)
	c.Flags().StringVar(&from, "from", "assignment.yaml", "the assignment that was packed")
	c.Flags().BoolVar(&quick, "quick", false, "do not test the labs")
	return c
}
