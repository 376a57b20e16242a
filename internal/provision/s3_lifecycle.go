package provision

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// epoch reads seconds since 1970, whole or not.
func epoch(n json.Number) (time.Time, error) {
	f, err := strconv.ParseFloat(n.String(), 64)
	return time.UnixMilli(int64(f * 1000)).UTC(), err
}

func optional(m map[string]any, name string) *int32 {
	if _, ok := m[name]; !ok {
		return nil
	}
	return aws.Int32(int32(number(m, name, 0)))
}

func date(m map[string]any, name string) (*time.Time, error) {
	s := text(m, name)
	if s == "" {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t, err = time.Parse(time.DateOnly, s)
	}
	return &t, err
}

func (p *Provider) setLifecycle(ctx context.Context, bucket *string, m map[string]any) error {
	if m == nil {
		_, err := p.s3.DeleteBucketLifecycle(ctx, &s3.DeleteBucketLifecycleInput{Bucket: bucket})
		return err
	}
	c := &types.BucketLifecycleConfiguration{}
	for i, it := range list(m, "Rules") {
		rule, _ := it.(map[string]any)
		out, err := lifecycleRule(rule, i)
		if err != nil {
			return err
		}
		c.Rules = append(c.Rules, out)
	}
	_, err := p.s3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: bucket,
		LifecycleConfiguration: c})
	return err
}

func lifecycleRule(rule map[string]any, i int) (types.LifecycleRule, error) {
	out := types.LifecycleRule{ID: aws.String(ruleID(rule, i)), Status: types.ExpirationStatus(text(rule, "Status")),
		Filter: lifecycleFilter(rule)}
	when, err := date(rule, "ExpirationDate")
	if err != nil {
		return out, err
	}
	days := optional(rule, "ExpirationInDays")
	marker, hasMarker := rule["ExpiredObjectDeleteMarker"].(bool)
	if days != nil || when != nil || hasMarker {
		out.Expiration = &types.LifecycleExpiration{Days: days, Date: when}
		if hasMarker {
			out.Expiration.ExpiredObjectDeleteMarker = aws.Bool(marker)
		}
	}
	for _, it := range list(rule, "Transitions") {
		t, _ := it.(map[string]any)
		at, err := date(t, "TransitionDate")
		if err != nil {
			return out, err
		}
		out.Transitions = append(out.Transitions, types.Transition{Days: optional(t, "TransitionInDays"), Date: at,
			StorageClass: types.TransitionStorageClass(text(t, "StorageClass"))})
	}
	if n := object(rule, "NoncurrentVersionExpiration"); n != nil {
		out.NoncurrentVersionExpiration = &types.NoncurrentVersionExpiration{NoncurrentDays: optional(n, "NoncurrentDays"),
			NewerNoncurrentVersions: optional(n, "NewerNoncurrentVersions")}
	}
	for _, it := range list(rule, "NoncurrentVersionTransitions") {
		t, _ := it.(map[string]any)
		out.NoncurrentVersionTransitions = append(out.NoncurrentVersionTransitions, types.NoncurrentVersionTransition{
			NoncurrentDays: optional(t, "TransitionInDays"), NewerNoncurrentVersions: optional(t, "NewerNoncurrentVersions"),
			StorageClass: types.TransitionStorageClass(text(t, "StorageClass"))})
	}
	if a := object(rule, "AbortIncompleteMultipartUpload"); a != nil {
		out.AbortIncompleteMultipartUpload = &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: optional(a,
			"DaysAfterInitiation")}
	}
	return out, nil
}

// lifecycleFilter puts several conditions under And, as S3 demands.
func lifecycleFilter(rule map[string]any) *types.LifecycleRuleFilter {
	and := &types.LifecycleRuleAndOperator{}
	n := 0
	if prefix, ok := rule["Prefix"].(string); ok {
		and.Prefix = aws.String(prefix)
		n++
	}
	for _, it := range list(rule, "TagFilters") {
		t, _ := it.(map[string]any)
		and.Tags = append(and.Tags, types.Tag{Key: aws.String(text(t, "Key")), Value: aws.String(text(t, "Value"))})
		n++
	}
	if _, ok := rule["ObjectSizeGreaterThan"]; ok {
		and.ObjectSizeGreaterThan = aws.Int64(number(rule, "ObjectSizeGreaterThan", 0))
		n++
	}
	if _, ok := rule["ObjectSizeLessThan"]; ok {
		and.ObjectSizeLessThan = aws.Int64(number(rule, "ObjectSizeLessThan", 0))
		n++
	}
	switch {
	case n > 1:
		return &types.LifecycleRuleFilter{And: and}
	case len(and.Tags) == 1:
		return &types.LifecycleRuleFilter{Tag: &and.Tags[0]}
	case n == 0:
		return &types.LifecycleRuleFilter{Prefix: aws.String("")}
	}
	return &types.LifecycleRuleFilter{Prefix: and.Prefix, ObjectSizeGreaterThan: and.ObjectSizeGreaterThan,
		ObjectSizeLessThan: and.ObjectSizeLessThan}
}
