// Command transfer moves large files to S3 and reads pieces of them, over
// networks that fail.
//
//	transfer put FILE BUCKET KEY     uploads in parts, resumes what is there
//	transfer abort BUCKET KEY        gives up unfinished uploads of the key
//	transfer tail BUCKET KEY N       prints the last N bytes, as a JSON text
//	transfer plan BYTES              prints how a file of that size is cut
//
// put and abort print one line of JSON; FILE may be "-" for the file that the
// environment variable INPUT_FILE names. plan prints {"parts": …, "partSize": …},
// or {"error": …} and ends with exit code 1 for what does not fit into an object.
package main

import (
	"bytes"
	"context"
	"crypto/md5" // it is what S3 names parts by
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const (
	mib           = 1 << 20
	smallestPart  = 5 * mib
	largestPart   = 5 * 1024 * mib
	mostParts     = 10_000
	largestObject = 50_000_000_000_000 / mib * mib // 50 TB, in whole MiB

	tries = 6 // for a part; each begins after a longer pause
)

type cut struct {
	Parts    int64 `json:"parts"`
	PartSize int64 `json:"partSize"`
}

// plan cuts the same size always in the same way: resuming depends on it.
func plan(size int64) (cut, error) {
	if size > largestObject {
		return cut{}, fmt.Errorf("%d bytes are more than an object holds (%d)", size, int64(largestObject))
	}
	part := int64(smallestPart)
	for part*mostParts < size {
		part *= 2
	}
	part = min(part, largestPart)
	return cut{max(1, (size+part-1)/part), part}, nil
}

// store is a key of a bucket.
type store struct {
	client      *s3.Client
	bucket, key *string
}

// put sends the parts that are missing and those that differ from the file.
func (s store) put(ctx context.Context, path string) (any, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	c, err := plan(info.Size())
	if err != nil {
		return nil, err
	}
	upload, there, err := s.resume(ctx)
	if err != nil {
		return nil, err
	}
	var parts []types.CompletedPart
	sent := 0
	body := make([]byte, c.PartSize)
	for number := int32(1); int64(number) <= c.Parts; number++ {
		n, err := io.ReadFull(file, body)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			return nil, err
		}
		sum := md5.Sum(body[:n]) // as above
		etag := `"` + hex.EncodeToString(sum[:]) + `"`
		if there[number] != etag {
			if etag, err = s.send(ctx, upload, number, body[:n]); err != nil {
				return nil, err
			}
			sent++
		}
		parts = append(parts, types.CompletedPart{PartNumber: aws.Int32(number), ETag: aws.String(etag)})
	}
	_, err = s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: s.bucket, Key: s.key, UploadId: upload,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	return map[string]any{"key": *s.key, "parts": len(parts), "sent": sent}, err
}

// resume returns the newest unfinished upload of the key with the ETags of its
// parts, or a new one.
func (s store) resume(ctx context.Context) (upload *string, there map[int32]string, err error) {
	unfinished, err := s.unfinished(ctx)
	if err != nil {
		return nil, nil, err
	}
	if len(unfinished) == 0 {
		made, err := s.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: s.bucket, Key: s.key})
		if err != nil {
			return nil, nil, err
		}
		return made.UploadId, nil, nil
	}
	newest := unfinished[0]
	for _, u := range unfinished {
		if u.Initiated.After(*newest.Initiated) {
			newest = u
		}
	}
	there = map[int32]string{}
	pages := s3.NewListPartsPaginator(s.client, &s3.ListPartsInput{Bucket: s.bucket, Key: s.key, UploadId: newest.UploadId})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, err
		}
		for _, p := range page.Parts {
			there[*p.PartNumber] = *p.ETag
		}
	}
	return newest.UploadId, there, nil
}

// unfinished are the key's unfinished uploads.
func (s store) unfinished(ctx context.Context) (found []types.MultipartUpload, err error) {
	pages := s3.NewListMultipartUploadsPaginator(s.client, &s3.ListMultipartUploadsInput{Bucket: s.bucket, Prefix: s.key})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, u := range page.Uploads {
			if *u.Key == *s.key { // the prefix may be that of other keys too
				found = append(found, u)
			}
		}
	}
	return found, nil
}

// send sends one part, again and again, with pauses that grow and differ.
func (s store) send(ctx context.Context, upload *string, number int32, body []byte) (etag string, err error) {
	for try := range tries {
		if try > 0 {
			time.Sleep(rand.N(50 * time.Millisecond << try))
		}
		var answer *s3.UploadPartOutput
		answer, err = s.client.UploadPart(ctx, &s3.UploadPartInput{Bucket: s.bucket, Key: s.key, UploadId: upload, PartNumber: aws.Int32(number), Body: bytes.NewReader(body)})
		if err == nil {
			return *answer.ETag, nil
		}
	}
	return "", err
}

// abort gives up unfinished uploads, whose parts are billed until somebody does.
func (s store) abort(ctx context.Context) (any, error) {
	unfinished, err := s.unfinished(ctx)
	for _, u := range unfinished {
		if err == nil {
			_, err = s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: s.bucket, Key: s.key, UploadId: u.UploadId})
		}
	}
	return map[string]any{"key": *s.key, "aborted": len(unfinished)}, err
}

// tail asks for a suffix, which needs neither the object's size nor the rest.
func (s store) tail(ctx context.Context, count string) (any, error) {
	object, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: s.bucket, Key: s.key, Range: aws.String("bytes=-" + count)})
	if err != nil {
		return nil, err
	}
	defer object.Body.Close()
	b, err := io.ReadAll(object.Body)
	return string(b), err
}

func run(ctx context.Context, args []string) (any, error) {
	at := func(bucket, key string) store {
		client := s3.NewFromConfig(settings(), func(o *s3.Options) { o.UsePathStyle = true })
		return store{client, aws.String(bucket), aws.String(key)}
	}
	switch {
	case len(args) == 2 && args[0] == "plan":
		size, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil {
			return nil, err
		}
		c, err := plan(size)
		if err != nil {
			return map[string]string{"error": err.Error()}, err
		}
		return c, nil
	case len(args) == 4 && args[0] == "put":
		if args[1] == "-" {
			args[1] = os.Getenv("INPUT_FILE")
		}
		return at(args[2], args[3]).put(ctx, args[1])
	case len(args) == 3 && args[0] == "abort":
		return at(args[1], args[2]).abort(ctx)
	case len(args) == 4 && args[0] == "tail":
		return at(args[1], args[2]).tail(ctx, args[3])
	}
	return nil, errors.New("usage: transfer put FILE BUCKET KEY | abort BUCKET KEY | tail BUCKET KEY N | plan BYTES")
}

func main() {
	answer, err := run(context.Background(), os.Args[1:])
	if answer != nil {
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// settings are the environment's.
func settings() aws.Config {
	return aws.Config{
		Region:       os.Getenv("AWS_REGION"),
		BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL")),
		Credentials:  credentials.NewStaticCredentialsProvider(os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
	}
}
