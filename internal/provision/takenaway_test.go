package provision_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cfn"
)

// updated makes the resource of a site and changes it.
func (w *site) updated(t *testing.T, before, now string) {
	t.Helper()
	w.it.Properties = w.filled(t, before)
	made, err := w.Create(t.Context(), w.it)
	require.NoError(t, err)
	w.it.PhysicalID, w.it.Attributes = made.PhysicalID, made.Attributes
	w.it.Previous, w.it.Properties = w.it.Properties, w.filled(t, now)
	_, err = w.Update(t.Context(), w.it)
	require.NoError(t, err)
}

// A queue that a policy no longer names is left without it.
func TestQueuePolicy_leavesQueuesThatItNoLongerNames(t *testing.T) {
	t.Parallel()
	const statement = `"PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal":
		{"AWS": "000000000000"}, "Action": "sqs:SendMessage", "Resource": "*"}]}`
	w := newSite(t, "AWS::SQS::QueuePolicy", sample{before: []given{{"AWS::SQS::Queue", `{}`}, {"AWS::SQS::Queue", `{}`}},
		properties: `{"Queues": ["${0}"], ` + statement + `}`})
	w.updated(t, `{"Queues": ["${0}", "${1}"], `+statement+`}`, `{"Queues": ["${1}"], `+statement+`}`)
	client := sqs.NewFromConfig(w.cfg)
	has := func(url string) bool {
		out, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url,
			AttributeNames: []types.QueueAttributeName{"Policy"}})
		require.NoError(t, err)
		return out.Attributes["Policy"] != ""
	}
	require.False(t, has(w.values["${0}"]))
	require.True(t, has(w.values["${1}"]))
}

// A policy of users only is found gone as one of roles is.
func TestPolicy_ofUsersIsFoundGone(t *testing.T) {
	t.Parallel()
	w := newSite(t, "AWS::IAM::Policy", sample{before: []given{{"AWS::IAM::User", `{}`}},
		properties: `{"PolicyName": "p", "Users": ["${0}"], "PolicyDocument": ` + aPolicy + `}`})
	made, err := w.Create(t.Context(), w.it)
	require.NoError(t, err)
	w.it.PhysicalID = made.PhysicalID
	_, err = w.Read(t.Context(), w.it)
	require.NoError(t, err)
	require.NoError(t, w.Delete(t.Context(), w.it))
	_, err = w.Read(t.Context(), w.it)
	require.ErrorIs(t, err, cfn.ErrNotFound)
}

// A function whose logging is no longer configured logs where it would without.
func TestFunction_logsToItsOwnGroupAgain(t *testing.T) {
	t.Parallel()
	w := newSite(t, "AWS::Lambda::Function", samples()["AWS::Lambda::Function"])
	with := aFunction[:len(aFunction)-1] + `, "LoggingConfig": {"LogFormat": "Text", "LogGroup": "elsewhere"}}`
	w.updated(t, with, aFunction)
	out, err := lambda.NewFromConfig(w.cfg).GetFunctionConfiguration(t.Context(),
		&lambda.GetFunctionConfigurationInput{FunctionName: aws.String(w.it.PhysicalID)})
	require.NoError(t, err)
	require.Equal(t, "/aws/lambda/walk-it Text", *out.LoggingConfig.LogGroup+" "+string(out.LoggingConfig.LogFormat))
}
