package grade_test

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/seal"
)

const hiddenChecks = `
checks:
  - id: burst
    title: A sudden burst of orders is kept whole
    points: 50
    hints: [a, b, c]
    steps: [{ putObject: { bucket: "${outputs.LandingBucket}", key: never-to-be-guessed.json } }]
    expect: [{ that: "size(objects) == 1", message: It is there }]
`

// withHidden is a lab of the catalogue with a hidden check.
func withHidden(t *testing.T, id string) *lab.Folder {
	t.Helper()
	tree := fstest.MapFS{}
	dir := os.DirFS("../../labs")
	require.NoError(t, fs.WalkDir(dir, id, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(dir, p)
		tree[p] = &fstest.MapFile{Data: b}
		return err
	}))
	tree[path.Join(id, lab.SealedFile)] = &fstest.MapFile{Data: []byte(hiddenChecks)}
	l, err := lab.Open(tree, id, nil)
	require.NoError(t, err)
	return l
}

func handout(files map[string][]byte) fstest.MapFS {
	out := fstest.MapFS{}
	for name, b := range files {
		out[name] = &fstest.MapFile{Data: b}
	}
	return out
}

// packed is when the assignments of these tests are packed.
var packed = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestPack_hidesWhatOnlyTheInstructorMaySee(t *testing.T) {
	keys, err := seal.NewKeys()
	require.NoError(t, err)
	l := withHidden(t, "s3-landing-zone")
	a := &grade.Assignment{ID: "week-1", Title: "Files", Labs: []grade.AssignmentLab{{ID: l.ID, Points: 100}},
		Seed: 987654321, Variants: true}
	files, err := grade.Pack(a, []*lab.Folder{l}, keys, packed)
	require.NoError(t, err)
	for name, b := range files {
		for _, secret := range []string{"987654321", "burst", "never-to-be-guessed"} {
			require.NotContains(t, string(b), secret, name)
		}
	}
	names := slices.Sorted(maps.Keys(files))
	require.Contains(t, names, "labs/s3-landing-zone/starter/src/land.py")
	require.False(t, slices.ContainsFunc(names, func(n string) bool {
		return strings.Contains(n, "solution") || strings.Contains(n, "mutants") || strings.HasSuffix(n, "checks.yaml")
	}), names)

	// A learner.
	h, err := grade.OpenHandout(handout(files), nil)
	require.NoError(t, err)
	require.Equal(t, seal.Signed{Signer: keys.Signer(), Packed: packed}, h.Signed)
	require.Zero(t, h.Assignment.Seed)
	seen, err := lab.Open(h.Labs, l.ID, nil)
	require.NoError(t, err)
	require.Empty(t, seen.Hidden)

	// The instructor.
	h, err = grade.OpenHandout(handout(files), keys)
	require.NoError(t, err)
	require.Equal(t, a.Seed, h.Assignment.Seed)
	whole, err := lab.Open(h.Labs, l.ID, nil)
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"burst": true}, whole.Hidden)
	require.Len(t, whole.Checks, len(seen.Checks)+1)

	// Somebody else.
	other, err := seal.NewKeys()
	require.NoError(t, err)
	_, err = grade.OpenHandout(handout(files), other)
	require.ErrorIs(t, err, seal.ErrOtherKey)
	resigned := maps.Clone(files)
	delete(resigned, seal.ListFile)
	delete(resigned, seal.SignatureFile)
	require.NoError(t, other.SignBundle(resigned, packed))
	_, err = grade.OpenHandout(handout(resigned), nil)
	require.ErrorContains(t, err, "names the signer")
}

func TestLeaks_findsWhatAPackedAssignmentGivesAway(t *testing.T) {
	keys, err := seal.NewKeys()
	require.NoError(t, err)
	l := withHidden(t, "s3-landing-zone")
	a := &grade.Assignment{ID: "week-1", Title: "Files", Labs: []grade.AssignmentLab{{ID: l.ID, Points: 100}},
		Seed: 987654321}
	files, err := grade.Pack(a, []*lab.Folder{l}, keys, packed)
	require.NoError(t, err)
	leaks, err := grade.Leaks(handout(files), a.Seed, []*lab.Folder{l})
	require.NoError(t, err)
	require.Empty(t, leaks)

	solution, err := fs.ReadFile(l.FS, "solution/src/land.py")
	require.NoError(t, err)
	files["labs/s3-landing-zone/starter/notes.txt"] = []byte("seed 987654321; send never-to-be-guessed.json")
	files["labs/s3-landing-zone/data/example.py"] = solution
	leaks, err = grade.Leaks(handout(files), a.Seed, []*lab.Folder{l})
	require.NoError(t, err)
	require.Equal(t, []string{
		"labs/s3-landing-zone/data/example.py holds a file of the solution of s3-landing-zone: src/land.py",
		`labs/s3-landing-zone/starter/notes.txt holds a text of a hidden check of s3-landing-zone: ` +
			`"never-to-be-guessed.json"`,
		"labs/s3-landing-zone/starter/notes.txt holds the assignment's seed",
	}, leaks)
}
