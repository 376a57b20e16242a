//go:build unix

package embedded_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/provision"
)

// apartVariable makes this test binary a process of Apart.
const apartVariable = "PIPELAB_TEST_APART"

func serveApart() error {
	return embedded.ServeApart(context.Background(), os.Stdin, os.Stdout, embedded.Driver{Provision: provision.At})
}

func newApart(t *testing.T, maxBytes int64) *embedded.Apart {
	t.Helper()
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	d := embedded.NewApart(embedded.ApartOptions{Command: []string{os.Args[0]},
		Environ: append(os.Environ(), apartVariable+"=1"), MaxBytes: maxBytes})
	t.Cleanup(func() {
		d.Close()
		left, err := filepath.Glob(filepath.Join(tmp, "pipelab-*"))
		require.NoError(t, err)
		require.Empty(t, left, "temporary files of the processes")
	})
	return d
}

func bucket(t *testing.T, e emulator.Emulator) (*s3.Client, func(n int) error) {
	t.Helper()
	client := s3.NewFromConfig(e.Endpoint().AWSConfig(), func(o *s3.Options) {
		o.UsePathStyle, o.RetryMaxAttempts = true, 1
	})
	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket")})
	require.NoError(t, err)
	return client, func(n int) error {
		body := make([]byte, n)
		_, _ = rand.Read(body) // never fails
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k"),
			Body: bytes.NewReader(body)})
		return err
	}
}

func TestApart_boundsWhatIsStored(t *testing.T) {
	d := newApart(t, 256<<10)
	e, err := d.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	defer e.Close()
	_, put := bucket(t, e)
	require.NoError(t, put(100<<10))
	require.ErrorContains(t, put(200<<10), "SlowDown")
	s, err := e.Control().Storage(t.Context())
	require.NoError(t, err)
	require.Equal(t, emulator.Storage{Max: 256 << 10, Refused: 1}, s)
}

// A process that dies takes nobody with it, and the next emulator is empty.
func TestApart_oneThatDiesTakesNobodyWithIt(t *testing.T) {
	d := newApart(t, 0)
	first, err := d.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	second, err := d.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	_, put := bucket(t, second)
	embedded.KillWorker(first)
	_, err = first.Control().LastCall(t.Context())
	require.Error(t, err)
	require.Error(t, first.Close())
	require.NoError(t, put(1))
	require.NoError(t, second.Close())
	third, err := d.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	_, put = bucket(t, third) // which is not there from before
	require.NoError(t, put(1))
	require.NoError(t, third.Close())
}

func TestApart_endsAProcessThatTakesTooMuchMemory(t *testing.T) {
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		t.Skip("this system does not tell how much memory a process takes")
	}
	t.Setenv("TMPDIR", t.TempDir())
	d := embedded.NewApart(embedded.ApartOptions{Command: []string{os.Args[0]},
		Environ: append(os.Environ(), apartVariable+"=1"), MaxBytes: 8 << 30, Memory: 400 << 20})
	t.Cleanup(d.Close)
	e, err := d.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	client, _ := bucket(t, e)
	for i := 0; ; i++ {
		require.Less(t, i, 200, "nobody stopped it")
		body := make([]byte, 16<<20)
		_, _ = rand.Read(body) // never fails
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("bucket"),
			Key: aws.String(string(rune('a' + i))), Body: bytes.NewReader(body)}); err != nil {
			break
		}
	}
	why, spent := e.(emulator.Mortal).Ended()
	require.True(t, spent)
	require.Regexp(t, `^the emulated AWS took \d+ MiB of memory, more than 400, and was ended$`, why)
	require.Error(t, e.Close())
}
