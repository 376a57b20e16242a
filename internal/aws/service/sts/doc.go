// Package sts is the AWS Security Token Service: who am I, temporary
// credentials of a role or of the caller, and whose a key is. Sessions are
// stored with their expiry and end when the clock passes it.
//
// Whether the caller may assume a role (the role's trust policy) is decided at
// the gateway, not here. Left out: federation by SAML and web identity, MFA; a
// request that uses them is refused.
//
// Source: https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html
package sts
