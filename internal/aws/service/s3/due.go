package s3

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/store"
)

// task is something that lifecycle rules have to look at when its time comes:
// a version, an upload, or all of a bucket after its rules have changed. Tasks
// lie in the order of their times, so a midnight at which nothing is due looks
// at one row.
//
// A task may come too early, because what it waited for has moved; it is
// planned anew then. It never comes too late: whatever brings an action nearer
// plans it again.
type task struct {
	Bucket string
	Key    string `json:",omitempty"`
	ID     string `json:",omitempty"` // of a version
	Upload string `json:",omitempty"`
	// Stage and Cursor are how far the plan for a whole bucket has come.
	Stage  stage  `json:",omitempty"`
	Cursor string `json:",omitempty"`
}

// stage is what of a bucket is being planned.
type stage int

const (
	planObjects stage = iota
	planVersions
	planUploads
	planned
)

// taskKey orders tasks by time; those of one object from its oldest version to
// its newest, because how many newer ones there are decides about the older.
func taskKey(at int64, rest string) string { return store.Key(fmt.Sprintf("%016x", at), rest) }

func versionTask(bucket, key string, v version) string {
	return taskKey(v.Due, keyPrefix(bucket, key)+fmt.Sprintf("%0*x", orderDigits, v.Order)+v.ID)
}

func uploadTask(u upload) string { return taskKey(u.Due, keyPrefix(u.Bucket, u.Key)+"-"+u.ID) }

// bucketTask sorts before all other tasks of the bucket.
func bucketTask(at time.Time, bucket string) string { return taskKey(at.Unix(), store.Key(bucket, "")) }

// seconds is a time as tasks have it; no time is 0.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// replan moves the task of a version to another time, the zero time for never.
// The caller stores the version. It reports whether anything changed.
func (s *Service) replan(tx *store.Tx, b bucket, key string, v *version, at time.Time) bool {
	if v.Due == seconds(at) {
		return false
	}
	s.unplan(tx, b.Name, key, v)
	if v.Due = seconds(at); v.Due != 0 {
		s.tasks.Put(tx, everywhere, versionTask(b.Name, key, *v), task{Bucket: b.Name, Key: key, ID: v.ID})
	}
	return true
}

func (s *Service) unplan(tx *store.Tx, bucket, key string, v *version) {
	if v.Due != 0 {
		s.tasks.Delete(tx, everywhere, versionTask(bucket, key, *v))
		v.Due = 0
	}
}

// planUpload plans when rules look at an upload; the caller stores it.
func (s *Service) planUpload(tx *store.Tx, b bucket, u *upload) bool {
	at := seconds(b.aborts(*u))
	if at == u.Due {
		return false
	}
	s.unplanUpload(tx, u)
	if u.Due = at; at != 0 {
		s.tasks.Put(tx, everywhere, uploadTask(*u), task{Bucket: b.Name, Key: u.Key, Upload: u.ID})
	}
	return true
}

func (s *Service) unplanUpload(tx *store.Tx, u *upload) {
	if u.Due != 0 {
		s.tasks.Delete(tx, everywhere, uploadTask(*u))
		u.Due = 0
	}
}

// planBucket has everything in a bucket planned at the next midnight, because
// its rules are not those that it was planned by.
func (s *Service) planBucket(tx *store.Tx, b *bucket) {
	b.Planned = true
	s.tasks.Put(tx, everywhere, bucketTask(midnightFrom(s.host.Clock.Now()), b.Name), task{Bucket: b.Name})
}

// midnightFrom is the next midnight UTC; a midnight is its own.
func midnightFrom(t time.Time) time.Time {
	t = t.UTC()
	if day := t.Truncate(24 * time.Hour); !day.Equal(t) {
		return day.AddDate(0, 0, 1)
	}
	return t
}

// due is when an action is taken: so many days later, at the next midnight.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
func due(from time.Time, days int32) time.Time {
	return midnightFrom(from.UTC().AddDate(0, 0, int(days)))
}

// earliest collects the times of actions.
type earliest struct{ at time.Time }

func (e *earliest) add(t time.Time) {
	if !t.IsZero() && (e.at.IsZero() || t.Before(e.at)) {
		e.at = t
	}
}

// removable is when a version can be removed for good that is due at a time:
// a retention puts that off, a legal hold until somebody ends it.
func (v version) removable(at time.Time) time.Time {
	switch {
	case at.IsZero() || v.Hold:
		return time.Time{}
	case v.Until.After(at):
		return midnightFrom(v.Until)
	}
	return at
}

// dueNewest is when rules next act on the newest version of a key, the zero
// time for never. It may have passed.
func (s *Service) dueNewest(b bucket, e entry) time.Time {
	var next earliest
	v := e.Newest
	for _, r := range b.Lifecycle.Rules {
		switch {
		case !applies(r, e.Key, v):
		case !v.Marker:
			next.add(v.removable(expires(r, v)))
			for _, t := range r.Transitions {
				if colder(v.StorageClass, types.StorageClass(t.StorageClass)) && !b.tooSmall(r, v) {
					next.add(transits(t, v))
				}
			}
		case e.Older == 0:
			if r.Expiration != nil && deref(r.Expiration.ExpiredObjectDeleteMarker) {
				next.add(midnightFrom(v.Modified)) // as soon as it lies alone
			}
			next.add(expires(r, v))
		}
	}
	return next.at
}

// dueOlder is when rules next act on a version that was replaced at since.
func (s *Service) dueOlder(tx *store.Tx, b bucket, e entry, v version, since time.Time) time.Time {
	var next earliest
	for _, r := range b.Lifecycle.Rules {
		if !applies(r, e.Key, v) {
			continue
		}
		if n := r.NoncurrentVersionExpiration; n != nil && s.crowded(tx, b, e, v, n.NewerNoncurrentVersions) {
			next.add(v.removable(due(since, deref(n.NoncurrentDays))))
		}
		for _, t := range r.NoncurrentVersionTransitions {
			if b.movesOlder(r, v, t) && s.crowded(tx, b, e, v, t.NewerNoncurrentVersions) {
				next.add(due(since, deref(t.NoncurrentDays)))
			}
		}
	}
	return next.at
}

// movesOlder reports whether a version that is not the newest can go to a
// class.
func (b bucket) movesOlder(r types.LifecycleRule, v version, t types.NoncurrentVersionTransition) bool {
	return !v.Marker && colder(v.StorageClass, types.StorageClass(t.StorageClass)) && !b.tooSmall(r, v)
}

// crowded reports whether so many noncurrent versions are newer than v as
// NewerNoncurrentVersions keeps. It looks at no more versions than that; the
// newest of all is not noncurrent.
func (s *Service) crowded(tx *store.Tx, b bucket, e entry, v version, keep *int32) bool {
	if deref(keep) == 0 {
		return true
	}
	count := int32(0)
	s.newer(tx, b.Name, e, v.Order, func(version) bool {
		count++
		return count <= *keep
	})
	return count > *keep
}

// planCrowded plans the versions that a new one has pushed out of the number
// that rules keep. Nothing else brings them nearer to their end.
func (s *Service) planCrowded(tx *store.Tx, b bucket, e entry) {
	keep := b.keeps()
	if len(keep) == 0 {
		return
	}
	type replaced struct {
		version
		since time.Time
	}
	var out []replaced
	last, i, since := slices.Max(keep), int32(0), e.Newest.Modified
	s.older(tx, b.Name, e, e.Newest.Order, func(v version) bool {
		if slices.Contains(keep, i) {
			out = append(out, replaced{v, since})
		}
		i, since = i+1, v.Modified
		return i <= last
	})
	for _, v := range out {
		if s.replan(tx, b, e.Key, &v.version, s.dueOlder(tx, b, e, v.version, v.since)) {
			s.versions.Put(tx, everywhere, versionKey(b.Name, e.Key, v.Order, v.ID), v.version)
		}
	}
}

// keeps are the numbers of noncurrent versions that rules keep.
func (b bucket) keeps() (out []int32) {
	if b.Lifecycle == nil {
		return nil
	}
	add := func(n *int32) {
		if deref(n) > 0 {
			out = append(out, *n)
		}
	}
	for _, r := range b.Lifecycle.Rules {
		if n := r.NoncurrentVersionExpiration; n != nil {
			add(n.NewerNoncurrentVersions)
		}
		for _, t := range r.NoncurrentVersionTransitions {
			add(t.NewerNoncurrentVersions)
		}
	}
	return out
}

// aborts is when rules end an upload that nobody completes.
func (b bucket) aborts(u upload) time.Time {
	var next earliest
	if b.Lifecycle == nil {
		return next.at
	}
	for _, r := range b.Lifecycle.Rules {
		a := r.AbortIncompleteMultipartUpload
		if a != nil && r.Status == types.ExpirationStatusEnabled && strings.HasPrefix(u.Key, prefixOf(r)) {
			next.add(due(u.Initiated, deref(a.DaysAfterInitiation)))
		}
	}
	return next.at
}
