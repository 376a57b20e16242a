package gateway

import (
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/policy"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Authority is the service that knows what principals may do: IAM.
type Authority interface {
	// Permissions are those of a user, or of the role behind a session; ok is
	// false when there is no such one any more.
	Permissions(tx *store.Tx, p Principal) (perms Permissions, ok bool)
	// State is equal to an earlier one while all that Permissions returns is.
	State(tx *store.Tx) [2]store.State
}

// Permissions is what IAM holds of a principal. It must not be changed.
type Permissions struct {
	ID       string // unique id of the user or role
	Identity []policy.Named
	Boundary []policy.Named // nil without one
	Tags     map[string]string
}

// Guard is a service whose resources have policies of their own.
type Guard interface {
	// ResourcePolicy returns a resource's policy; ok is false where there is none.
	ResourcePolicy(tx *store.Tx, arn ident.ARN) (document string, ok bool)
}

// Owner is a service whose ARNs do not name the account, such as S3's.
type Owner interface {
	// OwnerOf returns the account that a resource belongs to, "" for no resource.
	OwnerOf(tx *store.Tx, arn ident.ARN) string
}

// Tagged is a service whose resources have tags that policies may ask for.
type Tagged interface {
	// ResourceTags returns a resource's tags; they must not be changed.
	ResourceTags(tx *store.Tx, arn ident.ARN) map[string]string
}
