package s3

import (
	"context"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// configure edits a bucket.
func (s *Service) configure(name, owner *string, edit func(*bucket) error) error {
	return s.host.Store.Update(func(tx *store.Tx) error {
		b, err := s.bucket(tx, name, owner)
		if err != nil {
			return err
		}
		if err := edit(&b); err != nil {
			return err
		}
		s.buckets.Put(tx, everywhere, b.Name, b)
		return nil
	})
}

// missing is the answer when a bucket lacks a configuration.
func missing(code, text, name string) error {
	return gateway.Errorf(http.StatusNotFound, code, "%s", text).
		With("BucketName", name)
}

func (s *Service) PutBucketVersioning(_ context.Context,
	in *s3.PutBucketVersioningInput) (*s3.PutBucketVersioningOutput, error) {
	if in.VersioningConfiguration.MFADelete == types.MFADeleteEnabled {
		return nil, gateway.Unsupported("s3", "PutBucketVersioning", "MFADelete")
	}
	status := in.VersioningConfiguration.Status
	return &s3.PutBucketVersioningOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		switch {
		case status != types.BucketVersioningStatusEnabled && status != types.BucketVersioningStatusSuspended:
			return gateway.Errorf(http.StatusBadRequest, "IllegalVersioningConfigurationException",
				"The Versioning element must be specified")
		case b.Lock && status == types.BucketVersioningStatusSuspended:
			return gateway.Errorf(http.StatusConflict, "InvalidBucketState",
				"An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.")
		}
		b.Versioning = status
		return nil
	})
}

func (s *Service) GetBucketVersioning(_ context.Context,
	in *s3.GetBucketVersioningInput) (*s3.GetBucketVersioningOutput, error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	return &s3.GetBucketVersioningOutput{Status: b.Versioning}, err
}

func (s *Service) PutBucketTagging(_ context.Context, in *s3.PutBucketTaggingInput) (*s3.PutBucketTaggingOutput,
	error) {
	if err := checkTags(in.Tagging.TagSet, limit("bucketTags")); err != nil {
		return nil, err
	}
	return &s3.PutBucketTaggingOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		b.Tags = in.Tagging.TagSet
		return nil
	})
}

func (s *Service) GetBucketTagging(_ context.Context, in *s3.GetBucketTaggingInput) (*s3.GetBucketTaggingOutput,
	error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	if err == nil && len(b.Tags) == 0 {
		err = missing("NoSuchTagSet", "The TagSet does not exist", b.Name)
	}
	return &s3.GetBucketTaggingOutput{TagSet: b.Tags}, err
}

func (s *Service) DeleteBucketTagging(_ context.Context,
	in *s3.DeleteBucketTaggingInput) (*s3.DeleteBucketTaggingOutput, error) {
	return &s3.DeleteBucketTaggingOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		b.Tags = nil
		return nil
	})
}

func (s *Service) PutBucketEncryption(_ context.Context,
	in *s3.PutBucketEncryptionInput) (*s3.PutBucketEncryptionOutput, error) {
	c := in.ServerSideEncryptionConfiguration
	if len(c.Rules) != 1 || c.Rules[0].ApplyServerSideEncryptionByDefault == nil {
		return nil, malformed()
	}
	if d := c.Rules[0].ApplyServerSideEncryptionByDefault; d.SSEAlgorithm == types.ServerSideEncryptionAes256 &&
		d.KMSMasterKeyID != nil {
		return nil, invalid("a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse")
	}
	return &s3.PutBucketEncryptionOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		b.Encryption = c
		return nil
	})
}

// GetBucketEncryption implements the operation: every bucket encrypts, with
// AES256 where nothing else was asked for.
func (s *Service) GetBucketEncryption(_ context.Context,
	in *s3.GetBucketEncryptionInput) (*s3.GetBucketEncryptionOutput, error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	c := b.Encryption
	if c == nil {
		c = &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{BucketKeyEnabled: ptr(false),
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
				SSEAlgorithm: types.ServerSideEncryptionAes256}}}}
	}
	return &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: c}, err
}

func (s *Service) DeleteBucketEncryption(_ context.Context,
	in *s3.DeleteBucketEncryptionInput) (*s3.DeleteBucketEncryptionOutput, error) {
	return &s3.DeleteBucketEncryptionOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		b.Encryption = nil
		return nil
	})
}

// blocked is the public access block of new buckets: everything is on.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
func blocked() *types.PublicAccessBlockConfiguration {
	return &types.PublicAccessBlockConfiguration{BlockPublicAcls: ptr(true), BlockPublicPolicy: ptr(true),
		IgnorePublicAcls: ptr(true), RestrictPublicBuckets: ptr(true)}
}

func (s *Service) PutPublicAccessBlock(_ context.Context,
	in *s3.PutPublicAccessBlockInput) (*s3.PutPublicAccessBlockOutput, error) {
	return &s3.PutPublicAccessBlockOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		c := *in.PublicAccessBlockConfiguration
		for _, p := range []**bool{&c.BlockPublicAcls, &c.BlockPublicPolicy, &c.IgnorePublicAcls, &c.RestrictPublicBuckets} {
			if *p == nil {
				*p = ptr(false)
			}
		}
		b.PublicAccess, b.Open = &c, false
		return nil
	})
}

func (s *Service) GetPublicAccessBlock(_ context.Context,
	in *s3.GetPublicAccessBlockInput) (*s3.GetPublicAccessBlockOutput, error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	c := b.PublicAccess
	if err == nil && b.Open {
		err = missing("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", b.Name)
	}
	if c == nil {
		c = blocked()
	}
	return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: c}, err
}

func (s *Service) DeletePublicAccessBlock(_ context.Context,
	in *s3.DeletePublicAccessBlockInput) (*s3.DeletePublicAccessBlockOutput, error) {
	return &s3.DeletePublicAccessBlockOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		b.PublicAccess, b.Open = nil, true
		return nil
	})
}

func (s *Service) PutBucketOwnershipControls(_ context.Context,
	in *s3.PutBucketOwnershipControlsInput) (*s3.PutBucketOwnershipControlsOutput, error) {
	r := in.OwnershipControls.Rules
	if len(r) != 1 || !slices.Contains(r[0].ObjectOwnership.Values(), r[0].ObjectOwnership) {
		return nil, malformed()
	}
	return &s3.PutBucketOwnershipControlsOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		b.Ownership, b.Unowned = in.OwnershipControls, false
		return nil
	})
}

// GetBucketOwnershipControls implements the operation: new buckets have
// BucketOwnerEnforced.
func (s *Service) GetBucketOwnershipControls(_ context.Context,
	in *s3.GetBucketOwnershipControlsInput) (*s3.GetBucketOwnershipControlsOutput, error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	c := b.Ownership
	if err == nil && b.Unowned {
		err = missing("OwnershipControlsNotFoundError", "The bucket ownership controls were not found", b.Name)
	}
	if c == nil {
		c = &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{
			ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}}}
	}
	return &s3.GetBucketOwnershipControlsOutput{OwnershipControls: c}, err
}

func (s *Service) DeleteBucketOwnershipControls(_ context.Context,
	in *s3.DeleteBucketOwnershipControlsInput) (*s3.DeleteBucketOwnershipControlsOutput, error) {
	return &s3.DeleteBucketOwnershipControlsOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner,
		func(b *bucket) error {
			b.Ownership, b.Unowned = nil, true
			return nil
		})
}

// PutBucketPolicy implements the operation. Who is let in by it is the
// gateway's to decide.
func (s *Service) PutBucketPolicy(_ context.Context, in *s3.PutBucketPolicyInput) (*s3.PutBucketPolicyOutput, error) {
	doc, err := bucketPolicy(*in.Bucket, *in.Policy)
	if err != nil {
		return nil, err
	}
	return &s3.PutBucketPolicyOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		closed := !b.Open && (b.PublicAccess == nil || *b.PublicAccess.BlockPublicPolicy)
		if closed && slices.ContainsFunc(doc.Statements, public) {
			return gateway.Errorf(http.StatusForbidden, "AccessDenied",
				"User is not authorized to perform: s3:PutBucketPolicy on resource: "+
					"\"arn:aws:s3:::%s\" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public "+
					"Access", b.Name)
		}
		b.Policy = in.Policy
		return nil
	})
}

func (s *Service) GetBucketPolicy(_ context.Context, in *s3.GetBucketPolicyInput) (*s3.GetBucketPolicyOutput, error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	if err == nil && b.Policy == nil {
		err = missing("NoSuchBucketPolicy", "The bucket policy does not exist", b.Name)
	}
	return &s3.GetBucketPolicyOutput{Policy: b.Policy}, err
}

// GetBucketPolicyStatus implements the operation: whether the policy lets in the world.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicyStatus.html
func (s *Service) GetBucketPolicyStatus(_ context.Context,
	in *s3.GetBucketPolicyStatusInput) (*s3.GetBucketPolicyStatusOutput, error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	if err == nil && b.Policy == nil {
		err = missing("NoSuchBucketPolicy", "The bucket policy does not exist", b.Name)
	}
	if err != nil {
		return nil, err
	}
	return &s3.GetBucketPolicyStatusOutput{PolicyStatus: &types.PolicyStatus{IsPublic: ptr(isPublic(*b.Policy))}}, nil
}

func (s *Service) DeleteBucketPolicy(_ context.Context, in *s3.DeleteBucketPolicyInput) (*s3.DeleteBucketPolicyOutput,
	error) {
	return &s3.DeleteBucketPolicyOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		b.Policy = nil
		return nil
	})
}

func (s *Service) PutBucketCors(_ context.Context, in *s3.PutBucketCorsInput) (*s3.PutBucketCorsOutput, error) {
	for _, r := range in.CORSConfiguration.CORSRules {
		for _, m := range r.AllowedMethods {
			switch m {
			case "GET", "PUT", "HEAD", "POST", "DELETE":
			default:
				return nil, gateway.Errorf(http.StatusBadRequest, "InvalidRequest",
					"Found unsupported HTTP method in CORS config. Unsupported method is %s", m)
			}
		}
	}
	return &s3.PutBucketCorsOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		b.CORS = in.CORSConfiguration
		return nil
	})
}

func (s *Service) GetBucketCors(_ context.Context, in *s3.GetBucketCorsInput) (*s3.GetBucketCorsOutput, error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	if err == nil && b.CORS == nil {
		err = missing("NoSuchCORSConfiguration", "The CORS configuration does not exist", b.Name)
	}
	if err != nil {
		return nil, err
	}
	return &s3.GetBucketCorsOutput{CORSRules: b.CORS.CORSRules}, nil
}

func (s *Service) DeleteBucketCors(_ context.Context, in *s3.DeleteBucketCorsInput) (*s3.DeleteBucketCorsOutput,
	error) {
	return &s3.DeleteBucketCorsOutput{}, s.configure(in.Bucket, in.ExpectedBucketOwner, func(b *bucket) error {
		b.CORS = nil
		return nil
	})
}

// full is the only access control list there is: the owner may do everything.
func full(account string) []types.Grant {
	return []types.Grant{{Permission: types.PermissionFullControl, Grantee: &types.Grantee{Type: types.TypeCanonicalUser,
		ID: owner(account).ID}}}
}

func (s *Service) GetBucketAcl(_ context.Context, in *s3.GetBucketAclInput) (*s3.GetBucketAclOutput, error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	return &s3.GetBucketAclOutput{Owner: owner(b.Owner), Grants: full(b.Owner)}, err
}

func (s *Service) GetObjectAcl(_ context.Context, in *s3.GetObjectAclInput) (*s3.GetObjectAclOutput, error) {
	b, _, err := s.lookup(in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner)
	return &s3.GetObjectAclOutput{Owner: owner(b.Owner), Grants: full(b.Owner)}, err
}
