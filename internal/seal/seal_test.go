package seal_test

import (
	"bytes"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/seal"
)

func keys(t *testing.T) *seal.Keys {
	t.Helper()
	k, err := seal.NewKeys()
	require.NoError(t, err)
	return k
}

func TestKeys_openAndSign(t *testing.T) {
	t.Parallel()
	k, other := keys(t), keys(t)
	again, err := seal.ParseKeys(k.String())
	require.NoError(t, err)
	require.Equal(t, k.Recipient(), again.Recipient())
	require.Equal(t, k.Signer(), again.Signer())

	sealed, err := seal.Seal(k.Recipient(), []byte("the hidden check"))
	require.NoError(t, err)
	require.NotContains(t, string(sealed), "hidden")
	plain, err := again.Open(sealed)
	require.NoError(t, err)
	require.Equal(t, "the hidden check", string(plain))
	_, err = other.Open(sealed)
	require.ErrorIs(t, err, seal.ErrOtherKey)
	sealed[len(sealed)-1] ^= 1
	_, err = k.Open(sealed)
	require.Error(t, err)

	sig := k.Sign([]byte("a"))
	require.NoError(t, seal.Verify(k.Signer(), sig, []byte("a")))
	require.Error(t, seal.Verify(k.Signer(), sig, []byte("b")))
	require.Error(t, seal.Verify(other.Signer(), sig, []byte("a")))
	require.Error(t, seal.Verify("nobody", sig, []byte("a")))

	for text, want := range map[string]string{"": "two lines", "hello": "no file of", "AGE-SECRET-KEY-1": "age key",
		"PIPELAB-SIGNING-KEY-x": "damaged"} {
		_, err := seal.ParseKeys(text)
		require.ErrorContains(t, err, want)
	}
	_, err = seal.Seal("age1nobody", nil)
	require.ErrorContains(t, err, "age1nobody")
}

func tree(files map[string][]byte) fstest.MapFS {
	out := fstest.MapFS{}
	for name, b := range files {
		out[name] = &fstest.MapFile{Data: b}
	}
	return out
}

func TestVerifyBundle_findsWhateverWasChanged(t *testing.T) {
	t.Parallel()
	k := keys(t)
	packed := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	bundle := func() map[string][]byte {
		files := map[string][]byte{"assignment.yaml": []byte("id: a"), "labs/a/lab.yaml": []byte("x")}
		require.NoError(t, k.SignBundle(files, packed))
		return files
	}
	signed, err := seal.VerifyBundle(tree(bundle()))
	require.NoError(t, err)
	require.Equal(t, seal.Signed{Signer: k.Signer(), Packed: packed.UTC()}, signed)
	for want, change := range map[string]func(map[string][]byte){
		"labs/a/lab.yaml was changed": func(f map[string][]byte) { f["labs/a/lab.yaml"] = []byte("y") },
		"labs/a/more was added":       func(f map[string][]byte) { f["labs/a/more"] = nil },
		"assignment.yaml is missing":  func(f map[string][]byte) { delete(f, "assignment.yaml") },
		"not signed":                  func(f map[string][]byte) { delete(f, seal.SignatureFile) },
		"no packed assignment":        func(f map[string][]byte) { delete(f, seal.ListFile) },
		"something was changed after": func(f map[string][]byte) { // made newer than it is
			f[seal.ListFile] = bytes.Replace(f[seal.ListFile], []byte("2026"), []byte("2027"), 1)
		},
		"changed after signing": func(f map[string][]byte) { f[seal.ListFile] = append(f[seal.ListFile], ' ') },
	} {
		files := bundle()
		change(files)
		_, err := seal.VerifyBundle(tree(files))
		require.ErrorContains(t, err, want)
	}
	require.Error(t, k.SignBundle(map[string][]byte{"../x": nil}, packed))
}

func TestPack_isTheSameForTheSameFiles(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{"b/c.txt": []byte("c"), "a.txt": []byte("a")}
	one, err := seal.Pack(tree(files))
	require.NoError(t, err)
	two, err := seal.Pack(tree(files))
	require.NoError(t, err)
	require.Equal(t, one, two)
	back, err := seal.Unpack(one)
	require.NoError(t, err)
	require.Equal(t, files, back)
	_, err = seal.Unpack(one[:100])
	require.ErrorContains(t, err, "damaged")
}
