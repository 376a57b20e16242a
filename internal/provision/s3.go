package provision

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/cfn"
)

func (p *Provider) s3Types() []resourceType {
	bucket := schema("AWS::S3::Bucket", "BucketName", 63, bucketProperties(), "Arn", "DomainName", "RegionalDomainName")
	bucket.NameLower = true
	return []resourceType{
		{schema: bucket, create: p.createBucket, update: p.updateBucket, delete: p.deleteBucket, read: p.readBucket},
		{schema: schema("AWS::S3::BucketPolicy", "", 0, props{"Bucket": cfn.Str().Req().Replaces(),
			"PolicyDocument": cfn.JSON().Req()}),
			create: p.putBucketPolicy, update: p.putBucketPolicy, delete: p.dropBucketPolicy, read: p.readBucketPolicy},
	}
}

func bucketProperties() props {
	strings := cfn.ListOf(cfn.Str())
	filter := cfn.Object(props{"S3Key": cfn.Object(props{"Rules": cfn.ListOf(cfn.Object(props{
		"Name": cfn.Str().Req(), "Value": cfn.Str().Req()})).Req()}).Req()})
	target := func(name string) cfn.Property {
		return cfn.ListOf(cfn.Object(props{"Event": cfn.Str().Req(), name: cfn.Str().Req(), "Filter": filter}))
	}
	class := cfn.Str("STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "GLACIER_IR", "DEEP_ARCHIVE").Req()
	days := cfn.Property{Type: cfn.TInteger}
	rule := props{
		"Id": cfn.Str(), "Prefix": cfn.Str(), "Status": cfn.Str("Enabled", "Disabled").Req(), "TagFilters": cfn.TagList(),
		"ExpirationInDays": days, "ExpirationDate": cfn.Str(), "ExpiredObjectDeleteMarker": cfn.Flag(),
		"ObjectSizeGreaterThan": days, "ObjectSizeLessThan": days,
		"NoncurrentVersionExpiration": cfn.Object(props{"NoncurrentDays": days.Req(), "NewerNoncurrentVersions": days}),
		"NoncurrentVersionTransitions": cfn.ListOf(cfn.Object(props{"StorageClass": class, "TransitionInDays": days.Req(),
			"NewerNoncurrentVersions": days})),
		"Transitions": cfn.ListOf(cfn.Object(props{"StorageClass": class, "TransitionInDays": days,
			"TransitionDate": cfn.Str()})),
		"AbortIncompleteMultipartUpload": cfn.Object(props{"DaysAfterInitiation": days.Req()}),
	}
	return props{
		"BucketName":              cfn.Str().Replaces(),
		"VersioningConfiguration": cfn.Object(props{"Status": cfn.Str("Enabled", "Suspended").Req()}),
		"BucketEncryption": cfn.Object(props{"ServerSideEncryptionConfiguration": cfn.ListOf(cfn.Object(props{
			"BucketKeyEnabled": cfn.Flag(), "ServerSideEncryptionByDefault": cfn.Object(props{
				"SSEAlgorithm": cfn.Str("AES256", "aws:kms", "aws:kms:dsse").Req(), "KMSMasterKeyID": cfn.Str()})})).Req()}),
		"PublicAccessBlockConfiguration": cfn.Object(props{"BlockPublicAcls": cfn.Flag(), "BlockPublicPolicy": cfn.Flag(),
			"IgnorePublicAcls": cfn.Flag(), "RestrictPublicBuckets": cfn.Flag()}),
		"NotificationConfiguration": cfn.Object(props{"LambdaConfigurations": target("Function"),
			"QueueConfigurations": target("Queue")}),
		"LifecycleConfiguration": cfn.Object(props{"Rules": cfn.ListOf(cfn.Object(rule)).Req()}),
		"OwnershipControls": cfn.Object(props{"Rules": cfn.ListOf(cfn.Object(props{
			"ObjectOwnership": cfn.Str("ObjectWriter", "BucketOwnerPreferred", "BucketOwnerEnforced")})).Req()}),
		"CorsConfiguration": cfn.Object(
			props{"CorsRules": cfn.ListOf(cfn.Object(props{"Id": cfn.Str(), "AllowedHeaders": strings,
				"AllowedMethods": strings.Req(), "AllowedOrigins": strings.Req(), "ExposedHeaders": strings,
				"MaxAge": days})).Req()}),
		"ObjectLockEnabled": cfn.Flag().Replaces(),
		"ObjectLockConfiguration": cfn.Object(props{"ObjectLockEnabled": cfn.Str("Enabled"), "Rule": cfn.Object(props{
			"DefaultRetention": cfn.Object(props{"Mode": cfn.Str("GOVERNANCE", "COMPLIANCE"), "Days": days, "Years": days})})}),
		"Tags": cfn.TagList(),
	}
}

func (p *Provider) bucketState(name string) cfn.State {
	return cfn.State{PhysicalID: name, Attributes: map[string]any{"Arn": "arn:aws:s3:::" + name, "DomainName": name +
		".s3.amazonaws.com",
		"RegionalDomainName": name + ".s3." + p.region + ".amazonaws.com"}}
}

func (p *Provider) createBucket(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	// In us-east-1 S3 answers the creation of a bucket one owns with success,
	// and a stack must not take a foreign bucket for its own.
	if _, err := p.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String(r.Name)}); err == nil {
		return cfn.State{}, fmt.Errorf("%s already exists", r.Name)
	} else if !notFound(err) {
		return cfn.State{}, err
	}
	in := &s3.CreateBucketInput{Bucket: aws.String(r.Name)}
	if r.Properties["ObjectLockEnabled"] == true {
		in.ObjectLockEnabledForBucket = aws.Bool(true)
	}
	if p.region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(
			p.region)}
	}
	if _, err := p.s3.CreateBucket(ctx, in); err != nil {
		return cfn.State{}, err
	}
	r.PhysicalID, r.Previous = r.Name, nil
	return p.updateBucket(ctx, r)
}

// updateBucket sets each configuration that differs; one that is gone returns
// to S3's default.
func (p *Provider) updateBucket(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	st := p.bucketState(r.PhysicalID)
	for _, step := range []struct {
		name string
		set  func(context.Context, *string, map[string]any) error
	}{
		{"VersioningConfiguration", p.setVersioning}, {"BucketEncryption", p.setEncryption},
		{"OwnershipControls", p.setOwnership}, {"PublicAccessBlockConfiguration", p.setPublicAccess},
		{"ObjectLockConfiguration", p.setObjectLock}, {"LifecycleConfiguration", p.setLifecycle},
		{"CorsConfiguration", p.setCORS},
		{"NotificationConfiguration", p.setNotifications},
	} {
		if !changed(r, step.name) {
			continue
		}
		if err := step.set(ctx, aws.String(r.PhysicalID), object(r.Properties, step.name)); err != nil {
			return st, fmt.Errorf("%s: %w", step.name, plain(err))
		}
	}
	if !changed(r, "Tags") {
		return st, nil
	}
	var err error
	if len(tags(r.Properties)) == 0 {
		_, err = p.s3.DeleteBucketTagging(ctx, &s3.DeleteBucketTaggingInput{Bucket: aws.String(r.PhysicalID)})
		return st, err
	}
	in := &s3.PutBucketTaggingInput{Bucket: aws.String(r.PhysicalID), Tagging: &types.Tagging{}}
	for k, v := range tags(r.Properties) {
		in.Tagging.TagSet = append(in.Tagging.TagSet, types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	_, err = p.s3.PutBucketTagging(ctx, in)
	return st, err
}

func (p *Provider) setVersioning(ctx context.Context, bucket *string, m map[string]any) error {
	status := types.BucketVersioningStatusSuspended // what was enabled once can only be suspended
	if m != nil {
		status = types.BucketVersioningStatus(text(m, "Status"))
	}
	_, err := p.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
	return err
}

func (p *Provider) setEncryption(ctx context.Context, bucket *string, m map[string]any) error {
	if m == nil {
		_, err := p.s3.DeleteBucketEncryption(ctx, &s3.DeleteBucketEncryptionInput{Bucket: bucket})
		return err
	}
	in := &s3.PutBucketEncryptionInput{Bucket: bucket,
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{}}
	for _, it := range list(m, "ServerSideEncryptionConfiguration") {
		rule, _ := it.(map[string]any)
		out := types.ServerSideEncryptionRule{}
		if err := into(map[string]any{"BucketKeyEnabled": rule["BucketKeyEnabled"]}, &out); err != nil {
			return err
		}
		if by := object(rule, "ServerSideEncryptionByDefault"); by != nil {
			out.ApplyServerSideEncryptionByDefault = &types.ServerSideEncryptionByDefault{}
			if err := into(by, out.ApplyServerSideEncryptionByDefault); err != nil {
				return err
			}
		}
		in.ServerSideEncryptionConfiguration.Rules = append(in.ServerSideEncryptionConfiguration.Rules, out)
	}
	_, err := p.s3.PutBucketEncryption(ctx, in)
	return err
}

func (p *Provider) setOwnership(ctx context.Context, bucket *string, m map[string]any) error {
	if m == nil {
		_, err := p.s3.DeleteBucketOwnershipControls(ctx, &s3.DeleteBucketOwnershipControlsInput{Bucket: bucket})
		return err
	}
	in := &s3.PutBucketOwnershipControlsInput{Bucket: bucket, OwnershipControls: &types.OwnershipControls{}}
	if err := into(m, in.OwnershipControls); err != nil {
		return err
	}
	_, err := p.s3.PutBucketOwnershipControls(ctx, in)
	return err
}

func (p *Provider) setPublicAccess(ctx context.Context, bucket *string, m map[string]any) error {
	in := &s3.PutPublicAccessBlockInput{Bucket: bucket,
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: aws.Bool(m == nil), BlockPublicPolicy: aws.Bool(m == nil), IgnorePublicAcls: aws.Bool(m == nil),
			RestrictPublicBuckets: aws.Bool(m == nil)}} // S3's default blocks everything
	if err := into(m, in.PublicAccessBlockConfiguration); err != nil {
		return err
	}
	_, err := p.s3.PutPublicAccessBlock(ctx, in)
	return err
}

func (p *Provider) setObjectLock(ctx context.Context, bucket *string, m map[string]any) error {
	in := &s3.PutObjectLockConfigurationInput{Bucket: bucket,
		ObjectLockConfiguration: &types.ObjectLockConfiguration{ObjectLockEnabled: types.ObjectLockEnabledEnabled}}
	if err := into(m, in.ObjectLockConfiguration); err != nil {
		return err
	}
	_, err := p.s3.PutObjectLockConfiguration(ctx, in)
	return err
}

func (p *Provider) setCORS(ctx context.Context, bucket *string, m map[string]any) error {
	if m == nil {
		_, err := p.s3.DeleteBucketCors(ctx, &s3.DeleteBucketCorsInput{Bucket: bucket})
		return err
	}
	in := &s3.PutBucketCorsInput{Bucket: bucket, CORSConfiguration: &types.CORSConfiguration{}}
	for _, it := range list(m, "CorsRules") {
		rule, _ := it.(map[string]any)
		out := types.CORSRule{}
		if err := into(map[string]any{"ID": rule["Id"], "AllowedHeaders": rule["AllowedHeaders"],
			"AllowedMethods": rule["AllowedMethods"],
			"AllowedOrigins": rule["AllowedOrigins"], "ExposeHeaders": rule["ExposedHeaders"], "MaxAgeSeconds": rule["MaxAge"]},
			&out); err != nil {
			return err
		}
		in.CORSConfiguration.CORSRules = append(in.CORSConfiguration.CORSRules, out)
	}
	_, err := p.s3.PutBucketCors(ctx, in)
	return err
}

// setNotifications gathers the events of one target and filter, which
// CloudFormation writes one by one.
func (p *Provider) setNotifications(ctx context.Context, bucket *string, m map[string]any) error {
	c := &types.NotificationConfiguration{}
	filterOf := func(o map[string]any) *types.NotificationConfigurationFilter {
		rules := list(object(object(o, "Filter"), "S3Key"), "Rules")
		if len(rules) == 0 {
			return nil
		}
		f := &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{}}
		for _, it := range rules {
			rule, _ := it.(map[string]any)
			f.Key.FilterRules = append(f.Key.FilterRules, types.FilterRule{Name: types.FilterRuleName(text(rule, "Name")),
				Value: aws.String(text(rule, "Value"))})
		}
		return f
	}
	at := map[string]int{}
	for _, it := range list(m, "LambdaConfigurations") {
		o, _ := it.(map[string]any)
		key, _ := json.Marshal([]any{o["Function"], o["Filter"]}) // came from JSON
		i, seen := at[string(key)]
		if !seen {
			i = len(c.LambdaFunctionConfigurations)
			at[string(key)] = i
			c.LambdaFunctionConfigurations = append(c.LambdaFunctionConfigurations, types.LambdaFunctionConfiguration{
				LambdaFunctionArn: aws.String(text(o, "Function")), Filter: filterOf(o)})
		}
		c.LambdaFunctionConfigurations[i].Events = append(c.LambdaFunctionConfigurations[i].Events,
			types.Event(text(o, "Event")))
	}
	for _, it := range list(m, "QueueConfigurations") {
		o, _ := it.(map[string]any)
		key, _ := json.Marshal([]any{"queue", o["Queue"], o["Filter"]}) // came from JSON
		i, seen := at[string(key)]
		if !seen {
			i = len(c.QueueConfigurations)
			at[string(key)] = i
			c.QueueConfigurations = append(c.QueueConfigurations,
				types.QueueConfiguration{QueueArn: aws.String(text(o, "Queue")), Filter: filterOf(o)})
		}
		c.QueueConfigurations[i].Events = append(c.QueueConfigurations[i].Events, types.Event(text(o, "Event")))
	}
	_, err := p.s3.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{Bucket: bucket,
		NotificationConfiguration: c})
	return err
}

func (p *Provider) deleteBucket(ctx context.Context, r cfn.Resource) error {
	_, err := p.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String(r.PhysicalID)})
	return err
}

func (p *Provider) readBucket(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	if _, err := p.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String(r.PhysicalID)}); err != nil {
		return cfn.State{}, err
	}
	return p.bucketState(r.PhysicalID), nil
}

func (p *Provider) putBucketPolicy(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	doc, err := document(r.Properties["PolicyDocument"])
	if err != nil {
		return cfn.State{}, err
	}
	bucket := text(r.Properties, "Bucket")
	_, err = p.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String(bucket), Policy: doc})
	if err != nil {
		return cfn.State{}, err
	}
	return cfn.State{PhysicalID: bucket}, nil
}

func (p *Provider) dropBucketPolicy(ctx context.Context, r cfn.Resource) error {
	_, err := p.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: aws.String(text(r.Properties, "Bucket"))})
	return err
}

func (p *Provider) readBucketPolicy(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	bucket := text(r.Properties, "Bucket")
	_, err := p.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: aws.String(bucket)})
	return cfn.State{PhysicalID: bucket}, err
}

// ruleID gives rules without an id one that repeats.
func ruleID(rule map[string]any, i int) string {
	if id := text(rule, "Id"); id != "" {
		return id
	}
	return "rule-" + strconv.Itoa(i+1)
}
