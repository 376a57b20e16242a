package s3

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// bucket is a bucket and its configurations; a nil one was never set.
type bucket struct {
	Name, Owner, Region string
	Created             time.Time
	EU                  bool                         `json:",omitempty"` // the region was called by its old name
	Versioning          types.BucketVersioningStatus // empty: never enabled
	Tags                []types.Tag
	Encryption          *types.ServerSideEncryptionConfiguration
	PublicAccess        *types.PublicAccessBlockConfiguration
	Open                bool // the public access block was deleted
	Ownership           *types.OwnershipControls
	Unowned             bool // its ownership controls were deleted
	Policy              *string
	CORS                *types.CORSConfiguration
	Lifecycle           *types.BucketLifecycleConfiguration
	Planned             bool // its objects have tasks for its lifecycle rules, or one task says that they shall
	SmallStay           bool // objects below 128 KiB are not moved to other classes
	Notification        *types.NotificationConfiguration
	Lock                bool // Object Lock is enabled
	Retention           *types.DefaultRetention
}

// entry is the record of a key that has versions: the newest of them, and how
// many lie beneath it in a collection of their own. It stays as small whatever
// their number.
type entry struct {
	Key       string
	Newest    version
	Older     int    `json:",omitempty"` // versions below the newest
	Sequencer uint64 // of the last event; rises with every change
	Placed    bool   `json:",omitempty"` // there are rows in places about this key
}

// version is one version of an object, or a delete marker.
type version struct {
	ID           string // "null" when made without versioning
	Order        uint64 `json:",omitempty"` // rises with every version of a key
	Due          int64  `json:",omitempty"` // when lifecycle rules look at it, in Unix seconds; 0 for never
	Marker       bool   `json:",omitempty"`
	Modified     time.Time
	ETag         string // without quotes
	Size         int64
	Parts        []part
	Multipart    bool   `json:",omitempty"`
	Upload       string `json:",omitempty"` // the upload that it was
	Sum          checksum
	Headers      headers
	Metadata     map[string]string `json:",omitempty"`
	Tags         []types.Tag       `json:",omitempty"`
	StorageClass types.StorageClass
	SSE          types.ServerSideEncryption
	KMSKey       string                        `json:",omitempty"`
	CustomerKey  string                        `json:",omitempty"` // the MD5 of the customer's key
	Mode         types.ObjectLockRetentionMode `json:",omitempty"`
	Until        time.Time                     // end of the retention
	Hold         bool                          `json:",omitempty"` // legal hold
	Held         bool                          `json:",omitempty"` // a legal hold was set, on or off
}

// headers are the standard headers that are given back with an object.
type headers struct {
	CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, ContentType *string    `json:",omitempty"`
	Expires                                                                         *time.Time `json:",omitempty"`
}

// checksum is one of S3's additional checksums, in base64.
type checksum struct{ Algorithm, Value, Type string }

// part is a stretch of an object's body.
type part struct {
	Number   int32
	Size     int64
	Blob     string
	ETag     string
	Sum      checksum
	Modified time.Time
}

// upload is a multipart upload that is not complete.
type upload struct {
	ID, Bucket, Key string
	Initiated       time.Time
	Object          version // what the object will be
	Algorithm, Type string  // of checksums
	Due             int64   `json:",omitempty"` // as a version's
}

func entryBlobs(e entry) []string { return versionBlobs(e.Newest) }

func versionBlobs(v version) []string {
	if len(v.Parts) == 0 {
		return nil
	}
	ids := make([]string, len(v.Parts))
	for i, p := range v.Parts {
		ids[i] = p.Blob
	}
	return ids
}

func partBlobs(p part) []string { return []string{p.Blob} }

// latest is the current version, nil when there is none or it is a marker.
func (e entry) latest() *version {
	if e.Newest.ID == "" || e.Newest.Marker {
		return nil
	}
	return &e.Newest
}

// bucket reads a bucket and compares its owner with the one expected.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
func (s *Service) bucket(tx *store.Tx, name, owner *string) (bucket, error) {
	b, ok := s.buckets.Get(tx, everywhere, deref(name))
	if !ok {
		return b, noSuchBucket(deref(name))
	}
	if owner != nil && *owner != b.Owner {
		return b, gateway.Errorf(http.StatusForbidden, "AccessDenied", "Access Denied")
	}
	return b, nil
}

// viewBucket is bucket in a transaction of its own.
func (s *Service) viewBucket(name, owner *string) (b bucket, err error) {
	err = s.host.Store.View(func(tx *store.Tx) error {
		b, err = s.bucket(tx, name, owner)
		return err
	})
	return b, err
}

func noSuchBucket(name string) error {
	return gateway.Errorf(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist").
		With("BucketName", name)
}

func noSuchKey(key string) error {
	return gateway.Errorf(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.").With("Key", key)
}

// invalid is the answer to an argument; argument adds which one it is.
func invalid(format string, args ...any) *gateway.Error {
	return gateway.Errorf(http.StatusBadRequest, "InvalidArgument", format, args...)
}

// argument is invalid with the argument, as a request names it, and its value.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#RESTErrorResponses
func argument(name, value, format string, args ...any) error {
	return invalid(format, args...).With("ArgumentName", name, "ArgumentValue", value)
}

// malformed is the answer to a document that breaks S3's schema.
func malformed() error {
	f := wire.MalformedXML()
	return gateway.Errorf(http.StatusBadRequest, f.Code, "%s", f.Message)
}

func objectKey(bucket, key string) string { return store.Key(bucket, key) }

func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

func ptr[T any](v T) *T { return &v }

// some is a pointer to v, nil for the zero value.
func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func quoted(etag string) *string { return ptr(`"` + etag + `"`) }

func owner(account string) *types.Owner { return &types.Owner{ID: ptr(ownerID(account))} }

// ownerID is a canonical user id: 64 hexadecimal digits.
// AWS: canonical ids are opaque; here the account's number is padded.
func ownerID(account string) string {
	const zeros = "0000000000000000000000000000000000000000000000000000000000000000"
	return zeros[:64-min(64, len(account))] + account
}
