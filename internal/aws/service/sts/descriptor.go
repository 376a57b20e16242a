package sts

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

// Describe implements gateway.Service. Resources and condition keys:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
func (s *Service) Describe() gateway.Descriptor {
	d := gateway.Data
	return gateway.Descriptor{
		Name: "sts", Title: "STS",
		Members: gateway.Members{Used: members(), Kept: kept()},
		Operations: gateway.With([]gateway.Operation{
			// No permission is needed for these two, and none can be denied.
			// Sources: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html and
			// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html
			gateway.Op(d, s.GetCallerIdentity, gateway.Free()),
			gateway.Op(d, s.GetSessionToken, gateway.Free()),
			gateway.Op(d, s.AssumeRole, gateway.Keyed(assumeKeys)),
			gateway.Op(d, s.GetAccessKeyInfo),
		}, gateway.Prefix("sts"),
			gateway.About(func(arn string, _ ident.Scope) string { return arn }, "RoleArn")),
	}
}

func assumeKeys(in *sts.AssumeRoleInput, _ *gateway.Call) map[string][]string {
	keys := map[string][]string{"sts:RoleSessionName": {aws.ToString(in.RoleSessionName)}}
	if in.ExternalId != nil {
		keys["sts:ExternalId"] = []string{*in.ExternalId}
	}
	if in.SourceIdentity != nil {
		keys["sts:SourceIdentity"] = []string{*in.SourceIdentity}
	}
	if in.TransitiveTagKeys != nil {
		keys["sts:TransitiveTagKeys"] = in.TransitiveTagKeys
	}
	for _, t := range in.Tags {
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], aws.ToString(t.Key))
		keys["aws:RequestTag/"+aws.ToString(t.Key)] = []string{aws.ToString(t.Value)}
	}
	return keys
}

// kept are the members that change nothing here, each with the reason.
func kept() map[string]string {
	return map[string]string{
		"AssumeRoleInput.ExternalId": "the condition key sts:ExternalId of the role's trust policy",
	}
}
