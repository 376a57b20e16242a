package s3_test

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// modelVersion is one version as a simple model has it; no body is a delete
// marker.
type modelVersion struct{ id, body string }

// modelBucket is a bucket as lists of versions, newest first.
type modelBucket struct {
	versioning types.BucketVersioningStatus
	keys       map[string][]modelVersion
}

func (m *modelBucket) push(key, id, body string) {
	kept := []modelVersion{{id, body}}
	for _, v := range m.keys[key] {
		if v.id != id {
			kept = append(kept, v)
		}
	}
	m.keys[key] = kept
}

func (m *modelBucket) drop(key string, i int) {
	m.keys[key] = slices.Delete(slices.Clone(m.keys[key]), i, i+1)
	if len(m.keys[key]) == 0 {
		delete(m.keys, key)
	}
}

// names are all versions as a listing orders them.
func (m *modelBucket) names() (out []string) {
	for _, key := range slices.Sorted(maps.Keys(m.keys)) {
		for i, v := range m.keys[key] {
			out = append(out, fmt.Sprint(key, " ", v.id, " ", v.body == "", " ", i == 0))
		}
	}
	return out
}

// versionWorld is a bucket and its model.
type versionWorld struct {
	*world
	rt    *rapid.T
	model modelBucket
}

var versionKeys = []string{"a", "a/b", "a/c", "b"}

func (w *versionWorld) step() {
	w.Advance(time.Duration(rapid.IntRange(0, 2).Draw(w.rt, "seconds")) * time.Second)
	key := rapid.SampledFrom(versionKeys).Draw(w.rt, "key")
	switch rapid.IntRange(0, 6).Draw(w.rt, "what") {
	case 0, 1, 2:
		body := rapid.StringMatching(`[a-z]{1,5}`).Draw(w.rt, "body")
		id := aws.ToString(w.put(key, body).VersionId)
		if id == "" {
			id = "null"
		}
		w.model.push(key, id, body)
	case 3:
		out, err := w.s3.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("data"), Key: &key})
		require.NoError(w.t, err)
		if w.model.versioning != "" {
			w.model.push(key, *out.VersionId, "")
		} else {
			delete(w.model.keys, key)
		}
	case 4, 5:
		if n := len(w.model.keys[key]); n > 0 {
			i := rapid.IntRange(0, n-1).Draw(w.rt, "version")
			_, err := w.s3.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("data"), Key: &key,
				VersionId: &w.model.keys[key][i].id})
			require.NoError(w.t, err)
			w.model.drop(key, i)
		}
	case 6:
		w.model.versioning = rapid.SampledFrom(w.model.versioning.Values()).Draw(w.rt, "versioning")
		_, err := w.s3.PutBucketVersioning(ctx, &sdk.PutBucketVersioningInput{Bucket: aws.String("data"),
			VersioningConfiguration: &types.VersioningConfiguration{Status: w.model.versioning}})
		require.NoError(w.t, err)
	}
}

// page reads a page of versions in the order in which the answer mixes them, which
// the SDK's two lists do not keep: they are sorted by key and by time.
func (w *versionWorld) page(in *sdk.ListObjectVersionsInput) (names []string, more bool) {
	w.t.Helper()
	out, err := w.s3.ListObjectVersions(ctx, in)
	require.NoError(w.t, err)
	for _, v := range out.Versions {
		names = append(names, fmt.Sprint(*v.Key, " ", *v.VersionId, " ", false, " ", *v.IsLatest))
	}
	for _, v := range out.DeleteMarkers {
		names = append(names, fmt.Sprint(*v.Key, " ", *v.VersionId, " ", true, " ", *v.IsLatest))
	}
	in.KeyMarker, in.VersionIdMarker = out.NextKeyMarker, out.NextVersionIdMarker
	return names, *out.IsTruncated
}

// compare holds the whole bucket against the model.
func (w *versionWorld) compare() {
	w.t.Helper()
	in := &sdk.ListObjectVersionsInput{Bucket: aws.String("data"), MaxKeys: aws.Int32(1)}
	var got []string
	for more := true; more; { // pages of one: the order shows
		var names []string
		names, more = w.page(in)
		got = append(got, names...)
	}
	require.Equal(w.t, w.model.names(), got)
	var current []string
	for _, key := range versionKeys {
		versions := w.model.keys[key]
		for _, v := range versions {
			out, err := w.s3.GetObject(ctx, &sdk.GetObjectInput{Bucket: aws.String("data"), Key: &key, VersionId: &v.id})
			if v.body == "" {
				refused(w.t, err, "MethodNotAllowed", 405)
				continue
			}
			require.NoError(w.t, err)
			b, err := io.ReadAll(out.Body)
			require.NoError(w.t, err)
			require.Equal(w.t, v.body, string(b))
		}
		if len(versions) == 0 || versions[0].body == "" {
			_, err := w.s3.GetObject(ctx, &sdk.GetObjectInput{Bucket: aws.String("data"), Key: &key})
			refused(w.t, err, "NoSuchKey", 404)
			continue
		}
		now, _ := w.get(key)
		require.Equal(w.t, versions[0].body, now)
		current = append(current, key)
	}
	require.Equal(w.t, current, w.listed(&sdk.ListObjectsV2Input{Bucket: aws.String("data"), MaxKeys: aws.Int32(2)}))
}

// listed are the keys of a listing.
func (w *world) listed(in *sdk.ListObjectsV2Input) (keys []string) {
	w.t.Helper()
	pages := sdk.NewListObjectsV2Paginator(w.s3, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		require.NoError(w.t, err)
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
	}
	return keys
}

func TestVersions_agreeWithAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &versionWorld{world: start(t), rt: rt, model: modelBucket{keys: map[string][]modelVersion{}}}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			w.step()
		}
		w.compare()
	})
}

// What is there from the first page to the last is listed once, in whichever
// order versions come and go meanwhile, the one that a page ended with too.
func TestListObjectVersions_goesOnWhileVersionsComeAndGo(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &versionWorld{world: start(t), rt: rt, model: modelBucket{keys: map[string][]modelVersion{}}}
		for range rapid.IntRange(5, 25).Draw(rt, "before") {
			w.step()
		}
		lasting := map[string]bool{}
		plain := func(name string) string { return strings.Join(strings.Fields(name)[:2], " ") }
		for _, n := range w.model.names() {
			lasting[plain(n)] = true
		}
		seen := map[string]int{}
		in := &sdk.ListObjectVersionsInput{Bucket: aws.String("data"),
			MaxKeys: aws.Int32(int32(rapid.IntRange(1, 4).Draw(rt, "page")))}
		for more := true; more; {
			var names []string
			names, more = w.page(in)
			for _, n := range names {
				seen[plain(n)]++
			}
			for range rapid.IntRange(0, 5).Draw(rt, "between") {
				w.step()
			}
			now := map[string]bool{}
			for _, n := range w.model.names() {
				now[plain(n)] = true
			}
			moved := "" // the key whose list goes on behind a null version that may be at another place now
			if aws.ToString(in.VersionIdMarker) == "null" {
				moved = *in.KeyMarker + " "
			}
			maps.DeleteFunc(lasting, func(n string, _ bool) bool {
				// A null version that is replaced has the same name at another place.
				return !now[n] || strings.HasSuffix(n, " null") || moved != "" && strings.HasPrefix(n, moved)
			})
		}
		for n := range lasting {
			require.Equal(t, 1, seen[n], n)
		}
	})
}

// fill makes so many versions of a key.
func (w *world) fill(key string, n int) {
	w.t.Helper()
	for i := range n {
		w.put(key, fmt.Sprint(i))
	}
}

func TestListObjectVersions_emptiesABucketPageByPage(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.versioned()
	w.fill("one", 1300)
	w.fill("two", 3)
	_, err := w.s3.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("data"), Key: aws.String("two")})
	require.NoError(t, err)
	pages := sdk.NewListObjectVersionsPaginator(w.s3, &sdk.ListObjectVersionsInput{Bucket: aws.String("data")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		require.NoError(t, err)
		var gone []types.ObjectIdentifier
		for _, v := range page.Versions {
			gone = append(gone, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, v := range page.DeleteMarkers {
			gone = append(gone, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		_, err = w.s3.DeleteObjects(ctx, &sdk.DeleteObjectsInput{Bucket: aws.String("data"),
			Delete: &types.Delete{Objects: gone}})
		require.NoError(t, err)
	}
	_, err = w.s3.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: aws.String("data")})
	require.NoError(t, err, "nothing is left")
}

func TestListings_goOnBehindWhatWasDeleted(t *testing.T) {
	t.Parallel()
	w := start(t)
	for i := range 25 {
		w.put(fmt.Sprintf("k%02d", i), "x")
		w.Advance(time.Second)
		_, err := w.s3.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: aws.String("data"),
			Key: aws.String(fmt.Sprintf("u%d", i%3))})
		require.NoError(t, err)
	}
	objects := sdk.NewListObjectsV2Paginator(w.s3, &sdk.ListObjectsV2Input{Bucket: aws.String("data"),
		MaxKeys: aws.Int32(4)})
	for objects.HasMorePages() {
		page, err := objects.NextPage(ctx)
		require.NoError(t, err)
		for _, o := range page.Contents {
			_, err := w.s3.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("data"), Key: o.Key})
			require.NoError(t, err)
		}
	}
	require.Empty(t, w.listed(&sdk.ListObjectsV2Input{Bucket: aws.String("data")}))
	uploads := sdk.NewListMultipartUploadsPaginator(w.s3, &sdk.ListMultipartUploadsInput{Bucket: aws.String("data"),
		MaxUploads: aws.Int32(4)})
	var began []time.Time
	key := ""
	for uploads.HasMorePages() {
		page, err := uploads.NextPage(ctx)
		require.NoError(t, err)
		for _, u := range page.Uploads {
			if *u.Key != key {
				began, key = nil, *u.Key
			}
			began = append(began, *u.Initiated)
			_, err := w.s3.AbortMultipartUpload(ctx, &sdk.AbortMultipartUploadInput{Bucket: aws.String("data"), Key: u.Key,
				UploadId: u.UploadId})
			require.NoError(t, err)
		}
		require.True(t, slices.IsSortedFunc(began, time.Time.Compare))
	}
	left, err := w.s3.ListMultipartUploads(ctx, &sdk.ListMultipartUploadsInput{Bucket: aws.String("data")})
	require.NoError(t, err)
	require.Empty(t, left.Uploads)
}

func TestListMultipartUploads_listsAGroupOnce(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, key := range []string{"a/1", "a/2", "a/3", "b", "c/1", "c/2"} {
		_, err := w.s3.CreateMultipartUpload(ctx, &sdk.CreateMultipartUploadInput{Bucket: aws.String("data"), Key: &key})
		require.NoError(t, err)
	}
	var got []string
	pages := sdk.NewListMultipartUploadsPaginator(w.s3, &sdk.ListMultipartUploadsInput{Bucket: aws.String("data"),
		Delimiter: aws.String("/"), MaxUploads: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		require.NoError(t, err)
		for _, p := range page.CommonPrefixes {
			got = append(got, *p.Prefix)
		}
		for _, u := range page.Uploads {
			got = append(got, *u.Key)
		}
	}
	require.Equal(t, []string{"a/", "b", "c/"}, got)
}

func TestVersions_thatNeverWereAreNotFound(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.versioned()
	w.put("k", "x")
	get := func(id string) error {
		_, err := w.s3.GetObject(ctx, &sdk.GetObjectInput{Bucket: aws.String("data"), Key: aws.String("k"), VersionId: &id})
		return err
	}
	refused(t, get(strings.Repeat("0", 32)), "NoSuchVersion", 404)
	refused(t, get("null"), "NoSuchVersion", 404)
	refused(t, get("none"), "InvalidArgument", 400)
	_, err := w.s3.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: aws.String("data"),
		KeyMarker: aws.String("k"), VersionIdMarker: aws.String("none")})
	refused(t, err, "InvalidArgument", 400)
}
