package trial_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/check"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/report"
	"github.com/pipelab/pipelab/internal/trial"
)

// guarded asks for a function whose role may do what the function does. The last
// check does not need policies to decide.
const guarded = `
id: guarded
title: T
summary: S
level: beginner
minutes: 1
examTasks: ["1.1"]
services: [lambda]
tasks: [{ id: a, title: A, text: B }]
mistakes: [{ id: role, title: The role lacks a permission, explanation: Functions work with their role }]
checks:
  - id: written
    title: The item is written
    points: 50
    hints: [a, b, c]
    capabilities: [iam.enforced]
    probes: { entries: { items: { table: entries } } }
    steps: [{ invoke: { function: writer, payload: { id: "${seed}" } } }]
    expect: [{ that: "size(entries) == 1", message: "The item is there", seen: "run.invoke[0].text" }]
    mistakes: [{ mistake: role, when: 'run.invoke[0].text.contains("dynamodb:PutItem")' }]
  - id: called
    title: The function can be called
    points: 50
    hints: [a, b, c]
    steps: [{ invoke: { function: writer, payload: { id: "${seed}" } } }]
    expect: [{ that: 'run.invoke[0].error == ""', message: "It ends well" }]
`

const table = `
Resources:
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: entries
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
`

const writer = `
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{ Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: sts:AssumeRole }]
      Policies:
        - PolicyName: own
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{ Effect: Allow, Action: dynamodb:PutItem, Resource: "arn:aws:dynamodb:*:*:table/entries" }]
  Writer:
    Type: AWS::Lambda::Function
    Properties: { FunctionName: writer, Runtime: python3.12, Handler: app.handler, Code: src, Role: !GetAtt Role.Arn,
      Timeout: 30 }
`

const handler = `
from caller import call
def handler(event, context):
    call("dynamodb", "DynamoDB_20120810.PutItem", {"TableName": "entries", "Item": {"id": {"S": event["id"]}}})
`

func guardedTree(t *testing.T, definition, template string) trial.Options {
	t.Helper()
	l, err := lab.Open(fstest.MapFS{
		"guarded/lab.yaml": {Data: []byte(definition)}, "guarded/README.md": {},
		"guarded/resources.yaml": {Data: []byte(table)}, "guarded/starter/a": {}, "guarded/solution/a": {},
	}, "guarded", check.Compile)
	require.NoError(t, err)
	o := options(t)
	o.Lab = l
	require.NoError(t, os.WriteFile(o.Folder+"/template.yaml", []byte(template), 0o600))
	require.NoError(t, os.Mkdir(o.Folder+"/src", 0o700))
	require.NoError(t, os.WriteFile(o.Folder+"/src/app.py", []byte(handler), 0o600))
	require.NoError(t, os.WriteFile(o.Folder+"/src/caller.py", []byte(awstest.Caller), 0o600))
	return o
}

func TestRun_judgesRolesWhereTheLabAsks(t *testing.T) {
	lacking := strings.Replace(writer, "dynamodb:PutItem", "dynamodb:GetItem", 1)
	for name, c := range map[string]struct {
		definition, template string
		want                 map[string]report.Verdict
	}{
		"a role with the permission": {guarded, writer,
			map[string]report.Verdict{"written": report.Pass, "called": report.Pass}},
		"a role without": {guarded, lacking,
			map[string]report.Verdict{"written": report.Fail, "called": report.Pass}},
		"a role without, and a lab all of whose checks ask": {
			strings.Replace(strings.Replace(guarded, "    capabilities: [iam.enforced]\n", "", 1), "tasks:",
				"capabilities: [iam.enforced]\ntasks:", 1), lacking,
			map[string]report.Verdict{"written": report.Fail, "called": report.Fail}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := trial.Run(t.Context(), guardedTree(t, c.definition, c.template))
			require.NoError(t, err)
			require.NoError(t, out.Deploy)
			require.Equal(t, c.want, verdicts(out.Result), "%+v", out.Result.Checks)
			if written := out.Result.Checks[0]; written.Verdict == report.Fail {
				require.Equal(t, "role", written.Mistake)
				require.Contains(t, written.Seen, "is not authorized to perform: dynamodb:PutItem on resource: "+
					"arn:aws:dynamodb:us-east-1:000000000000:table/entries because no identity-based policy allows")
			}
		})
	}
}
