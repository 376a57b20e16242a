package s3

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// bare is the service alone: what is measured is its own work, not HTTP's.
type bare struct {
	*Service
	t   testing.TB
	dir string
	clk *clock.Clock
}

func newBare(t testing.TB, dir string) *bare {
	t.Helper()
	st := store.New(store.Options{Dir: dir})
	clk := clock.NewManual(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	g := gateway.New(st, clk, ident.NewSeeded(1), slog.New(slog.NewTextHandler(io.Discard, nil)))
	b := &bare{Service: New(g.Host()), t: t, dir: dir, clk: clk}
	require.NoError(t, st.Open())
	require.NoError(t, b.Start(b.ctx()))
	t.Cleanup(func() {
		b.Stop()
		clk.Close()
		require.NoError(t, st.Close())
	})
	return b
}

func (b *bare) ctx() context.Context {
	scope := ident.Scope{Account: ident.DefaultAccount, Region: ident.DefaultRegion}
	return gateway.WithCall(context.Background(), &gateway.Call{ID: "1", Scope: scope, Time: b.clk.Now(),
		Principal: gateway.Principal{Kind: gateway.Root, Account: scope.Account}})
}

// versioned makes a bucket with so many versions of the key "many".
func (b *bare) versioned(n int) {
	b.t.Helper()
	_, err := b.CreateBucket(b.ctx(), &s3.CreateBucketInput{Bucket: aws.String("data")})
	require.NoError(b.t, err)
	_, err = b.PutBucketVersioning(b.ctx(), &s3.PutBucketVersioningInput{Bucket: aws.String("data"),
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	require.NoError(b.t, err)
	for i := range n {
		b.put("many", i)
	}
}

func (b *bare) put(key string, i int) {
	b.t.Helper()
	_, err := b.PutObject(b.ctx(), &s3.PutObjectInput{Bucket: aws.String("data"), Key: &key,
		Body: strings.NewReader(fmt.Sprint(i % 8))})
	require.NoError(b.t, err)
}

// page lists 100 versions from the middle.
func (b *bare) page(from string) *s3.ListObjectVersionsOutput {
	b.t.Helper()
	out, err := b.ListObjectVersions(b.ctx(), &s3.ListObjectVersionsInput{Bucket: aws.String("data"),
		MaxKeys: aws.Int32(100), KeyMarker: aws.String("many"), VersionIdMarker: &from})
	require.NoError(b.t, err)
	return out
}

// middle is the id of a version with 200 below it.
func (b *bare) middle() (id string) {
	b.t.Helper()
	require.NoError(b.t, b.host.Store.View(func(tx *store.Tx) error {
		n := 0
		b.versions.ScanBack(tx, everywhere, keyPrefix("data", "many"), "", func(_ string, v version) bool {
			n++
			id = v.ID
			return n < 200
		})
		return nil
	}))
	return id
}

// journal is how many bytes are stored.
func (b *bare) journal() (size int64) {
	b.t.Helper()
	files, err := filepath.Glob(filepath.Join(b.dir, "journal-*"))
	require.NoError(b.t, err)
	for _, f := range files {
		info, err := os.Stat(f)
		require.NoError(b.t, err)
		size += info.Size()
	}
	return size
}

func TestVersions_costTheSameHoweverManyThereAre(t *testing.T) {
	type cost struct{ put, list, get, written float64 }
	measure := func(n int) cost {
		b := newBare(t, t.TempDir())
		b.versioned(n)
		id, before := b.middle(), b.journal()
		for i := range 20 {
			b.put("many", i)
		}
		c := cost{written: float64(b.journal()-before) / 20}
		c.put = testing.AllocsPerRun(20, func() { b.put("many", 1) })
		c.list = testing.AllocsPerRun(20, func() { require.Len(t, b.page(id).Versions, 100) })
		c.get = testing.AllocsPerRun(20, func() {
			_, err := b.HeadObject(b.ctx(), &s3.HeadObjectInput{Bucket: aws.String("data"), Key: aws.String("many"),
				VersionId: &id})
			require.NoError(t, err)
		})
		return c
	}
	few, many := measure(300), measure(4_000)
	require.InEpsilon(t, few.written, many.written, 0.05, "bytes in the journal for a put")
	require.InEpsilon(t, few.put, many.put, 0.1, "allocations of a put")
	require.InEpsilon(t, few.list, many.list, 0.1, "allocations of a page")
	require.InEpsilon(t, few.get, many.get, 0.1, "allocations of a look at a version in the middle")
}

func TestParts_costTheSameHoweverManyThereAre(t *testing.T) {
	b := newBare(t, t.TempDir())
	b.versioned(0)
	up, err := b.CreateMultipartUpload(b.ctx(), &s3.CreateMultipartUploadInput{Bucket: aws.String("data"),
		Key: aws.String("k")})
	require.NoError(t, err)
	upload := func(from, to int32) float64 {
		before := b.journal()
		for n := from; n < to; n++ {
			_, err := b.UploadPart(b.ctx(), &s3.UploadPartInput{Bucket: aws.String("data"), Key: aws.String("k"),
				UploadId: up.UploadId, PartNumber: &n, Body: strings.NewReader("x")})
			require.NoError(t, err)
		}
		return float64(b.journal()-before) / float64(to-from)
	}
	first := upload(1, 50)
	upload(50, 1950)
	require.InEpsilon(t, first, upload(1950, 2000), 0.05, "bytes in the journal for a part")
}

// BenchmarkVersions reports what a put to a key with 100,000 versions, and a page
// of its versions, cost beside those of a key with 300.
func BenchmarkVersions(b *testing.B) {
	for _, what := range []string{"put", "page"} {
		var few float64
		for _, n := range []int{300, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", what, n), func(b *testing.B) {
				s := newBare(b, "")
				s.versioned(n)
				id := s.middle()
				for b.Loop() {
					if what == "put" {
						s.put("many", 1)
					} else {
						s.page(id)
					}
				}
				each := b.Elapsed().Seconds() / float64(b.N)
				if n == 300 {
					few = each
				}
				b.ReportMetric(each/few, "ratio")
			})
		}
	}
}
