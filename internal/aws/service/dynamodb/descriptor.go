package dynamodb

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Describe implements gateway.Service. Resources and condition keys:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
func (s *Service) Describe() gateway.Descriptor {
	return gateway.Descriptor{
		Name: "dynamodb", Title: "DynamoDB",
		Errors: gateway.Errors{
			Throttled: wire.Fault{Code: "ProvisionedThroughputExceededException"},
			Wording: wire.Wording{Failed: wire.Fault{Code: "InternalServerError"}, Names: errorNames(), Sums: true,
				Choices: choices(),
				SeveralMembers: wire.Fault{Code: "ValidationException", Message: "Supplied AttributeValue has more than one " +
					"datatypes set, must contain exactly one of the supported datatypes"}},
		},
		Members: gateway.Members{Used: members()},
		Operations: gateway.With(append(s.tableOperations(), s.itemOperations()...),
			gateway.Prefix("dynamodb"),
			gateway.About(tableARN, "TableName"),
			gateway.ByARN("ResourceArn"),
			gateway.Traced(gateway.LastPart, "TableName"),
			acrossAccounts,
			wellNamed),
	}
}

// choices are the values of enums in the order in which AWS lists them, where that is
// not the model's. Recorded on AWS: github.com/architect/dynalite, validations, and
// github.com/nubo-db/dynamodb-conformance.
func choices() map[string][]string {
	return map[string][]string{
		"ComparisonOperator": {"IN", "NULL", "BETWEEN", "LT", "NOT_CONTAINS", "EQ", "GT", "NOT_NULL", "NE", "LE",
			"BEGINS_WITH", "GE", "CONTAINS"},
		"ConditionalOperator":         {"OR", "AND"},
		"ProjectionType":              {"ALL", "INCLUDE", "KEYS_ONLY"},
		"ReturnConsumedCapacity":      {"INDEXES", "TOTAL", "NONE"},
		"ReturnItemCollectionMetrics": {"SIZE", "NONE"},
		"ReturnValue":                 {"ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"},
		"ScalarAttributeType":         {"B", "N", "S"},
		"Select":                      {"SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"},
	}
}

func (s *Service) tableOperations() []gateway.Operation {
	c := gateway.Control
	return []gateway.Operation{
		gateway.Op(c, s.CreateTable, gateway.Needing(createNeeds)),
		gateway.Op(c, s.UpdateTable),
		gateway.Op(c, s.DeleteTable),
		gateway.Op(c, s.DescribeTable),
		gateway.Op(c, s.ListTables),
		gateway.Op(c, s.UpdateTimeToLive),
		gateway.Op(c, s.DescribeContinuousBackups),
		gateway.Op(c, s.DescribeTimeToLive),
		gateway.Op(c, s.TagResource),
		gateway.Op(c, s.UntagResource),
		gateway.Op(c, s.ListTagsOfResource),
		gateway.Op(c, s.PutResourcePolicy),
		gateway.Op(c, s.GetResourcePolicy),
		// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteResourcePolicy.html
		gateway.Op(c, s.DeleteResourcePolicy, gateway.Unlocking()),
		gateway.Op(c, s.DescribeLimits),
		gateway.Op(c, s.DescribeEndpoints),
	}
}

func (s *Service) itemOperations() []gateway.Operation {
	d := gateway.Data
	return []gateway.Operation{
		gateway.Op(d, s.PutItem, gateway.Keyed(s.putKeys)),
		gateway.Op(d, s.GetItem, gateway.Keyed(s.getKeys)),
		gateway.Op(d, s.UpdateItem, gateway.Keyed(s.updateKeys)),
		gateway.Op(d, s.DeleteItem, gateway.Keyed(s.deleteKeys)),
		gateway.Op(d, s.Query, gateway.On(queried), gateway.Keyed(s.queryKeys)),
		gateway.Op(d, s.Scan, gateway.On(scanned), gateway.Keyed(scanKeys)),
		gateway.Op(d, s.BatchGetItem, gateway.Needing(s.batchGetNeeds)),
		gateway.Op(d, s.BatchWriteItem, gateway.Needing(s.batchWriteNeeds), gateway.Batched(splitWrites)),
		gateway.Op(d, s.TransactGetItems, gateway.Needing(s.transactGetNeeds)),
		gateway.Injecting(gateway.Op(d, s.TransactWriteItems, gateway.Needing(s.transactWriteNeeds)), conflict),
		gateway.Op(d, s.ExecuteStatement, gateway.Needing(s.statementNeeds)),
		gateway.Op(d, s.BatchExecuteStatement, gateway.Needing(s.batchStatementNeeds)),
		gateway.Injecting(gateway.Op(d, s.ExecuteTransaction, gateway.Needing(s.transactStatementNeeds)),
			func(in *dynamodb.ExecuteTransactionInput, injected *gateway.Error) error {
				return conflicts(len(in.TransactStatements), injected)
			}),
	}
}

// tableARN is the ARN of a table that a request names in either way.
func tableARN(name string, scope ident.Scope) string {
	return scope.Named("dynamodb", "table/", name)
}

// errorNames are the names of errors as raw clients and log parsers meet them.
// Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html and
// recordings of AWS.
func errorNames() wire.ErrorNames {
	const own = "com.amazonaws.dynamodb.v20120810#"
	return wire.ErrorNames{Own: own, Common: "com.amazon.coral.service#", Named: map[string]string{
		"ValidationException":                    "com.amazon.coral.validate#ValidationException",
		"ThrottlingException":                    "com.amazon.coral.availability#ThrottlingException",
		"InternalServerError":                    own + "InternalServerError",
		"ProvisionedThroughputExceededException": own + "ProvisionedThroughputExceededException",
	}}
}
