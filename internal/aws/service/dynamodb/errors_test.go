package dynamodb_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

// wrong is a request that AWS refuses as ValidationException.
type wrong struct {
	name    string
	call    func(context.Context, *sdk.Client) error
	message string
}

func key() obj { return obj{"pk": s("a"), "sk": n(1)} }

// conditional is a put with a condition; values :s, :n, :n2, :l, :b exist as
// far as the expression names them.
func conditional(text string, message string) wrong {
	return wrong{"condition " + text, func(ctx context.Context, db *sdk.Client) error {
		_, err := db.PutItem(ctx, &sdk.PutItemInput{TableName: aws.String("orders"), Item: key(),
			ConditionExpression: aws.String(text), ExpressionAttributeValues: named(text)})
		return err
	}, "Invalid ConditionExpression: " + message}
}

func updating(text string, message string) wrong {
	return wrong{"update " + text, func(ctx context.Context, db *sdk.Client) error {
		_, err := db.UpdateItem(ctx, &sdk.UpdateItemInput{TableName: aws.String("orders"), Key: key(),
			UpdateExpression: aws.String(text), ExpressionAttributeValues: named(text)})
		return err
	}, message}
}

func querying(text string, change func(*sdk.QueryInput), message string) wrong {
	return wrong{"query " + text + " " + message[:12], func(ctx context.Context, db *sdk.Client) error {
		in := &sdk.QueryInput{TableName: aws.String("orders"), KeyConditionExpression: aws.String(text),
			ExpressionAttributeValues: named(text)}
		if change != nil {
			change(in)
		}
		_, err := db.Query(ctx, in)
		return err
	}, message}
}

func putting(name string, it obj, message string) wrong {
	return wrong{"put " + name, func(ctx context.Context, db *sdk.Client) error {
		_, err := db.PutItem(ctx, &sdk.PutItemInput{TableName: aws.String("orders"), Item: it})
		return err
	}, message}
}

func transacting(name string, it obj, message string) wrong {
	return wrong{"transaction, " + name, func(ctx context.Context, db *sdk.Client) error {
		_, err := db.TransactWriteItems(ctx, &sdk.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
			{Put: &types.Put{TableName: aws.String("orders"), Item: it}}}})
		return err
	}, message}
}

func batching(name string, it obj, message string) wrong {
	return wrong{"batch, " + name, func(ctx context.Context, db *sdk.Client) error {
		_, err := db.BatchWriteItem(ctx, &sdk.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{
			"orders": {{PutRequest: &types.PutRequest{Item: it}}}}})
		return err
	}, message}
}

// nested is a value inside so many lists.
func nested(lists int) types.AttributeValue {
	v := s("leaf")
	for range lists {
		v = &types.AttributeValueMemberL{Value: []types.AttributeValue{v}}
	}
	return v
}

const deep = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond " +
	"supported limit"

func named(text string) obj {
	out := obj{}
	for name, v := range map[string]types.AttributeValue{":s": s("x"), ":n": n(1), ":n2": n(2), ":q": s("FOO"),
		":l": &types.AttributeValueMemberL{}, ":t": &types.AttributeValueMemberSS{Value: []string{"a"}}} {
		for i := 0; ; {
			j := strings.Index(text[i:], name)
			if j < 0 {
				break
			}
			i += j + len(name)
			if i == len(text) || !strings.ContainsAny(text[i:i+1], "0123456789abcdefghijklmnopqrstuvwxyz") {
				out[name] = v
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func with(name string, v types.AttributeValue) obj {
	k := key()
	k[name] = v
	return k
}

func wrongRequests() []wrong {
	const params = "One or more parameter values were invalid: "
	const empty = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an " +
		"empty string value. Key: pk"
	return []wrong{
		conditional("abort = :n", "Attribute name is a reserved keyword; reserved keyword: abort"),
		conditional("a =", `Syntax error; token: "<EOF>", near: "="`),
		conditional("a = :n :n2", `Syntax error; token: ":n2", near: ":n :n2"`),
		conditional("a ! :n", `Syntax error; token: "!", near: "a ! :n"`),
		conditional("a = :zz", "An expression attribute value used in expression is not defined; attribute value: :zz"),
		conditional("#a = :n", "An expression attribute name used in the document path is not defined; attribute name: #a"),
		conditional("foo(a)", "Invalid function name; function: foo"),
		conditional("if_not_exists(a, :n)", "The function is not allowed in a condition expression; function: if_not_exists"),
		conditional("size(a)", "The function is not allowed to be used this way in an expression; function: size"),
		conditional("begins_with(a, :n)",
			"Incorrect operand type for operator or function; operator or function: begins_with, operand type: N"),
		conditional("begins_with(a)",
			"Incorrect number of operands for operator or function; operator or function: begins_with, number of operands: 1"),
		conditional("attribute_exists(:s)",
			"Operator or function requires a document path; operator or function: attribute_exists"),
		conditional("attribute_type(a, :q)",
			"Invalid attribute type name found; type: FOO, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}"),
		conditional("a < :l", "Incorrect operand type for operator or function; operator or function: <, operand type: L"),
		conditional("a = a",
			"The first operand must be distinct from the remaining operands for this operator or function; operator: =, first "+
				"operand: [a]"),
		conditional("a BETWEEN :n2 AND :n",
			"The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "+
				"lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}"),
		conditional("a BETWEEN :n AND :s", "The BETWEEN operator requires same data type for lower and upper bounds; "+
			"lower bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:x}"),
		conditional("((a = :n))", "The expression has redundant parentheses;"),
		conditional(" ", "The expression can not be empty;"),
		conditional(strings.Repeat("a = :n OR ", 420)+"a = :n",
			"Expression size has exceeded the maximum allowed size; expression size: 4206"),
		conditional(strings.Repeat("a=:n OR ", 200)+"a=:n",
			"The expression contains too many operators; operator count: 301"),

		updating("SET pk = :s", params+"Cannot update attribute pk. This attribute is part of the key"),
		updating("SET a = :n, a.b = :s",
			"Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; "+
				"path one: [a], path two: [a, b]"),
		updating("SET a.b = :n, a[1] = :s",
			"Invalid UpdateExpression: Two document paths conflict with each other; must remove or rewrite one of these "+
				"paths; path one: [a, b], path two: [a, [1]]"),
		updating("SET a = :n SET b = :s",
			`Invalid UpdateExpression: The "SET" section can only be used once in an update expression;`),
		updating("SET a = a + :s",
			"Invalid UpdateExpression: Incorrect operand type for operator or function; operator or function: +, operand "+
				"type: S"),
		updating("SET a = size(b)",
			"Invalid UpdateExpression: The function is not allowed in an update expression; function: size"),
		updating("ADD a :s",
			"Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: STRING, "+
				"typeSet: ALLOWED_FOR_ADD_OPERAND"),
		updating("DELETE a :n",
			"Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, operand type: "+
				"NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND"),
		updating("SET a = b", "The provided expression refers to an attribute that does not exist in the item"),
		updating("SET a.b = :n", "The document path provided in the update expression is invalid for update"),
		updating("SET a = pk + :n", "An operand in the update expression has an incorrect data type"),
		updating("FROB a", `Invalid UpdateExpression: Syntax error; token: "FROB", near: "FROB a"`),

		querying("sk = :n", nil, "Query condition missed key schema element: pk"),
		querying("pk = :s AND x = :n", nil, "Query condition missed key schema element: sk"),
		querying("pk > :s", nil, "Query key condition not supported"),
		querying("pk = :s OR sk = :n", nil, "Invalid operator used in KeyConditionExpression: OR"),
		querying("pk = :s AND sk <> :n", nil, "Invalid operator used in KeyConditionExpression: <>"),
		querying("pk = :s AND attribute_exists(sk)", nil,
			"Invalid operator used in KeyConditionExpression: attribute_exists"),
		querying("pk = :s AND pk = :q", nil,
			"Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key"),
		querying("pk = :n", nil, params+"Condition parameter type does not match schema type"),
		querying("pk = :s", func(in *sdk.QueryInput) {
			in.IndexName = aws.String("nope")
		}, "The table does not have the specified index: nope"),
		querying("status2 = :s", func(in *sdk.QueryInput) {
			in.IndexName, in.ConsistentRead = aws.String("byStatus"), aws.Bool(true)
		},
			"Consistent reads are not supported on global secondary indexes"),
		querying("pk = :s", func(in *sdk.QueryInput) {
			in.IndexName, in.Select = aws.String("byStatus"), types.SelectAllAttributes
		},
			params+"Select type ALL_ATTRIBUTES is not supported for global secondary index byStatus because its projection "+
				"type is not ALL"),
		querying("pk = :s", func(in *sdk.QueryInput) { in.FilterExpression = aws.String("sk < :s") },
			"Filter Expression can only contain non-primary key attributes: Primary key attribute: sk"),
		querying("pk = :s", func(in *sdk.QueryInput) { in.ExclusiveStartKey = obj{"pk": s("other"), "sk": n(1)} },
			"The provided starting key is outside query boundaries based on provided conditions"),
		querying("pk = :s", func(in *sdk.QueryInput) {
			in.ExclusiveStartKey = obj{"pk": s("x")}
		}, "The provided starting key is invalid"),
		querying("pk = :s", func(in *sdk.QueryInput) { in.ExpressionAttributeNames = map[string]string{"#x": "y"} },
			"Value provided in ExpressionAttributeNames unused in expressions: keys: {#x}"),
		querying("pk = :s", func(in *sdk.QueryInput) { in.ExpressionAttributeValues[":x"] = n(1) },
			"Value provided in ExpressionAttributeValues unused in expressions: keys: {:x}"),
		querying("pk = :s", func(in *sdk.QueryInput) { in.ExpressionAttributeValues[":s"] = n("x") },
			"ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: x for "+
				"key :s"),
		querying("pk = :s", func(in *sdk.QueryInput) { in.ProjectionExpression = aws.String("a, a.b") },
			"Invalid ProjectionExpression: Two document paths overlap with each other; must remove or rewrite one of these "+
				"paths; path one: [a], path two: [a, b]"),

		putting("without sort key", obj{"pk": s("a")}, params+"Missing the key sk in the item"),
		putting("key of wrong type", obj{"pk": n(1), "sk": n(1)}, params+"Type mismatch for key pk expected: S actual: N"),
		putting("empty key", obj{"pk": s(""), "sk": n(1)}, empty),
		putting("index key of wrong type", with("status", n(1)), params+
			"Type mismatch for Index Key status Expected: S Actual: N IndexName: byStatus"),
		putting("long key", obj{"pk": s(strings.Repeat("x", 2049)), "sk": n(1)}, params+
			"Size of hashkey has exceeded the maximum size limit of2048 bytes"),
		putting("too large", with("b", s(strings.Repeat("x", 400*1024))), "Item size has exceeded the maximum allowed size"),
		putting("repeated member", with("b", &types.AttributeValueMemberSS{Value: []string{"a", "a"}}), params+
			"Input collection [a, a] contains duplicates."),
		putting("39 digits", with("b", n(strings.Repeat("1", 39))),
			"Attempting to store more than 38 significant digits in a Number"),
		putting("overflow", with("b", n("1e126")),
			"Number overflow. Attempting to store a number with magnitude larger than supported range"),
		putting("underflow", with("b", n("1e-131")),
			"Number underflow. Attempting to store a number with magnitude smaller than supported range"),
		putting("false null", with("b", &types.AttributeValueMemberNULL{}), params+
			"Null attribute value types must have the value of true"),

		// Recorded on AWS: github.com/nubo-db/dynamodb-conformance, tests/tier3/error-messages and on nesting depth.
		{"batch of nothing to get", func(ctx context.Context, db *sdk.Client) error {
			_, err := db.BatchGetItem(ctx, &sdk.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{}})
			return err
		}, "The requestItems parameter is required for BatchGetItem"},
		{"batch of nothing to write", func(ctx context.Context, db *sdk.Client) error {
			_, err := db.BatchWriteItem(ctx, &sdk.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{}})
			return err
		}, "The requestItems parameter is required for BatchWriteItem"},
		putting("nested too deep", with("b", nested(32)), "1 validation error detected: "+deep),
		transacting("nested too deep", with("b", nested(32)), deep),
		batching("nested too deep", with("b", nested(32)), deep),
		{"update to what is nested too deep", func(ctx context.Context, db *sdk.Client) error {
			_, err := db.UpdateItem(ctx, &sdk.UpdateItemInput{TableName: aws.String("orders"), Key: key(),
				UpdateExpression: aws.String("SET a = :d"), ExpressionAttributeValues: obj{":d": nested(32)}})
			return err
		}, "1 validation error detected: " + deep},
		{"update that nests what is as deep as may be", func(ctx context.Context, db *sdk.Client) error {
			_, err := db.UpdateItem(ctx, &sdk.UpdateItemInput{TableName: aws.String("orders"), Key: key(),
				UpdateExpression:          aws.String("SET a = list_append(:l, :d)"),
				ExpressionAttributeValues: obj{":l": &types.AttributeValueMemberL{}, ":d": nested(31)}})
			if err != nil {
				return err
			}
			_, err = db.UpdateItem(ctx, &sdk.UpdateItemInput{TableName: aws.String("orders"), Key: key(),
				UpdateExpression: aws.String("SET a[0] = :d"), ExpressionAttributeValues: obj{":d": nested(31)}})
			return err
		}, "Nesting Levels have exceeded supported limits"},

		// Recorded on AWS: github.com/getmoto/moto, tests/test_dynamodb/exceptions (aws_verified), and
		// github.com/architect/dynalite, test/batchWriteItem.js.
		{"put of what is too large, into no table", func(ctx context.Context, db *sdk.Client) error {
			_, err := db.PutItem(ctx, &sdk.PutItemInput{TableName: aws.String("nowhere"),
				Item: with("b", s(strings.Repeat("x", 400*1024)))})
			return err
		}, "Item size has exceeded the maximum allowed size"},
		transacting("too large", with("b", s(strings.Repeat("x", 400*1024))),
			"Item size has exceeded the maximum allowed size"),
		transacting("empty key", obj{"pk": s(""), "sk": n(1)}, empty),
		batching("without sort key", obj{"pk": s("a")}, "The provided key element does not match the schema"),
		batching("key of wrong type", obj{"pk": s("a"), "sk": s("1")}, "The provided key element does not match the schema"),
		batching("empty key", obj{"pk": s(""), "sk": n(1)}, empty),
		querying("pk ! :s", func(in *sdk.QueryInput) { in.FilterExpression = aws.String("") },
			"Invalid FilterExpression: The expression can not be empty;"),

		{"get with a wrong key", func(ctx context.Context, db *sdk.Client) error {
			_, err := db.GetItem(ctx, &sdk.GetItemInput{TableName: aws.String("orders"), Key: obj{"pk": s("a")}})
			return err
		}, "The provided key element does not match the schema"},
		{"put returning new", func(ctx context.Context, db *sdk.Client) error {
			_, err := db.PutItem(ctx, &sdk.PutItemInput{TableName: aws.String("orders"), Item: key(),
				ReturnValues: types.ReturnValueAllNew})
			return err
		}, "ReturnValues can only be ALL_OLD or NONE"},
		{"values without expression", func(ctx context.Context, db *sdk.Client) error {
			_, err := db.PutItem(ctx, &sdk.PutItemInput{TableName: aws.String("orders"), Item: key(),
				ExpressionAttributeValues: obj{":a": n(1)}})
			return err
		}, "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null"},
		{"segment too high", func(ctx context.Context, db *sdk.Client) error {
			_, err := db.Scan(ctx, &sdk.ScanInput{TableName: aws.String("orders"), Segment: aws.Int32(2),
				TotalSegments: aws.Int32(2)})
			return err
		}, "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 2 is not less than " +
			"TotalSegments: 2"},
		{"batch with duplicates", func(ctx context.Context, db *sdk.Client) error {
			w := types.WriteRequest{PutRequest: &types.PutRequest{Item: key()}}
			_, err := db.BatchWriteItem(ctx,
				&sdk.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"orders": {w, w}}})
			return err
		}, "Provided list of item keys contains duplicates"},
		{"transaction twice on one item", func(ctx context.Context, db *sdk.Client) error {
			p := types.TransactWriteItem{Put: &types.Put{TableName: aws.String("orders"), Item: key()}}
			_, err := db.TransactWriteItems(ctx, &sdk.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{p, p}})
			return err
		}, "Transaction request cannot include multiple operations on one item"},
		{"table with an undefined key", func(ctx context.Context, db *sdk.Client) error {
			_, err := db.CreateTable(ctx, &sdk.CreateTableInput{TableName: aws.String("bad"),
				BillingMode:          types.BillingModePayPerRequest,
				AttributeDefinitions: definitions("a:S"), KeySchema: schema("b")})
			return err
		}, params +
			"Some index key attributes are not defined in AttributeDefinitions. Keys: [b], AttributeDefinitions: [a]"},
		{"table with an unused attribute", func(ctx context.Context, db *sdk.Client) error {
			_, err := db.CreateTable(ctx, &sdk.CreateTableInput{TableName: aws.String("bad"),
				BillingMode:          types.BillingModePayPerRequest,
				AttributeDefinitions: definitions("a:S", "b:S"), KeySchema: schema("a")})
			return err
		}, params +
			"Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"},
	}
}

func TestWrongRequests_areRefusedWithTheMessagesOfAWS(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	c.put(t, "orders", key())
	require.GreaterOrEqual(t, len(wrongRequests()), 50)
	for _, w := range wrongRequests() {
		t.Run(w.name[:min(len(w.name), 40)], func(t *testing.T) {
			wantError(t, w.call(t.Context(), c.db), "ValidationException", w.message)
		})
	}
}
