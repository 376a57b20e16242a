package s3

import (
	"context"
	"encoding/base64"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/store"
)

// pageSize reads max-keys and its likes: 1,000 when absent, never more.
func pageSize(given *int32, name string) (int32, error) {
	most := int32(limit("listKeys")) // 1,000
	if given == nil {
		return most, nil
	}
	if *given < 0 {
		return 0, argument(name, strconv.Itoa(int(*given)),
			"Argument %s must be an integer between 0 and 2147483647", name)
	}
	return min(*given, most), nil
}

// encoder writes names as encoding-type=url asks for; there is no other type.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func encoder(kind types.EncodingType) (func(*string) *string, error) {
	if kind != "" && kind != types.EncodingTypeUrl {
		return nil, argument("encoding-type", string(kind), "Invalid Encoding Method specified in Request")
	}
	return func(s *string) *string {
		if s == nil || *s == "" || kind != types.EncodingTypeUrl {
			return s
		}
		return ptr(escape(*s))
	}, nil
}

// escape is the encoding of keys in listings and events: as in forms, but for
// slashes.
func escape(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }

// commonPrefix is what a key is grouped under.
func commonPrefix(key, prefix, delimiter string) (string, bool) {
	if delimiter == "" || !strings.HasPrefix(key, prefix) {
		return "", false
	}
	i := strings.Index(key[len(prefix):], delimiter)
	if i < 0 {
		return "", false
	}
	return key[:len(prefix)+i+len(delimiter)], true
}

func sealToken(key string) *string {
	return ptr(base64.URLEncoding.EncodeToString([]byte("1/" + key)))
}

func openToken(token *string) (string, error) {
	if token == nil || *token == "" {
		return "", nil
	}
	b, err := base64.URLEncoding.DecodeString(*token)
	key, ok := strings.CutPrefix(string(b), "1/")
	if err != nil || !ok {
		return "", argument("continuation-token", *token, "The continuation token provided is incorrect")
	}
	return key, nil
}

// visit is one step of a listing: an object, or a group of them.
type visit struct {
	entry entry
	group string
}

// walk visits what is listed after a key, in order, each group once, until fn
// returns false. Within a group it does not look at every key: it goes on
// behind it.
func (s *Service) walk(tx *store.Tx, name, prefix, delimiter, after string, fn func(visit) bool) {
	base := objectKey(name, "")
	from := max(prefix, after)
	for {
		var group string
		more := false
		s.objects.Scan(tx, everywhere, base+prefix, base+from, func(_ string, e entry) bool {
			if e.Key <= after && after != "" {
				return true
			}
			g, grouped := commonPrefix(e.Key, prefix, delimiter)
			if !grouped {
				return fn(visit{entry: e})
			}
			if after == g {
				// The page before ended with this group.
				group, more = g, true
				return false
			}
			if fn(visit{entry: e, group: g}) {
				group, more = g, true
			}
			return false
		})
		if !more {
			return
		}
		from, after = behind(group), ""
	}
}

// behind is the least string that is greater than all that begin with a group.
func behind(group string) string {
	b := []byte(group)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] != 0xff {
			b[i]++
			return string(b[:i+1])
		}
	}
	return group // only bytes that no key can hold
}

// listing is what both versions of ListObjects have in common.
type listing struct {
	objects   []types.Object
	groups    []types.CommonPrefix
	truncated bool
	last      string // key or group that the page ends with
}

func (s *Service) list(name, prefix, delimiter, after string, most int32, enc func(*string) *string, owners bool,
	expected *string) (out listing, err error) {
	err = s.host.Store.View(func(tx *store.Tx) error {
		b, err := s.bucket(tx, &name, expected)
		if err != nil {
			return err
		}
		count := int32(0)
		s.walk(tx, name, prefix, delimiter, after, func(v visit) bool {
			now := v.entry.latest()
			if now == nil && v.group == "" {
				return true
			}
			if v.group != "" && now == nil && !s.alive(tx, name, v.group) {
				return true // all that is left under it are delete markers
			}
			if count == most {
				out.truncated = most > 0
				return false
			}
			count++
			if v.group != "" {
				out.groups, out.last = append(out.groups, types.CommonPrefix{Prefix: enc(&v.group)}), v.group
				return true
			}
			o := types.Object{Key: enc(&v.entry.Key), ETag: quoted(now.ETag), Size: ptr(now.Size),
				LastModified: ptr(now.Modified), StorageClass: types.ObjectStorageClass(now.StorageClass),
				ChecksumAlgorithm: []types.ChecksumAlgorithm{types.ChecksumAlgorithm(now.Sum.Algorithm)},
				ChecksumType:      types.ChecksumType(now.Sum.Type)}
			if owners {
				o.Owner = owner(b.Owner)
			}
			out.objects, out.last = append(out.objects, o), v.entry.Key
			return true
		})
		return nil
	})
	return out, err
}

// alive reports whether a key with the prefix has a current version.
func (s *Service) alive(tx *store.Tx, name, prefix string) (found bool) {
	s.objects.Scan(tx, everywhere, objectKey(name, prefix), "", func(_ string, e entry) bool {
		found = e.latest() != nil
		return !found
	})
	return found
}

func (s *Service) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
	most, err := pageSize(in.MaxKeys, "max-keys")
	if err != nil {
		return nil, err
	}
	after, err := openToken(in.ContinuationToken)
	if err != nil {
		return nil, err
	}
	if deref(in.ContinuationToken) == "" {
		after = deref(in.StartAfter)
	}
	enc, err := encoder(in.EncodingType)
	if err != nil {
		return nil, err
	}
	l, err := s.list(*in.Bucket, deref(in.Prefix), deref(in.Delimiter), after, most, enc, deref(in.FetchOwner),
		in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	out := &s3.ListObjectsV2Output{Name: in.Bucket, Prefix: orEmpty(enc(in.Prefix)),
		Delimiter:  enc(some(deref(in.Delimiter))),
		StartAfter: enc(in.StartAfter), ContinuationToken: in.ContinuationToken,
		MaxKeys: &most, EncodingType: in.EncodingType, Contents: l.objects, CommonPrefixes: l.groups,
		IsTruncated: &l.truncated,
		KeyCount:    ptr(int32(len(l.objects) + len(l.groups)))} // 1,000 at most
	if l.truncated {
		out.NextContinuationToken = sealToken(l.last)
	}
	return out, nil
}

func orEmpty(s *string) *string {
	if s == nil {
		return ptr("")
	}
	return s
}

func (s *Service) ListObjects(_ context.Context, in *s3.ListObjectsInput) (*s3.ListObjectsOutput, error) {
	most, err := pageSize(in.MaxKeys, "max-keys")
	if err != nil {
		return nil, err
	}
	enc, err := encoder(in.EncodingType)
	if err != nil {
		return nil, err
	}
	l, err := s.list(*in.Bucket, deref(in.Prefix), deref(in.Delimiter), deref(in.Marker), most, enc, true,
		in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	out := &s3.ListObjectsOutput{Name: in.Bucket, Prefix: orEmpty(enc(in.Prefix)),
		Delimiter: enc(some(deref(in.Delimiter))),
		Marker:    orEmpty(enc(in.Marker)), MaxKeys: &most, EncodingType: in.EncodingType,
		Contents: l.objects, CommonPrefixes: l.groups, IsTruncated: &l.truncated}
	if l.truncated && in.Delimiter != nil { // without a delimiter clients go on from the last key
		out.NextMarker = enc(&l.last)
	}
	return out, nil
}

func (s *Service) ListObjectVersions(_ context.Context, in *s3.ListObjectVersionsInput) (*s3.ListObjectVersionsOutput,
	error) {
	most, err := pageSize(in.MaxKeys, "max-keys")
	if err != nil {
		return nil, err
	}
	if in.VersionIdMarker != nil && in.KeyMarker == nil {
		return nil, argument("version-id-marker", *in.VersionIdMarker,
			"A version-id marker cannot be specified without a key marker.")
	}
	enc, err := encoder(in.EncodingType)
	if err != nil {
		return nil, err
	}
	out := &s3.ListObjectVersionsOutput{Name: in.Bucket, Prefix: orEmpty(enc(in.Prefix)),
		Delimiter:       enc(some(deref(in.Delimiter))),
		KeyMarker:       orEmpty(enc(in.KeyMarker)),
		VersionIdMarker: orEmpty(in.VersionIdMarker), MaxKeys: &most, EncodingType: in.EncodingType, IsTruncated: ptr(false)}
	return out, s.host.Store.View(func(tx *store.Tx) error {
		b, err := s.bucket(tx, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		p := versionPage{out: out, most: most, enc: enc, owner: b.Owner}
		if in.VersionIdMarker != nil { // the rest of the key that the page before ended in
			e, found := s.objects.Get(tx, everywhere, objectKey(b.Name, *in.KeyMarker))
			if !wellFormed(*in.VersionIdMarker) {
				return argument("version-id-marker", *in.VersionIdMarker, "Invalid version id specified")
			}
			if below, ok := s.place(tx, b.Name, e, *in.VersionIdMarker); found && ok && !s.addVersions(tx, &p, e, below) {
				return nil
			}
		}
		s.walk(tx, b.Name, deref(in.Prefix), deref(in.Delimiter), deref(in.KeyMarker), func(v visit) bool {
			if v.group == "" {
				return s.addVersions(tx, &p, v.entry, math.MaxUint64)
			}
			return p.addGroup(v.group)
		})
		return nil
	})
}

// versionPage is a page of ListObjectVersions being filled.
type versionPage struct {
	out   *s3.ListObjectVersionsOutput
	most  int32
	count int32
	enc   func(*string) *string
	owner string
	key   string // the last
	id    *string
}

func (p *versionPage) room() bool {
	if p.count < p.most {
		p.count++
		return true
	}
	if p.most > 0 {
		p.out.IsTruncated, p.out.NextKeyMarker, p.out.NextVersionIdMarker = ptr(true), p.enc(&p.key), p.id
	}
	return false
}

func (p *versionPage) addGroup(group string) bool {
	if !p.room() {
		return false
	}
	p.out.CommonPrefixes = append(p.out.CommonPrefixes, types.CommonPrefix{Prefix: p.enc(&group)})
	p.key, p.id = group, nil
	return true
}

// addVersions takes the versions of a key below an order, newest first.
func (s *Service) addVersions(tx *store.Tx, p *versionPage, e entry, below uint64) bool {
	if e.Newest.Order < below && !p.add(e.Key, e.Newest, true) {
		return false
	}
	more := true
	s.older(tx, *p.out.Name, e, min(below, e.Newest.Order), func(v version) bool {
		more = p.add(e.Key, v, false)
		return more
	})
	return more
}

func (p *versionPage) add(key string, v version, latest bool) bool {
	if !p.room() {
		return false
	}
	p.key, p.id = key, ptr(v.ID)
	if v.Marker {
		p.out.DeleteMarkers = append(p.out.DeleteMarkers, types.DeleteMarkerEntry{Key: p.enc(&key), VersionId: ptr(v.ID),
			IsLatest: &latest, LastModified: ptr(v.Modified), Owner: owner(p.owner)})
		return true
	}
	p.out.Versions = append(p.out.Versions, types.ObjectVersion{Key: p.enc(&key), VersionId: ptr(v.ID),
		IsLatest: &latest, LastModified: ptr(v.Modified), Owner: owner(p.owner),
		ETag: quoted(v.ETag), Size: ptr(v.Size), StorageClass: types.ObjectVersionStorageClass(v.StorageClass),
		ChecksumAlgorithm: []types.ChecksumAlgorithm{types.ChecksumAlgorithm(v.Sum.Algorithm)},
		ChecksumType:      types.ChecksumType(v.Sum.Type)})
	return true
}
