package s3

import (
	"errors"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// bucketPolicy reads a bucket's policy and refuses what S3 refuses.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html
func bucketPolicy(bucket, text string) (*policy.Document, error) {
	malformed := func(text string) error {
		return gateway.Errorf(http.StatusBadRequest, "MalformedPolicy", "%s", text)
	}
	doc, err := policy.Parse(policy.Resource, text)
	var wrong *policy.Error
	switch {
	case errors.As(err, &wrong):
		return nil, malformed(inWordsOfS3(wrong, text))
	case err != nil:
		return nil, err
	}
	for _, s := range doc.Statements {
		if s.Resources == nil {
			return nil, malformed("Missing required field Resource")
		}
		ours := false
		for _, a := range s.Actions {
			ours = ours || a == "*" || strings.HasPrefix(strings.ToLower(a), "s3:")
		}
		if !ours {
			return nil, malformed("Policy has invalid action")
		}
		for _, r := range s.Resources {
			// A policy speaks of its own bucket only.
			name, ok := strings.CutPrefix(r, "arn:aws:s3:::")
			name, _, _ = strings.Cut(name, "/")
			if !ok || !policy.Match(name, bucket) {
				return nil, malformed("Policy has invalid resource")
			}
		}
	}
	return doc, nil
}

// inWordsOfS3 is what S3 says to a document that is no policy.
func inWordsOfS3(e *policy.Error, text string) string {
	_, field, _ := strings.Cut(e.Path, ".")
	if field == "" {
		field = e.Path
	}
	element, _, _ := strings.Cut(field, ".")
	switch {
	case element == "" || text[0] != '{':
		return "Policies must be valid JSON and the first byte must be '{'"
	case e.Reason == "missing":
		return "Missing required field " + element
	case strings.HasSuffix(element, "Principal"):
		return "Invalid principal in policy"
	case strings.HasSuffix(element, "Action"):
		return "Policy has invalid action"
	case strings.HasSuffix(element, "Resource"):
		return "Policy has invalid resource"
	case element == "Condition":
		return "Policy has an invalid condition key"
	}
	return "This policy contains invalid Json"
}

// ResourcePolicy implements gateway.Guard.
func (s *Service) ResourcePolicy(tx *store.Tx, arn ident.ARN) (string, bool) {
	name := bucketOf(arn)
	b, ok := s.buckets.Get(tx, everywhere, name)
	if !ok || b.Policy == nil {
		return "", false
	}
	return *b.Policy, true
}

// OwnerOf implements gateway.Owner.
func (s *Service) OwnerOf(tx *store.Tx, arn ident.ARN) string {
	name := bucketOf(arn)
	b, _ := s.buckets.Get(tx, everywhere, name) // none has no owner
	return b.Owner
}

// ResourceTags implements gateway.Tagged: the tags of an object's current
// version, or of a bucket.
func (s *Service) ResourceTags(tx *store.Tx, arn ident.ARN) map[string]string {
	name := bucketOf(arn)
	if _, key, _ := strings.Cut(arn.Resource, "/"); key != "" {
		return s.tagsOf(tx, name, key)
	}
	b, _ := s.buckets.Get(tx, everywhere, name) // none has no tags
	return tagMap(b.Tags)
}

func tagMap(list []types.Tag) map[string]string {
	out := make(map[string]string, len(list))
	for _, t := range list {
		out[deref(t.Key)] = deref(t.Value)
	}
	return out
}

// tagsOf are the tags of an object, none when there is no object.
func (s *Service) tagsOf(tx *store.Tx, bucket, key string) map[string]string {
	e, ok := s.objects.Get(tx, everywhere, objectKey(bucket, key))
	if v := e.latest(); ok && v != nil {
		return tagMap(v.Tags)
	}
	return nil
}
