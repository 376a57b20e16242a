package deploy_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cfn"
	"github.com/pipelab/pipelab/internal/deploy"
	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/embedded"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/provision"
	"github.com/pipelab/pipelab/internal/sandbox"
)

const resources = `
Resources:
  Clicks: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }
Outputs:
  StreamName: { Value: !Ref Clicks }
`

func target(t *testing.T) (deploy.Target, *lab.Folder) {
	t.Helper()
	e, err := embedded.Driver{}.Start(t.Context(), emulator.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return deploy.Target{Endpoint: e.Endpoint(), State: provision.NewMemoryState(), Environ: os.Environ()},
		&lab.Folder{Lab: &lab.Lab{ID: "a-lab"}, FS: fstest.MapFS{"resources.yaml": {Data: []byte(resources)}}}
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755)) // a script
	return dir
}

func TestSubmission_templateGetsTheLabsOutputsAndChangesOnlyWhatChanged(t *testing.T) {
	to, l := target(t)
	provided, err := to.Provided(t.Context(), l)
	require.NoError(t, err)
	const template = `
Parameters:
  StreamName: { Type: String }
Resources:
  Counts:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
Outputs:
  Table: { Value: !Ref Counts }
  Seen: { Value: !Sub "from ${StreamName}" }
`
	dir := write(t, "template.yaml", template)
	res, err := to.Submission(t.Context(), l, "mine", dir, provided)
	require.NoError(t, err)
	require.Len(t, res.Changes, 1)
	require.Equal(t, "from "+provided["StreamName"], res.Outputs["Seen"])
	require.Equal(t, provided["StreamName"], res.Outputs["StreamName"])
	require.NotEmpty(t, res.Outputs["Table"])
	res, err = to.Submission(t.Context(), l, "mine", dir, provided)
	require.NoError(t, err)
	require.Empty(t, res.Changes)
}

func TestSubmission_unknownTypesAreErrorsAtTheirLine(t *testing.T) {
	to, l := target(t)
	dir := write(t, "template.yaml", "Resources:\n  X:\n    Type: AWS::Nothing::AtAll\n")
	_, err := to.Submission(t.Context(), l, "mine", dir, nil)
	var problems *cfn.Problems
	require.ErrorAs(t, err, &problems)
	require.Equal(t, 3, problems.List[0].Line)
}

func TestSubmission_scriptSeesAndAddsOutputs(t *testing.T) {
	to, l := target(t)
	provided, err := to.Provided(t.Context(), l)
	require.NoError(t, err)
	var out bytes.Buffer
	to.Out = &out
	dir := write(t, "deploy.sh",
		"#!/bin/sh\necho endpoint $AWS_ENDPOINT_URL\nprintf '{\"Mine\":\"%s\"}' \"$STREAM_NAME\" > \"$PIPELAB_OUTPUTS\"\n")
	res, err := to.Submission(t.Context(), l, "mine", dir, provided)
	require.NoError(t, err)
	require.Equal(t, provided["StreamName"], res.Outputs["Mine"])
	require.Contains(t, out.String(), "endpoint "+to.Endpoint.URL)
	_, err = kinesis.NewFromConfig(to.Endpoint.AWSConfig()).DescribeStreamSummary(t.Context(),
		&kinesis.DescribeStreamSummaryInput{StreamName: ptr(res.Outputs["Mine"])})
	require.NoError(t, err)

	dir = write(t, "deploy.sh", "echo no such bucket >&2\nexit 4\n")
	_, err = to.Submission(t.Context(), l, "mine", dir, provided)
	var failed *deploy.ScriptError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, 4, failed.Exit)
	require.Contains(t, failed.Error(), "no such bucket")
}

// What a folder holds and what its script leaves is the submission's fault, whatever
// it is: a grade cannot be kept open by it.
func TestSubmission_whatIsWrongWithAFolderIsItsOwn(t *testing.T) {
	to, l := target(t)
	provided, err := to.Provided(t.Context(), l)
	require.NoError(t, err)
	var own *deploy.FolderError
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "template.yaml"), 0o755))
	_, err = to.Submission(t.Context(), l, "mine", dir, provided)
	require.ErrorAs(t, err, &own)
	require.EqualError(t, err, "template.yaml is no file")
	for name, script := range map[string]string{
		"a link":        `ln -sf /etc/passwd "$PIPELAB_OUTPUTS"`,
		"a FIFO":        `rm "$PIPELAB_OUTPUTS"; mkfifo "$PIPELAB_OUTPUTS"`,
		"a folder":      `rm "$PIPELAB_OUTPUTS"; mkdir "$PIPELAB_OUTPUTS"`,
		"too much":      `head -c 3000000 /dev/zero > "$PIPELAB_OUTPUTS"`,
		"nothing":       `rm "$PIPELAB_OUTPUTS"`,
		"no folder":     `rm -r "$(dirname "$PIPELAB_OUTPUTS")"`,
		"a closed file": `rm "$PIPELAB_OUTPUTS"; ln -s "$PIPELAB_OUTPUTS" "$PIPELAB_OUTPUTS"`,
	} {
		_, err := to.Submission(t.Context(), l, "mine", write(t, "deploy.sh", script+"\n"), provided)
		require.ErrorAs(t, err, &own, name)
		require.ErrorContains(t, err, "the outputs that deploy.sh wrote cannot be read", name)
	}
}

// What the lab has provided keeps its name: another stream in its place would be judged.
func TestSubmission_replacesNoOutputOfTheLab(t *testing.T) {
	to, l := target(t)
	provided, err := to.Provided(t.Context(), l)
	require.NoError(t, err)
	template := "Resources:\n  Own: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }\n" +
		"Outputs:\n  StreamName: { Value: !Ref Own }\n  Mine: { Value: !Ref Own }\n"
	res, err := to.Submission(t.Context(), l, "mine", write(t, "template.yaml", template), provided)
	require.NoError(t, err)
	require.Equal(t, provided["StreamName"], res.Outputs["StreamName"])
	require.NotEqual(t, provided["StreamName"], res.Outputs["Mine"])
	script := `printf '{"StreamName":"other","Mine":"x"}' > "$PIPELAB_OUTPUTS"` + "\n"
	res, err = to.Submission(t.Context(), l, "mine", write(t, "deploy.sh", script), provided)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"StreamName": provided["StreamName"], "Mine": "x"}, res.Outputs)
}

// A script that is confined deploys as any other, and finds nothing else.
func TestSubmission_confinesTheScript(t *testing.T) {
	policy, err := sandbox.NewPolicy(t.Context())
	if err != nil {
		t.Skip(err)
	}
	policy.Disk, policy.FileSize = 10<<20, 1<<20
	to, l := target(t)
	to.Confine = policy
	to.Environ = append(to.Environ, "SECRET_OF_OURS=x")
	provided, err := to.Provided(t.Context(), l)
	require.NoError(t, err)
	outside := write(t, "result.json", "SECRET")
	dir := write(t, "deploy.sh", `#!/bin/sh
cat `+outside+`/result.json && exit 1
echo x > `+outside+`/result.json && exit 1
test -z "$SECRET_OF_OURS" || exit 1
echo built > built
python3 -c '
import boto3, os
boto3.client("kinesis").describe_stream_summary(StreamName=os.environ["STREAM_NAME"])
boto3.client("sqs").create_queue(QueueName="made")
' || exit 1
printf '{"Mine":"%s"}' "$STREAM_NAME" > "$PIPELAB_OUTPUTS"
`)
	res, err := to.Submission(t.Context(), l, "mine", dir, provided)
	require.NoError(t, err)
	require.Equal(t, provided["StreamName"], res.Outputs["Mine"])
	require.FileExists(t, filepath.Join(dir, "built"))
	b, err := os.ReadFile(filepath.Join(outside, "result.json"))
	require.NoError(t, err)
	require.Equal(t, "SECRET", string(b))

	for script, want := range map[string]string{
		"while :; do n=$((n+1)); head -c 1000000 /dev/zero > f$n; done":               "it wrote more than 10 MiB",
		`rm "$PIPELAB_OUTPUTS"; ln -s ` + outside + `/result.json "$PIPELAB_OUTPUTS"`: "cannot be read",
		`head -c 1040000 /dev/zero > "$PIPELAB_OUTPUTS"`:                              "not a JSON object",
	} {
		_, err = to.Submission(t.Context(), l, "mine", write(t, "deploy.sh", script), provided)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "SECRET")
	}
}

// Code that a link leads to, outside of the submission, is nobody's to deploy.
func TestSubmission_packsNothingFromOutside(t *testing.T) {
	to, l := target(t)
	outside := write(t, "app.py", "SECRET = 1")
	for name, uri := range map[string]string{"the folder": "src", "within": "src/inner", "a file": "code.py"} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, "template.yaml",
				"Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties: { "+
					"Runtime: python3.12, Handler: app.handler, CodeUri: "+uri+" }\n")
			link := map[string]string{"src": "src", "src/inner": "src", "code.py": "code.py"}[uri]
			target := map[string]string{"src": outside, "src/inner": filepath.Dir(outside),
				"code.py": filepath.Join(outside, "app.py")}[uri]
			require.NoError(t, os.Symlink(target, filepath.Join(dir, link)))
			_, err := to.Submission(t.Context(), l, "mine", dir, nil)
			require.ErrorContains(t, err, "escapes")
		})
	}
}

func ptr(s string) *string { return &s }

func TestSubmission_nothingToDeploy(t *testing.T) {
	to, l := target(t)
	_, err := to.Submission(t.Context(), l, "mine", t.TempDir(), nil)
	require.ErrorIs(t, err, deploy.ErrNothing)
	l.Programs = map[string]lab.Program{"p": {Command: []string{"true"}}}
	res, err := to.Submission(t.Context(), l, "mine", t.TempDir(), map[string]string{"A": "1"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"A": "1"}, res.Outputs)
}

func TestVariable(t *testing.T) {
	for output, want := range map[string]string{"StreamName": "STREAM_NAME", "QueueURL": "QUEUE_URL", "DLQUrl": "DLQ_URL",
		"table": "TABLE"} {
		require.Equal(t, want, deploy.Variable(output))
	}
}
