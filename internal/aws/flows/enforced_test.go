package flows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// signer puts the key of an event's object into a table, with a signed request.
const signer = awstest.Caller + `
def handler(event, context):
    call("dynamodb", "DynamoDB_20120810.PutItem",
        {"TableName": "tab", "Item": {"id": {"S": event["Records"][0]["s3"]["object"]["key"]}}})
`

// allow is what the role of all functions may do from now.
func (r *region) allow(statement string) {
	r.t.Helper()
	_, err := r.iam.PutRolePolicy(r.t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("worker"),
		PolicyName:     aws.String("own"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + statement + `]}`)})
	require.NoError(r.t, err)
}

// denied are the refusals in the trace since a sequence number, each once.
func (r *region) denied(after uint64) (out []string) {
	entries, _ := r.gateway.Trace().After(after, 10_000)
	seen := map[string]bool{}
	for _, e := range entries {
		if _, why, ok := strings.Cut(e.Denied, "is not authorized to perform: "); ok && !seen[why] {
			seen[why] = true
			out = append(out, why)
		}
	}
	return out
}

func TestFlow_executionRoleLacksAPermission(t *testing.T) {
	t.Parallel()
	r := start(t)
	_, err := r.dynamo.CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: aws.String("tab"),
		KeySchema: []ddbtypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: ddbtypes.KeyTypeHash}},
		AttributeDefinitions: []ddbtypes.AttributeDefinition{{AttributeName: aws.String("id"),
			AttributeType: ddbtypes.ScalarAttributeTypeS}}, BillingMode: ddbtypes.BillingModePayPerRequest})
	require.NoError(t, err)
	r.gateway.SetMode(gateway.Enforced)
	role := r.role()
	r.bucket(r.function(role, "job", signer))
	count := func() int {
		out, err := r.dynamo.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("tab")})
		require.NoError(t, err)
		return len(out.Items)
	}
	const logs = `{"Effect":"Allow","Action":"logs:*","Resource":"*"}`
	r.allow(logs)
	from := r.gateway.Trace().Last()
	r.put("a")
	r.pass(time.Hour) // all retries
	require.Zero(t, count())
	require.Equal(t, []string{"dynamodb:PutItem on resource: arn:aws:dynamodb:us-east-1:000000000000:table/tab because " +
		"no identity-based policy allows the dynamodb:PutItem action"}, r.denied(from))

	r.allow(logs + `,{"Effect":"Allow","Action":"dynamodb:PutItem","Resource":"arn:aws:dynamodb:*:*:table/tab"}`)
	r.put("b")
	r.pass(time.Hour)
	require.Equal(t, 1, count())
}

func TestFlow_mappingsRoleLacksAPermission(t *testing.T) {
	t.Parallel()
	r := start(t)
	_, err := r.kinesis.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: aws.String("s"),
		ShardCount: aws.Int32(1)})
	require.NoError(t, err)
	url, queue := r.queue("jobs")
	r.pass(time.Minute)
	role := r.role()
	r.function(role, "job", "def handler(event, context): return None\n")
	stream := "arn:aws:kinesis:us-east-1:000000000000:stream/s"
	r.gateway.SetMode(gateway.Enforced)
	create := func(source string, from types.EventSourcePosition) error {
		_, err := r.lambda.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
			FunctionName: aws.String("job"), EventSourceArn: &source, StartingPosition: from})
		return err
	}
	const all = `{"Effect":"Allow","Action":["kinesis:*","sqs:*","logs:*"],"Resource":"*"}`
	r.allow(all)
	require.NoError(t, create(stream, types.EventSourcePositionTrimHorizon))
	require.NoError(t, create(queue, ""))
	put := func() {
		_, err := r.kinesis.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: aws.String("s"), Data: []byte("x"),
			PartitionKey: aws.String("p")})
		require.NoError(t, err)
		_, err = r.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x")})
		require.NoError(t, err)
	}
	invoked := func(after uint64) (n int) {
		entries, _ := r.gateway.Trace().After(after, 10_000)
		for _, e := range entries {
			if e.Service == "lambda" && e.Operation == "Invoke" && e.Error == "" {
				n++
			}
		}
		return n
	}
	from := r.gateway.Trace().Last()
	put()
	r.pass(time.Minute)
	require.Positive(t, invoked(from))

	r.allow(all + `,{"Effect":"Deny","Action":["kinesis:GetRecords","sqs:ReceiveMessage"],"Resource":"*"}`)
	from = r.gateway.Trace().Last()
	put()
	r.pass(time.Minute)
	require.Zero(t, invoked(from))
	require.ElementsMatch(t, []string{
		"kinesis:GetRecords on resource: " + stream + " with an explicit deny in an identity-based policy",
		"sqs:ReceiveMessage on resource: " + queue + " with an explicit deny in an identity-based policy"}, r.denied(from))
}

func TestFlow_trustPoliciesKnowTheFunction(t *testing.T) {
	t.Parallel()
	r := start(t)
	trust := func(function string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},
			"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"},
			"ArnEquals":{"aws:SourceArn":"arn:aws:lambda:us-east-1:000000000000:function:` + function + `"}}}]}`
	}
	out, err := r.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("worker"),
		AssumeRolePolicyDocument: aws.String(trust("job"))})
	require.NoError(t, err)
	r.function(out.Role.Arn, "job", "def handler(event, context): return 'done'\n")
	invoke := func() error {
		_, err := r.lambda.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("job")})
		return err
	}
	require.NoError(t, invoke())
	_, err = r.lambda.CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: aws.String("other"),
		Role: out.Role.Arn, Runtime: types.RuntimePython312, Handler: aws.String("app.handler"),
		Code: &types.FunctionCode{ZipFile: []byte("x")}})
	require.ErrorContains(t, err, "cannot be assumed by Lambda")
}

func TestFlow_functionsNeedTheirMakersPassRole(t *testing.T) {
	t.Parallel()
	r := start(t)
	role := r.role()
	_, err := r.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("maker")})
	require.NoError(t, err)
	key, err := r.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("maker")})
	require.NoError(t, err)
	own := func(statements string) {
		_, err := r.iam.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: aws.String("maker"),
			PolicyName: aws.String("own"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` +
				statements + `]}`)})
		require.NoError(t, err)
	}
	r.gateway.SetMode(gateway.Enforced)
	maker := lambda.New(r.lambda.Options(), func(o *lambda.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKey.AccessKeyId,
			*key.AccessKey.SecretAccessKey, "")
	})
	create := func() error {
		_, err := maker.CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: aws.String("f"), Role: role,
			Runtime: types.RuntimePython312, Handler: aws.String("app.handler"),
			Code: &types.FunctionCode{ZipFile: r.zip("def handler(event, context): return None\n")}})
		return err
	}
	const make = `{"Effect":"Allow","Action":"lambda:CreateFunction","Resource":"*"}`
	own(make)
	require.ErrorContains(t, create(), "is not authorized to perform: iam:PassRole on resource: "+*role)
	pass := `,{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":
		{"iam:PassedToService":"SERVICE.amazonaws.com"}}}`
	own(make + strings.Replace(pass, "SERVICE", "ec2", 1))
	require.ErrorContains(t, create(), "iam:PassRole")
	own(make + strings.Replace(pass, "SERVICE", "lambda", 1))
	require.NoError(t, create())
}
