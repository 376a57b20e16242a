package wire_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/wire"
	"github.com/pipelab/pipelab/internal/awsapi"
)

func validate(t *testing.T, service, method, path string, header map[string]string,
	body string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	for k, v := range header {
		req.Header.Set(k, v)
	}
	target, err := registryOf(t, service).Route(req)
	require.NoError(t, err)
	in, err := target.Decode(req)
	require.NoError(t, err)
	w := httptest.NewRecorder()
	if err := target.Validate(in); err != nil {
		require.NoError(t, target.WriteError(w, req, "id", err))
	}
	return w
}

func validateJSON(t *testing.T, service, target, body string) (code, message string) {
	t.Helper()
	w := validate(t, service, http.MethodPost, "/", map[string]string{
		"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1",
	}, body)
	if w.Body.Len() == 0 {
		return "", ""
	}
	require.Equal(t, http.StatusBadRequest, w.Code)
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &e))
	return e.Type, e.Message
}

func TestValidate_speaksAsEachServiceDoes(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, service, target, body, code, message string }{
		{
			"required member", "kinesis", "Kinesis_20131202.PutRecord", `{"StreamName":"s","PartitionKey":"k"}`,
			"ValidationException",
			"1 validation error detected: Value null at 'data' failed to satisfy constraint: Member must not be null",
		},
		{
			"pattern", "kinesis", "Kinesis_20131202.CreateStream", `{"StreamName":"a b"}`, "ValidationException",
			"1 validation error detected: Value 'a b' at 'streamName' failed to satisfy constraint: Member must satisfy " +
				"regular expression pattern: [a-zA-Z0-9_.-]+",
		},
		{
			"range", "kinesis", "Kinesis_20131202.GetRecords", `{"ShardIterator":"x","Limit":10001}`, "ValidationException",
			"1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less " +
				"than or equal to 10000",
		},
		{
			"list element", "kinesis", "Kinesis_20131202.PutRecords",
			`{"StreamName":"s","Records":[{"Data":"YQ==","PartitionKey":"k"},{"Data":"YQ==","PartitionKey":""}]}`,
			"ValidationException",
			"1 validation error detected: Value '' at 'records.2.member.partitionKey' failed to satisfy constraint: Member " +
				"must have length greater than or equal to 1",
		},
		{
			"enum", "dynamodb", "DynamoDB_20120810.UpdateTable", `{"TableName":"abc","BillingMode":"FREE"}`,
			"com.amazon.coral.validate#ValidationException",
			"1 validation error detected: Value 'FREE' at 'billingMode' failed to satisfy constraint: Member must satisfy " +
				"enum value set: [PROVISIONED, PAY_PER_REQUEST]",
		},
		{
			"two at once", "cloudwatchlogs", "Logs_20140328.PutLogEvents", `{"logEvents":[{"timestamp":1,"message":"m"}]}`,
			"InvalidParameterException",
			"2 validation errors detected: Value null at 'logGroupName' failed to satisfy constraint: Member must not be " +
				"null; Value null at 'logStreamName' failed to satisfy constraint: Member must not be null",
		},
		{"right", "kinesis", "Kinesis_20131202.PutRecord", `{"StreamName":"s","Data":"","PartitionKey":"k"}`, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, message := validateJSON(t, c.service, c.target, c.body)
			require.Equal(t, c.code, code)
			require.Equal(t, c.message, message)
		})
	}
}

func TestValidate_queryServicesSayValidationError(t *testing.T) {
	t.Parallel()
	w := validate(t, "iam", http.MethodPost, "/", map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		"Action=CreateUser&Version=2010-05-08&UserName=a%2Fb")
	require.Equal(t, http.StatusBadRequest, w.Code)
	require.Contains(t, w.Body.String(), "<Code>ValidationError</Code>")
	require.Contains(t, w.Body.String(), "at &#39;userName&#39;")
}

func TestValidate_acceptsWellFormedNames(t *testing.T) {
	t.Parallel()
	w := validate(t, "lambda", http.MethodGet, "/2015-03-31/functions/my-function", map[string]string{
		"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260302/us-east-1/lambda/aws4_request, SignedHeaders=host, " +
			"Signature=0",
	}, "")
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	require.Empty(t, w.Body.String())
}

func TestValidate_walksEveryOperationsInput(t *testing.T) {
	t.Parallel()
	for _, service := range awsapi.Names() {
		r := registryOf(t, service)
		for _, file := range snapshots(t, service) {
			req, _ := parseSnapshot(t, file, service)
			target, err := r.Route(req)
			if err != nil || !target.Known() {
				continue // TestVectors tells which and why
			}
			in, err := target.Decode(req)
			if err != nil {
				continue
			}
			// The vectors' placeholders break rules: what counts is that every
			// shape can be walked and that what is refused is the client's fault.
			if err := target.Validate(in); err != nil {
				var refused *wire.Error
				require.ErrorAs(t, err, &refused, file)
				require.Equal(t, http.StatusBadRequest, refused.Status, file)
			}
		}
	}
}
