package wire_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/wire"
)

// api reads a model that no service here has.
func api(t *testing.T, name string) wire.API {
	t.Helper()
	b, err := os.ReadFile("testdata/models/" + name + ".json.gz")
	require.NoError(t, err)
	a, err := wire.ReadAPI(name, b)
	require.NoError(t, err)
	return a
}

func TestReadAPI_takesWhatRoutingNeedsFromTheModel(t *testing.T) {
	t.Parallel()
	v2, ec2 := api(t, "apigatewayv2"), api(t, "ec2")
	require.Equal(t, []string{"apigateway", "2018-11-29", "rest-json"}, []string{v2.Signing, v2.Version, v2.Protocol})
	require.Equal(t, []string{"v2"}, v2.Roots)
	require.False(t, v2.Query)
	require.Equal(t, []string{"ec2", "2016-11-15", "ec2"}, []string{ec2.Signing, ec2.Version, ec2.Protocol})
	require.True(t, ec2.Query)
	require.Contains(t, api(t, "apigateway").Roots, "restapis")
}

// request is one as an SDK or a program without a signature sends it.
func request(method, host, uri, signing, form string) *http.Request {
	req := httptest.NewRequest(method, uri, strings.NewReader(form))
	req.Host = host
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if signing != "" {
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/"+signing+
			"/aws4_request, SignedHeaders=host, Signature=0")
	}
	return req
}

func TestRoute_tellsServicesApart(t *testing.T) {
	t.Parallel()
	reg := wire.NewRegistry("dynamodb", "dynamodbstreams", "iam", "lambda", "s3", "sqs", "sts")
	for _, name := range []string{"apigateway", "apigatewayv2", "cloudfront", "ec2"} {
		reg.Add(api(t, name))
	}
	for _, c := range []struct{ name, method, host, uri, signing, form, want string }{
		{"v1 under the name that v2 signs with", "GET", "localhost", "/restapis", "apigateway", "", "apigateway.GetRestApis"},
		{"v2", "GET", "localhost", "/v2/apis", "apigateway", "", "apigatewayv2.GetApis"},
		{"v2 with a label", "DELETE", "localhost", "/v2/apis/a1/routes/r1", "apigateway", "", "apigatewayv2.DeleteRoute"},
		{"v1's tags", "GET", "localhost", "/tags/arn%3Aaws%3Ax", "apigateway", "", "apigateway.GetTags"},
		{"v2's tags", "GET", "localhost", "/v2/tags/arn%3Aaws%3Ax", "apigateway", "", "apigatewayv2.GetTags"},
		{"no rule of either", "GET", "localhost", "/nothing", "apigateway", "", "UnknownOperationException"},
		{"a path of another service", "GET", "localhost", "/2015-03-31/functions", "apigateway", "",
			"UnknownOperationException"},
		{"restXml that is not S3", "GET", "localhost", "/2020-05-31/distribution", "cloudfront", "",
			"cloudfront.ListDistributions2020_05_31"},
		{"S3 with a service's path", "GET", "localhost", "/restapis", "s3", "", "s3.ListObjects"},
		{"unsigned, by path", "GET", "localhost", "/2015-03-31/functions", "", "", "lambda.ListFunctions"},
		{"unsigned, by another date", "GET", "localhost", "/2021-10-31/functions/f/url", "", "",
			"lambda.GetFunctionUrlConfig"},
		{"unsigned, of two services with one name", "GET", "localhost", "/v2/apis", "", "", "apigatewayv2.GetApis"},
		{"unsigned, a root and no rule", "GET", "localhost", "/restapis/a/b/c/d/e/f/g", "", "", "s3.GetObject"},
		{"unsigned, a root and no rule at the service's host", "GET", "apigateway.us-east-1.amazonaws.com",
			"/restapis/a/b/c/d/e/f/g", "", "", "UnknownOperationException"},
		{"unsigned, below a bucket's host", "GET", "b.s3.localhost", "/v2/apis", "", "", "s3.GetObject"},
		{"unsigned, S3's", "GET", "localhost", "/bucket/key", "", "", "s3.GetObject"},
		{"a form", "POST", "localhost", "/", "ec2", "Action=DescribeVpcs&Version=2016-11-15", "ec2.DescribeVpcs"},
		{"an unsigned form, by version", "POST", "localhost", "/", "", "Action=ListUsers&Version=2010-05-08",
			"iam.ListUsers"},
		{"a form of a service that moved to JSON", "POST", "localhost", "/", "sqs", "Action=ListQueues&Version=2012-11-05",
			"sqs.ListQueues"},
		{"a query", "GET", "localhost", "/?Action=GetCallerIdentity&Version=2011-06-15", "sts", "", "sts.GetCallerIdentity"},
		{"a form for S3", "POST", "localhost", "/bucket", "s3", "Action=x", "MethodNotAllowed"},
		{"an operation that the version lacks", "POST", "localhost", "/", "iam", "Action=Nothing&Version=2010-05-08",
			"InvalidAction"},
		{"nobody's name", "GET", "localhost", "/", "glue", "", "NotImplemented"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target, err := reg.Route(request(c.method, c.host, c.uri, c.signing, c.form))
			var refused *wire.Error
			if err != nil {
				require.ErrorAs(t, err, &refused)
				require.Equal(t, c.want, refused.Code)
				return
			}
			require.Equal(t, c.want, target.Service+"."+target.Operation)
		})
	}
}
