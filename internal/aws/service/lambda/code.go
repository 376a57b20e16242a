package lambda

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// archive is a checked zip file.
type archive struct {
	blob     store.Blob
	sum      string // SHA-256 in base64
	unpacked int64  // bytes
	hold     *store.Hold
}

// source is where an archive comes from: a function's code or a layer's
// content.
type source struct {
	zip                  []byte
	bucket, key, version *string
}

// fetch takes an archive from the request or from S3, checks and stores it. The
// caller releases its hold.
func (s *Service) fetch(ctx context.Context, from source) (archive, error) {
	inS3 := from.bucket != nil || from.key != nil
	switch {
	case len(from.zip) > 0 && inS3:
		return archive{}, invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.")
	case len(from.zip) > int(limit("zipBytes")):
		// The code and the words were seen in https://github.com/apex/up/issues/222 and, of another operation, in
		// https://github.com/prisma/ecosystem-tests/pull/1507.
		return archive{}, gateway.Errorf(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException",
			"Request must be smaller than %d bytes for the %s operation", limit("zipRequestBytes"), gateway.From(ctx).Operation)
	case inS3 && (from.bucket == nil || from.key == nil):
		return archive{}, invalid("Please provide both S3Bucket and S3Key.")
	case inS3:
		body, err := s.download(ctx, from)
		if err != nil {
			return archive{}, err
		}
		from.zip = body
	case from.zip == nil:
		return archive{}, invalid("Please provide a source for function code.")
	}
	if len(from.zip) == 0 {
		return archive{}, invalid("Uploaded file must be a non-empty zip")
	}
	size, err := measure(from.zip)
	if err != nil {
		return archive{}, err
	}
	blob, hold, err := s.host.Store.PutBlob(ctx, bytes.NewReader(from.zip))
	sum := sha256.Sum256(from.zip)
	return archive{blob: blob, sum: base64.StdEncoding.EncodeToString(sum[:]), unpacked: size, hold: hold}, err
}

// download reads the archive with the caller's rights, as AWS does.
func (s *Service) download(ctx context.Context, from source) ([]byte, error) {
	call := gateway.From(ctx)
	out, err := gateway.Invoke[s3.GetObjectOutput](ctx, s.host, gateway.Call{Principal: call.Principal, Scope: call.Scope,
		Service:   "s3",
		Operation: "GetObject", Input: &s3.GetObjectInput{Bucket: from.bucket, Key: from.key, VersionId: from.version}})
	if err != nil {
		code := gateway.ErrorCode(err)
		if code == "" {
			return nil, err
		}
		return nil, invalid("Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s", code,
			strings.TrimPrefix(err.Error(), code+": "))
	}
	body, err := io.ReadAll(io.LimitReader(out.Body, limit("unzippedBytes")+1))
	return body, errors.Join(err, out.Body.Close())
}

// measure checks an archive and returns its size when unpacked.
func measure(body []byte) (int64, error) {
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return 0, invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
	}
	var size int64
	for _, f := range z.File {
		if !inside(f.Name) {
			return 0, invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
		}
		if f.UncompressedSize64 > uint64(limit("unzippedBytes")) { // a limit is positive
			return 0, tooLarge()
		}
		size += int64(f.UncompressedSize64) // bounded above
	}
	if size > limit("unzippedBytes") {
		return 0, tooLarge()
	}
	return size, nil
}

func tooLarge() error {
	return invalid("Unzipped size must be smaller than %d bytes", limit("unzippedBytes"))
}

// inside reports whether a name in an archive stays within it.
func inside(name string) bool {
	return name != "" && filepath.IsLocal(filepath.FromSlash(strings.TrimSuffix(name, "/"))) &&
		!strings.Contains(name, "\\")
}

// unpackedBytes is how many bytes an archive's files are.
func (s *Service) unpackedBytes(id string) (size int64, err error) {
	body, err := s.host.Store.OpenBlob(id)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	packed, err := body.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	z, err := zip.NewReader(body, packed)
	if err != nil {
		return 0, err
	}
	for _, f := range z.File {
		size += int64(f.UncompressedSize64) // bounded by measure
	}
	return size, nil
}

// unpack writes an archive's files below root, which they cannot leave.
func (s *Service) unpack(root *os.Root, id string) error {
	body, err := s.host.Store.OpenBlob(id)
	if err != nil {
		return err
	}
	defer body.Close()
	size, err := body.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	z, err := zip.NewReader(body, size)
	if err != nil {
		return err
	}
	for _, f := range z.File {
		name := path.Clean(f.Name)
		if strings.HasSuffix(f.Name, "/") {
			if err := root.MkdirAll(name, 0o755); err != nil {
				return err
			}
			continue
		}
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := extract(root, name, f); err != nil {
			return fmt.Errorf("unpack %s: %w", f.Name, err)
		}
	}
	return nil
}

func extract(root *os.Root, name string, f *zip.File) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	if f.Mode()&os.ModeSymlink != 0 {
		target, err := io.ReadAll(io.LimitReader(in, 4096))
		if err != nil {
			return err
		}
		return root.Symlink(string(target), name)
	}
	mode := os.FileMode(0o644)
	if f.Mode()&0o111 != 0 {
		mode = 0o755
	}
	out, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	// What the archive says of itself was measured; a longer file belies it.
	size := int64(f.UncompressedSize64) // bounded by measure
	n, err := io.Copy(out, io.LimitReader(in, size+1))
	if n > size {
		err = zip.ErrFormat
	}
	return errors.Join(err, out.Close())
}
