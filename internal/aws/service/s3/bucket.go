package s3

import (
	"context"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/store"
)

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// validName holds the rules for general purpose buckets.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func validName(n string) bool {
	if !bucketName.MatchString(n) || strings.Contains(n, "..") {
		return false
	}
	if _, err := netip.ParseAddr(n); err == nil {
		return false
	}
	for _, p := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(n, p) {
			return false
		}
	}
	for _, x := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(n, x) {
			return false
		}
	}
	return true
}

// CreateBucket makes a bucket; in us-east-1 one's own bucket again is success.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
func (s *Service) CreateBucket(ctx context.Context, in *s3.CreateBucketInput) (*s3.CreateBucketOutput, error) {
	call := gateway.From(ctx)
	name := deref(in.Bucket)
	if !validName(name) {
		return nil, gateway.Errorf(http.StatusBadRequest, "InvalidBucketName", "The specified bucket is not valid.").
			With("BucketName", name)
	}
	if in.ACL != "" && in.ACL != types.BucketCannedACLPrivate {
		return nil, gateway.Errorf(http.StatusBadRequest, "InvalidBucketAclWithObjectOwnership",
			"Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
	}
	b := bucket{Name: name, Owner: call.Principal.Account, Region: call.Scope.Region, Created: call.Time}
	if c := in.CreateBucketConfiguration; c != nil {
		if c.Bucket != nil || c.Location != nil {
			return nil, gateway.Unsupported("s3", "CreateBucket", "directory buckets")
		}
		b.Tags = c.Tags
	}
	var err error
	if b.Region, b.EU, err = place(b.Region, in.CreateBucketConfiguration); err != nil {
		return nil, err
	}
	b.Lock = deref(in.ObjectLockEnabledForBucket)
	if b.Lock {
		b.Versioning = types.BucketVersioningStatusEnabled // Object Lock works on versions
	}
	if in.ObjectOwnership != "" {
		b.Ownership = &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: in.ObjectOwnership}}}
	}
	err = s.host.Store.Update(func(tx *store.Tx) error {
		old, had := s.buckets.Get(tx, everywhere, name)
		switch {
		case had && old.Owner != b.Owner:
			return &types.BucketAlreadyExists{Message: ptr(
				"The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please " +
					"select a different name and try again.")}
		case had && (old.Region != "us-east-1" || b.Region != "us-east-1"):
			return gateway.Errorf(http.StatusConflict, "BucketAlreadyOwnedByYou",
				"Your previous request to create the named bucket succeeded and you already own it.").
				With("BucketName", name)
		case had:
			return nil
		}
		s.buckets.Put(tx, everywhere, name, b)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &s3.CreateBucketOutput{Location: ptr("/" + name)}, nil
}

// place is where a bucket is made: anywhere from us-east-1, elsewhere where it is asked
// for. EU is an old name of eu-west-1.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
func place(region string, c *types.CreateBucketConfiguration) (in string, eu bool, err error) {
	var l types.BucketLocationConstraint
	if c != nil {
		l = c.LocationConstraint
	}
	eu = l == types.BucketLocationConstraintEu
	switch {
	case l == "" && region == "us-east-1":
		return region, false, nil
	case l == "":
		return "", false, gateway.Errorf(http.StatusBadRequest, "IllegalLocationConstraintException",
			"The unspecified location constraint is incompatible for the region specific endpoint this request was sent to.")
	case region != "us-east-1" && string(l) != region && (!eu || region != "eu-west-1"):
		return "", false, gateway.Errorf(http.StatusBadRequest, "IllegalLocationConstraintException",
			"The %s location constraint is incompatible for the region specific endpoint this request was sent to.", l)
	case !slices.Contains(l.Values(), l):
		return "", false, gateway.Errorf(http.StatusBadRequest, "InvalidLocationConstraint",
			"The specified location-constraint is not valid").With("LocationConstraint", string(l))
	case eu:
		return "eu-west-1", true, nil
	}
	return string(l), false, nil
}

// HeadBucket tells the region of a bucket.
func (s *Service) HeadBucket(_ context.Context, in *s3.HeadBucketInput) (*s3.HeadBucketOutput, error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	return &s3.HeadBucketOutput{BucketRegion: ptr(b.Region)}, nil
}

// DeleteBucket removes an empty bucket.
func (s *Service) DeleteBucket(_ context.Context, in *s3.DeleteBucketInput) (*s3.DeleteBucketOutput, error) {
	err := s.host.Store.Update(func(tx *store.Tx) error {
		b, err := s.bucket(tx, in.Bucket, in.ExpectedBucketOwner)
		if err != nil {
			return err
		}
		full := false
		s.objects.Scan(tx, everywhere, objectKey(b.Name, ""), "", func(string, entry) bool { full = true; return false })
		if full {
			e := gateway.Errorf(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty").
				With("BucketName", b.Name)
			if b.Versioning != "" {
				e.Message += ". You must delete all versions in the bucket."
			}
			return e
		}
		var uploads []upload
		s.uploads.Scan(tx, everywhere, objectKey(b.Name, ""), "", func(_ string, u upload) bool {
			uploads = append(uploads, u)
			return true
		})
		for _, u := range uploads {
			s.dropUpload(tx, u)
		}
		s.buckets.Delete(tx, everywhere, b.Name)
		return nil
	})
	return &s3.DeleteBucketOutput{}, err
}

// ListBuckets lists the caller's buckets; the token is the last name.
func (s *Service) ListBuckets(ctx context.Context, in *s3.ListBucketsInput) (*s3.ListBucketsOutput, error) {
	account := gateway.From(ctx).Principal.Account
	limit := int(deref(in.MaxBuckets))
	if in.MaxBuckets == nil {
		limit = 10000
	}
	if limit < 1 || limit > 10000 {
		return nil, argument("max-buckets", strconv.Itoa(limit),
			"Argument max-buckets must be an integer between 1 and 10000")
	}
	after, err := openToken(in.ContinuationToken)
	if err != nil {
		return nil, err
	}
	// An account without buckets is answered with an empty element, not without it.
	// Source: aws s3api list-buckets in a new account answers "Buckets": []
	out := &s3.ListBucketsOutput{Owner: owner(account), Prefix: in.Prefix, Buckets: []types.Bucket{}}
	err = s.host.Store.View(func(tx *store.Tx) error {
		s.buckets.Scan(tx, everywhere, deref(in.Prefix), after, func(_ string, b bucket) bool {
			if b.Owner != account || b.Name == after || in.BucketRegion != nil && *in.BucketRegion != b.Region {
				return true
			}
			if len(out.Buckets) == limit {
				out.ContinuationToken = sealToken(*out.Buckets[limit-1].Name)
				return false
			}
			out.Buckets = append(out.Buckets, types.Bucket{Name: ptr(b.Name), CreationDate: ptr(b.Created),
				BucketRegion: ptr(b.Region)})
			return true
		})
		return nil
	})
	return out, err
}

// GetBucketLocation answers nothing for us-east-1, as S3 does.
func (s *Service) GetBucketLocation(_ context.Context, in *s3.GetBucketLocationInput) (*s3.GetBucketLocationOutput,
	error) {
	b, err := s.viewBucket(in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	out := &s3.GetBucketLocationOutput{}
	if b.Region != "us-east-1" {
		out.LocationConstraint = types.BucketLocationConstraint(b.Region)
	}
	if b.EU {
		out.LocationConstraint = types.BucketLocationConstraintEu
	}
	return out, nil
}
