package lambda

import (
	"context"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// named finds out which function a request means. A qualifier may be part of
// the name, or a parameter, or both when they agree.
func named(ctx context.Context, name, qualifier *string) (esm.Function, error) {
	fn, err := esm.ParseFunction(aws.ToString(name), gateway.From(ctx).Scope)
	if err != nil {
		return fn, invalid("%s is not a valid function name", aws.ToString(name))
	}
	q := aws.ToString(qualifier)
	if q != "" && fn.Qualifier != "" && q != fn.Qualifier {
		return fn, invalid("The derived qualifier from the function name does not match the specified qualifier.")
	}
	if fn.Qualifier == "" {
		fn.Qualifier = q
	}
	return fn, nil
}

// unqualified is named for operations on the function as a whole.
func unqualified(ctx context.Context, name *string) (esm.Function, error) {
	fn, err := named(ctx, name, nil)
	if err == nil && fn.Qualifier != "" {
		return fn, invalid("The function name must not have a qualifier: %s", aws.ToString(name))
	}
	return fn, err
}

// find returns the version that fn means: its own, an alias's (the one of
// greater weight), or the latest.
func (s *Service) find(tx *store.Tx, fn esm.Function) (version, error) {
	q := fn.Qualifier
	if q == "" {
		q = latest
	}
	if a, ok := s.aliases.Get(tx, fn.Scope, store.Key(fn.Name, q)); ok {
		q = a.Version
	}
	v, ok := s.versions.Get(tx, fn.Scope, versionKey(fn.Name, q))
	if !ok {
		return v, missingFunction(fn.ARN())
	}
	return v, nil
}

// versionKey orders the versions of a function by number, $LATEST first.
func versionKey(name, v string) string {
	if v == latest {
		return store.Key(name, latest)
	}
	return store.Key(name, strings.Repeat("0", max(0, 20-len(v)))+v)
}

// isVersion reports whether a qualifier is a number.
func isVersion(q string) bool {
	_, err := strconv.ParseInt(q, 10, 64)
	return err == nil
}

// page cuts a list of sorted keys: the items from marker on, and the marker of
// the next page.
func page[T any](items []T, key func(T) string, marker *string, most *int32, longest int) ([]T, *string) {
	from := 0
	if marker != nil {
		for from < len(items) && key(items[from]) < *marker {
			from++
		}
	}
	n := longest
	if most != nil {
		n = min(n, int(*most))
	}
	items = items[from:]
	if len(items) <= n {
		return items, nil
	}
	return items[:n], aws.String(key(items[n]))
}
