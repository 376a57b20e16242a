// Package iam is AWS Identity and Access Management: users with access keys,
// groups, roles, inline and managed policies with versions, tags.
//
// It stores what it is given, checks that policy documents are ones, and finds
// the owners of access keys for the gateway. Whether a policy allows a call is
// not decided here. Left out: passwords and consoles, MFA devices, SAML and
// OIDC providers, instance profiles, account aliases, reports, policy
// simulation. A permissions boundary is refused, not ignored.
//
// Of AWS's own managed policies, those that labs attach are there, with their
// documents, some in short forms not yet compared with AWS's policy reference; any other answers NoSuchEntity.
//
// Sources: https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html
// and, for quotas, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
package iam
