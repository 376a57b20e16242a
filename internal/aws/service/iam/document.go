package iam

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

func malformed(msg string) error {
	return &types.MalformedPolicyDocumentException{Message: aws.String(msg)}
}

// checkDocument refuses what is no policy: of an identity, or, with trust, of
// who may assume a role.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
func checkDocument(text string, trust bool) error {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return malformed("This policy contains invalid Json")
	}
	for k := range doc {
		if !slices.Contains([]string{"Version", "Id", "Statement"}, k) {
			return malformed("Syntax errors in policy.")
		}
	}
	if v, ok := doc["Version"]; ok && string(v) != `"2012-10-17"` && string(v) != `"2008-10-17"` {
		return malformed("Syntax errors in policy.")
	}
	raw, ok := doc["Statement"]
	if !ok {
		return malformed("Syntax errors in policy.")
	}
	var statements []map[string]json.RawMessage
	if json.Unmarshal(raw, &statements) != nil {
		var one map[string]json.RawMessage
		if json.Unmarshal(raw, &one) != nil {
			return malformed("Syntax errors in policy.")
		}
		statements = append(statements, one)
	}
	for _, st := range statements {
		if err := checkStatement(st, trust); err != nil {
			return err
		}
	}
	return nil
}

func checkStatement(st map[string]json.RawMessage, trust bool) error {
	for k := range st {
		if !slices.Contains([]string{"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
			"NotResource", "Condition"}, k) {
			return malformed("Syntax errors in policy.")
		}
	}
	if e := string(st["Effect"]); e != `"Allow"` && e != `"Deny"` {
		return malformed("Syntax errors in policy.")
	}
	actions, ok := stringsOf(st, "Action", "NotAction")
	if !ok {
		return malformed("Policy statement must contain actions.")
	}
	for _, a := range actions {
		if a != "*" && !strings.Contains(a, ":") {
			return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
		}
	}
	principal := st["Principal"] != nil || st["NotPrincipal"] != nil
	resources, hasResource := stringsOf(st, "Resource", "NotResource")
	switch {
	case trust && !principal:
		return malformed("AssumeRole policy must contain a Principal.")
	case trust && hasResource:
		return malformed("Has prohibited field Resource")
	case trust:
		return nil
	case principal:
		return malformed("Policy document should not specify a principal.")
	case !hasResource:
		return malformed("Policy statement must contain resources.")
	}
	for _, r := range resources {
		if r != "*" && !strings.HasPrefix(r, "arn:") && !strings.HasPrefix(r, "*") {
			return malformed("Resource " + r + ` must be in ARN format or "*".`)
		}
	}
	return nil
}

// stringsOf reads the first of two fields that is there: one string or a list.
func stringsOf(st map[string]json.RawMessage, names ...string) ([]string, bool) {
	for _, n := range names {
		raw, ok := st[n]
		if !ok {
			continue
		}
		var many []string
		var one string
		if json.Unmarshal(raw, &one) == nil {
			return []string{one}, true
		}
		if json.Unmarshal(raw, &many) == nil && len(many) > 0 {
			return many, true
		}
		return nil, false
	}
	return nil, false
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
