package wire_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pipelab/pipelab/internal/aws/wire"
)

// decode sends a body through routing, decoding and validation, as the door
// does. Whatever it is, it must be refused or understood, and nothing else.
func decode(r *wire.Registry, method, path, service string, header map[string]string, body []byte) {
	req := httptest.NewRequest(method, path, bytes.NewReader(body))
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260302/us-east-1/"+service+
		"/aws4_request, SignedHeaders=host, Signature=0")
	for k, v := range header {
		req.Header.Set(k, v)
	}
	t, err := r.Route(req)
	if err != nil {
		return
	}
	in, err := t.Decode(req)
	if err == nil {
		err = t.Validate(in)
	}
	if err != nil {
		_ = t.WriteError(httptest.NewRecorder(), req, "id", err) // must not panic either
	}
}

func FuzzJSON(f *testing.F) {
	r := registryOf(f, "dynamodb")
	for _, s := range []string{
		`{"TableName":"t","Item":{"id":{"S":"x"},"n":{"N":"1.5"},"b":{"B":"eA=="},"l":{"L":[{"NULL":true},` +
			`{"M":{"a":{"BOOL":false}}}]},"s":{"SS":["a"]}}}`,
		`{"TableName":"t","Item":{"id":{"S":"x","N":"1"}}}`, `{"TableName":1}`, `[]`, `{"TableName":"\ud800"}`,
		`{"a":{"a":{"a":{}}}}`, `{`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, body []byte) {
		decode(r, http.MethodPost, "/", "dynamodb", map[string]string{"X-Amz-Target": "DynamoDB_20120810.PutItem",
			"Content-Type": "application/x-amz-json-1.0"}, body)
	})
}

func FuzzCBOR(f *testing.F) {
	r := registryOf(f, "kinesis")
	for _, s := range []string{"\xa1jStreamNameaa", "\xbfjStreamNameaa\xff", "\xa2dData\x42xxlPartitionKeyak",
		"\xa1dDataX\xff\xff", "\x9f\x9f\x9f", "\xfb\x00", "\xa1a\x00\xc1\xfb\x41\xd0\x00\x00\x00\x00\x00\x00", "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, body []byte) {
		for _, op := range []string{"PutRecord", "GetShardIterator"} {
			decode(r, http.MethodPost, "/service/Kinesis_20131202/operation/"+op, "kinesis",
				map[string]string{"Smithy-Protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}, body)
		}
	})
}

func FuzzXML(f *testing.F) {
	r := registryOf(f, "s3")
	for _, s := range []string{
		`<Delete><Object><Key>a</Key></Object><Quiet>true</Quiet></Delete>`,
		`<LifecycleConfiguration><Rule><ID>x</ID><Filter><And><Prefix>p</Prefix><Tag><Key>k</Key><Value>v</Value></Tag>` +
			`</And></Filter><Status>Enabled</Status><Expiration><Days>3</Days></Expiration></Rule></LifecycleConfiguration>`,
		`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><Delete>&b;</Delete>`, `<Delete>`, `<a/>`,
		`<Delete><Object><Key>&#0;</Key></Object></Delete>`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, body []byte) {
		decode(r, http.MethodPost, "/bucket?delete", "s3", nil, body)
		decode(r, http.MethodPut, "/bucket?lifecycle", "s3", nil, body)
	})
}

func FuzzQuery(f *testing.F) {
	r := registryOf(f, "iam")
	for _, s := range []string{
		"Action=CreateRole&Version=2010-05-08&RoleName=r&AssumeRolePolicyDocument=%7B%7D&Tags.member.1.Key=a&" +
			"Tags.member.1.Value=b",
		"Action=CreateRole&Tags.member.99999999999.Key=a", "Action=CreateRole&Tags.member.-1.Key=a",
		"Action=CreateRole&MaxSessionDuration=x", "Action=&", "%", "Action=CreateRole&Tags.member.2.Key=a",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, body []byte) {
		decode(r, http.MethodPost, "/", "iam", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, body)
	})
}

func FuzzSigningScope(f *testing.F) {
	for _, s := range []string{
		"AWS4-HMAC-SHA256 Credential=test/20260302/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=00",
		"AWS4-HMAC-SHA256 Credential=a/b", "AWS4-ECDSA-P256-SHA256 Credential=k/20260302/s3/aws4_request", "Credential=////",
		"AWS test:sig", "",
	} {
		f.Add(s, "/?X-Amz-Credential=test%2F20260302%2Fus-east-1%2Fs3%2Faws4_request")
	}
	f.Fuzz(func(_ *testing.T, header, query string) {
		req := httptest.NewRequest(http.MethodGet, "/", nil)
		req.Header.Set("Authorization", header)
		req.URL.RawQuery = query
		wire.SigningScope(req)
	})
}
