package s3

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// nullVersion is the id of versions that are made without versioning.
const nullVersion = "null"

// A version's id is its order, turned round so that the newest comes first, and
// as many random digits: an id says where its version is or was, so a listing
// that goes on after a version finds its place also when that one is gone.
const orderDigits = 16

func (s *Service) newID(order uint64) string {
	return fmt.Sprintf("%0*x", orderDigits, ^order) + s.host.IDs.Hex(32-orderDigits)
}

// orderOf reads the order out of an id.
func orderOf(id string) (uint64, bool) {
	if len(id) != 32 {
		return 0, false
	}
	n, err := strconv.ParseUint(id[:orderDigits], 16, 64)
	return ^n, err == nil
}

// keyPrefix begins the keys of all rows about one object key. Its length stands
// before it: no key can be taken for the beginning of another, whatever bytes
// are in them.
func keyPrefix(bucket, key string) string {
	return store.Key(bucket, fmt.Sprintf("%04x", len(key))+key)
}

// versionKey is where a version that is not the newest lies: those of a key
// together, newest first.
func versionKey(bucket, key string, order uint64, id string) string {
	return keyPrefix(bucket, key) + fmt.Sprintf("%0*x", orderDigits, ^order) + id
}

// place is the order of a version of e by its id; the version may be gone. Ids
// that do not say it themselves have rows in places once they are not the
// newest.
func (s *Service) place(tx *store.Tx, bucket string, e entry, id string) (uint64, bool) {
	if id == e.Newest.ID {
		return e.Newest.Order, true
	}
	if e.Placed {
		if order, ok := s.places.Get(tx, everywhere, keyPrefix(bucket, e.Key)+id); ok {
			return order, true
		}
	}
	return orderOf(id)
}

// remember notes the place of a version whose id does not say it.
func (s *Service) remember(tx *store.Tx, bucket string, e *entry, v version) {
	if order, ok := orderOf(v.ID); ok && order == v.Order {
		return
	}
	s.places.Put(tx, everywhere, keyPrefix(bucket, e.Key)+v.ID, v.Order)
	e.Placed = true
}

// find returns a version of a key by its id.
func (s *Service) find(tx *store.Tx, bucket string, e entry, id string) (version, bool) {
	if e.Newest.ID == id {
		return e.Newest, id != ""
	}
	order, ok := s.place(tx, bucket, e, id)
	if !ok || e.Older == 0 {
		return version{}, false
	}
	return s.versions.Get(tx, everywhere, versionKey(bucket, e.Key, order, id))
}

// older visits the versions of a key below an order, newest first, until fn
// returns false.
func (s *Service) older(tx *store.Tx, bucket string, e entry, below uint64, fn func(version) bool) {
	if e.Older == 0 {
		return
	}
	prefix := keyPrefix(bucket, e.Key)
	from := prefix + fmt.Sprintf("%0*x", orderDigits, ^below+1)
	s.versions.Scan(tx, everywhere, prefix, from, func(_ string, v version) bool { return fn(v) })
}

// newer visits the versions of a key above an order, oldest of them first, until
// fn returns false; the newest comes last.
func (s *Service) newer(tx *store.Tx, bucket string, e entry, above uint64, fn func(version) bool) {
	prefix := keyPrefix(bucket, e.Key)
	more := true
	s.versions.ScanBack(tx, everywhere, prefix, prefix+fmt.Sprintf("%0*x", orderDigits, ^above),
		func(_ string, v version) bool {
			more = fn(v)
			return more
		})
	if more && e.Newest.Order > above {
		fn(e.Newest)
	}
}

// push makes v the newest version: above the others with versioning enabled, in
// place of the null version otherwise. The caller stores e.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/AddingObjectstoVersionSuspendedBuckets.html
func (s *Service) push(tx *store.Tx, b bucket, e *entry, v *version) {
	v.Order = max(e.Sequencer+1, uint64(v.Modified.UnixNano())) // after 1970
	v.Due = 0
	v.ID = nullVersion
	if b.Versioning == types.BucketVersioningStatusEnabled {
		v.ID = s.newID(v.Order)
	} else if e.Newest.ID != nullVersion {
		if old, ok := s.find(tx, b.Name, *e, nullVersion); ok {
			s.dropOlder(tx, b.Name, e, old)
		}
	}
	switch now := e.Newest; now.ID {
	case "": // the first of this key
	case v.ID:
		s.unplan(tx, b.Name, e.Key, &now)
	default:
		s.remember(tx, b.Name, e, now)
		s.unplan(tx, b.Name, e.Key, &now)
		e.Older++
		s.putOlder(tx, b, *e, now, v.Modified)
	}
	e.Newest = *v
	s.planCrowded(tx, b, *e)
}

// putOlder stores a version that is not the newest, with a plan of when rules
// look at it; since is when it was replaced.
func (s *Service) putOlder(tx *store.Tx, b bucket, e entry, v version, since time.Time) {
	if b.Lifecycle != nil {
		s.replan(tx, b, e.Key, &v, s.dueOlder(tx, b, e, v, since))
	}
	s.versions.Put(tx, everywhere, versionKey(b.Name, e.Key, v.Order, v.ID), v)
}

// dropOlder removes a version that is not the newest.
func (s *Service) dropOlder(tx *store.Tx, bucket string, e *entry, v version) {
	s.unplan(tx, bucket, e.Key, &v)
	s.versions.Delete(tx, everywhere, versionKey(bucket, e.Key, v.Order, v.ID))
	e.Older--
}

// drop removes a version; below the newest lies the next. The caller stores e.
func (s *Service) drop(tx *store.Tx, b bucket, e *entry, v version) {
	if v.ID != e.Newest.ID {
		s.dropOlder(tx, b.Name, e, v)
		return
	}
	s.unplan(tx, b.Name, e.Key, &e.Newest)
	e.Newest = version{}
	if e.Older == 0 {
		return
	}
	s.remember(tx, b.Name, e, v)
	s.older(tx, b.Name, *e, v.Order, func(next version) bool {
		e.Newest = next
		return false
	})
	s.dropOlder(tx, b.Name, e, e.Newest)
	e.Newest.Due = 0
}

// putEntry stores what there is under a key, with a plan of when rules look at
// the newest version.
func (s *Service) putEntry(tx *store.Tx, b bucket, e entry) {
	at := objectKey(b.Name, e.Key)
	if e.Newest.ID != "" {
		if b.Lifecycle != nil {
			s.replan(tx, b, e.Key, &e.Newest, s.dueNewest(b, e))
		}
		s.objects.Put(tx, everywhere, at, e)
		return
	}
	s.objects.Delete(tx, everywhere, at)
	if !e.Placed {
		return
	}
	var gone []string
	s.places.Scan(tx, everywhere, keyPrefix(b.Name, e.Key), "", func(k string, _ uint64) bool {
		gone = append(gone, k)
		return true
	})
	for _, k := range gone {
		s.places.Delete(tx, everywhere, k)
	}
}

// putVersion stores a version of e that has changed in place.
func (s *Service) putVersion(tx *store.Tx, b bucket, e *entry, v version) {
	if v.ID == e.Newest.ID {
		e.Newest = v
		return
	}
	s.putOlder(tx, b, *e, v, s.replaced(tx, b.Name, *e, v))
}

// replaced is when a version ceased to be the newest.
func (s *Service) replaced(tx *store.Tx, bucket string, e entry, v version) (at time.Time) {
	s.newer(tx, bucket, e, v.Order, func(n version) bool {
		at = n.Modified
		return false
	})
	return at
}

// pick is lookup in a transaction. A delete marker is an error of its own: 404
// when it is the newest version, 405 when it was asked for.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
func (s *Service) pick(tx *store.Tx, name, key string, id *string) (version, error) {
	e, found := s.objects.Get(tx, everywhere, objectKey(name, key))
	if id == nil {
		switch {
		case !found:
			return version{}, noSuchKey(key)
		case e.Newest.Marker:
			return version{}, markerError(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.", key,
				e.Newest)
		}
		return e.Newest, nil
	}
	v, ok := s.find(tx, name, e, *id)
	if !ok {
		if !wellFormed(*id) {
			return version{}, argument("versionId", *id, "Invalid version id specified")
		}
		return version{}, gateway.Errorf(http.StatusNotFound, "NoSuchVersion", "The specified version does not exist.").
			With("Key", key, "VersionId", *id)
	}
	if v.Marker {
		return version{}, markerError(http.StatusMethodNotAllowed, "MethodNotAllowed",
			"The specified method is not allowed against this resource.", key, v)
	}
	return v, nil
}

// wellFormed reports whether something can be the id of a version.
func wellFormed(id string) bool {
	return id == nullVersion || len(id) == 32 && strings.Trim(id, "0123456789abcdef") == ""
}

// markerError is the answer where a delete marker is; what is asked of the marker itself is
// a method that it does not have. Recorded on AWS.
func markerError(status int, code, text, key string, v version) error {
	err := gateway.Errorf(status, code, "%s", text)
	if status == http.StatusNotFound {
		err = err.With("Key", key)
	} else {
		err = err.With("Method", "GET", "ResourceType", "DeleteMarker")
	}
	err.Header = http.Header{"X-Amz-Delete-Marker": {"true"}, "X-Amz-Version-Id": {v.ID}}
	if status == http.StatusMethodNotAllowed {
		err.Header["Allow"] = []string{http.MethodDelete}
	}
	return err
}
