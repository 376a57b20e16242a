package policy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Sources of the cases:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
func TestCondition_decidesAsAWSDocuments(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		condition string
		given     string // "key=value", empty for no such key
		want      bool
	}{
		{`"StringEquals":{"aws:PrincipalTag/job":"iamuser-admin"}`, "aws:principaltag/job=iamuser-admin", true},
		{`"StringEquals":{"aws:PrincipalTag/job":"iamuser-admin"}`, "aws:principaltag/job=IAMuser-admin", false},
		{`"StringEquals":{"aws:PrincipalTag/job":"iamuser-admin"}`, "", false},
		{`"StringEquals":{"aws:x":["a","b"]}`, "aws:x=b", true},
		{`"StringEquals":{"aws:x":"*"}`, "aws:x=anything", false},
		{`"StringNotEquals":{"aws:x":["a","b"]}`, "aws:x=b", false},
		{`"StringNotEquals":{"aws:x":["a","b"]}`, "aws:x=c", true},
		{`"StringNotEquals":{"aws:x":"a"}`, "", true},
		{`"StringEqualsIgnoreCase":{"aws:x":"ABC"}`, "aws:x=abc", true},
		{`"StringNotEqualsIgnoreCase":{"aws:x":"ABC"}`, "aws:x=abc", false},
		{`"StringLike":{"s3:prefix":["","home/*","home/?lice"]}`, "s3:prefix=home/bob/x", true},
		{`"StringLike":{"s3:prefix":"${aws:username}/*"}`, "aws:username=alice", false},
		{`"StringNotLike":{"aws:x":"a*"}`, "aws:x=abc", false},
		{`"StringEqualsIfExists":{"aws:x":"a"}`, "", true},
		{`"StringEqualsIfExists":{"aws:x":"a"}`, "aws:x=b", false},
		{`"NumericLessThanEquals":{"s3:max-keys":"10"}`, "s3:max-keys=10", true},
		{`"NumericLessThanEquals":{"s3:max-keys":10}`, "s3:max-keys=11", false},
		{`"NumericEquals":{"aws:x":"1.50"}`, "aws:x=1.5", true},
		{`"NumericNotEquals":{"aws:x":"1"}`, "aws:x=2", true},
		{`"NumericGreaterThan":{"aws:x":"9"}`, "aws:x=10", true},
		{`"NumericGreaterThanEquals":{"aws:x":"9"}`, "aws:x=8.99", false},
		{`"NumericLessThan":{"aws:x":"9"}`, "aws:x=nine", false},
		{`"NumericLessThan":{"aws:x":"9"}`, "", false},
		{`"DateGreaterThan":{"aws:TokenIssueTime":"2020-01-01T00:00:01Z"}`, "aws:TokenIssueTime=2026-01-01T00:00:00Z", true},
		{`"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00+02:00"}`, "aws:CurrentTime=2019-12-31T21:59:59Z", true},
		{`"DateLessThanEquals":{"aws:EpochTime":"1577836800"}`, "aws:EpochTime=2020-01-01T00:00:00Z", true},
		{`"DateEquals":{"aws:x":"2026-03-02"}`, "aws:x=2026-03-02T00:00:00Z", true},
		{`"DateNotEquals":{"aws:x":"2026-03-02"}`, "aws:x=2026-03-02T00:00:00Z", false},
		{`"DateGreaterThanEquals":{"aws:x":"2026-03-02"}`, "aws:x=yesterday", false},
		{`"Bool":{"aws:SecureTransport":"true"}`, "aws:SecureTransport=true", true},
		{`"Bool":{"aws:SecureTransport":false}`, "aws:SecureTransport=true", false},
		{`"Bool":{"aws:MultiFactorAuthPresent":"false"}`, "", false},
		{`"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}`, "", true},
		{`"BinaryEquals":{"aws:x":"QmluYXJ5VmFsdWVJbkJhc2U2NA=="}`, "aws:x=QmluYXJ5VmFsdWVJbkJhc2U2NA==", true},
		{`"BinaryEquals":{"aws:x":"QQ=="}`, "aws:x=Qg==", false},
		{`"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`, "aws:SourceIp=203.0.113.77", true},
		{`"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:DB8:1234:5678::/64"]}`, "aws:SourceIp=2001:db8:1234:5678::1",
			true},
		{`"IpAddress":{"aws:SourceIp":"203.0.113.7"}`, "aws:SourceIp=203.0.113.8", false},
		{`"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}`, "aws:SourceIp=203.0.113.8", false},
		{`"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}`, "", true},
		{`"ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-1:1:t*"}`, "aws:SourceArn=arn:aws:sns:us-east-1:1:topic", true},
		{`"ArnLike":{"aws:SourceArn":"arn:aws:events:*:1:rule/*"}`, "aws:SourceArn=arn:aws:events:us-east-1:1:rule/bus/name",
			true},
		{`"ArnLike":{"aws:SourceArn":"arn:aws:*1:rule/*"}`, "aws:SourceArn=arn:aws:events:us-east-1:1:rule/bus/name", false},
		{`"ArnNotLike":{"aws:SourceArn":"arn:aws:s3:::b*"}`, "aws:SourceArn=arn:aws:s3:::bucket", false},
		{`"ArnNotEquals":{"aws:SourceArn":"arn:aws:s3:::b*"}`, "", true},
		{`"ArnLike":{"aws:SourceArn":"arn:aws:s3:::b"}`, "aws:SourceArn=b", false},
		{`"Null":{"aws:TokenIssueTime":"true"}`, "", true},
		{`"Null":{"aws:TokenIssueTime":"true"}`, "aws:TokenIssueTime=x", false},
		{`"Null":{"aws:TokenIssueTime":"false"}`, "aws:TokenIssueTime=x", true},
		{`"Null":{"aws:TagKeys":"true"}`, "aws:TagKeys=", true},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}`, "aws:TagKeys=a|b", true},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}`, "aws:TagKeys=a|c", false},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}`, "", true},
		{`"ForAllValues:StringNotEquals":{"aws:TagKeys":["a","b"]}`, "aws:TagKeys=c|d", true},
		{`"ForAllValues:StringNotEquals":{"aws:TagKeys":["a","b"]}`, "aws:TagKeys=c|a", false},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}`, "aws:TagKeys=c|a", true},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":["a","b"]}`, "aws:TagKeys=c|d", false},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":"a"}`, "", false},
		{`"ForAnyValue:StringEqualsIfExists":{"aws:TagKeys":"a"}`, "", true},
		{`"ForAnyValue:StringNotEquals":{"aws:TagKeys":["a","b"]}`, "aws:TagKeys=a|c", true},
		{`"ForAnyValue:StringNotEquals":{"aws:TagKeys":["a","b"]}`, "aws:TagKeys=a|b", false},
		{`"ForAnyValue:StringNotEquals":{"aws:TagKeys":["a","b"]}`, "", false},
		{`"StringEquals":{"aws:x":"a"},"NumericEquals":{"aws:y":"1"}`, "aws:x=a", false},
		{`"StringEquals":{"AWS:X":"a"}`, "aws:x=a", true},
		{`"StringEquals":{"aws:x":"${aws:x}"}`, "aws:x=a", true},
		{`"StringEquals":{"aws:x":"${aws:missing, 'a'}"}`, "aws:x=a", true},
		{`"ArnLike":{"aws:SourceArn":"arn:aws:s3:::${aws:missing, 'b:c'}*"}`, "aws:SourceArn=arn:aws:s3:::b:c/d", true},
		{`"Bool":{"aws:x":"${aws:missing, 'true'}"}`, "aws:x=true", true},
	} {
		var given []string
		if tc.given != "" {
			given = append(given, tc.given)
		}
		got := Evaluate(&Request{Principal: alice(), Action: "s3:GetObject", Resource: "*", Keys: keys(given...),
			Identity: one(t, Identity, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+tc.condition+`}}`)})
		require.Equal(t, tc.want, got.Allowed(), "%s given %s", tc.condition, tc.given)
	}
}
