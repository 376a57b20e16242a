package app

import (
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/study"
	"github.com/pipelab/pipelab/internal/workspace"
)

// AllLabs loads the labs of the catalogue, by id.
func (a *App) AllLabs() ([]*lab.Lab, error) {
	ids, err := lab.IDs(a.Labs)
	if err != nil {
		return nil, err
	}
	all := make([]*lab.Lab, len(ids))
	for i, id := range ids {
		if all[i], err = lab.Load(a.Labs, id); err != nil {
			return nil, labProblem(id, err)
		}
	}
	return all, nil
}

// Standings are the labs of the catalogue in the order of learning, with what was made
// of them on this machine.
func (a *App) Standings() ([]study.Standing, error) {
	labs, err := a.AllLabs()
	if err != nil {
		return nil, err
	}
	attempts, err := a.Progress().All()
	if err != nil {
		return nil, err
	}
	spaces, err := a.Workspaces()
	if err != nil {
		return nil, err
	}
	started := map[string]bool{}
	for _, w := range spaces {
		started[w.Meta.Lab] = true
	}
	return study.Standings(labs, attempts, started), nil
}

// Folders are the workspaces in which labs were started or tried, by the lab's id: of
// several the one that was judged last. What is gone, or holds another lab by now, is
// left out.
func Folders(spaces []*workspace.Workspace, attempts []workspace.Attempt) map[string]string {
	out := map[string]string{}
	for _, w := range spaces {
		out[w.Meta.Lab] = w.Root
	}
	for _, t := range attempts {
		if t.Dir == "" {
			continue
		}
		if w, err := workspace.Find(t.Dir); err == nil && w.Root == t.Dir && w.Meta.Lab == t.Lab {
			out[t.Lab] = t.Dir
		}
	}
	return out
}
