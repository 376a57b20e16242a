package dynamodb

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// keySchema reads a KeySchema parameter.
func keySchema(operation string, in []types.KeySchemaElement) (KeySchema, error) {
	var k KeySchema
	for i, e := range in {
		name := aws.ToString(e.AttributeName)
		switch {
		case i == 0 && e.KeyType != types.KeyTypeHash:
			return k, refuse("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
		case i == 0:
			k.Hash = name
		case i == 1 && len(in) == 2 && e.KeyType == types.KeyTypeRange:
			k.Range = name
		case i == 1 && len(in) == 2:
			return k, refuse("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
		default:
			return k, gateway.Unsupported("dynamodb", operation, "a key of several attributes (KeySchema)")
		}
	}
	if k.Hash == "" {
		return k, refuse(invalid + "Table KeySchema is empty")
	}
	if k.Hash == k.Range {
		return k, refuse("Both the Hash Key and the Range Key element in the KeySchema have the same name")
	}
	return k, nil
}

func attributes(in []types.AttributeDefinition) []Attribute {
	out := make([]Attribute, len(in))
	for i, a := range in {
		out[i] = Attribute{Name: aws.ToString(a.AttributeName), Type: string(a.AttributeType)}
	}
	return out
}

// checkAttributes compares the definitions with what keys use.
func (t *Table) checkAttributes() error {
	defined := map[string]bool{}
	var names []string
	for _, a := range t.Attributes {
		if defined[a.Name] {
			return refuse(invalid+"Cannot have two attributes with the same name: %s", a.Name)
		}
		defined[a.Name] = true
		names = append(names, a.Name)
	}
	used := t.Schema.names()
	for _, n := range used {
		if !defined[n] {
			return refuse(invalid+
				"Some index key attributes are not defined in AttributeDefinitions. Keys: [%s], AttributeDefinitions: [%s]",
				strings.Join(used, ", "), strings.Join(names, ", "))
		}
	}
	indexes := t.present()
	for _, ix := range indexes {
		for _, n := range ix.Schema.names() {
			if !defined[n] {
				return refuse(invalid+
					"Some index key attributes are not defined in AttributeDefinitions. Keys: [%s], AttributeDefinitions: [%s]",
					strings.Join(ix.Schema.names(), ", "), strings.Join(names, ", "))
			}
			if !slices.Contains(used, n) {
				used = append(used, n)
			}
		}
	}
	if len(used) == len(defined) {
		return nil
	}
	if len(indexes) == 0 {
		return refuse(invalid +
			"Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
	}
	return refuse(invalid+"Some AttributeDefinitions are not used. AttributeDefinitions: [%s], keys used: [%s]",
		strings.Join(names, ", "), strings.Join(used, ", "))
}

// indexSpec is the common part of the parameters that define an index.
type indexSpec struct {
	name       *string
	schema     []types.KeySchemaElement
	projection *types.Projection
	global     bool
	provided   *types.ProvisionedThroughput
}

func newIndex(operation string, spec indexSpec, onDemand bool) (*Index, error) {
	ix := &Index{Name: aws.ToString(spec.name), Global: spec.global}
	var err error
	if ix.Schema, err = keySchema(operation, spec.schema); err != nil {
		return nil, err
	}
	if spec.projection == nil || spec.projection.ProjectionType == "" {
		return nil, refuse(invalid + "Unknown ProjectionType: null")
	}
	ix.Projection, ix.NonKey = string(spec.projection.ProjectionType), spec.projection.NonKeyAttributes
	switch include := ix.Projection == "INCLUDE"; {
	case include && len(ix.NonKey) == 0:
		return nil, refuse(invalid + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
	case !include && ix.NonKey != nil:
		return nil, refuse(invalid+"ProjectionType is %s, but NonKeyAttributes is specified", ix.Projection)
	}
	if !spec.global {
		return ix, nil
	}
	ix.Provided, err = throughput(spec.provided, onDemand, "for index: "+ix.Name)
	return ix, err
}

// throughput reads ProvisionedThroughput, which the billing mode demands or
// forbids.
func throughput(in *types.ProvisionedThroughput, onDemand bool, where string) (Throughput, error) {
	switch {
	case onDemand && in != nil && (aws.ToInt64(in.ReadCapacityUnits) != 0 || aws.ToInt64(in.WriteCapacityUnits) != 0):
		return Throughput{},
			refuse(invalid +
				"Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
	case onDemand:
		return Throughput{}, nil
	case in == nil && where != "":
		return Throughput{}, refuse(invalid+"ProvisionedThroughput must be specified %s", where)
	case in == nil:
		return Throughput{},
			refuse(invalid + "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
	}
	p := Throughput{Read: aws.ToInt64(in.ReadCapacityUnits), Write: aws.ToInt64(in.WriteCapacityUnits)}
	if most := limit("tableUnits"); p.Read > most || p.Write > most {
		return p, &types.LimitExceededException{Message: aws.String(
			"The requested throughput exceeds the per-table limit of the account")}
	}
	return p, nil
}

// checkIndexes applies the rules between the table and its indexes.
func (t *Table) checkIndexes() error {
	names, locals, globals, projected := map[string]bool{}, 0, 0, 0
	for _, ix := range t.present() {
		if names[ix.Name] {
			return refuse(invalid+"Duplicate index name: %s", ix.Name)
		}
		names[ix.Name] = true
		projected += len(ix.NonKey)
		if ix.Global {
			globals++
			continue
		}
		locals++
		switch {
		case t.Schema.Range == "":
			return refuse(invalid +
				"Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex")
		case ix.Schema.Range == "":
			return refuse(invalid+"Index KeySchema does not have a range key for index: %s", ix.Name)
		case ix.Schema.Hash != t.Schema.Hash:
			return refuse(invalid+"Index KeySchema does not have the same leading hash key as table KeySchema for index: %s. "+
				"index hash key: %s, table hash key: %s", ix.Name, ix.Schema.Hash, t.Schema.Hash)
		}
	}
	switch {
	case locals > int(limit("localSecondaryIndexes")):
		return refuse(invalid+"Number of LocalSecondaryIndexes exceeds per-table limit of %d", limit("localSecondaryIndexes"))
	case globals > int(limit("globalSecondaryIndexes")):
		return refuse(invalid+"Number of GlobalSecondaryIndexes exceeds per-table limit of %d",
			limit("globalSecondaryIndexes"))
	case projected > int(limit("projectedAttributes")):
		return refuse(invalid+"Number of projected attributes exceeds per-table limit of %d", limit("projectedAttributes"))
	}
	return nil
}

// ready is when an index that is made now will be active.
func ready(now time.Time) time.Time { return now.Add(settle()) }
