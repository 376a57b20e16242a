package s3

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

func (s *Service) PutBucketLifecycleConfiguration(_ context.Context,
	in *s3.PutBucketLifecycleConfigurationInput) (*s3.PutBucketLifecycleConfigurationOutput, error) {
	c := in.LifecycleConfiguration
	if c == nil || len(c.Rules) == 0 || len(c.Rules) > int(limit("lifecycleRules")) {
		return nil, malformed()
	}
	ids := map[string]bool{}
	for i := range c.Rules {
		r := &c.Rules[i]
		s.name(&r.ID)
		if len(*r.ID) > int(limit("ruleIDBytes")) {
			return nil, argument("ID", *r.ID, "ID length should not exceed allowed limit of %d", limit("ruleIDBytes"))
		}
		if ids[*r.ID] {
			return nil, invalid("Rule ID must be unique. Found same ID for more than one rule")
		}
		ids[*r.ID] = true
		if err := checkLifecycle(*r); err != nil {
			return nil, err
		}
	}
	small := in.TransitionDefaultMinimumObjectSize
	return &s3.PutBucketLifecycleConfigurationOutput{TransitionDefaultMinimumObjectSize: small},
		s.host.Store.Update(func(tx *store.Tx) error {
			b, err := s.bucket(tx, in.Bucket, in.ExpectedBucketOwner)
			if err != nil {
				return err
			}
			b.Lifecycle = &types.BucketLifecycleConfiguration{Rules: c.Rules}
			b.SmallStay = small != types.TransitionDefaultMinimumObjectSizeVariesByStorageClass
			s.planBucket(tx, &b)
			s.buckets.Put(tx, everywhere, b.Name, b)
			return nil
		})
}

// wellChosen reports whether status and storage classes are among those that there are.
func wellChosen(r types.LifecycleRule) bool {
	var classes []types.TransitionStorageClass
	for _, t := range r.Transitions {
		classes = append(classes, t.StorageClass)
	}
	for _, t := range r.NoncurrentVersionTransitions {
		classes = append(classes, t.StorageClass)
	}
	return slices.Contains(r.Status.Values(), r.Status) &&
		!slices.ContainsFunc(classes, func(c types.TransitionStorageClass) bool {
			return !slices.Contains(c.Values(), c)
		})
}

// checkLifecycle holds the rules for rules.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
func checkLifecycle(r types.LifecycleRule) error {
	if !wellChosen(r) {
		return malformed()
	}
	if r.Expiration == nil && len(r.Transitions) == 0 && r.NoncurrentVersionExpiration == nil &&
		len(r.NoncurrentVersionTransitions) == 0 && r.AbortIncompleteMultipartUpload == nil {
		return gateway.Errorf(http.StatusBadRequest, "InvalidRequest", "At least one action needs to be specified in a rule")
	}
	if r.Filter == nil && r.Prefix == nil { //nolint:staticcheck // old clients send it
		return malformed()
	}
	if e := r.Expiration; e != nil {
		given := 0
		for _, one := range []bool{e.Days != nil, e.Date != nil, e.ExpiredObjectDeleteMarker != nil} {
			if one {
				given++
			}
		}
		if given != 1 {
			return malformed()
		}
		if e.Days != nil && *e.Days < 1 {
			return invalid("'Days' for Expiration action must be a positive integer")
		}
		if e.Date != nil && !e.Date.UTC().Equal(e.Date.UTC().Truncate(24*time.Hour)) {
			return invalid("'Date' must be at midnight GMT")
		}
	}
	last := int32(-1)
	for _, t := range r.Transitions {
		if (t.Days == nil) == (t.Date == nil) {
			return malformed()
		}
		if t.Days == nil {
			continue
		}
		if infrequent(t.StorageClass) && *t.Days < 30 {
			return invalid("'Days' in Transition action must be greater than or equal to 30 for storageClass '%s'",
				t.StorageClass)
		}
		if last >= 0 && *t.Days <= last {
			return invalid("'Days' in the Transition action for StorageClass '%s' must be greater than in the actions before it",
				t.StorageClass)
		}
		last = *t.Days
	}
	if e := r.Expiration; e != nil && e.Days != nil && *e.Days <= last {
		return invalid("'Days' in the Expiration action for filter '%s' must be greater than 'Days' in the Transition action",
			prefixOf(r))
	}
	if n := r.NoncurrentVersionExpiration; n != nil && deref(n.NoncurrentDays) < 1 {
		return invalid("'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer")
	}
	if a := r.AbortIncompleteMultipartUpload; a != nil && deref(a.DaysAfterInitiation) < 1 {
		return invalid("'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer")
	}
	return nil
}

func infrequent(c types.TransitionStorageClass) bool {
	return c == types.TransitionStorageClassStandardIa || c == types.TransitionStorageClassOnezoneIa
}

func prefixOf(r types.LifecycleRule) string {
	switch {
	case r.Filter == nil:
		return deref(r.Prefix) //nolint:staticcheck // as above
	case r.Filter.And != nil:
		return deref(r.Filter.And.Prefix)
	default:
		return deref(r.Filter.Prefix)
	}
}

func (s *Service) GetBucketLifecycleConfiguration(_ context.Context,
	in *s3.GetBucketLifecycleConfigurationInput) (*s3.GetBucketLifecycleConfigurationOutput, error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	if err == nil && b.Lifecycle == nil {
		err = missing("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", b.Name)
	}
	if err != nil {
		return nil, err
	}
	small := types.TransitionDefaultMinimumObjectSizeAllStorageClasses128k
	if !b.SmallStay {
		small = types.TransitionDefaultMinimumObjectSizeVariesByStorageClass
	}
	return &s3.GetBucketLifecycleConfigurationOutput{Rules: b.Lifecycle.Rules, TransitionDefaultMinimumObjectSize: small},
		nil
}

func (s *Service) DeleteBucketLifecycle(_ context.Context,
	in *s3.DeleteBucketLifecycleInput) (*s3.DeleteBucketLifecycleOutput, error) {
	return &s3.DeleteBucketLifecycleOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		b.Lifecycle, b.Planned = nil, false
		return nil
	})
}

// applies reports whether a rule is about an object.
func applies(r types.LifecycleRule, key string, v version) bool {
	if r.Status != types.ExpirationStatusEnabled || !strings.HasPrefix(key, prefixOf(r)) {
		return false
	}
	if r.Filter == nil {
		return true
	}
	tags, over, under := []types.Tag{}, r.Filter.ObjectSizeGreaterThan, r.Filter.ObjectSizeLessThan
	if r.Filter.Tag != nil {
		tags = append(tags, *r.Filter.Tag)
	}
	if a := r.Filter.And; a != nil {
		tags, over, under = a.Tags, a.ObjectSizeGreaterThan, a.ObjectSizeLessThan
	}
	if over != nil && v.Size <= *over || under != nil && v.Size >= *under {
		return false
	}
	for _, t := range tags {
		if !slices.ContainsFunc(v.Tags, func(o types.Tag) bool {
			return *o.Key == *t.Key && deref(o.Value) == deref(t.Value)
		}) {
			return false
		}
	}
	return true
}

// expires is when a rule lets the current version go; zero for never.
func expires(r types.LifecycleRule, v version) time.Time {
	e := r.Expiration
	switch {
	case e == nil:
		return time.Time{}
	case e.Date != nil:
		return e.Date.UTC()
	case e.Days != nil:
		return due(v.Modified, *e.Days)
	}
	return time.Time{}
}

// endsMarker reports whether a rule removes a delete marker under which nothing is
// left: at once when it says so, and as any current version when its time is up.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general-considerations.html
func endsMarker(r types.LifecycleRule, v version, now time.Time) bool {
	t := expires(r, v)
	return r.Expiration != nil && deref(r.Expiration.ExpiredObjectDeleteMarker) || !t.IsZero() && !now.Before(t)
}

// expiration is the x-amz-expiration header of an object.
func (b bucket) expiration(key string, v version) *string {
	if b.Lifecycle == nil {
		return nil
	}
	var at time.Time
	var id string
	for _, r := range b.Lifecycle.Rules {
		if t := expires(r, v); !t.IsZero() && applies(r, key, v) && (at.IsZero() || t.Before(at)) {
			at, id = t, *r.ID
		}
	}
	if at.IsZero() {
		return nil
	}
	return ptr(fmt.Sprintf("expiry-date=\"%s\", rule-id=\"%s\"", at.Format(http.TimeFormat), id))
}

// transits is when a rule moves the current version to another class.
func transits(t types.Transition, v version) time.Time {
	if t.Date != nil {
		return t.Date.UTC()
	}
	return due(v.Modified, deref(t.Days))
}

// tooSmall reports whether an object stays where it is: less than 128 KiB are
// not moved unless a rule names sizes itself or the bucket wants otherwise.
func (b bucket) tooSmall(r types.LifecycleRule, v version) bool {
	named := r.Filter != nil && (r.Filter.ObjectSizeGreaterThan != nil || r.Filter.ObjectSizeLessThan != nil ||
		r.Filter.And != nil && (r.Filter.And.ObjectSizeGreaterThan != nil || r.Filter.And.ObjectSizeLessThan != nil))
	return b.SmallStay && !named && v.Size < limit("smallestTransitionBytes")
}

// colder reports whether objects may move from one class to another.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
func colder(from, to types.StorageClass) bool {
	order := []types.StorageClass{types.StorageClassStandard, types.StorageClassStandardIa,
		types.StorageClassIntelligentTiering, types.StorageClassOnezoneIa,
		types.StorageClassGlacierIr, types.StorageClassGlacier, types.StorageClassDeepArchive}
	return slices.Index(order, from) < slices.Index(order, to)
}
