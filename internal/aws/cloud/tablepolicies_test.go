package cloud_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
)

const (
	tablesARN = "arn:aws:dynamodb:us-east-1:000000000000:table/"
	foreign   = "111122223333"
)

// to is a statement that lets a principal of this account, or another account, do
// something.
func to(who, action, resource string) string { return about("Allow", who, action, resource) }

func deny(who, action, resource string) string { return about("Deny", who, action, resource) }

func about(effect, who, action, resource string) string {
	if who != foreign {
		who = "arn:aws:iam::000000000000:user/" + who
	}
	return `{"Effect":"` + effect + `","Principal":{"AWS":"` + who + `"},"Action":["dynamodb:` + action +
		`"],"Resource":"` + resource + `"}`
}

func newTable(name string) *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest,
		KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("k"), KeyType: types.KeyTypeHash}},
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("k"), AttributeType: types.ScalarAttributeTypeS}},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{IndexName: aws.String("again"),
			KeySchema:  []types.KeySchemaElement{{AttributeName: aws.String("k"), KeyType: types.KeyTypeHash}},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}}},
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: "NEW_IMAGE"}}
}

// table makes a table, with a policy unless it is nil, and returns its stream.
func (g *guarded) table(name string, doc *string) (stream string) {
	g.t.Helper()
	in := newTable(name)
	in.ResourcePolicy = doc
	out, err := dynamodb.NewFromConfig(g.root).CreateTable(g.t.Context(), in)
	require.NoError(g.t, err)
	g.Advance(time.Minute)
	return *out.TableDescription.LatestStreamArn
}

func (g *guarded) setPolicy(arn string, doc *string) {
	g.t.Helper()
	_, err := dynamodb.NewFromConfig(g.root).PutResourcePolicy(g.t.Context(),
		&dynamodb.PutResourcePolicyInput{ResourceArn: &arn, Policy: doc})
	require.NoError(g.t, err)
	g.Advance(time.Minute)
}

func keyed(k string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"k": &types.AttributeValueMemberS{Value: k}}
}

func (g *guarded) getItem(cfg aws.Config, table, key string) (map[string]types.AttributeValue, error) {
	out, err := dynamodb.NewFromConfig(cfg).GetItem(g.t.Context(), &dynamodb.GetItemInput{TableName: &table,
		Key: keyed(key)})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

func (g *guarded) putItem(cfg aws.Config, table, key string) error {
	_, err := dynamodb.NewFromConfig(cfg).PutItem(g.t.Context(), &dynamodb.PutItemInput{TableName: &table,
		Item: keyed(key)})
	return err
}

func (g *guarded) query(cfg aws.Config, table string, index *string) error {
	_, err := dynamodb.NewFromConfig(cfg).Query(g.t.Context(), &dynamodb.QueryInput{TableName: &table, IndexName: index,
		KeyConditionExpression: aws.String("k = :k"), ExpressionAttributeValues: map[string]types.AttributeValue{
			":k": &types.AttributeValueMemberS{Value: "x"}}})
	return err
}

func TestEnforced_policiesOfTablesAllowAndDeny(t *testing.T) {
	t.Parallel()
	g := enforced(t)
	alice := g.user("alice", "")
	bob := g.user("bob", `{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}`)
	g.table("aaa", policy(to("alice", "GetItem", tablesARN+"aaa")+","+to("alice", "Query", tablesARN+"aaa")+","+
		deny("bob", "PutItem", "*")+","+deny("bob", "Query", tablesARN+"aaa/index/*")))

	_, err := g.getItem(alice, "aaa", "x")
	require.NoError(t, err, "the table's policy is enough within the account")
	refused(t, g.putItem(alice, "aaa", "x"), "AccessDeniedException",
		"table/aaa because no identity-based policy allows the dynamodb:PutItem action")
	refused(t, g.putItem(bob, "aaa", "x"), "AccessDeniedException", "with an explicit deny in a resource-based policy")
	require.NoError(t, g.putItem(g.root, "aaa", "x"))

	again := aws.String("again")
	require.NoError(t, g.query(alice, "aaa", nil))
	refused(t, g.query(alice, "aaa", again), "AccessDeniedException",
		"table/aaa/index/again because no identity-based policy")
	require.NoError(t, g.query(bob, "aaa", nil))
	refused(t, g.query(bob, "aaa", again), "AccessDeniedException", "explicit deny in a resource-based policy")
	g.setPolicy(tablesARN+"aaa", policy(to("alice", "Query", tablesARN+"aaa/index/again")))
	require.NoError(t, g.query(alice, "aaa", again))
	require.Error(t, g.query(alice, "aaa", nil))
	require.NoError(t, g.putItem(bob, "aaa", "x"), "nothing denies it any more")

	_, err = dynamodb.NewFromConfig(g.root).DeleteResourcePolicy(t.Context(),
		&dynamodb.DeleteResourcePolicyInput{ResourceArn: aws.String(tablesARN + "aaa")})
	require.NoError(t, err)
	require.Error(t, g.query(alice, "aaa", again))
}

func TestEnforced_policiesOfAllTablesOfABatchCount(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	alice := dynamodb.NewFromConfig(g.user("alice", ""))
	g.table("aaa", policy(to("alice", "*", "*")))
	g.table("bbb", policy(to("alice", "PutItem", "*")+","+deny("alice", "DeleteItem", "*")))
	batch := func(names ...string) error {
		in := &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{}}
		for _, n := range names {
			in.RequestItems[n] = types.KeysAndAttributes{Keys: []map[string]types.AttributeValue{keyed("x")}}
		}
		_, err := alice.BatchGetItem(ctx, in)
		return err
	}
	require.NoError(t, batch("aaa"))
	refused(t, batch("aaa", "bbb"), "AccessDeniedException",
		"table/bbb because no identity-based policy allows the dynamodb:BatchGetItem action")
	transact := func(items ...types.TransactWriteItem) error {
		_, err := alice.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
		return err
	}
	put := types.TransactWriteItem{Put: &types.Put{TableName: aws.String("aaa"), Item: keyed("x")}}
	require.NoError(t, transact(put, types.TransactWriteItem{Put: &types.Put{TableName: aws.String("bbb"),
		Item: keyed("x")}}))
	refused(t, transact(put, types.TransactWriteItem{Delete: &types.Delete{TableName: aws.String("bbb"),
		Key: keyed("x")}}),
		"AccessDeniedException", "dynamodb:DeleteItem on resource: "+tablesARN+"bbb with an explicit deny")
}

// outside makes a user of another account.
func (g *guarded) outside(name, statement string) aws.Config {
	g.t.Helper()
	ctx, there := g.t.Context(), iam.NewFromConfig(g.as(foreign, gateway.RootSecret, ""))
	_, err := there.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
	require.NoError(g.t, err)
	_, err = there.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("own"),
		PolicyDocument: policy(statement)})
	require.NoError(g.t, err)
	key, err := there.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
	require.NoError(g.t, err)
	return g.as(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
}

func TestEnforced_tablesOfOtherAccountsNeedBothSides(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	arn := tablesARN + "aaa"
	g.table("aaa", nil)
	require.NoError(t, g.putItem(g.root, "aaa", "theirs"))
	may := g.outside("may", `{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}`)
	mayNot := g.outside("maynot", `{"Effect":"Allow","Action":"dynamodb:ListTables","Resource":"*"}`)

	_, err := g.getItem(may, arn, "theirs")
	refused(t, err, "AccessDeniedException", "because no resource-based policy allows the dynamodb:GetItem action")
	g.setPolicy(arn, policy(to(foreign, `GetItem","dynamodb:PutItem","dynamodb:BatchGetItem","dynamodb:DescribeTable`,
		arn)))
	item, err := g.getItem(may, arn, "theirs")
	require.NoError(t, err)
	require.NotEmpty(t, item, "it is the item of the other account's table")
	_, err = g.getItem(mayNot, arn, "theirs")
	refused(t, err, "AccessDeniedException", "because no identity-based policy allows the dynamodb:GetItem action")
	refused(t, g.query(may, arn, nil), "AccessDeniedException", "because no resource-based policy")
	_, err = g.getItem(may, "aaa", "theirs")
	refused(t, err, "ResourceNotFoundException", "Requested resource not found") // a plain name is one's own table

	require.NoError(t, g.putItem(may, arn, "new"))
	item, err = g.getItem(g.root, "aaa", "new")
	require.NoError(t, err)
	require.NotEmpty(t, item)
	db := dynamodb.NewFromConfig(may)
	got, err := db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
		arn: {Keys: []map[string]types.AttributeValue{keyed("theirs"), keyed("new")}}}})
	require.NoError(t, err)
	require.Len(t, got.Responses[arn], 2)
	described, err := db.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &arn})
	require.NoError(t, err)
	require.Equal(t, arn, *described.Table.TableArn)

	// A policy is changed by its own account only, whatever it allows.
	g.setPolicy(arn, policy(to(foreign, "*", "*")))
	_, err = db.DeleteResourcePolicy(ctx, &dynamodb.DeleteResourcePolicyInput{ResourceArn: &arn})
	refused(t, err, "ValidationException", "only supported by accounts that match the resource owner’s account")
}

func (g *guarded) records(cfg aws.Config, stream string) (int, error) {
	ctx, client := g.t.Context(), dynamodbstreams.NewFromConfig(cfg)
	d, err := client.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: &stream})
	if err != nil {
		return 0, err
	}
	it, err := client.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{StreamArn: &stream,
		ShardId: d.StreamDescription.Shards[0].ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon})
	if err != nil {
		return 0, err
	}
	out, err := client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: it.ShardIterator})
	if err != nil {
		return 0, err
	}
	return len(out.Records), nil
}

func TestEnforced_streamsHavePoliciesOfTheirOwn(t *testing.T) {
	t.Parallel()
	g := enforced(t)
	alice := g.user("alice", "")
	bob := g.user("bob", `{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}`)
	stream := g.table("aaa", policy(to("alice", "*", "*")))
	require.NoError(t, g.putItem(g.root, "aaa", "x"))
	_, err := g.records(alice, stream)
	refused(t, err, "AccessDeniedException", "no identity-based policy allows the dynamodb:DescribeStream action")
	g.setPolicy(stream, policy(to("alice", `DescribeStream","dynamodb:GetShardIterator`, stream)))
	_, err = g.records(alice, stream)
	refused(t, err, "AccessDeniedException", "no identity-based policy allows the dynamodb:GetRecords action")
	root := g.as(foreign, gateway.RootSecret, "")
	_, err = g.records(root, stream)
	refused(t, err, "AccessDeniedException", "because no resource-based policy allows")

	g.setPolicy(stream, policy(to("alice", "*", stream)+","+deny("bob", "GetRecords", stream)+","+
		to(foreign, "*", stream)))
	for _, cfg := range []aws.Config{alice, root} {
		n, err := g.records(cfg, stream)
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	_, err = g.records(bob, stream)
	refused(t, err, "AccessDeniedException", "with an explicit deny in a resource-based policy")
	require.NoError(t, g.putItem(bob, "aaa", "y"), "which is about the stream only")
}

func TestEnforced_nobodyLocksHimselfOutUnawares(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	const all = `{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}`
	alice, bob := dynamodb.NewFromConfig(g.user("alice", all)), dynamodb.NewFromConfig(g.user("bob", all))
	_, err := g.iam.TagUser(ctx, &iam.TagUserInput{UserName: aws.String("bob"), Tags: []iamtypes.Tag{
		{Key: aws.String("team"), Value: aws.String("red")}}})
	require.NoError(t, err)
	arn := aws.String(tablesARN + "aaa")
	g.table("aaa", nil)
	const red = `{"Effect":"Deny","Principal":"*","Action":"dynamodb:*Policy","Resource":"*",` +
		`"Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}}`
	in := &dynamodb.PutResourcePolicyInput{ResourceArn: arn, Policy: policy(red)}
	_, err = bob.PutResourcePolicy(ctx, in)
	refused(t, err, "AccessDeniedException",
		"The new resource policy will not allow you to update the resource policy in the future.")
	in.ConfirmRemoveSelfResourceAccess = true
	_, err = bob.PutResourcePolicy(ctx, in)
	require.NoError(t, err)
	g.Advance(time.Minute)
	_, err = bob.PutResourcePolicy(ctx, in)
	refused(t, err, "AccessDeniedException", "dynamodb:PutResourcePolicy on resource: "+*arn+" with an explicit deny")
	_, err = bob.DeleteResourcePolicy(ctx, &dynamodb.DeleteResourcePolicyInput{ResourceArn: arn})
	refused(t, err, "AccessDeniedException", "with an explicit deny in a resource-based policy")

	in.ConfirmRemoveSelfResourceAccess = false
	in.Policy = policy(`{"Effect":"Deny","Principal":"*","Action":"dynamodb:DeleteResourcePolicy","Resource":"*"}`)
	_, err = alice.PutResourcePolicy(ctx, in)
	require.NoError(t, err, "who may not remove it may still replace it")
	g.Advance(time.Minute)
	_, err = alice.DeleteResourcePolicy(ctx, &dynamodb.DeleteResourcePolicyInput{ResourceArn: arn})
	refused(t, err, "AccessDeniedException", "with an explicit deny in a resource-based policy")
	_, err = dynamodb.NewFromConfig(g.root).DeleteResourcePolicy(ctx,
		&dynamodb.DeleteResourcePolicyInput{ResourceArn: arn})
	require.NoError(t, err, "the root user of the account always can")
}

func TestEnforced_tablesWithPoliciesNeedThePermissionToAttachThem(t *testing.T) {
	t.Parallel()
	g, ctx := enforced(t), t.Context()
	alice := dynamodb.NewFromConfig(g.user("alice", `{"Effect":"Allow","Action":"dynamodb:CreateTable","Resource":"*"}`))
	_, err := alice.CreateTable(ctx, newTable("plain"))
	require.NoError(t, err)
	in := newTable("guarded")
	in.ResourcePolicy = policy(to("alice", "GetItem", "*"))
	_, err = alice.CreateTable(ctx, in)
	refused(t, err, "AccessDeniedException",
		"table/guarded because no identity-based policy allows the dynamodb:PutResourcePolicy action")
}

func TestPoliciesOfTables_outliveARestartAndNoReset(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := start(t, dir, clock.NewManual(made))
	ctx, arn := t.Context(), aws.String(tablesARN+"aaa")
	in := newTable("aaa")
	in.ResourcePolicy = policy(to(foreign, "GetItem", "*"))
	create := func() string {
		out, err := w.ddb.CreateTable(ctx, in)
		require.NoError(t, err)
		w.control(http.MethodPost, "clock/advance", `{"duration":"1s"}`)
		return *out.TableDescription.LatestStreamArn
	}
	stream := create()
	_, err := w.ddb.PutResourcePolicy(ctx, &dynamodb.PutResourcePolicyInput{ResourceArn: &stream,
		Policy: policy(to(foreign, "GetRecords", "*"))})
	require.NoError(t, err)
	before, err := w.ddb.GetResourcePolicy(ctx, &dynamodb.GetResourcePolicyInput{ResourceArn: arn})
	require.NoError(t, err)
	w.close()

	w = start(t, dir, clock.NewManual(made.Add(time.Minute)))
	after, err := w.ddb.GetResourcePolicy(ctx, &dynamodb.GetResourcePolicyInput{ResourceArn: arn})
	require.NoError(t, err)
	require.Equal(t, *before.Policy, *after.Policy)
	require.Equal(t, *before.RevisionId, *after.RevisionId)
	of, err := w.ddb.GetResourcePolicy(ctx, &dynamodb.GetResourcePolicyInput{ResourceArn: &stream})
	require.NoError(t, err)
	require.Contains(t, *of.Policy, "dynamodb:GetRecords")

	w.control(http.MethodPost, "reset", "")
	in.ResourcePolicy = nil
	stream = create()
	for _, arn := range []*string{arn, &stream} {
		_, err = w.ddb.GetResourcePolicy(ctx, &dynamodb.GetResourcePolicyInput{ResourceArn: arn})
		require.ErrorContains(t, err, "PolicyNotFoundException")
	}
}
