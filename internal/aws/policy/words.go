package policy

import "fmt"

// AssumeRole is the action that a trust policy allows.
const AssumeRole = "sts:AssumeRole"

// Because is the reason of a refusal as AWS words it, empty for what is allowed.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
func (d Decision) Because(action string) string {
	switch d.Outcome {
	case ExplicitDeny:
		article := "a"
		switch d.Type {
		case IdentityBased:
			article = "an"
		case RoleTrust:
			article = "the"
		}
		return fmt.Sprintf("with an explicit deny in %s %s", article, d.Type)
	case ImplicitDeny:
		return fmt.Sprintf("because no %s allows the %s action", d.Type, action)
	}
	return ""
}

// Refusal is AWS's message for a caller who is refused; resource may be empty or
// "*", which is not named.
func (d Decision) Refusal(caller, action, resource string) string {
	on := ""
	if resource != "" && resource != "*" {
		on = " on resource: " + resource
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s%s %s", caller, action, on, d.Because(action))
}
