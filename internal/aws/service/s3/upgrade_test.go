package s3_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/s3"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// oldState writes a bucket as it was stored when a key had all its versions in
// one row, and an upload all its parts.
func oldState(t *testing.T, dir string, rules string) (ids []string) {
	t.Helper()
	st := store.New(store.Options{Dir: dir})
	buckets := store.NewCollection[json.RawMessage](st, "s3.buckets")
	objects := store.NewCollection[json.RawMessage](st, "s3.objects")
	uploads := store.NewCollection[json.RawMessage](st, "s3.uploads")
	require.NoError(t, st.Open())
	body, _, err := st.PutBlob(context.Background(), strings.NewReader("body"))
	require.NoError(t, err)
	one := fmt.Sprintf(`{"Number":1,"Size":4,"Blob":%q,"ETag":"841a2d689ad86bd1611447453c22c6fc",`+
		`"Sum":{"Algorithm":"CRC32","Value":"2wIKbg==","Type":"FULL_OBJECT"}}`, body.ID)
	var versions []string
	for i := range 5 {
		id := strings.Repeat(string("5a3e1"[i]), 32)
		if i == 2 {
			id = "null"
		}
		ids = append(ids, id)
		versions = append(versions, fmt.Sprintf(`{"ID":%q,"Modified":"2026-03-01T00:00:0%dZ",`+
			`"ETag":"841a2d689ad86bd1611447453c22c6fc","Size":4,"Parts":[%s],"StorageClass":"STANDARD","SSE":"AES256"}`,
			id, 9-i, one))
	}
	require.NoError(t, st.Update(func(tx *store.Tx) error {
		buckets.Put(tx, ident.Scope{}, "data", json.RawMessage(`{"Name":"data","Owner":"000000000000",`+
			`"Region":"us-east-1","Versioning":"Enabled","SmallStay":true`+rules+`}`))
		objects.Put(tx, ident.Scope{}, store.Key("data", "k"), json.RawMessage(`{"Key":"k","Sequencer":7,"Versions":[`+
			strings.Join(versions, ",")+`]}`))
		uploads.Put(tx, ident.Scope{}, store.Key("data", "u", "id"), json.RawMessage(`{"ID":"id","Bucket":"data",`+
			`"Key":"u","Initiated":"2026-03-01T00:00:00Z","Object":{},"Parts":[`+one+`]}`))
		return nil
	}))
	require.NoError(t, st.Close())
	return ids
}

func openOld(t *testing.T, dir string) *sdk.Client {
	t.Helper()
	c := awstest.NewInDir(t, dir, func(h *gateway.Host) gateway.Service { return s3.New(h) })
	return sdk.NewFromConfig(c.Config(), func(o *sdk.Options) { o.UsePathStyle = true })
}

func TestUpgrade_keepsVersionsInOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ids := oldState(t, dir, "")
	for range 2 { // the second time it is of today's form
		t.Run("open", func(t *testing.T) {
			client := openOld(t, dir)
			require.Equal(t, ids, listedVersions(t, client, "", ""))
			for i, id := range ids {
				require.Equal(t, ids[i+1:], listedVersions(t, client, "k", id))
				got, err := client.HeadObject(ctx, &sdk.HeadObjectInput{Bucket: aws.String("data"), Key: aws.String("k"),
					VersionId: &id})
				require.NoError(t, err)
				require.EqualValues(t, 9-i, got.LastModified.Second())
			}
			parts, err := client.ListParts(ctx, &sdk.ListPartsInput{Bucket: aws.String("data"), Key: aws.String("u"),
				UploadId: aws.String("id")})
			require.NoError(t, err)
			require.Len(t, parts.Parts, 1)
		})
	}
	client := openOld(t, dir)
	for _, id := range []string{ids[3], ids[0], ids[2]} {
		_, err := client.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("data"), Key: aws.String("k"),
			VersionId: &id})
		require.NoError(t, err)
	}
	require.Equal(t, []string{ids[1], ids[4]}, listedVersions(t, client, "", ""))
	require.Equal(t, []string{ids[1], ids[4]}, listedVersions(t, client, "k", ids[0]),
		"its place is known, though it is gone")
	require.Equal(t, []string{ids[4]}, listedVersions(t, client, "k", ids[2]))
	require.Equal(t, []string{ids[4]}, listedVersions(t, client, "k", ids[3]))
}

func TestUpgrade_lifecycleRulesGoOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ids := oldState(t, dir, `,"Lifecycle":{"Rules":[{"ID":"r","Status":"Enabled","Filter":{"Prefix":""},`+
		`"NoncurrentVersionExpiration":{"NoncurrentDays":3,"NewerNoncurrentVersions":1},`+
		`"AbortIncompleteMultipartUpload":{"DaysAfterInitiation":2}}]}`)
	c := awstest.NewInDir(t, dir, func(h *gateway.Host) gateway.Service { return s3.New(h) })
	client := sdk.NewFromConfig(c.Config(), func(o *sdk.Options) { o.UsePathStyle = true })
	c.Advance(4 * 24 * time.Hour)
	require.Equal(t, ids[:2], listedVersions(t, client, "", ""))
	ups, err := client.ListMultipartUploads(ctx, &sdk.ListMultipartUploadsInput{Bucket: aws.String("data")})
	require.NoError(t, err)
	require.Empty(t, ups.Uploads)
}

// listedVersions are the ids of a bucket's versions, perhaps behind a marker.
func listedVersions(t testing.TB, client *sdk.Client, key, id string) (ids []string) {
	t.Helper()
	in := &sdk.ListObjectVersionsInput{Bucket: aws.String("data")}
	if key != "" {
		in.KeyMarker, in.VersionIdMarker = &key, &id
	}
	ids = []string{}
	pages := sdk.NewListObjectVersionsPaginator(client, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		require.NoError(t, err)
		for _, v := range page.Versions {
			ids = append(ids, *v.VersionId)
		}
	}
	return ids
}
