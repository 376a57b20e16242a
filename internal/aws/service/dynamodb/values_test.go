package dynamodb_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Clients cannot make such a value, those that write JSON by themselves can.
// Source: github.com/architect/dynalite, test/putItem.js, recorded on AWS.
func TestValues_ofTwoTypesAreNotValid(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.orders(t)
	for name, value := range map[string]string{
		"at the top": `{"S":"a","N":"1"}`, "in a list": `{"L":[{"S":"a","N":"1"}]}`,
		"in a map": `{"M":{"a":{"S":"a","N":"1"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL, strings.NewReader(
				`{"TableName":"orders","Item":{"pk":{"S":"a"},"sk":{"N":"1"},"b":`+value+`}}`))
			require.NoError(t, err)
			req.Header.Set("X-Amz-Target", "DynamoDB_20120810.PutItem")
			req.Header.Set("Content-Type", "application/x-amz-json-1.0")
			req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260302/us-east-1/dynamodb/aws4_request, "+
				"SignedHeaders=host, Signature=0")
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			defer func() { require.NoError(t, resp.Body.Close()) }()
			var got struct {
				Type    string `json:"__type"`
				Message string `json:"message"`
			}
			require.NoError(t, json.NewDecoder(resp.Body).Decode(&got))
			require.Equal(t, http.StatusBadRequest, resp.StatusCode)
			require.Equal(t, "com.amazon.coral.validate#ValidationException", got.Type)
			require.NotEmpty(t, resp.Header.Get("X-Amz-Crc32"))
			require.Equal(t, "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "+
				"supported datatypes", got.Message)
		})
	}
}
