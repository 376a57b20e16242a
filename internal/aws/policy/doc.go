// Package policy is AWS's policy language: it parses documents and decides
// requests by them. It is pure: who calls, which policies apply and what the
// condition keys hold is handed in, and the answer explains itself.
//
// Evaluation follows AWS's enforcement logic: an explicit deny in any policy
// wins; within one account an identity-based or a resource-based policy has to
// allow, across accounts both; permissions boundaries, session policies and
// other ceilings limit what the rest allows.
//
// Left out: the rule of KMS that a key policy must let IAM in at all (a caller
// sets Request.ResourceRequired for that), and access control lists.
//
// Sources:
//   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
//   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
//   - https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
package policy
