package dynamodb

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

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

// tablesOf are the tables that an operation on several ones names, each with the place
// of its name in the input.
func tablesOf(input any) iter.Seq2[string, string] {
	switch in := input.(type) {
	case *dynamodb.BatchGetItemInput:
		return requested(in.RequestItems)
	case *dynamodb.BatchWriteItemInput:
		return requested(in.RequestItems)
	case *dynamodb.TransactGetItemsInput:
		return func(yield func(string, string) bool) {
			for i, t := range in.TransactItems {
				if t.Get != nil && !yield(actionPath(i, "get"), aws.ToString(t.Get.TableName)) {
					return
				}
			}
		}
	case *dynamodb.TransactWriteItemsInput:
		return func(yield func(string, string) bool) {
			for i, t := range in.TransactItems {
				if action, name := actionTable(t); name != nil && !yield(actionPath(i, action), *name) {
					return
				}
			}
		}
	}
	return nil
}

func requested[T any](items map[string]T) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, name := range slices.Sorted(maps.Keys(items)) {
			if !yield("requestItems", name) {
				return
			}
		}
	}
}

func actionPath(i int, action string) string {
	return fmt.Sprintf("transactItems.%d.member.%s.tableName", i+1, action)
}

// actionTable is what a part of a transaction does, and the table that it names.
func actionTable(t types.TransactWriteItem) (action string, name *string) {
	switch {
	case t.Put != nil:
		return "put", t.Put.TableName
	case t.Update != nil:
		return "update", t.Update.TableName
	case t.Delete != nil:
		return "delete", t.Delete.TableName
	case t.ConditionCheck != nil:
		return "conditionCheck", t.ConditionCheck.TableName
	}
	return "", nil
}

// accountOfAll is the account of all of these tables.
func accountOfAll(c *gateway.Call, operation string, tables iter.Seq2[string, string]) (string, error) {
	owner := ""
	for _, table := range tables {
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
