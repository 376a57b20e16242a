package dynamodb

import (
	"context"
	"iter"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

// acrossAccounts lets an operation work in the account that the ARNs of its
// tables name; a plain name is one of the caller's own. Whether the caller may
// is decided before, at the door.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-cross-account-access.html
func acrossAccounts(op *gateway.Operation) {
	one, handle, name := gateway.Member(op.Input, "TableName"), op.Handle, op.Name
	op.Handle = func(ctx context.Context, input any) (any, error) {
		c := gateway.From(ctx)
		owner := c.Scope.Account
		if one != nil {
			var err error
			if owner, err = accountOf(c, one(input)); err != nil {
				return nil, err
			}
		} else if tables := tablesOf(input); tables != nil {
			var err error
			if owner, err = accountOfAll(c, name, tables); err != nil {
				return nil, err
			}
		}
		if owner == c.Scope.Account {
			return handle(ctx, input)
		}
		if name == "CreateTable" {
			return nil, refuse(msgOwnAccount)
		}
		theirs := *c
		theirs.Scope.Account = owner
		return handle(gateway.WithCall(ctx, &theirs), input)
	}
}

// tablesOf are the tables that an operation on several ones names.
func tablesOf(input any) iter.Seq[string] {
	switch in := input.(type) {
	case *dynamodb.BatchGetItemInput:
		return maps.Keys(in.RequestItems)
	case *dynamodb.BatchWriteItemInput:
		return maps.Keys(in.RequestItems)
	case *dynamodb.TransactGetItemsInput:
		return func(yield func(string) bool) {
			for _, t := range in.TransactItems {
				if t.Get != nil && !yield(aws.ToString(t.Get.TableName)) {
					return
				}
			}
		}
	case *dynamodb.TransactWriteItemsInput:
		return func(yield func(string) bool) {
			for _, t := range in.TransactItems {
				var name *string
				switch {
				case t.Put != nil:
					name = t.Put.TableName
				case t.Update != nil:
					name = t.Update.TableName
				case t.Delete != nil:
					name = t.Delete.TableName
				case t.ConditionCheck != nil:
					name = t.ConditionCheck.TableName
				}
				if name != nil && !yield(*name) {
					return
				}
			}
		}
	}
	return nil
}

// accountOfAll is the account of all of these tables.
func accountOfAll(c *gateway.Call, operation string, tables iter.Seq[string]) (string, error) {
	owner := ""
	for table := range tables {
		account, err := accountOf(c, table)
		switch {
		case err != nil:
			return "", err
		case owner != "" && owner != account:
			return "", gateway.Unsupported("dynamodb", operation, "tables of several accounts")
		}
		owner = account
	}
	if owner == "" {
		owner = c.Scope.Account
	}
	return owner, nil
}

// accountOf is the account of the table that a parameter names, which may be an ARN.
func accountOf(c *gateway.Call, table string) (string, error) {
	if !ident.IsARN(table) {
		return c.Scope.Account, nil
	}
	a, err := ident.ParseARN(table)
	name, isTable := strings.CutPrefix(a.Resource, "table/")
	wrong := ""
	switch {
	case err != nil:
		wrong = "Invalid ARN"
	case a.Partition != "aws":
		wrong = "Invalid AWS partition"
	case a.Region != c.Scope.Region:
		wrong = "Invalid AWS region"
	case a.Service != "dynamodb" || !isTable || strings.Contains(name, "/"):
		wrong = "Invalid resource type"
	}
	if wrong != "" {
		return "", refuse("1 validation error detected: %s in '%s'", wrong, table)
	}
	return a.Account, nil
}

// scopeOf is where the table is that a parameter names.
func scopeOf(c *gateway.Call, table *string) ident.Scope {
	if name := aws.ToString(table); ident.IsARN(name) {
		if a, err := ident.ParseARN(name); err == nil {
			return a.Scope()
		}
	}
	return c.Scope
}
