package cfn

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const chain = `
Parameters: {Size: {Type: Number, Default: 1}, Kind: {Type: String, Default: small}}
Resources:
  Base: {Type: Test::Box, Properties: {Size: !Ref Size}}
  Middle: {Type: Test::Box, Properties: {Note: !GetAtt Base.Size, Kind: !Ref Kind}}
  Top: {Type: Test::Box, Properties: {Parent: !Ref Middle}}
Outputs:
  TopArn: {Value: !GetAtt Top.Arn, Export: {Name: !Sub "${AWS::StackName}-top"}}
`

type bench struct {
	*testing.T
	b  *boxes
	st *memory
	e  *Engine
	ev []string
}

func newBench(t *testing.T) *bench {
	w := &bench{T: t, b: newBoxes(), st: &memory{docs: map[string][]byte{}}}
	w.e = &Engine{Provider: w.b, Store: w.st, Account: "000000000000", Region: "us-east-1",
		Progress: func(e Event) { w.ev = append(w.ev, e.LogicalID+" "+e.Status) }}
	return w
}

func (w *bench) deploy(src string, params ...string) (*Result, error) {
	w.Helper()
	tpl, err := Parse("t.yaml", []byte(src), w.b.Types())
	require.NoError(w, err)
	given := map[string]string{}
	for _, p := range params {
		k, v, _ := strings.Cut(p, "=")
		given[k] = v
	}
	w.b.calls, w.ev = nil, nil
	return w.e.Deploy(w.Context(), Request{Stack: "demo", Template: tpl, Parameters: given})
}

func TestDeploy_secondTimeChangesNothing(t *testing.T) {
	t.Parallel()
	w := newBench(t)
	res, err := w.deploy(chain)
	require.NoError(t, err)
	require.Equal(t, []string{"Create Base", "Create Middle", "Create Top"}, w.b.calls)
	require.Equal(t, "demo-top", res.Outputs[0].Export)
	require.Equal(t, "CREATE_COMPLETE", res.Status)
	again, err := w.deploy(chain)
	require.NoError(t, err)
	require.Empty(t, again.Changes)
	require.Empty(t, w.b.calls)
	require.Empty(t, w.ev)
	require.Equal(t, res.Outputs, again.Outputs)
}

func TestDeploy_changesOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	w := newBench(t)
	_, err := w.deploy(chain)
	require.NoError(t, err)
	res, err := w.deploy(chain, "Kind=big")
	require.NoError(t, err)
	require.Equal(t, []string{"Update Middle"}, w.b.calls)
	require.Empty(t, cmp.Diff([]Change{{Action: "Modify", LogicalID: "Middle", PhysicalID: res.Changes[0].PhysicalID,
		Type: "Test::Box", Replacement: "False", Properties: []string{"Kind"}}}, res.Changes))
	// Replacing what others refer to replaces them, and the old ones go last.
	_, err = w.deploy(strings.Replace(chain, "Kind: !Ref Kind", "Kind: !Ref Kind, Parent: x", 1), "Kind=big")
	require.NoError(t, err)
	require.Equal(t, []string{"Create Middle", "Create Top", "Delete Top", "Delete Middle"}, w.b.calls)
	require.Len(t, w.b.live, 3)
}

func TestDeploy_rollsBackACreation(t *testing.T) {
	t.Parallel()
	w := newBench(t)
	w.b.fail["Create Top"] = errors.New("quota exceeded")
	_, err := w.deploy(chain)
	var failed *DeployError
	require.ErrorAs(t, err, &failed)
	require.ErrorContains(t, err, "t.yaml:6:3: stack demo: Top: quota exceeded")
	require.Empty(t, w.b.live)
	require.Equal(t, []string{"Create Base", "Create Middle", "Create Top", "Delete Middle", "Delete Base"}, w.b.calls)
	require.Equal(t, "demo ROLLBACK_COMPLETE", w.ev[len(w.ev)-1])
	delete(w.b.fail, "Create Top")
	_, err = w.deploy(chain)
	require.NoError(t, err)
}

func TestDeploy_rollsBackAnUpdate(t *testing.T) {
	t.Parallel()
	w := newBench(t)
	_, err := w.deploy(chain)
	require.NoError(t, err)
	before := canonical(w.b.live)
	w.b.fail["Update Middle"] = errors.New("refused")
	_, err = w.deploy(chain+"", "Size=5", "Kind=big")
	require.ErrorContains(t, err, "refused")
	delete(w.b.fail, "Update Middle")
	require.Equal(t, before, canonical(w.b.live))
	res, err := w.deploy(chain)
	require.NoError(t, err)
	require.Empty(t, res.Changes)
	require.Equal(t, "UPDATE_ROLLBACK_COMPLETE", res.Status)
}

func TestDelete_reverseOrderAndRetention(t *testing.T) {
	t.Parallel()
	w := newBench(t)
	_, err := w.deploy(strings.Replace(chain, "Base: {", "Base: {DeletionPolicy: Retain, ", 1))
	require.NoError(t, err)
	w.b.calls, w.ev = nil, nil
	require.NoError(t, w.e.Delete(t.Context(), "demo"))
	require.Equal(t, []string{"Delete Top", "Delete Middle"}, w.b.calls)
	require.Contains(t, w.ev, "Base DELETE_SKIPPED")
	require.Len(t, w.b.live, 1)
	require.NoError(t, w.e.Delete(t.Context(), "demo"), "deleting twice is no error")
	_, err = w.deploy(chain)
	require.NoError(t, err, "a kept resource must not be in the way of the same stack")
}

func TestDeploy_makesAnewWhatIsGone(t *testing.T) {
	t.Parallel()
	w := newBench(t)
	_, err := w.deploy(chain)
	require.NoError(t, err)
	w.b.live = map[string]map[string]any{}
	w.e.Verify = true
	res, err := w.deploy(chain)
	require.NoError(t, err)
	require.Len(t, res.Changes, 3)
	require.Len(t, w.b.live, 3)
}

func TestDeploy_refusesReplacingACustomName(t *testing.T) {
	t.Parallel()
	w := newBench(t)
	_, err := w.deploy("Resources: {A: {Type: Test::Box, Properties: {Name: mine, Parent: x}}}")
	require.NoError(t, err)
	_, err = w.deploy("Resources: {A: {Type: Test::Box, Properties: {Name: mine, Parent: y}}}")
	require.ErrorContains(t, err, "cannot update a stack when a custom-named resource requires replacing")
	require.Contains(t, w.b.live, "mine")
}

// A process killed at any point of a creation or an update leaves a state from
// which the next deployment reaches its goal, with nothing left over.
func TestDeploy_survivesAKillAnywhere(t *testing.T) {
	t.Parallel()
	grown := chain + "  Size: {Value: !GetAtt Base.Size}\n"
	grown = strings.Replace(grown, "Outputs:", "  Extra: {Type: Test::Box, Properties: {Parent: !Ref Base}}\nOutputs:", 1)
	grown = strings.Replace(grown, "{Parent: !Ref Middle}", "{Parent: !Sub 'new-${Middle}'}", 1)
	rapid.Check(t, func(rt *rapid.T) {
		w := newBench(t)
		first := rapid.SampledFrom([]string{"", chain, grown}).Draw(rt, "deployed before")
		if first != "" {
			_, err := w.deploy(first, "Size=3")
			require.NoError(rt, err)
		}
		target := rapid.SampledFrom([]string{chain, grown}).Draw(rt, "target")
		n := rapid.IntRange(0, 12).Draw(rt, "saves before the kill")
		kill := &killer{memory: w.st, left: n}
		w.e.Store = kill
		w.b.fail = map[string]error{}
		_, err := w.deploy(target, "Size=7")
		if kill.left >= 0 {
			require.NoError(rt, err)
		}
		w.e.Store = w.st
		w.b.fail = map[string]error{}
		_, err = w.deploy(target, "Size=7")
		require.NoError(rt, err)
		want := strings.Count(target, "Test::Box")
		require.Len(rt, w.b.live, want, fmt.Sprint(w.b.calls))
		d, err := w.e.Load(t.Context(), "demo")
		require.NoError(rt, err)
		require.Len(rt, d.Resources, want)
		for _, r := range d.Resources {
			require.Contains(rt, w.b.live, r.PhysicalID)
			require.Nil(rt, r.Before)
		}
		require.False(rt, slices.Contains([]string{"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}, d.Status))
	})
}
