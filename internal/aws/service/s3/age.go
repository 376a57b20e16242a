package s3

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/store"
)

// chunk is how many tasks or rows one transaction takes, so that requests get
// their turn while much is due.
const chunk = 1000

// midnight plans the next run.
func (s *Service) midnight() {
	next := s.host.Clock.Now().Truncate(24*time.Hour).AddDate(0, 0, 1)
	s.At(next, "lifecycle rules", func(context.Context) {
		if err := s.sweep(next); err != nil {
			s.host.Log.Error("lifecycle rules not applied", "error", err)
		}
		s.midnight()
	})
}

// planBuckets makes tasks for buckets whose rules were set by a release that
// had none.
func (s *Service) planBuckets() error {
	return s.host.Store.Update(func(tx *store.Tx) error {
		var fresh []bucket
		s.buckets.Scan(tx, everywhere, "", "", func(_ string, b bucket) bool {
			if b.Lifecycle != nil && !b.Planned {
				fresh = append(fresh, b)
			}
			return true
		})
		for _, b := range fresh {
			s.planBucket(tx, &b)
			s.buckets.Put(tx, everywhere, b.Name, b)
		}
		return nil
	})
}

// sweep does what is due. An action may make another due at once, such as the
// last version under a delete marker that of the marker, so it looks again
// until there was nothing to do.
func (s *Service) sweep(now time.Time) error {
	for {
		acted, err := s.pass(now)
		if err != nil || !acted {
			return err
		}
	}
}

// pass takes every task that is due once: of each key the oldest version first and
// the newest last, so that a version that goes does not change how many newer ones
// those below it have at this midnight.
func (s *Service) pass(now time.Time) (acted bool, err error) {
	for { // buckets whose rules have changed come first: they make tasks
		at, found := s.unplanned(now)
		if !found {
			break
		}
		if err := s.planChunk(at); err != nil {
			return acted, err
		}
		acted = true
	}
	list := s.dueBy(now)
	slices.SortFunc(list, func(a, b dueTask) int {
		return cmp.Or(strings.Compare(a.Bucket, b.Bucket), strings.Compare(a.Key, b.Key),
			strings.Compare(b.ID, a.ID)) // the ids of newer versions come first
	})
	for some := range slices.Chunk(list, chunk) {
		did, err := s.take(some, now)
		if acted = acted || did; err != nil {
			return acted, err
		}
	}
	return acted, nil
}

// dueTask is a task with its place in the index.
type dueTask struct {
	task
	at string
}

// unplanned finds a bucket whose rules have changed.
func (s *Service) unplanned(now time.Time) (at string, found bool) {
	s.eachDue(now, func(k string, t task) bool {
		at, found = k, t.Key == ""
		return !found
	})
	return at, found
}

// dueBy are the tasks about versions and uploads.
func (s *Service) dueBy(now time.Time) (list []dueTask) {
	s.eachDue(now, func(k string, t task) bool {
		list = append(list, dueTask{t, k})
		return true
	})
	return list
}

func (s *Service) eachDue(now time.Time, fn func(at string, t task) bool) {
	end := taskKey(now.Unix()+1, "")
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		s.tasks.Scan(tx, everywhere, "", "", func(k string, t task) bool { return k < end && fn(k, t) })
		return nil
	})
}

// take does tasks about versions and uploads in one transaction.
func (s *Service) take(list []dueTask, now time.Time) (acted bool, err error) {
	err = s.host.Store.Update(func(tx *store.Tx) error {
		for _, t := range list {
			b, ok := s.buckets.Get(tx, everywhere, t.Bucket)
			if !ok {
				s.tasks.Delete(tx, everywhere, t.at)
				continue
			}
			did := false
			if t.Upload != "" {
				did = s.ageUpload(tx, b, t.at, t.task, now)
			} else {
				did = s.age(tx, b, t.at, t.task, now)
			}
			acted = acted || did
		}
		return nil
	})
	return acted, err
}

// age does what is due on one version and plans what comes next.
func (s *Service) age(tx *store.Tx, b bucket, at string, t task, now time.Time) bool {
	e, found := s.objects.Get(tx, everywhere, objectKey(b.Name, t.Key))
	v, ok := version{}, false
	if found {
		v, ok = s.find(tx, b.Name, e, t.ID)
	}
	if !ok || at != versionTask(b.Name, t.Key, v) {
		s.tasks.Delete(tx, everywhere, at) // of a version that is gone
		return false
	}
	newest := v.ID == e.Newest.ID
	if b.Lifecycle == nil {
		s.unplan(tx, b.Name, t.Key, &v)
		s.putVersion(tx, b, &e, v)
		s.putEntry(tx, b, e)
		return false
	}
	acted := false
	if newest {
		acted = s.ageNewest(tx, b, &e, now)
	} else {
		acted = s.ageOlder(tx, b, &e, v, now)
	}
	if newest || acted {
		s.putEntry(tx, b, e)
	}
	return acted
}

// ageNewest acts on the newest version of a key.
func (s *Service) ageNewest(tx *store.Tx, b bucket, e *entry, now time.Time) (acted bool) {
	for _, r := range b.Lifecycle.Rules {
		v := e.Newest
		if !applies(r, e.Key, v) {
			continue
		}
		if v.Marker {
			if e.Older == 0 && endsMarker(r, v, now) {
				s.announce(tx, s.itself(), b, e, v, "LifecycleExpiration:Delete")
				s.drop(tx, b, e, v)
				return true
			}
			continue
		}
		if t := expires(r, v); !t.IsZero() && !now.Before(t) && v.locked(now, false) == nil {
			s.expire(tx, b, e)
			return true
		}
		acted = s.transit(tx, b, e, r, now) || acted
	}
	return acted
}

// expire removes the current version: for good without versioning, under a
// delete marker with it.
func (s *Service) expire(tx *store.Tx, b bucket, e *entry) {
	if b.Versioning == "" {
		s.announce(tx, s.itself(), b, e, e.Newest, "LifecycleExpiration:Delete")
		s.drop(tx, b, e, e.Newest)
		return
	}
	marker := version{Marker: true, Modified: s.host.Clock.Now()}
	s.push(tx, b, e, &marker)
	s.announce(tx, s.itself(), b, e, marker, "LifecycleExpiration:DeleteMarkerCreated")
}

// transit moves the current version to the class that is due, if any.
func (s *Service) transit(tx *store.Tx, b bucket, e *entry, r types.LifecycleRule, now time.Time) (acted bool) {
	for _, t := range r.Transitions {
		v := &e.Newest
		if now.Before(transits(t, *v)) || !colder(v.StorageClass, types.StorageClass(t.StorageClass)) ||
			b.tooSmall(r, *v) {
			continue
		}
		v.StorageClass, acted = types.StorageClass(t.StorageClass), true
		s.announce(tx, s.itself(), b, e, *v, "LifecycleTransition")
	}
	return acted
}

// ageOlder removes or moves a version that is no longer the newest.
func (s *Service) ageOlder(tx *store.Tx, b bucket, e *entry, v version, now time.Time) (acted bool) {
	since := s.replaced(tx, b.Name, *e, v)
	for _, r := range b.Lifecycle.Rules {
		if !applies(r, e.Key, v) {
			continue
		}
		if n := r.NoncurrentVersionExpiration; n != nil && !now.Before(due(since, deref(n.NoncurrentDays))) &&
			v.locked(now, false) == nil && s.crowded(tx, b, *e, v, n.NewerNoncurrentVersions) {
			s.announce(tx, s.itself(), b, e, v, "LifecycleExpiration:Delete")
			s.drop(tx, b, e, v)
			return true
		}
		for _, t := range r.NoncurrentVersionTransitions {
			if !now.Before(due(since, deref(t.NoncurrentDays))) && b.movesOlder(r, v, t) &&
				s.crowded(tx, b, *e, v, t.NewerNoncurrentVersions) {
				v.StorageClass, acted = types.StorageClass(t.StorageClass), true
			}
		}
	}
	s.putOlder(tx, b, *e, v, since)
	return acted
}

// ageUpload ends a multipart upload that nobody completes.
func (s *Service) ageUpload(tx *store.Tx, b bucket, at string, t task, now time.Time) bool {
	u, ok := s.uploads.Get(tx, everywhere, uploadKey(b.Name, t.Key, t.Upload))
	if !ok || at != uploadTask(u) {
		s.tasks.Delete(tx, everywhere, at)
		return false
	}
	if end := b.aborts(u); !end.IsZero() && !now.Before(end) {
		s.dropUpload(tx, u)
		return true
	}
	if s.planUpload(tx, b, &u) {
		s.uploads.Put(tx, everywhere, uploadKey(b.Name, u.Key, u.ID), u)
	}
	return false
}

// planChunk plans the next rows of a bucket whose rules have changed, as the
// task under a key says.
func (s *Service) planChunk(at string) error {
	return s.host.Store.Update(func(tx *store.Tx) error {
		t, ok := s.tasks.Get(tx, everywhere, at)
		b, known := s.buckets.Get(tx, everywhere, t.Bucket)
		if !ok || !known || b.Lifecycle == nil || t.Stage == planned {
			s.tasks.Delete(tx, everywhere, at)
			return nil
		}
		last := ""
		switch t.Stage {
		case planObjects:
			last = s.planEntries(tx, b, t.Cursor)
		case planVersions:
			last = s.planOlder(tx, b, t.Cursor)
		case planUploads:
			last = s.planUploads(tx, b, t.Cursor)
		}
		if t.Cursor = last + "\x00"; last == "" {
			t.Stage, t.Cursor = t.Stage+1, ""
		}
		s.tasks.Put(tx, everywhere, at, t)
		return nil
	})
}

// rows are the next rows of a collection that belong to a bucket.
func rows[T any](tx *store.Tx, c *store.Collection[T], bucket, from string) (keys []string, values []T) {
	c.Scan(tx, everywhere, store.Key(bucket, ""), from, func(k string, v T) bool {
		keys, values = append(keys, k), append(values, v)
		return len(keys) < chunk
	})
	return keys, values
}

func lastOf(keys []string) string {
	if len(keys) < chunk {
		return ""
	}
	return keys[len(keys)-1]
}

func (s *Service) planEntries(tx *store.Tx, b bucket, from string) string {
	keys, entries := rows(tx, s.objects, b.Name, from)
	for i, e := range entries {
		if s.replan(tx, b, e.Key, &e.Newest, s.dueNewest(b, e)) {
			s.objects.Put(tx, everywhere, keys[i], e)
		}
	}
	return lastOf(keys)
}

func (s *Service) planOlder(tx *store.Tx, b bucket, from string) string {
	keys, versions := rows(tx, s.versions, b.Name, from)
	for i, v := range versions {
		key, ok := keyOf(keys[i], b.Name)
		e, found := s.objects.Get(tx, everywhere, objectKey(b.Name, key))
		if !ok || !found {
			continue // cannot be: a version has an entry
		}
		if s.replan(tx, b, key, &v, s.dueOlder(tx, b, e, v, s.replaced(tx, b.Name, e, v))) {
			s.versions.Put(tx, everywhere, keys[i], v)
		}
	}
	return lastOf(keys)
}

func (s *Service) planUploads(tx *store.Tx, b bucket, from string) string {
	keys, uploads := rows(tx, s.uploads, b.Name, from)
	for i, u := range uploads {
		if s.planUpload(tx, b, &u) {
			s.uploads.Put(tx, everywhere, keys[i], u)
		}
	}
	return lastOf(keys)
}

// keyOf reads the object key that keyPrefix has put into a row's key.
func keyOf(row, bucket string) (string, bool) {
	rest := strings.TrimPrefix(row, store.Key(bucket, ""))
	if len(rest) < 4 {
		return "", false
	}
	n, err := strconv.ParseUint(rest[:4], 16, 16)
	if err != nil || len(rest) < 4+int(n) {
		return "", false
	}
	return rest[4 : 4+n], true
}
