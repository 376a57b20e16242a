package lambda

import (
	"net/http"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// Describe implements gateway.Service. Resources and condition keys:
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
func (s *Service) Describe() gateway.Descriptor {
	ops := s.mappings.Operations()
	ops = append(ops, s.functionOperations()...)
	ops = append(ops, s.layerOperations()...)
	return gateway.Descriptor{
		Name: "lambda", Title: "Lambda", Targets: s.targets(), Doors: s.doors(),
		Errors: gateway.Errors{
			Denied: wire.Fault{Code: "AccessDeniedException", Status: http.StatusForbidden},
			Throttled: wire.Fault{Code: "TooManyRequestsException", Status: http.StatusTooManyRequests,
				Message: "Rate Exceeded."},
			Wording: wire.Wording{
				// An unknown runtime or architecture: Lambda answers without the count.
				InvalidChoice: wire.Fault{Code: "InvalidParameterValueException"},
				Malformed:     wire.Fault{Code: "InvalidRequestContentException"},
				BadParameter:  "InvalidParameterValueException",
				Failed:        wire.Fault{Code: "ServiceException"},
			},
		},
		Members: gateway.Members{Used: members()},
		Operations: gateway.With(ops,
			gateway.Prefix("lambda"), onFunction,
			gateway.ByARN("Resource"),
			gateway.Traced(gateway.LastPart, "FunctionName"), gateway.Traced(nil, "UUID")),
	}
}

// onFunction gives operations on a function its ARN, with the version or alias
// that they name.
func onFunction(op *gateway.Operation) {
	name := gateway.Member(op.Input, "FunctionName")
	if op.Resources != nil || op.Permissions != nil || name == nil {
		return
	}
	qualifier := gateway.Member(op.Input, "Qualifier")
	op.Resources = func(c *gateway.Call) []string {
		fn, err := esm.ParseFunction(name(c.Input), c.Scope)
		if err != nil {
			return []string{"*"} // the handler says what is wrong
		}
		if qualifier != nil && fn.Qualifier == "" {
			fn.Qualifier = qualifier(c.Input)
		}
		return []string{fn.ARN()}
	}
}

func (s *Service) functionOperations() []gateway.Operation {
	c, d := gateway.Control, gateway.Data
	return []gateway.Operation{
		gateway.Op(c, s.CreateFunction, gateway.Needing(createNeeds)),
		gateway.Op(c, s.GetFunction),
		gateway.Op(c, s.GetFunctionConfiguration),
		gateway.Op(c, s.ListFunctions),
		gateway.Op(c, s.DeleteFunction),
		gateway.Op(c, s.UpdateFunctionCode),
		gateway.Op(c, s.UpdateFunctionConfiguration, gateway.Needing(configureNeeds)),
		gateway.Op(c, s.PublishVersion),
		gateway.Op(c, s.ListVersionsByFunction),
		gateway.Op(c, s.CreateAlias),
		gateway.Op(c, s.GetAlias),
		gateway.Op(c, s.UpdateAlias),
		gateway.Op(c, s.DeleteAlias),
		gateway.Op(c, s.ListAliases),
		gateway.Op(c, s.AddPermission,
			gateway.Keyed(func(in *lambda.AddPermissionInput, _ *gateway.Call) map[string][]string {
				return map[string][]string{"lambda:Principal": {aws.ToString(in.Principal)}}
			})),
		gateway.Op(c, s.RemovePermission),
		gateway.Op(c, s.GetPolicy),
		gateway.Op(c, s.PutFunctionConcurrency),
		gateway.Op(c, s.GetFunctionCodeSigningConfig),
		gateway.Op(c, s.GetFunctionConcurrency),
		gateway.Op(c, s.DeleteFunctionConcurrency),
		gateway.Op(c, s.PutFunctionRecursionConfig),
		gateway.Op(c, s.GetFunctionRecursionConfig),
		gateway.Op(c, s.GetAccountSettings),
		gateway.Op(c, s.PutFunctionEventInvokeConfig),
		gateway.Op(c, s.UpdateFunctionEventInvokeConfig),
		gateway.Op(c, s.GetFunctionEventInvokeConfig),
		gateway.Op(c, s.DeleteFunctionEventInvokeConfig),
		gateway.Op(c, s.ListFunctionEventInvokeConfigs),
		gateway.Op(c, s.TagResource),
		gateway.Op(c, s.UntagResource),
		gateway.Op(c, s.ListTags),
		gateway.Op(d, s.Invoke, gateway.Action("lambda:InvokeFunction"), gateway.Crashes()),
		gateway.Op(d, s.InvokeAsync),
	}
}

func (s *Service) layerOperations() []gateway.Operation {
	c := gateway.Control
	return []gateway.Operation{
		gateway.Op(c, s.PublishLayerVersion,
			gateway.On(func(in *lambda.PublishLayerVersionInput, c *gateway.Call) []string {
				return []string{c.Scope.ARN("lambda", "layer:"+aws.ToString(in.LayerName))}
			})),
		gateway.Op(c, s.GetLayerVersion, gateway.On(func(in *lambda.GetLayerVersionInput, c *gateway.Call) []string {
			return layerVersion(c, in.LayerName, in.VersionNumber)
		})),
		gateway.Op(c, s.GetLayerVersionByArn, gateway.Action("lambda:GetLayerVersion"),
			gateway.On(func(in *lambda.GetLayerVersionByArnInput, _ *gateway.Call) []string {
				return []string{aws.ToString(in.Arn)}
			})),
		gateway.Op(c, s.DeleteLayerVersion,
			gateway.On(func(in *lambda.DeleteLayerVersionInput, c *gateway.Call) []string {
				return layerVersion(c, in.LayerName, in.VersionNumber)
			})),
		gateway.Op(c, s.ListLayerVersions),
		gateway.Op(c, s.ListLayers),
	}
}

// layerVersion is the ARN of one version of a layer, which a request names by
// its name or ARN.
func layerVersion(c *gateway.Call, layer *string, number *int64) []string {
	name := c.Scope.Named("lambda", "layer:", aws.ToString(layer))
	return []string{name + ":" + strconv.FormatInt(aws.ToInt64(number), 10)}
}

// passing is the permission to give a function its role.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
func passing(role *string) gateway.Need {
	return gateway.Need{Action: "iam:PassRole", Resources: []string{aws.ToString(role)},
		Keys: map[string][]string{"iam:PassedToService": {"lambda.amazonaws.com"}}}
}

func withLayers(layers []string) map[string][]string {
	if len(layers) == 0 {
		return nil
	}
	return map[string][]string{"lambda:Layer": layers}
}

func createNeeds(in *lambda.CreateFunctionInput, c *gateway.Call) []gateway.Need {
	fn, err := esm.ParseFunction(aws.ToString(in.FunctionName), c.Scope)
	if err != nil {
		return nil // the handler says what is wrong
	}
	needs := []gateway.Need{{Action: "lambda:CreateFunction", Resources: []string{fn.ARN()},
		Keys: withLayers(in.Layers)}, passing(in.Role)}
	for _, layer := range in.Layers {
		needs = append(needs, gateway.Need{Action: "lambda:GetLayerVersion", Resources: []string{layer}})
	}
	return needs
}

func configureNeeds(in *lambda.UpdateFunctionConfigurationInput, c *gateway.Call) []gateway.Need {
	fn, err := esm.ParseFunction(aws.ToString(in.FunctionName), c.Scope)
	if err != nil {
		return nil // as above
	}
	needs := []gateway.Need{{Action: "lambda:UpdateFunctionConfiguration", Resources: []string{fn.ARN()},
		Keys: withLayers(in.Layers)}}
	if in.Role != nil {
		needs = append(needs, passing(in.Role))
	}
	for _, layer := range in.Layers {
		needs = append(needs, gateway.Need{Action: "lambda:GetLayerVersion", Resources: []string{layer}})
	}
	return needs
}
