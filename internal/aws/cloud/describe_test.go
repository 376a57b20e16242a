package cloud_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

// filled makes an input of an operation whose text members have these values.
func filled(op gateway.Operation, value func(member string) string) any {
	in := reflect.New(op.Input)
	for i := range op.Input.NumField() {
		f, field := in.Elem().Field(i), op.Input.Field(i)
		v := value(field.Name)
		switch {
		case v == "" || !field.IsExported():
		case f.Type() == reflect.TypeFor[*string]():
			f.Set(reflect.ValueOf(&v))
		case f.Kind() == reflect.String:
			f.SetString(v)
		}
	}
	return in.Interface()
}

// What labs and fault rules call a resource does not change: the first of these
// members that is set, for all services alike.
func TestDescribe_resourcesHaveTheNamesThatFaultRulesUse(t *testing.T) {
	members := []string{"StreamName", "StreamARN", "TableName", "Bucket", "FunctionName", "QueueUrl", "QueueName",
		"LogGroupName", "StackName", "RoleName", "UUID"}
	services := gateway.NewCatalogue(cloud.Describe()...)
	named := 0
	for _, d := range services.All() {
		for _, op := range d.Operations {
			for from := range members {
				in := filled(op, func(m string) string {
					for _, name := range members[from:] {
						if m == name {
							return "arn:aws:x:us-east-1:000000000000:kind/" + m
						}
					}
					if m == "Key" {
						return "a/key"
					}
					return ""
				})
				want := ""
				for _, name := range members[from:] {
					f := reflect.Indirect(reflect.ValueOf(in).Elem().FieldByName(name))
					if !f.IsValid() || f.Kind() != reflect.String || f.Len() == 0 {
						continue
					}
					want = f.String()
					switch name {
					case "StreamARN", "QueueUrl", "FunctionName", "TableName":
						want = name
					case "Bucket":
						if _, keyed := op.Input.FieldByName("Key"); keyed {
							want += "/a/key"
						}
					}
					named++
					break
				}
				got := services.Resource(&gateway.Call{Service: d.Name, Operation: op.Name, Input: in})
				require.Equal(t, want, got, "%s.%s from %s", d.Name, op.Name, members[from])
			}
		}
	}
	require.Greater(t, named, 200)
}

// Every operation says what it needs, also of an input in which nothing is set:
// what is wrong with that is for the handler to say.
func TestDescribe_everyOperationSaysWhatItNeeds(t *testing.T) {
	scope := ident.Scope{Account: "123456789012", Region: "eu-central-1"}
	for _, d := range cloud.Describe() {
		for _, op := range d.Operations {
			for _, value := range []string{"", "name"} {
				c := &gateway.Call{Service: d.Name, Operation: op.Name, Scope: scope,
					Input: filled(op, func(string) string { return value })}
				for _, n := range op.Needs(c) {
					prefix, action, ok := strings.Cut(n.Action, ":")
					require.True(t, ok && prefix != "" && action != "", "%s.%s: %q", d.Name, op.Name, n.Action)
					require.NotEmpty(t, n.Resources, "%s.%s", d.Name, op.Name)
				}
			}
		}
	}
}
