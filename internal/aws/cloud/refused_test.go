package cloud_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	s3service "github.com/pipelab/pipelab/internal/aws/service/s3"
)

func TestMembers_thatNobodyUsesAreRefusedByName(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, func(h *gateway.Host) gateway.Service { return s3service.New(h) })
	client := s3.NewFromConfig(c.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("bucket"),
		ObjectLockEnabledForBucket: aws.Bool(true)})
	require.NoError(t, err)
	put := func(in *s3.PutObjectInput) error {
		in.Bucket, in.Key, in.Body = aws.String("bucket"), aws.String("key"), strings.NewReader("x")
		_, err := client.PutObject(t.Context(), in)
		return err
	}
	require.NoError(t, put(&s3.PutObjectInput{BucketKeyEnabled: aws.Bool(false),
		RequestPayer: types.RequestPayerRequester}))
	var refused smithy.APIError
	require.True(t, errors.As(put(&s3.PutObjectInput{WebsiteRedirectLocation: aws.String("/x")}), &refused))
	require.Equal(t, "NotImplemented", refused.ErrorCode())
	require.Contains(t, refused.ErrorMessage(), "WebsiteRedirectLocation of s3.PutObject")
	_, err = client.PutObjectLockConfiguration(t.Context(), &s3.PutObjectLockConfigurationInput{
		Bucket: aws.String("bucket"), ObjectLockConfiguration: &types.ObjectLockConfiguration{Rule: &types.ObjectLockRule{
			DefaultRetention: &types.DefaultRetention{DefaultEventHold: &types.EventHoldDuration{Days: aws.Int32(1)}}}}})
	require.ErrorContains(t, err, "ObjectLockConfiguration.Rule.DefaultRetention.DefaultEventHold")
}

// Each member that a service does not use is refused by its name: every one of
// every operation is sent alone.
func TestMembers_areRefusedOneByOne(t *testing.T) {
	t.Parallel()
	makers, sent := cloud.Makers(), 0
	c := awstest.New(t, makers...)
	for _, d := range c.Gateway.Services().All() {
		require.NotNil(t, d.Members.Used, d.Name)
		for _, op := range d.Operations {
			if op.Handle == nil {
				continue // an event stream, which other services do not call
			}
			for i := range op.Input.NumField() {
				f := op.Input.Field(i)
				if !f.IsExported() || d.Members.Allow(op.Input.Name(), f.Name) {
					continue
				}
				in := reflect.New(op.Input)
				set(in.Elem().Field(i))
				// DynamoDB looks at the names of tables before anything else.
				if name := in.Elem().FieldByName("TableName"); d.Name == "dynamodb" && name.IsValid() {
					name.Set(reflect.ValueOf(aws.String("table")))
				}
				_, err := c.Host.Invoke(t.Context(), gateway.Call{Service: d.Name, Operation: op.Name, Input: in.Interface(),
					Principal: gateway.RootOf("test"), Scope: ident.Scope{Account: ident.DefaultAccount, Region: ident.DefaultRegion}})
				require.Equal(t, "NotImplemented", gateway.ErrorCode(err), "%s.%s %s", d.Name, op.Name, f.Name)
				require.ErrorContains(t, err, f.Name)
				sent++
			}
		}
	}
	t.Logf("%d members", sent)
	require.Greater(t, sent, 100)
}

// set gives a value something.
func set(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if v.Elem().Type() == reflect.TypeFor[time.Time]() {
			v.Elem().Set(reflect.ValueOf(time.Unix(1, 0)))
			return
		}
		set(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		v.SetMapIndex(k, e)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Field(i).CanSet() {
				set(v.Field(i))
				return
			}
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(1)
	}
}

// ScanInput is DynamoDB's, as an SDK would have it that is older than the model.
type ScanInput struct{ TableName *string }

type older struct{ gateway.Passive }

func (older) Describe() gateway.Descriptor {
	return gateway.Descriptor{Name: "dynamodb", Operations: []gateway.Operation{gateway.Op(gateway.Data,
		func(context.Context, *ScanInput) (*dynamodb.ScanOutput, error) { return &dynamodb.ScanOutput{}, nil })}}
}

func TestMembers_thatTheSDKLacksAreRefusedByName(t *testing.T) {
	t.Parallel()
	c := awstest.New(t, func(*gateway.Host) gateway.Service { return older{} })
	client := dynamodb.NewFromConfig(c.Config())
	_, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("table")})
	require.NoError(t, err)
	_, err = client.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("table"), Limit: aws.Int32(1)})
	var refused smithy.APIError
	require.True(t, errors.As(err, &refused))
	require.Equal(t, "NotImplemented", refused.ErrorCode())
	require.Contains(t, refused.ErrorMessage(), "Limit")
}
