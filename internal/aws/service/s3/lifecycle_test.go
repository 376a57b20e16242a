package s3_test

import (
	"fmt"
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

const day = 24 * time.Hour

// agingVersion is a version as the model of lifecycle rules sees it.
type agingVersion struct {
	key      string
	modified time.Time
	marker   bool
	large    bool
	tagged   bool
	class    types.StorageClass
}

// agingModel acts on all versions of all keys each midnight, as the rules read.
type agingModel struct {
	rules []types.LifecycleRule
	keys  map[string][]agingVersion // newest first
}

func midnight(t time.Time) time.Time {
	if d := t.Truncate(day); !d.Equal(t) {
		return d.Add(day)
	}
	return t
}

func (m *agingModel) applies(r types.LifecycleRule, v agingVersion) bool {
	return strings.HasPrefix(v.key, aws.ToString(r.Filter.Prefix)) && (r.Filter.Tag == nil || v.tagged)
}

func (m *agingModel) pass(at time.Time) {
	for again := true; again; {
		again = false
		for key := range m.keys {
			if m.older(key, at) || m.newest(key, at) {
				again = true
			}
		}
	}
}

func over(at, since time.Time, days *int32) bool {
	return days != nil && !at.Before(midnight(since.AddDate(0, 0, int(*days))))
}

func (m *agingModel) older(key string, at time.Time) (acted bool) {
	all := m.keys[key]
	for i := len(all) - 1; i > 0; i-- {
		for _, r := range m.rules {
			n := r.NoncurrentVersionExpiration
			if n != nil && m.applies(r, all[i]) && i > int(aws.ToInt32(n.NewerNoncurrentVersions)) &&
				over(at, all[i-1].modified, n.NoncurrentDays) {
				all, acted = slices.Delete(slices.Clone(all), i, i+1), true
				break
			}
		}
	}
	m.keys[key] = all
	return acted
}

func (m *agingModel) newest(key string, at time.Time) (acted bool) {
	all := m.keys[key]
	if len(all) == 0 {
		return false
	}
	v := &all[0]
	for _, r := range m.rules {
		if !m.applies(r, *v) {
			continue
		}
		e := r.Expiration
		switch {
		case v.marker:
			if len(all) == 1 && e != nil && (aws.ToBool(e.ExpiredObjectDeleteMarker) || over(at, v.modified, e.Days)) {
				delete(m.keys, key)
				return true
			}
		case e != nil && over(at, v.modified, e.Days):
			m.keys[key] = slices.Insert(slices.Clone(all), 0, agingVersion{key: key, modified: at, marker: true})
			return true
		case len(r.Transitions) > 0 && v.large && v.class == types.StorageClassStandard &&
			over(at, v.modified, r.Transitions[0].Days):
			v.class, acted = types.StorageClassGlacier, true
		}
	}
	return acted
}

func (m *agingModel) names() (out []string) {
	for key, all := range m.keys {
		for i, v := range all {
			out = append(out, fmt.Sprint(key, " ", len(all)-i, " ", v.marker, " ", v.class))
		}
	}
	slices.Sort(out)
	return out
}

func drawRules(rt *rapid.T) (rules []types.LifecycleRule) {
	days := rapid.Int32Range(1, 6)
	for i := range rapid.IntRange(1, 3).Draw(rt, "rules") {
		r := types.LifecycleRule{ID: aws.String(fmt.Sprint(i)), Status: types.ExpirationStatusEnabled,
			Filter: &types.LifecycleRuleFilter{}}
		if rapid.Bool().Draw(rt, "by tag") {
			r.Filter.Tag = &types.Tag{Key: aws.String("t"), Value: aws.String("1")}
		} else {
			r.Filter.Prefix = aws.String(rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "prefix"))
		}
		n := days.Draw(rt, "days")
		switch rapid.IntRange(0, 3).Draw(rt, "action") {
		case 0:
			r.Expiration = &types.LifecycleExpiration{Days: &n}
		case 1:
			r.NoncurrentVersionExpiration = &types.NoncurrentVersionExpiration{NoncurrentDays: &n}
			if keep := rapid.Int32Range(0, 2).Draw(rt, "keep"); keep > 0 {
				r.NoncurrentVersionExpiration.NewerNoncurrentVersions = &keep
			}
		case 2:
			if r.Filter.Tag != nil {
				r.Filter = &types.LifecycleRuleFilter{Prefix: aws.String("")}
			}
			r.Expiration = &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)}
		case 3:
			r.Transitions = []types.Transition{{Days: &n, StorageClass: types.TransitionStorageClassGlacier}}
		}
		rules = append(rules, r)
	}
	return rules
}

func (w *world) lifecycle(rules []types.LifecycleRule) {
	w.t.Helper()
	_, err := w.s3.PutBucketLifecycleConfiguration(ctx, &sdk.PutBucketLifecycleConfigurationInput{
		Bucket: aws.String("data"), LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}})
	require.NoError(w.t, err)
}

// aged are the names of all versions, numbered from each key's oldest.
func (w *world) aged() (out []string) {
	w.t.Helper()
	all, err := w.s3.ListObjectVersions(ctx, &sdk.ListObjectVersionsInput{Bucket: aws.String("data")})
	require.NoError(w.t, err)
	type one struct {
		id, rest string
	}
	keys := map[string][]one{}
	for _, v := range all.Versions {
		keys[*v.Key] = append(keys[*v.Key], one{*v.VersionId, fmt.Sprint(false, " ", v.StorageClass)})
	}
	for _, v := range all.DeleteMarkers {
		keys[*v.Key] = append(keys[*v.Key], one{*v.VersionId, fmt.Sprint(true, " ")})
	}
	for key, versions := range keys {
		slices.SortFunc(versions, func(a, b one) int { return strings.Compare(a.id, b.id) }) // ids say the order
		for i, v := range versions {
			out = append(out, fmt.Sprint(key, " ", len(versions)-i, " ", v.rest))
		}
	}
	slices.Sort(out)
	return out
}

// What an index of due times does is what looking at everything each midnight
// would do, whenever rules, tags and versions change.
func TestLifecycle_agreesWithAModelThatLooksAtEverything(t *testing.T) {
	large := strings.Repeat("x", 128<<10)
	rapid.Check(t, func(rt *rapid.T) {
		w := start(t)
		w.versioned()
		m := &agingModel{keys: map[string][]agingVersion{}}
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			key := rapid.SampledFrom([]string{"a1", "a2", "b1"}).Draw(rt, "key")
			now := w.Clock.Now()
			switch rapid.IntRange(0, 6).Draw(rt, "what") {
			case 0, 1, 2:
				v := agingVersion{key: key, modified: now, class: types.StorageClassStandard,
					large: rapid.Bool().Draw(rt, "large"), tagged: rapid.Bool().Draw(rt, "tagged")}
				w.put(key, map[bool]string{true: large, false: "x"}[v.large], func(in *sdk.PutObjectInput) {
					if v.tagged {
						in.Tagging = aws.String("t=1")
					}
				})
				m.keys[key] = slices.Insert(m.keys[key], 0, v)
			case 3:
				_, err := w.s3.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: aws.String("data"), Key: &key})
				require.NoError(t, err)
				m.keys[key] = slices.Insert(m.keys[key], 0, agingVersion{key: key, modified: now, marker: true})
			case 4:
				if len(m.keys[key]) > 0 && !m.keys[key][0].marker {
					_, err := w.s3.PutObjectTagging(ctx, &sdk.PutObjectTaggingInput{Bucket: aws.String("data"), Key: &key,
						Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("t"), Value: aws.String("1")}}}})
					require.NoError(t, err)
					m.keys[key][0].tagged = true
				}
			case 5:
				m.rules = drawRules(rt)
				w.lifecycle(m.rules)
			}
			hours := rapid.SampledFrom([]int{0, 1, 20, 24, 72}).Draw(rt, "hours")
			until := now.Add(time.Duration(hours) * time.Hour)
			for at := now.Truncate(day).Add(day); !at.After(until); at = at.Add(day) {
				m.pass(at)
			}
			w.Advance(until.Sub(now))
			require.Equal(t, m.names(), w.aged())
		}
	})
}

// BenchmarkLifecycle passes a year over 10,000 objects that are moved twice and
// expire, and over 10,000 with which nothing is ever due.
func BenchmarkLifecycle(b *testing.B) {
	for name, prefix := range map[string]string{"all due": "", "nothing due": "other/"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w := start(b)
				w.lifecycle([]types.LifecycleRule{{ID: aws.String("r"), Status: types.ExpirationStatusEnabled,
					Filter: &types.LifecycleRuleFilter{Prefix: &prefix, ObjectSizeGreaterThan: nil},
					Transitions: []types.Transition{
						{Days: aws.Int32(30), StorageClass: types.TransitionStorageClassGlacierIr},
						{Days: aws.Int32(90), StorageClass: types.TransitionStorageClassDeepArchive}},
					Expiration: &types.LifecycleExpiration{Days: aws.Int32(300)}}})
				body := strings.Repeat("x", 128<<10)
				for i := range 10_000 {
					w.put(fmt.Sprintf("k%05d", i), body)
				}
				b.StartTimer()
				w.Advance(365 * day)
			}
		})
	}
}
