package dynamodb

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

// The rules of a table's name. The model lacks them: since a table can be named by its
// ARN it allows any text of 1 to 1,024 characters.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
const (
	shortestName = 3
	longestName  = 255
	namePattern  = "[a-zA-Z0-9_.-]+"
)

var tableNameForm = regexp.MustCompile("^" + namePattern + "$")

// wellNamed lets an operation look at the names of its tables before anything else of
// its input. Answers recorded on AWS: github.com/nubo-db/dynamodb-conformance,
// tests/tier3/error-messages and validation-ordering.
func wellNamed(op *gateway.Operation) {
	one, manages := gateway.Member(op.Input, "TableName"), op.Plane == gateway.Control
	switch {
	case one != nil:
		gateway.First(func(input any) error {
			if manages && reflect.ValueOf(input).Elem().FieldByName("TableName").IsNil() {
				return refuse("The parameter 'TableName' is required but was not present in the request")
			}
			if err := checkName("tableName", one(input)); err != nil {
				return err
			}
			return checkForm(input)
		})(op)
	case op.Input == reflect.TypeFor[dynamodb.BatchGetItemInput](),
		op.Input == reflect.TypeFor[dynamodb.BatchWriteItemInput]():
		name := op.Name
		gateway.First(func(input any) error {
			if reflect.ValueOf(input).Elem().FieldByName("RequestItems").Len() == 0 {
				return refuse("The requestItems parameter is required for %s", name)
			}
			if err := checkRequested(input); err != nil {
				return err
			}
			return checkForm(input)
		})(op)
	case op.Input == reflect.TypeFor[dynamodb.TransactGetItemsInput](),
		op.Input == reflect.TypeFor[dynamodb.TransactWriteItemsInput]():
		gateway.First(func(input any) error {
			for path, name := range tablesOf(input) {
				if err := checkName(path, name); err != nil {
					return err
				}
			}
			return nil
		})(op)
	}
}

// checkForm is what AWS says of some members in other words than the rest of the model,
// or of other limits than the model has. Recorded on AWS, as above.
func checkForm(input any) error {
	demand := "1 validation error detected: Value%s at '%s' failed to satisfy constraint: Member must have %s"
	switch in := input.(type) {
	case *dynamodb.CreateTableInput:
		if len(in.KeySchema) > 2 { // of a table; indexes have several attributes in their keys
			var elements []string
			for _, e := range in.KeySchema {
				elements = append(elements, fmt.Sprintf("KeySchemaElement(attributeName=%s, keyType=%s)",
					aws.ToString(e.AttributeName), e.KeyType))
			}
			return refuse(demand, " '["+strings.Join(elements, ", ")+"]'", "keySchema", "length less than or equal to 2")
		}
	case *dynamodb.QueryInput:
		if in.Limit != nil && *in.Limit < 1 {
			return refuse(demand, "", "Limit", "value greater than or equal to 1")
		}
	case *dynamodb.BatchGetItemInput:
		for table, r := range in.RequestItems {
			if most := int(limit("batchGetItems")); len(r.Keys) > most {
				return refuse(demand, "", "RequestItems."+table+".member.Keys",
					fmt.Sprintf("length less than or equal to %d", most))
			}
		}
	}
	return nil
}

// checkName refuses a bad name at this place of the input. What is absent is left to
// the model.
func checkName(path, name string) error {
	found := nameFaults(name)
	if len(found) == 0 {
		return nil
	}
	plural := ""
	if len(found) > 1 {
		plural = "s"
	}
	for i, demand := range found {
		found[i] = fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: %s", name, path, demand)
	}
	return refuse("%d validation error%s detected: %s", len(found), plural, strings.Join(found, "; "))
}

// checkRequested is checkName for the keys of RequestItems.
func checkRequested(input any) error {
	for _, name := range tablesOf(input) {
		if len(nameFaults(name)) == 0 {
			continue
		}
		return refuse("1 validation error detected: Value '{%s=...}' at 'requestItems' failed to satisfy constraint: "+
			"Map keys must satisfy constraint: [Member must have length less than or equal to %d, Member must have length "+
			"greater than or equal to %d, Member must satisfy regular expression pattern: %s]",
			name, longestName, shortestName, namePattern)
	}
	return nil
}

// nameFaults are the demands that a name does not meet; of an ARN, the name in it.
func nameFaults(name string) (demands []string) {
	if ident.IsARN(name) {
		name = tableName(&name)
		if ident.IsARN(name) {
			return nil // of something else: accountOf says what is wrong
		}
	}
	if name != "" && !tableNameForm.MatchString(name) {
		demands = append(demands, "Member must satisfy regular expression pattern: "+namePattern)
	}
	switch n := utf8.RuneCountInString(name); {
	case n > longestName:
		demands = append(demands, fmt.Sprintf("Member must have length less than or equal to %d", longestName))
	case n > 0 && n < shortestName:
		demands = append(demands, fmt.Sprintf("Member must have length greater than or equal to %d", shortestName))
	}
	return demands
}
