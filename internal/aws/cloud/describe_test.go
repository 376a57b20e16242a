package cloud_test

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/awsapi"
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

// shared are the services whose limits stand in another's file.
func shared(service string) string {
	if service == "dynamodbstreams" {
		return "dynamodb" // one store, two APIs
	}
	return service
}

// literals are the texts in the code of a folder and those below it.
func literals(t *testing.T, folder string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == gotoken.STRING {
				text, err := strconv.Unquote(lit.Value)
				require.NoError(t, err)
				found[text] = true
			}
			return true
		})
		return nil
	}))
	return found
}

// Every service has its numbers in a file, and no number stands there that
// nobody reads.
func TestDescribe_everyRowOfTheLimitsIsRead(t *testing.T) {
	files, err := filepath.Glob("../limits/*.yaml")
	require.NoError(t, err)
	rows, of := 0, map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		service, _, _ := strings.Cut(name, "_")
		of[service] = true
		read := literals(t, "../service/"+service)
		for _, d := range cloud.Describe() { // and those that share it
			if shared(d.Name) == service {
				maps.Copy(read, literals(t, "../service/"+d.Name))
			}
		}
		for row, l := range limits.Table(name) {
			made := false // of a kind and an ending: "user" and "InlinePolicySize"
			for text := range read {
				made = made || len(text) > 8 && strings.HasSuffix(row, text) && read[strings.TrimSuffix(row, text)]
			}
			assert.True(t, read[row] || made, "%s of %s.yaml is read by nobody", row, name)
			require.True(t, strings.HasPrefix(l.Source, "https://"), "%s of %s.yaml has no source", row, name)
			rows++
		}
	}
	for _, d := range cloud.Describe() {
		require.True(t, of[shared(d.Name)], "%s has no limits", d.Name)
	}
	t.Logf("%d rows", rows)
	require.Greater(t, rows, 50)
}

// The folder of a service says what is left out, and the SDK's client has every
// operation with the types that the handlers have.
func TestDescribe_isWhatTheFolderAndTheClientHave(t *testing.T) {
	for _, d := range cloud.Describe() {
		doc, err := os.ReadFile("../service/" + d.Name + "/doc.go")
		require.NoError(t, err)
		require.Regexp(t, `(?i)left\s+(//\s+)?out|not\s+(//\s+)?emulated`, string(doc), d.Name)
		require.NotEmpty(t, d.Title)
		client, ok := awsapi.Find(d.Name)
		require.True(t, ok, d.Name)
		for _, op := range d.Operations {
			has, ok := client.Operation(op.Name)
			require.True(t, ok, "%s.%s", d.Name, op.Name)
			require.Equal(t, has.Input, op.Input)
			require.Equal(t, has.Output, op.Output)
		}
	}
}
