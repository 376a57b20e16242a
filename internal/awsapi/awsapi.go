// Package awsapi is the SDK's clients as a table: every operation of every
// service that is emulated, with the types of its input and output and a way to
// call it. What reads the table needs no list of services of its own. It knows
// nothing of the emulated AWS.
//
// The table is generated from the SDK's modules, for the folders of
// internal/aws/service. Operations are method expressions: nothing is looked up
// by its name at run time.
package awsapi

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

//go:generate go run ./gen ../aws/service

// Service is one service's client.
type Service struct {
	// Name is the SDK's package name, by which the service goes everywhere:
	// "cloudwatchlogs".
	Name string
	// Client makes a client; each setting gets a pointer to the options of the
	// service's package. Buckets are named in paths.
	Client func(cfg aws.Config, settings ...func(options any)) any
	// Operations are all that the client has, sorted by name.
	Operations []Operation
}

// Operation is one operation of a client.
type Operation struct {
	Name   string
	Input  reflect.Type // struct type, not pointer
	Output reflect.Type
	// Call calls it with the client that the service's Client has made and a
	// pointer to Input; the answer is a pointer to Output.
	Call func(ctx context.Context, client, input any) (output any, err error)
}

// All are the services, sorted by name.
func All() []Service { return table() }

// table is made once: it has some seven hundred functions.
var table = sync.OnceValue(services)

// Find finds a service by its name.
func Find(name string) (Service, bool) {
	all := All()
	i, ok := slices.BinarySearchFunc(all, name, func(s Service, name string) int { return strings.Compare(s.Name, name) })
	if !ok {
		return Service{}, false
	}
	return all[i], true
}

// Names are the names of all services.
func Names() []string {
	names := make([]string, len(All()))
	for i, s := range All() {
		names[i] = s.Name
	}
	return names
}

// Operation finds an operation by its name.
func (s Service) Operation(name string) (Operation, bool) {
	i, ok := slices.BinarySearchFunc(s.Operations, name, func(o Operation, name string) int {
		return strings.Compare(o.Name, name)
	})
	if !ok {
		return Operation{}, false
	}
	return s.Operations[i], true
}

// op makes an operation of a client's method. Its parameters are pointers, so
// that all operations share one body of code.
func op[C, I, O, P any](call func(C, context.Context, I, ...P) (O, error)) Operation {
	in := reflect.TypeFor[I]().Elem()
	return Operation{
		Name: strings.TrimSuffix(in.Name(), "Input"), Input: in, Output: reflect.TypeFor[O]().Elem(),
		Call: func(ctx context.Context, client, input any) (any, error) {
			c, ok := client.(C)
			if !ok {
				return nil, fmt.Errorf("a %T is no client of %s", client, in)
			}
			out, err := call(c, ctx, input.(I))
			if err != nil {
				return nil, err // a typed nil must not reach the caller as a value
			}
			return out, nil
		},
	}
}

// client makes Service.Client of a package's NewFromConfig.
func client[C, P any](make func(aws.Config, ...func(*P)) C) func(aws.Config, ...func(any)) any {
	return func(cfg aws.Config, settings ...func(any)) any {
		return make(cfg, func(o *P) {
			// The names of buckets in host names would need a resolver that knows them.
			if o, ok := any(o).(*s3.Options); ok {
				o.UsePathStyle = true
			}
			for _, set := range settings {
				set(o)
			}
		})
	}
}
