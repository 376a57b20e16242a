// Package ident holds the names AWS gives to things: accounts, regions, ARNs
// and generated identifiers. It knows no service and keeps no state but the
// source of randomness.
package ident

import (
	"fmt"
	"strings"
)

// DefaultAccount is the account of callers whose access key names none, the
// value that other emulators use too.
const DefaultAccount = "000000000000"

// DefaultRegion is used when a request's credential scope names no region.
const DefaultRegion = "us-east-1"

// Scope is the account and region that a piece of state belongs to. Global
// services (S3 bucket names, IAM) use an empty Region. The zero value names
// nothing and is never valid for a call.
type Scope struct {
	Account string
	Region  string
}

// Global returns the scope of the same account without a region.
func (s Scope) Global() Scope { return Scope{Account: s.Account} }

// ARN builds the name of a resource of service in this scope.
func (s Scope) ARN(service, resource string) string {
	return ARN{Partition: "aws", Service: service, Region: s.Region, Account: s.Account, Resource: resource}.String()
}

// Named is the ARN of a resource that a request names by its ARN or by its own name, to
// which the ARN has a prefix: "stream/".
func (s Scope) Named(service, prefix, name string) string {
	if IsARN(name) {
		return name
	}
	return s.ARN(service, prefix+name)
}

// ARN is a parsed Amazon Resource Name:
// arn:partition:service:region:account:resource. Region and Account may be
// empty (S3 buckets have neither).
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
type ARN struct {
	Partition, Service, Region, Account, Resource string
}

// String renders the name.
func (a ARN) String() string {
	return strings.Join([]string{"arn", a.Partition, a.Service, a.Region, a.Account, a.Resource}, ":")
}

// Scope returns the account and region that the name carries.
func (a ARN) Scope() Scope { return Scope{Account: a.Account, Region: a.Region} }

// ParseARN splits a name into its six parts. The resource keeps its own colons.
func ParseARN(s string) (ARN, error) {
	var p [6]string
	rest, whole := s, true
	for i := range 5 {
		var more bool
		p[i], rest, more = strings.Cut(rest, ":")
		whole = whole && more
	}
	if p[5] = rest; !whole || p[0] != "arn" || p[1] == "" || p[2] == "" || p[5] == "" {
		return ARN{}, fmt.Errorf("parse ARN %q: want arn:partition:service:region:account:resource", s)
	}
	return ARN{Partition: p[1], Service: p[2], Region: p[3], Account: p[4], Resource: p[5]}, nil
}

// IsARN reports whether s looks like a resource name rather than a plain name.
func IsARN(s string) bool { return strings.HasPrefix(s, "arn:") }

// RootARN is the name of an account's root user.
func RootARN(account string) ARN {
	return ARN{Partition: "aws", Service: "iam", Account: account, Resource: "root"}
}

// SessionARN is the name of a session of a role. It has the role's name without its
// path.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
func SessionARN(role ARN, session string) ARN {
	name := role.Resource[strings.LastIndexByte(role.Resource, '/')+1:]
	return ARN{Partition: role.Partition, Service: "sts", Account: role.Account,
		Resource: "assumed-role/" + name + "/" + session}
}
