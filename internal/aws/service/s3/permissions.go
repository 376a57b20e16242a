package s3

import (
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

const (
	arnPrefix = "arn:aws:s3:::"
	versioned = "Version" // in the names of actions on one version
)

// onBucket gives operations without a resource the ARN of their bucket.
func onBucket(op *gateway.Operation) {
	bucket := gateway.Member(op.Input, "Bucket")
	if op.Resources != nil || op.Permissions != nil || bucket == nil || op.Name == "ListBuckets" {
		return
	}
	op.Resources = func(c *gateway.Call) []string { return []string{arnPrefix + bucket(c.Input)} }
}

// onObject gives operations the ARN of their object.
func onObject(op *gateway.Operation) {
	bucket, key := gateway.Member(op.Input, "Bucket"), gateway.Member(op.Input, "Key")
	op.Resources = func(c *gateway.Call) []string { return []string{arnPrefix + bucket(c.Input) + "/" + key(c.Input)} }
}

// ofVersion marks operations that need another action when they name a version:
// s3:GetObjectVersion, s3:GetObjectVersionTagging.
func ofVersion(action string) gateway.Option {
	return func(op *gateway.Operation) {
		gateway.Action(action)(op)
		onObject(op)
		version, resources := gateway.Member(op.Input, "VersionId"), op.Resources
		op.Permissions = func(c *gateway.Call) []gateway.Need {
			n := gateway.Need{Action: action, Resources: resources(c)}
			if version(c.Input) != "" {
				n.Action = forVersion(action)
			}
			return []gateway.Need{n}
		}
	}
}

// forVersion puts Version behind the word Object.
func forVersion(action string) string {
	return strings.Replace(action, "Object", "Object"+versioned, 1)
}

func object(action string, bucket, key *string) gateway.Need {
	return gateway.Need{Action: action, Resources: []string{arnPrefix + aws.ToString(bucket) + "/" + aws.ToString(key)}}
}

// written are the permissions to write an object: each thing that is set along
// with it needs one of its own.
type written struct {
	bucket, key *string
	tags        *string
	acl         types.ObjectCannedACL
	retention   types.ObjectLockMode
	hold        types.ObjectLockLegalHoldStatus
}

func (w written) needs() []gateway.Need {
	put := object("s3:PutObject", w.bucket, w.key)
	all := []gateway.Need{put}
	if w.tags != nil {
		put.Keys = tagKeys(*w.tags)
		all[0] = put
		n := object("s3:PutObjectTagging", w.bucket, w.key)
		n.Keys = put.Keys
		all = append(all, n)
	}
	if w.acl != "" && w.acl != types.ObjectCannedACLPrivate {
		all = append(all, object("s3:PutObjectAcl", w.bucket, w.key))
	}
	if w.retention != "" {
		all = append(all, object("s3:PutObjectRetention", w.bucket, w.key))
	}
	if w.hold != "" {
		all = append(all, object("s3:PutObjectLegalHold", w.bucket, w.key))
	}
	return all
}

// tagKeys are the condition keys of tags that come in a header.
func tagKeys(header string) map[string][]string {
	tags, err := url.ParseQuery(header)
	if err != nil {
		return nil // the handler says what is wrong
	}
	keys := map[string][]string{}
	for k, v := range tags {
		keys["s3:RequestObjectTag/"+k] = v
		keys["s3:RequestObjectTagKeys"] = append(keys["s3:RequestObjectTagKeys"], k)
	}
	return keys
}

func putNeeds(in *s3.PutObjectInput, _ *gateway.Call) []gateway.Need {
	return written{in.Bucket, in.Key, in.Tagging, in.ACL, in.ObjectLockMode, in.ObjectLockLegalHoldStatus}.needs()
}

func uploadNeeds(in *s3.CreateMultipartUploadInput, _ *gateway.Call) []gateway.Need {
	return written{in.Bucket, in.Key, in.Tagging, in.ACL, in.ObjectLockMode, in.ObjectLockLegalHoldStatus}.needs()
}

func copyNeeds(in *s3.CopyObjectInput, _ *gateway.Call) []gateway.Need {
	w := written{in.Bucket, in.Key, in.Tagging, in.ACL, in.ObjectLockMode, in.ObjectLockLegalHoldStatus}
	return append(w.needs(), sourceNeeds(in.CopySource)...)
}

func partCopyNeeds(in *s3.UploadPartCopyInput, _ *gateway.Call) []gateway.Need {
	return append([]gateway.Need{object("s3:PutObject", in.Bucket, in.Key)}, sourceNeeds(in.CopySource)...)
}

// sourceNeeds are the permissions to read what is copied.
func sourceNeeds(source *string) []gateway.Need {
	o, err := parseSource(aws.ToString(source))
	if err != nil {
		return nil // as above
	}
	if o.version != nil {
		n := object("s3:GetObjectVersion", &o.bucket, &o.key)
		n.Keys = map[string][]string{"s3:VersionId": {*o.version}}
		return []gateway.Need{n}
	}
	return []gateway.Need{object("s3:GetObject", &o.bucket, &o.key)}
}

func deleteNeeds(in *s3.DeleteObjectInput, _ *gateway.Call) []gateway.Need {
	return removed(in.Bucket, in.Key, in.VersionId, aws.ToBool(in.BypassGovernanceRetention))
}

func removed(bucket, key, version *string, bypass bool) []gateway.Need {
	n := object("s3:DeleteObject", bucket, key)
	if version != nil {
		n.Action = "s3:DeleteObjectVersion"
	}
	all := []gateway.Need{n}
	if bypass {
		all = append(all, object("s3:BypassGovernanceRetention", bucket, key))
	}
	return all
}

func deleteManyNeeds(in *s3.DeleteObjectsInput, _ *gateway.Call) (all []gateway.Need) {
	if in.Delete == nil {
		return nil // as above
	}
	for _, o := range in.Delete.Objects {
		all = append(all, removed(in.Bucket, o.Key, o.VersionId, aws.ToBool(in.BypassGovernanceRetention))...)
	}
	return all
}

func attributesNeeds(in *s3.GetObjectAttributesInput, _ *gateway.Call) []gateway.Need {
	if in.VersionId != nil {
		return []gateway.Need{object("s3:GetObjectVersion", in.Bucket, in.Key),
			object("s3:GetObjectVersionAttributes", in.Bucket, in.Key)}
	}
	return []gateway.Need{object("s3:GetObject", in.Bucket, in.Key),
		object("s3:GetObjectAttributes", in.Bucket, in.Key)}
}

func retentionNeeds(in *s3.PutObjectRetentionInput, _ *gateway.Call) []gateway.Need {
	all := []gateway.Need{object("s3:PutObjectRetention", in.Bucket, in.Key)}
	if aws.ToBool(in.BypassGovernanceRetention) {
		all = append(all, object("s3:BypassGovernanceRetention", in.Bucket, in.Key))
	}
	return all
}
