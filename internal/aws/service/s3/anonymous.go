package s3

import (
	"net/http"
	"slices"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// PublicPolicy implements gateway.Public: a bucket's policy may let in callers
// without credentials unless the bucket keeps its public policy to its own
// account. Objects and buckets have no lists of access: none can be set.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
func (s *Service) PublicPolicy(tx *store.Tx, arn ident.ARN) string {
	b, ok := s.buckets.Get(tx, everywhere, bucketOf(arn))
	if !ok || b.Policy == nil || !b.Open && b.restrictsPublic() && isPublic(*b.Policy) {
		return ""
	}
	return *b.Policy
}

// Closed implements gateway.Public. Whether a bucket exists is no secret: names
// are unique in the world.
//
// AWS: a request for the list of all buckets is redirected to the product page.
func (s *Service) Closed(tx *store.Tx, c *gateway.Call, arn ident.ARN) error {
	name := bucketOf(arn)
	if _, ok := s.buckets.Get(tx, everywhere, name); !ok && name != "" && c.Operation != "CreateBucket" {
		return noSuchBucket(name)
	}
	return gateway.Errorf(http.StatusForbidden, "AccessDenied", "Access Denied")
}

func bucketOf(arn ident.ARN) string {
	name, _, _ := strings.Cut(arn.Resource, "/")
	return name
}

// restrictsPublic reports whether RestrictPublicBuckets is on, as it is for new
// buckets.
func (b *bucket) restrictsPublic() bool {
	return b.PublicAccess == nil || deref(b.PublicAccess.RestrictPublicBuckets)
}

// isPublic reports whether a policy, which was checked when it was set, has a
// statement that lets in the whole world.
func isPublic(document string) bool {
	doc, err := policy.Parse(policy.Resource, document)
	return err == nil && slices.ContainsFunc(doc.Statements, public)
}
