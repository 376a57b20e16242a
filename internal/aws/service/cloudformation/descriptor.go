package cloudformation

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Describe implements gateway.Service. Resources and condition keys:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
func (s *Service) Describe() gateway.Descriptor {
	c := gateway.Control
	ops := []gateway.Operation{
		gateway.Op(c, s.CreateStack),
		gateway.Op(c, s.UpdateStack),
		gateway.Op(c, s.DeleteStack),
		gateway.Op(c, s.DescribeStacks),
		gateway.Op(c, s.ListStacks),
		gateway.Op(c, s.DescribeStackEvents),
		gateway.Op(c, s.DescribeStackResource),
		gateway.Op(c, s.DescribeStackResources),
		gateway.Op(c, s.ListStackResources),
		gateway.Op(c, s.GetTemplate),
		gateway.Op(c, s.GetTemplateSummary),
		gateway.Op(c, s.ValidateTemplate),
		gateway.Op(c, s.CreateChangeSet, gateway.Keyed(importKeys)),
		gateway.Op(c, s.DescribeChangeSet),
		gateway.Op(c, s.ExecuteChangeSet),
		gateway.Op(c, s.DeleteChangeSet),
		gateway.Op(c, s.ListChangeSets),
		gateway.Op(c, s.ListExports),
		gateway.Op(c, s.UpdateTerminationProtection),
		gateway.Op(c, s.ContinueUpdateRollback),
	}
	return gateway.Descriptor{
		Name: "cloudformation", Title: "CloudFormation",
		Members: gateway.Members{Used: members(), Kept: kept()},
		Errors:  gateway.Errors{Denied: wire.Fault{Code: "AccessDenied", Status: http.StatusForbidden}},
		Operations: gateway.With(ops, gateway.Prefix("cloudformation"), s.onStack, gateway.Repeating(keyMembers()),
			passing,
			gateway.Traced(nil, "StackName")),
	}
}

// onStack gives operations the ARN of the stack that they name. One that does
// not exist has no id yet: "stack/NAME/*".
func (s *Service) onStack(op *gateway.Operation) {
	stackName, setName := gateway.Member(op.Input, "StackName"), gateway.Member(op.Input, "ChangeSetName")
	if stackName == nil {
		return
	}
	op.Resources = func(c *gateway.Call) []string {
		name := stackName(c.Input)
		if name == "" && setName != nil && ident.IsARN(setName(c.Input)) {
			id := setName(c.Input)
			if set, err := s.set(gateway.WithCall(context.Background(), c), &id, nil); err == nil {
				name = set.StackID
			}
		}
		switch {
		case name == "":
			return []string{"*"}
		case ident.IsARN(name):
			return []string{name}
		}
		id := c.Scope.ARN("cloudformation", "stack/"+name+"/*")
		_ = s.host.Store.View(func(tx *store.Tx) error { // only reads
			if found, ok := s.names.Get(tx, c.Scope, name); ok {
				id = found
			}
			return nil
		})
		return []string{id}
	}
}

// keyMembers are the condition keys that repeat a member of the input.
func keyMembers() map[string]string {
	return map[string]string{"cloudformation:TemplateUrl": "TemplateURL", "cloudformation:RoleArn": "RoleARN",
		"cloudformation:StackPolicyUrl": "StackPolicyURL", "cloudformation:ChangeSetName": "ChangeSetName",
		"cloudformation:ResourceTypes": "ResourceTypes"}
}

// importKeys are the types of an import.
func importKeys(in *sdk.CreateChangeSetInput, _ *gateway.Call) map[string][]string {
	keys := map[string][]string{}
	for _, r := range in.ResourcesToImport {
		keys["cloudformation:ImportResourceTypes"] = append(keys["cloudformation:ImportResourceTypes"],
			aws.ToString(r.ResourceType))
	}
	return keys
}

// kept are the members that change nothing here, each with the reason.
func kept() map[string]string {
	return map[string]string{
		"CreateChangeSetInput.ClientToken": "tells a retry from a second request for the same name; a retry " +
			"is answered as the second is",
		"ContinueUpdateRollbackInput.ClientRequestToken": "marks the events of one call; its events are told by the " +
			"stack",
	}
}
