package awsapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/awsapi"
)

func TestAll_areTheServicesThatHaveAFolder(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("../aws/service")
	require.NoError(t, err)
	var folders []string
	for _, e := range entries {
		folders = append(folders, e.Name())
	}
	require.Equal(t, folders, awsapi.Names(), "go generate ./internal/awsapi")
	for _, s := range awsapi.All() {
		var names []string
		for _, o := range s.Operations {
			names = append(names, o.Name)
			require.Equal(t, o.Name+"Input", o.Input.Name())
			require.Equal(t, o.Name+"Output", o.Output.Name())
		}
		require.NotEmpty(t, names, s.Name)
		require.True(t, slices.IsSorted(names), s.Name)
	}
	_, ok := awsapi.Find("glacier")
	require.False(t, ok)
}

func TestCall_callsTheOperation(t *testing.T) {
	t.Parallel()
	var asked *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked = req
		w.Header().Set("Etag", `"x"`)
	}))
	defer server.Close()
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: aws.AnonymousCredentials{}}
	s, ok := awsapi.Find("s3")
	require.True(t, ok)
	put, ok := s.Operation("PutObject")
	require.True(t, ok)
	_, ok = s.Operation("PutObjekt")
	require.False(t, ok)
	set := false
	client := s.Client(cfg, func(options any) { _, set = options.(*s3.Options) })
	require.True(t, set)
	out, err := put.Call(context.Background(), client, &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	require.NoError(t, err)
	require.Equal(t, `"x"`, *out.(*s3.PutObjectOutput).ETag)
	require.Equal(t, "/b/k", asked.URL.Path)

	_, err = put.Call(context.Background(), client, &s3.PutObjectInput{})
	require.Error(t, err)
	_, err = put.Call(context.Background(), sqs.NewFromConfig(cfg), &s3.PutObjectInput{})
	require.ErrorContains(t, err, "no client of")
}
