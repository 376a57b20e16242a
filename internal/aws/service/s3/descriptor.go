package s3

import (
	"net/http"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/sigv4"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Describe implements gateway.Service. What each operation needs:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
func (s *Service) Describe() gateway.Descriptor {
	ops := s.bucketOperations()
	ops = append(ops, s.objectOperations()...)
	ops = append(ops, s.configurations()...)
	return gateway.Descriptor{
		Name: "s3", Title: "S3", Targets: s.targets(),
		Errors: gateway.Errors{
			// Callers of other accounts are told no reason. Source:
			// https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
			Denied: wire.Fault{Code: "AccessDenied", Status: http.StatusForbidden, Message: "Access Denied"},
			Throttled: wire.Fault{Code: "SlowDown", Status: http.StatusServiceUnavailable,
				Message: "Please reduce your request rate."},
			Unidentified: unidentified(),
			Wording: wire.Wording{
				Invalid: wire.MalformedXML(),
				Failed: wire.Fault{Code: "InternalError",
					Message: "We encountered an internal error. Please try again."},
				OnlyRequired: true,
			},
		},
		// Paths are encoded once, and a presigned URL covers no body.
		// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
		Signature: sigv4.Form{RawPath: true, Unsigned: true}, TagKeys: []string{"s3:existingobjecttag"},
		Members:    gateway.Members{Used: members(), ByName: byName(), Kept: kept()},
		Operations: gateway.With(ops, gateway.Prefix("s3"), onBucket, gateway.Repeating(keyMembers()), traced),
	}
}

func (s *Service) bucketOperations() []gateway.Operation {
	c, d := gateway.Control, gateway.Data
	list := gateway.Action("s3:ListBucket")
	return []gateway.Operation{
		gateway.Op(c, s.CreateBucket),
		gateway.Op(c, s.HeadBucket, list),
		gateway.Op(c, s.DeleteBucket),
		gateway.Op(c, s.ListBuckets, gateway.Action("s3:ListAllMyBuckets")),
		gateway.Op(c, s.GetBucketLocation),
		gateway.Op(d, s.ListObjects, list),
		gateway.Op(d, s.ListObjectsV2, list),
		gateway.Op(d, s.ListObjectVersions, gateway.Action("s3:ListBucketVersions")),
		gateway.Op(d, s.ListMultipartUploads, gateway.Action("s3:ListBucketMultipartUploads")),
	}
}

func (s *Service) objectOperations() []gateway.Operation {
	d := gateway.Data
	return []gateway.Operation{
		gateway.Op(d, s.PutObject, gateway.Needing(putNeeds), gateway.Hashes()),
		gateway.Op(d, s.GetObject, ofVersion("s3:GetObject")),
		gateway.Op(d, s.HeadObject, ofVersion("s3:GetObject")),
		gateway.Op(d, s.CopyObject, gateway.Needing(copyNeeds)),
		gateway.Op(d, s.DeleteObject, gateway.Needing(deleteNeeds)),
		gateway.Op(d, s.DeleteObjects, gateway.Needing(deleteManyNeeds), gateway.Partly()),
		gateway.Op(d, s.CreateMultipartUpload, gateway.Needing(uploadNeeds)),
		gateway.Op(d, s.UploadPart, gateway.Action("s3:PutObject"), onObject, gateway.Hashes()),
		gateway.Op(d, s.UploadPartCopy, gateway.Needing(partCopyNeeds)),
		gateway.Op(d, s.CompleteMultipartUpload, gateway.Action("s3:PutObject"), onObject),
		gateway.Op(d, s.AbortMultipartUpload, onObject),
		gateway.Op(d, s.ListParts, gateway.Action("s3:ListMultipartUploadParts"), onObject),
		gateway.Op(d, s.PutObjectTagging, ofVersion("s3:PutObjectTagging")),
		gateway.Op(d, s.GetObjectTagging, ofVersion("s3:GetObjectTagging")),
		gateway.Op(d, s.DeleteObjectTagging, ofVersion("s3:DeleteObjectTagging")),
		gateway.Op(d, s.GetObjectAttributes, gateway.Needing(attributesNeeds)),
		gateway.Op(d, s.PutObjectRetention, gateway.Needing(retentionNeeds)),
		gateway.Op(d, s.GetObjectRetention, onObject),
		gateway.Op(d, s.PutObjectLegalHold, onObject),
		gateway.Op(d, s.GetObjectLegalHold, onObject),
		gateway.Op(d, s.GetObjectAcl, ofVersion("s3:GetObjectAcl")),
	}
}

// configurations are the operations on a bucket's settings.
func (s *Service) configurations() []gateway.Operation {
	c := gateway.Control
	tagging, encryption := gateway.Action("s3:PutBucketTagging"), gateway.Action("s3:PutEncryptionConfiguration")
	access, owners := gateway.Action("s3:PutBucketPublicAccessBlock"), gateway.Action("s3:PutBucketOwnershipControls")
	cors, lifecycle := gateway.Action("s3:PutBucketCORS"), gateway.Action("s3:PutLifecycleConfiguration")
	return []gateway.Operation{
		gateway.Op(c, s.PutBucketVersioning),
		gateway.Op(c, s.GetBucketVersioning),
		gateway.Op(c, s.PutBucketTagging),
		gateway.Op(c, s.GetBucketTagging),
		gateway.Op(c, s.DeleteBucketTagging, tagging),
		gateway.Op(c, s.PutBucketEncryption, encryption),
		gateway.Op(c, s.GetBucketEncryption, gateway.Action("s3:GetEncryptionConfiguration")),
		gateway.Op(c, s.DeleteBucketEncryption, encryption),
		gateway.Op(c, s.PutPublicAccessBlock, access),
		gateway.Op(c, s.GetPublicAccessBlock, gateway.Action("s3:GetBucketPublicAccessBlock")),
		gateway.Op(c, s.DeletePublicAccessBlock, access),
		gateway.Op(c, s.PutBucketOwnershipControls),
		gateway.Op(c, s.GetBucketOwnershipControls),
		gateway.Op(c, s.DeleteBucketOwnershipControls, owners),
		// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
		gateway.Op(c, s.PutBucketPolicy, gateway.Unlocking()),
		gateway.Op(c, s.GetBucketPolicy, gateway.Unlocking()),
		gateway.Op(c, s.DeleteBucketPolicy, gateway.Unlocking()),
		gateway.Op(c, s.GetBucketPolicyStatus),
		gateway.Op(c, s.PutBucketCors, cors),
		gateway.Op(c, s.GetBucketCors, gateway.Action("s3:GetBucketCORS")),
		gateway.Op(c, s.DeleteBucketCors, cors),
		gateway.Op(c, s.PutBucketLifecycleConfiguration, lifecycle),
		gateway.Op(c, s.GetBucketLifecycleConfiguration, gateway.Action("s3:GetLifecycleConfiguration")),
		gateway.Op(c, s.DeleteBucketLifecycle, lifecycle),
		gateway.Op(c, s.PutBucketNotificationConfiguration, gateway.Action("s3:PutBucketNotification")),
		gateway.Op(c, s.GetBucketNotificationConfiguration, gateway.Action("s3:GetBucketNotification")),
		gateway.Op(c, s.PutObjectLockConfiguration, gateway.Action("s3:PutBucketObjectLockConfiguration")),
		gateway.Op(c, s.GetObjectLockConfiguration, gateway.Action("s3:GetBucketObjectLockConfiguration")),
		gateway.Op(c, s.GetBucketAcl),
	}
}

// traced names buckets, and objects as "bucket/key".
func traced(op *gateway.Operation) {
	bucket, key := gateway.Member(op.Input, "Bucket"), gateway.Member(op.Input, "Key")
	if bucket == nil {
		return
	}
	op.Trace = func(input any) string {
		name := bucket(input)
		if key != nil && name != "" {
			if k := key(input); k != "" {
				return name + "/" + k
			}
		}
		return name
	}
}

// keyMembers are the condition keys that repeat a member of the input.
// Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
func keyMembers() map[string]string {
	return map[string]string{
		"s3:prefix": "Prefix", "s3:delimiter": "Delimiter", "s3:max-keys": "MaxKeys", "s3:VersionId": "VersionId",
		"s3:x-amz-acl": "ACL", "s3:x-amz-copy-source": "CopySource",
		"s3:x-amz-metadata-directive": "MetadataDirective", "s3:x-amz-storage-class": "StorageClass",
		"s3:x-amz-server-side-encryption":                "ServerSideEncryption",
		"s3:x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
		"s3:object-lock-mode":                            "ObjectLockMode",
		"s3:object-lock-legal-hold":                      "ObjectLockLegalHoldStatus",
		"s3:x-amz-object-ownership":                      "ObjectOwnership",
	}
}

// kept are the members that change nothing here, each with the reason.
func kept() map[string]string {
	return map[string]string{
		"*.RequestPayer":                                  "no bucket lets requesters pay",
		"*.OptionalObjectAttributes":                      "asks for restores; nothing is archived",
		"*.ChecksumAlgorithm":                             "names the checksum of a document, which is compared already",
		"*.ContentMD5":                                    "as the checksum of a document: compared already",
		"CompleteMultipartUploadInput.ChecksumType":       "the type that the upload was begun with counts",
		"types.CORSRule.ID":                               "kept and returned",
		"types.ServerSideEncryptionRule.BucketKeyEnabled": "kept and returned; it saves calls of KMS",
	}
}

// byName are members that are read by their names: see setChecksum and its like.
func byName() []string {
	return []string{"ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME", "ChecksumSHA1", "ChecksumSHA256"}
}
