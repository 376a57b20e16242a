package dynamodb_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/stretchr/testify/require"
)

const (
	ordersARN = "arn:aws:dynamodb:us-east-1:000000000000:table/orders"
	missing   = "Resource-based policy not found for the provided ResourceArn: "
	wrongDoc  = "One or more parameter values were invalid: Invalid policy document: "
)

// document is a policy of one statement; members come last.
func document(members string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},` + members + `}]}`
}

func allow(action string) string {
	return document(`"Action":"dynamodb:` + action + `","Resource":"*"`)
}

func (c cloud) putPolicy(t testing.TB, arn, doc, expected string) (string, error) {
	t.Helper()
	in := &sdk.PutResourcePolicyInput{ResourceArn: &arn, Policy: &doc}
	if expected != "" {
		in.ExpectedRevisionId = &expected
	}
	out, err := c.db.PutResourcePolicy(t.Context(), in)
	if err != nil {
		return "", err
	}
	return *out.RevisionId, nil
}

// put15 is putPolicy that works, and the time until another change may follow.
func (c cloud) put15(t testing.TB, arn, doc, expected string) string {
	t.Helper()
	revision, err := c.putPolicy(t, arn, doc, expected)
	require.NoError(t, err)
	c.Advance(15 * time.Second)
	return revision
}

func (c cloud) policy(t testing.TB, arn string) (doc, revision string, err error) {
	t.Helper()
	out, err := c.db.GetResourcePolicy(t.Context(), &sdk.GetResourcePolicyInput{ResourceArn: &arn})
	if err != nil {
		return "", "", err
	}
	return *out.Policy, *out.RevisionId, nil
}

func (c cloud) deletePolicy(t testing.TB, arn, expected string) (*string, error) {
	t.Helper()
	in := &sdk.DeleteResourcePolicyInput{ResourceArn: &arn}
	if expected != "" {
		in.ExpectedRevisionId = &expected
	}
	out, err := c.db.DeleteResourcePolicy(t.Context(), in)
	if err != nil {
		return nil, err
	}
	return out.RevisionId, nil
}

func TestResourcePolicy_isAttachedReplacedAndRemoved(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	_, _, err := c.policy(t, ordersARN)
	wantError(t, err, "PolicyNotFoundException", missing+ordersARN)
	gone, err := c.deletePolicy(t, ordersARN, "")
	require.NoError(t, err)
	require.Nil(t, gone)

	first := c.put15(t, ordersARN, allow("GetItem"), "")
	doc, revision, err := c.policy(t, ordersARN)
	require.NoError(t, err)
	require.Equal(t, first, revision)
	require.JSONEq(t, strings.Replace(allow("GetItem"), `"111122223333"`, `"arn:aws:iam::111122223333:root"`, 1), doc)

	second := c.put15(t, ordersARN, allow("PutItem"), "")
	require.Greater(t, second, first)
	require.Greater(t, c.put15(t, ordersARN, allow("GetItem"), ""), second, "no digest of the document, but a time")

	_, third, err := c.policy(t, ordersARN)
	require.NoError(t, err)
	gone, err = c.deletePolicy(t, ordersARN, "")
	require.NoError(t, err)
	require.Equal(t, third, *gone)
	_, _, err = c.policy(t, ordersARN)
	wantError(t, err, "PolicyNotFoundException", missing+ordersARN)
	gone, err = c.deletePolicy(t, ordersARN, "")
	require.NoError(t, err)
	require.Nil(t, gone)
}

// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-considerations.html
func TestResourcePolicy_changesAreFifteenSecondsApart(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	now := c.Clock.Now()
	again := func(at time.Time) string {
		return "Resource-based policy for table orders modified within the previous 15000 milliseconds. " +
			"Please try again after " + at.Add(15*time.Second).UTC().Format("2006-01-02T15:04:05.000Z") + "."
	}
	first, err := c.putPolicy(t, ordersARN, allow("GetItem"), "")
	require.NoError(t, err)
	c.Advance(14999 * time.Millisecond)
	_, err = c.putPolicy(t, ordersARN, allow("PutItem"), first)
	wantError(t, err, "ThrottlingException", again(now))
	_, err = c.deletePolicy(t, ordersARN, "")
	wantError(t, err, "ThrottlingException", again(now))
	same, err := c.putPolicy(t, ordersARN, allow("GetItem"), "")
	require.NoError(t, err, "changes nothing")
	require.Equal(t, first, same)
	_, err = c.putPolicy(t, ordersARN, allow("PutItem"), "1")
	require.ErrorContains(t, err, "PolicyNotFoundException", "the revision is compared first")

	c.Advance(time.Millisecond)
	now = c.Clock.Now()
	_, err = c.deletePolicy(t, ordersARN, "")
	require.NoError(t, err)
	_, err = c.putPolicy(t, ordersARN, allow("PutItem"), "")
	wantError(t, err, "ThrottlingException", again(now))
	c.Advance(15 * time.Second)
	_, err = c.putPolicy(t, ordersARN, allow("PutItem"), "")
	require.NoError(t, err)
}

func TestResourcePolicy_changesExpectARevision(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	none := missing + "Requested update for policy with revision id 1, but table orders has no associated policy."
	_, err := c.putPolicy(t, ordersARN, allow("GetItem"), "1")
	wantError(t, err, "PolicyNotFoundException", none)
	_, err = c.deletePolicy(t, ordersARN, "1")
	wantError(t, err, "PolicyNotFoundException", none)

	first := c.put15(t, ordersARN, allow("GetItem"), "NO_POLICY")
	_, err = c.putPolicy(t, ordersARN, allow("PutItem"), "NO_POLICY")
	wantError(t, err, "PolicyNotFoundException", missing+
		"Requested policy update expecting none to be present for table orders, but a policy exists with revision id "+
		first+".")
	second := c.put15(t, ordersARN, allow("PutItem"), first)
	stale := missing + "Requested update for policy with revision id " + first +
		", but the policy associated to target table orders has revision id " + second + "."
	_, err = c.putPolicy(t, ordersARN, allow("Query"), first)
	wantError(t, err, "PolicyNotFoundException", stale)
	_, err = c.deletePolicy(t, ordersARN, first)
	wantError(t, err, "PolicyNotFoundException", stale)
	gone, err := c.deletePolicy(t, ordersARN, second)
	require.NoError(t, err)
	require.Equal(t, second, *gone)
	_, err = c.deletePolicy(t, ordersARN, second)
	require.ErrorContains(t, err, "has no associated policy")
	c.Advance(15 * time.Second)
	c.put15(t, ordersARN, allow("GetItem"), "NO_POLICY")
}

// Documents that say the same are one policy, and come back in one form.
func TestResourcePolicy_hasACanonicalForm(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	const want = `{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow",` +
		`"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"dynamodb:GetItem","Resource":"*",` +
		`"Condition":{"StringLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/<x>&y"}}},` +
		`{"Effect":"Deny","Principal":"*","NotAction":["dynamodb:*Policy","dynamodb:*Item"],"Resource":["*","` +
		ordersARN + `/index/*"]}]}`
	revision := c.put15(t, ordersARN, want, "")
	for _, same := range []string{
		want,
		strings.ReplaceAll(want, ",", " ,\n\t"),
		strings.Replace(want, `"arn:aws:iam::111122223333:root"`, `["111122223333","arn:aws:iam::111122223333:root"]`, 1),
		strings.Replace(want, `"dynamodb:GetItem"`, `["dynamodb:GetItem"]`, 1),
		strings.Replace(want, `"Principal":"*"`, `"Principal":{"AWS":["*"]}`, 1),
		strings.Replace(want, `"Sid":"a","Effect":"Allow"`, `"Effect":"Allow","Sid":"\u0061"`, 1),
	} {
		again, err := c.putPolicy(t, ordersARN, same, "")
		require.NoError(t, err, same)
		require.Equal(t, revision, again, same)
		doc, _, err := c.policy(t, ordersARN)
		require.NoError(t, err)
		require.Equal(t, want, doc)
	}
	require.NotEqual(t, revision, c.put15(t, ordersARN, strings.Replace(want, `"Sid":"a",`, "", 1), ""))
}

func TestPutResourcePolicy_refusesDocuments(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	stream := c.streamARN(t)
	tooLarge := allow("GetItem") + strings.Repeat(" ", 20481-len(allow("GetItem")))
	everybody := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"dynamodb:*",` +
		`"Resource":"*"}}`
	const public = "Resource-based policy grants unbounded access in one or more elements. " +
		"Please revise the policy to ensure least-privilege form of access"
	for name, test := range map[string]struct{ arn, doc, want string }{
		"too large": {ordersARN, tooLarge, "One or more parameter values were invalid: " +
			"Maximum policy size of 20480 bytes exceeded"},
		"no JSON":       {ordersARN, "{not json", wrongDoc + "This policy contains invalid Json"},
		"empty":         {ordersARN, "", wrongDoc + "This policy contains invalid Json"},
		"no statements": {ordersARN, `{"Version":"2012-10-17"}`, wrongDoc + "Missing required field Statement"},
		"no statement": {ordersARN, `{"Version":"2012-10-17","Statement":[]}`,
			wrongDoc + "Could not parse the policy: Statement is empty!"},
		"no principal": {ordersARN,
			`{"Statement":{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"*"}}`,
			wrongDoc + "Missing required field Principal"},
		"no action":   {ordersARN, document(`"Resource":"*"`), wrongDoc + "Missing required field Action"},
		"no resource": {ordersARN, document(`"Action":"dynamodb:GetItem"`), wrongDoc + "Missing required field Resource"},
		"a Sid twice": {ordersARN, `{"Statement":[` + strings.Repeat(
			`{"Sid":"a","Effect":"Deny","Principal":"*","Action":"dynamodb:GetItem","Resource":"*"},`, 2) +
			`{"Effect":"Deny","Principal":"*","Action":"dynamodb:GetItem","Resource":"*"}]}`,
			wrongDoc + "The Statement Ids in the policy are not unique"},
		"another service's action": {ordersARN, document(`"Action":["s3:GetObject","dynamodb:Get*"],"Resource":"*"`),
			wrongDoc + `The following action names are invalid: "s3:GetObject"`},
		"actions of streams": {ordersARN,
			document(`"Action":["dynamodb:GetRecords","dynamodb:getitem","dynamodb:DescribeStream"],"Resource":"*"`),
			wrongDoc + `The following action names are invalid: "dynamodb:GetRecords", "dynamodb:DescribeStream"`},
		"actions of tables": {stream, document(`"Action":["dynamodb:GetItem","dynamodb:ListStreams"],"Resource":"*"`),
			wrongDoc + `The following action names are invalid: "dynamodb:GetItem", "dynamodb:ListStreams"`},
		"a stream": {ordersARN, document(`"Action":"dynamodb:GetItem","Resource":"` + stream + `"`),
			wrongDoc + fmt.Sprintf("The relative-id %q is invalid for ARN %q", stream[len(ordersARN)-len("table/orders"):],
				stream)},
		"a table": {stream, document(`"Action":"dynamodb:GetRecords","Resource":"` + ordersARN + `"`),
			wrongDoc + fmt.Sprintf("The relative-id %q is invalid for ARN %q", "table/orders", ordersARN)},
		"another service's resource": {ordersARN, document(`"Action":"dynamodb:GetItem","Resource":"arn:aws:s3:::orders"`),
			wrongDoc + `The relative-id "orders" is invalid for ARN "arn:aws:s3:::orders"`},
		"everybody": {ordersARN, everybody, public},
		"everybody from anywhere": {ordersARN, strings.Replace(everybody, `"Resource"`,
			`"Condition":{"StringLike":{"aws:PrincipalArn":"*"}},"Resource"`, 1), public},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.putPolicy(t, test.arn, test.doc, "")
			wantError(t, err, "ValidationException", test.want)
		})
	}
	_, _, err := c.policy(t, ordersARN)
	require.ErrorContains(t, err, "PolicyNotFoundException")
	_, err = c.db.CreateTable(t.Context(), &sdk.CreateTableInput{TableName: aws.String("open"), KeySchema: schema("pk"),
		AttributeDefinitions: definitions("pk:S"), BillingMode: "PAY_PER_REQUEST", ResourcePolicy: &everybody})
	wantError(t, err, "ValidationException", public)
}

func TestPutResourcePolicy_takesWhatIsAboutTables(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	at := func(resource string) string { return document(`"Action":"dynamodb:*","Resource":"` + resource + `"`) }
	for _, doc := range []string{
		at(ordersARN), at(ordersARN + "/index/byStatus"), at(ordersARN + "/*"), at(ordersARN + "/in*"),
		at("arn:aws:dynamodb:*:*:table/other"), at("arn:aws:dynamodb:*"),
		document(`"Action":"*","Resource":"*"`), allow("get*"), allow("ConditionCheckItem"),
		// Whoever calls is one of an organisation: not public.
		`{"Statement":{"Effect":"Allow","Principal":"*","Action":"dynamodb:GetItem","Resource":"*",` +
			`"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}}`,
		allow("GetItem") + strings.Repeat(" ", 20480-len(allow("GetItem"))),
	} {
		c.put15(t, ordersARN, doc, "")
	}
	stream := c.streamARN(t)
	for _, resource := range []string{stream, ordersARN + "/stream/*", ordersARN + "/*", "*"} {
		c.put15(t, stream, document(`"Action":"dynamodb:GetRecords","Resource":"`+resource+`"`), "")
	}
}

func (c cloud) streamARN(t testing.TB) string {
	t.Helper()
	out, err := c.db.DescribeTable(t.Context(), &sdk.DescribeTableInput{TableName: aws.String("orders")})
	require.NoError(t, err)
	return *out.Table.LatestStreamArn
}

func TestResourcePolicy_resourcesThatHaveNone(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	const bad, at = "One or more parameter values were invalid: ", "arn:aws:dynamodb:us-east-1:000000000000:table/"
	for arn, want := range map[string][2]string{
		"orders":     {"ValidationException", bad + "ARNs must start with 'arn:': orders"},
		at + "other": {"ResourceNotFoundException", "Requested resource not found: Table: other not found"},
		at + "orders/stream/2000-01-01T00:00:00.000": {"ResourceNotFoundException",
			"Requested resource not found: Stream: 2000-01-01T00:00:00.000 not found for Table: orders"},
		at + "orders/index/byStatus": {"ValidationException", bad +
			"Invalid resource arn provided, only table or stream is accepted. Provided resource arn: " + at +
			"orders/index/byStatus"},
		at + "orders/backup/0170": {"ValidationException", bad + "Provided Arn is not a DynamoDB resource arn: " + at +
			"orders/backup/0170"},
		"arn:aws:s3:::orders": {"ValidationException", bad +
			"Provided Arn is not a DynamoDB resource arn: arn:aws:s3:::orders"},
		"arn:aws:dynamodb:eu-west-1:000000000000:table/orders": {"ValidationException", bad +
			"Invalid resource Arn: arn:aws:dynamodb:eu-west-1:000000000000:table/orders"},
		"arn:aws:dynamodb:us-east-1:111122223333:table/orders": {"ValidationException",
			"This action is only supported by accounts that match the resource owner’s account."},
	} {
		t.Run(arn, func(t *testing.T) {
			doc := allow("GetItem")
			if strings.Contains(arn, "/stream/") {
				doc = allow("GetRecords")
			}
			_, err := c.putPolicy(t, arn, doc, "")
			wantError(t, err, want[0], want[1])
			_, _, err = c.policy(t, arn)
			wantError(t, err, want[0], want[1])
			_, err = c.deletePolicy(t, arn, "")
			wantError(t, err, want[0], want[1])
		})
	}
}

func TestCreateTable_attachesAPolicyThatGoesWithTheTable(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	in := &sdk.CreateTableInput{TableName: aws.String("orders"), AttributeDefinitions: definitions("pk:S"),
		KeySchema: schema("pk"), BillingMode: types.BillingModePayPerRequest, ResourcePolicy: aws.String(allow("GetItem")),
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: "KEYS_ONLY"}}
	_, err := c.db.CreateTable(t.Context(), in)
	require.NoError(t, err)
	_, revision, err := c.policy(t, ordersARN)
	require.NoError(t, err, "a table that is being created has it")
	_, err = c.putPolicy(t, ordersARN, allow("PutItem"), "")
	wantError(t, err, "ResourceNotFoundException", "Requested resource not found: Table: orders not found")
	c.Advance(time.Second)
	_, err = c.putPolicy(t, ordersARN, allow("PutItem"), revision)
	require.ErrorContains(t, err, "ThrottlingException")
	c.Advance(15 * time.Second)
	c.put15(t, ordersARN, allow("PutItem"), revision)

	stream := c.streamARN(t)
	_, _, err = c.policy(t, stream)
	wantError(t, err, "PolicyNotFoundException", missing+stream)
	own := c.put15(t, stream, allow("GetRecords"), "NO_POLICY")
	_, tables, err := c.policy(t, ordersARN)
	require.NoError(t, err)
	require.NotEqual(t, own, tables, "table and stream have a policy each")
	_, err = c.deletePolicy(t, stream, tables)
	wantError(t, err, "PolicyNotFoundException", missing+"Requested update for policy with revision id "+tables+
		", but the policy associated to target stream "+stream[len(ordersARN+"/stream/"):]+" has revision id "+own+".")

	_, err = c.db.DeleteTable(t.Context(), &sdk.DeleteTableInput{TableName: in.TableName})
	require.NoError(t, err)
	_, err = c.putPolicy(t, ordersARN, allow("Query"), "")
	wantError(t, err, "ResourceInUseException",
		"Attempt to change a resource which is still in use: Table is being deleted: orders")
	c.Advance(time.Second)
	_, _, err = c.policy(t, ordersARN)
	wantError(t, err, "ResourceNotFoundException", "Requested resource not found: Table: orders not found")
	_, _, err = c.policy(t, stream)
	wantError(t, err, "PolicyNotFoundException", missing+stream)
	_, err = c.streams.DescribeStream(t.Context(), &dynamodbstreams.DescribeStreamInput{StreamArn: &stream})
	require.NoError(t, err, "the stream itself stays for a day")
	in.ResourcePolicy = nil
	c.create(t, in)
	_, _, err = c.policy(t, ordersARN)
	wantError(t, err, "PolicyNotFoundException", missing+ordersARN)
}

func TestTables_areNamedByTheirARNs(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	key := obj{"pk": s("a"), "sk": n(1)}
	c.put(t, ordersARN, key)
	get := func(table string) error {
		_, err := c.db.GetItem(t.Context(), &sdk.GetItemInput{TableName: &table, Key: key})
		return err
	}
	require.NoError(t, get(ordersARN))
	wantError(t, get("arn:aws:dynamodb:us-east-1:111122223333:table/orders"), "ResourceNotFoundException",
		"Requested resource not found")
	for arn, what := range map[string]string{
		"arn:aws:dynamodb:eu-west-1:000000000000:table/orders":                "Invalid AWS region",
		"arn:aws:dynamodb:us-east-1:000000000000:table/orders/index/byStatus": "Invalid resource type",
	} {
		wantError(t, get(arn), "ValidationException", "1 validation error detected: "+what+" in '"+arn+"'")
	}
	_, err := c.db.CreateTable(t.Context(), &sdk.CreateTableInput{KeySchema: schema("pk"),
		TableName:            aws.String("arn:aws:dynamodb:us-east-1:111122223333:table/new"),
		AttributeDefinitions: definitions("pk:S"), BillingMode: "PAY_PER_REQUEST"})
	require.ErrorContains(t, err, "only supported by accounts that match the resource owner")
	_, err = c.db.BatchGetItem(t.Context(), &sdk.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		"orders": {Keys: []map[string]types.AttributeValue{key}},
		"arn:aws:dynamodb:us-east-1:111122223333:table/orders": {Keys: []map[string]types.AttributeValue{key}}}})
	require.ErrorContains(t, err, "PipeLab does not emulate tables of several accounts of dynamodb.BatchGetItem")
}
