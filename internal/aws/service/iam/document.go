package iam

import (
	"errors"
	"net/url"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/pipelab/pipelab/internal/aws/policy"
)

func malformed(msg string) error {
	return &types.MalformedPolicyDocumentException{Message: aws.String(msg)}
}

// checkDocument refuses what is no policy of this kind, in IAM's words.
func checkDocument(text string, kind policy.Kind) error {
	_, err := policy.Parse(kind, text)
	var wrong *policy.Error
	if errors.As(err, &wrong) {
		return malformed(wrong.AWS)
	}
	return err
}

// size counts the characters of a document as the quotas do.
func size(text string) int64 {
	n := int64(0)
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// encoded is the form in which IAM returns documents: RFC 3986, a space as %20.
// Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html
func encoded(text string) *string {
	return aws.String(strings.ReplaceAll(url.QueryEscape(text), "+", "%20"))
}
