package sts

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Describe implements gateway.Service. Resources and condition keys:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
func (s *Service) Describe() gateway.Descriptor {
	d := gateway.Data
	return gateway.Descriptor{
		Name: "sts", Title: "STS",
		Members: gateway.Members{Used: members(), Kept: kept()},
		Errors:  gateway.Errors{Denied: wire.Fault{Code: "AccessDenied", Status: http.StatusForbidden}},
		Operations: gateway.With([]gateway.Operation{
			// No permission is needed for these two, and none can be denied.
			// Sources: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html and
			// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html
			gateway.Op(d, s.GetCallerIdentity, gateway.Free()),
			gateway.Op(d, s.GetSessionToken, gateway.Free()),
			gateway.Op(d, s.AssumeRole, gateway.Needing(assumeNeeds), gateway.Trusting()),
			gateway.Op(d, s.GetAccessKeyInfo),
		}, gateway.Prefix("sts"),
			gateway.ByARN("RoleArn")),
	}
}

// assumeNeeds are the permissions to assume a role, and those to give the
// session tags and a source identity; the role's trust policy has to allow all.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_permissions-required
func assumeNeeds(in *sts.AssumeRoleInput, c *gateway.Call) []gateway.Need {
	arn := aws.ToString(in.RoleArn)
	if _, _, err := roleOf(arn); err != nil {
		return nil // the handler says what is wrong
	}
	need := gateway.Need{Action: "sts:AssumeRole", Resources: []string{arn}, Keys: assumeKeys(in, c)}
	all := []gateway.Need{need}
	if len(in.Tags) > 0 || len(in.TransitiveTagKeys) > 0 {
		need.Action = "sts:TagSession"
		all = append(all, need)
	}
	if in.SourceIdentity != nil {
		need.Action = "sts:SetSourceIdentity"
		all = append(all, need)
	}
	return all
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
