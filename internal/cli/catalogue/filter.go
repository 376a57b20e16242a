package catalogue

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/study"
)

// filter is what the labs of a list have in common.
type filter struct{ levels, domains, services, tasks, states []string }

// kinds are the filters by the names of their flags, with what may be asked for.
func (f *filter) kinds(all []study.Standing) []kind {
	var services, tasks, domains []string
	for _, s := range all {
		services = append(services, s.Lab.Services...)
	}
	slices.Sort(services)
	for _, d := range study.Exam() {
		domains = append(domains, fmt.Sprint(d.Number))
		for _, t := range d.Tasks {
			tasks = append(tasks, t.ID)
		}
	}
	return []kind{
		{"level", &f.levels, study.Levels(), "only labs of this level"},
		{"domain", &f.domains, domains, "only labs for this domain of the exam, 1 to 4"},
		{"task", &f.tasks, tasks, "only labs for this task of the exam, such as 1.1"},
		{"service", &f.services, slices.Compact(services), "only labs with this service, such as kinesis"},
		{"state", &f.states, []string{string(study.New), string(study.Begun), string(study.Done)},
			"only labs that are new, begun or done"},
	}
}

type kind struct {
	name   string
	chosen *[]string
	values []string
	usage  string
}

func (f *filter) flags(a *app.App, c *cobra.Command) {
	for i, k := range f.kinds(nil) {
		c.Flags().StringSliceVar(k.chosen, k.name, nil, k.usage)
		_ = c.RegisterFlagCompletionFunc(k.name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			all, _ := a.Standings() // no completion is the worst that can happen
			return f.kinds(all)[i].values, cobra.ShellCompDirectiveNoFileComp
		})
	}
}

// valid refuses values that no lab could have.
func (f *filter) valid(all []study.Standing) error {
	for _, k := range f.kinds(all) {
		for _, v := range *k.chosen {
			if slices.Contains(k.values, v) {
				continue
			}
			e := app.Usagef("--%s: there is no %s %q", k.name, k.name, v)
			if near := lab.Nearest(v, k.values); near != "" {
				e = e.Hint("did you mean " + near + "?")
			}
			return e.Hint("possible are: " + strings.Join(k.values, ", "))
		}
	}
	return nil
}

func (f *filter) fits(e entry) bool {
	any := func(chosen []string, has ...string) bool {
		return len(chosen) == 0 || slices.ContainsFunc(has, func(h string) bool { return slices.Contains(chosen, h) })
	}
	var domains []string
	for _, t := range e.ExamTasks {
		domain, _, _ := strings.Cut(t, ".")
		domains = append(domains, domain)
	}
	return any(f.levels, e.Level) && any(f.domains, domains...) && any(f.tasks, e.ExamTasks...) &&
		any(f.services, e.Services...) && any(f.states, string(e.State))
}
