package cloudformation

import (
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/cfn"
)

// source reads a template from the request or from S3.
func (s *Service) source(ctx context.Context, body, from *string) (string, error) {
	switch {
	case body != nil && from != nil:
		return "", invalid("Specify either TemplateBody or TemplateURL, not both")
	case body != nil:
		if int64(len(*body)) > limit("templateBytes") {
			return "", invalid(
				"1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less "+
					"than or equal to %d", limit("templateBytes"))
		}
		return *body, nil
	case from == nil:
		return "", invalid("Either Template URL or Template Body must be specified.")
	}
	bucket, key, err := location(*from)
	if err != nil {
		return "", err
	}
	call := gateway.From(ctx)
	out, err := gateway.Invoke[s3.GetObjectOutput](ctx, s.host, gateway.Call{Principal: call.Principal, Scope: call.Scope,
		Via:     via(call.Via),
		Service: "s3", Operation: "GetObject",
		Input: &s3.GetObjectInput{Bucket: &bucket, Key: &key}})
	if err != nil {
		if code := gateway.ErrorCode(err); code != "" {
			return "", invalid("S3 error: %s", err.Error())
		}
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(out.Body, limit("templateObjectBytes")+1))
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return "", err
	}
	if int64(len(text)) > limit("templateObjectBytes") {
		return "", invalid("Template may not exceed %d bytes in size.", limit("templateObjectBytes"))
	}
	return string(text), nil
}

// location takes an S3 URL apart, with the bucket in the path or the host.
func location(raw string) (bucket, key string, err error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "", "", invalid("TemplateURL must be a supported URL.")
	}
	path := strings.TrimPrefix(u.Path, "/")
	if head, _, ok := strings.Cut(u.Hostname(), ".s3"); ok && head != "" && !strings.HasPrefix(u.Hostname(), "s3") {
		return head, path, nil
	}
	bucket, key, ok := strings.Cut(path, "/")
	if !ok || bucket == "" || key == "" {
		return "", "", invalid("TemplateURL must reference a valid S3 object to which you have access.")
	}
	return bucket, key, nil
}

// parse reads a template for an engine's types.
func parse(text string, types map[string]*cfn.Schema) (*cfn.Template, error) {
	t, err := cfn.Parse("template", []byte(text), types)
	if err != nil {
		return nil, problem(err)
	}
	return t, nil
}

// problem is how AWS words what is wrong with a template.
func problem(err error) error {
	var ps *cfn.Problems
	if errors.As(err, &ps) {
		return invalid("Template format error: %s", err.Error())
	}
	if gateway.ErrorCode(err) != "" {
		return err
	}
	return invalid("%s", err.Error())
}

// needed are the capabilities that a template asks for.
// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
func needed(t *cfn.Template, direct bool) []types.Capability {
	var out []types.Capability
	for _, r := range t.Resources {
		if !strings.HasPrefix(r.Type, "AWS::IAM::") {
			continue
		}
		want := types.CapabilityCapabilityIam
		if named(r) {
			want = types.CapabilityCapabilityNamedIam
		}
		if !slices.Contains(out, want) {
			out = append(out, want)
		}
	}
	if slices.Contains(out, types.CapabilityCapabilityNamedIam) {
		out = []types.Capability{types.CapabilityCapabilityNamedIam}
	}
	if direct && len(t.Transforms) > 0 {
		out = append(out, types.CapabilityCapabilityAutoExpand)
	}
	return out
}

// named reports whether an IAM resource has a name of the template's choice.
func named(r *cfn.ResourceDef) bool {
	for _, p := range []string{"RoleName", "UserName", "GroupName", "ManagedPolicyName", "InstanceProfileName"} {
		if r.Properties != nil && r.Properties.Get(p) != nil {
			return true
		}
	}
	return false
}

// acknowledged refuses a template whose capabilities the caller has not named.
func acknowledged(t *cfn.Template, given []types.Capability, direct bool) error {
	var missing []string
	for _, c := range needed(t, direct) {
		named := slices.Contains(given, types.CapabilityCapabilityNamedIam) && c == types.CapabilityCapabilityIam
		if !slices.Contains(given, c) && !named {
			missing = append(missing, string(c))
		}
	}
	if len(missing) > 0 {
		return &types.InsufficientCapabilitiesException{Message: aws.String("Requires capabilities : [" +
			strings.Join(missing, ", ") + "]")}
	}
	return nil
}

func (s *Service) ValidateTemplate(ctx context.Context, in *sdk.ValidateTemplateInput) (*sdk.ValidateTemplateOutput,
	error) {
	text, err := s.source(ctx, in.TemplateBody, in.TemplateURL)
	if err != nil {
		return nil, err
	}
	t, err := parse(text, s.schemas())
	if err != nil {
		return nil, err
	}
	out := &sdk.ValidateTemplateOutput{Description: some(t.Description), DeclaredTransforms: t.Transforms,
		Capabilities: needed(t, true), Parameters: []types.TemplateParameter{}}
	if len(out.Capabilities) > 0 {
		out.CapabilitiesReason = aws.String(reasonFor(t))
	}
	for _, p := range t.Parameters {
		out.Parameters = append(out.Parameters, types.TemplateParameter{ParameterKey: aws.String(p.Name),
			DefaultValue: p.Default, NoEcho: aws.Bool(p.NoEcho), Description: some(p.Description)})
	}
	return out, nil
}

func reasonFor(t *cfn.Template) string {
	var kinds []string
	for _, r := range t.Resources {
		if strings.HasPrefix(r.Type, "AWS::IAM::") && !slices.Contains(kinds, r.Type) {
			kinds = append(kinds, r.Type)
		}
	}
	return "The following resource(s) require capabilities: [" + strings.Join(kinds, ", ") + "]"
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (s *Service) GetTemplateSummary(ctx context.Context,
	in *sdk.GetTemplateSummaryInput) (*sdk.GetTemplateSummaryOutput, error) {
	var text string
	if in.StackName != nil {
		st, err := s.get(ctx, in.StackName)
		if err != nil {
			return nil, err
		}
		text = st.Template
	} else {
		var err error
		if text, err = s.source(ctx, in.TemplateBody, in.TemplateURL); err != nil {
			return nil, err
		}
	}
	t, err := parse(text, s.schemas())
	if err != nil {
		return nil, err
	}
	out := &sdk.GetTemplateSummaryOutput{Description: some(t.Description), DeclaredTransforms: t.Transforms,
		Capabilities: needed(t, true), Parameters: []types.ParameterDeclaration{},
		ResourceTypes: []string{}, Version: aws.String("2010-09-09")}
	if len(out.Capabilities) > 0 {
		out.CapabilitiesReason = aws.String(reasonFor(t))
	}
	for _, r := range t.Resources {
		if !slices.Contains(out.ResourceTypes, r.Type) {
			out.ResourceTypes = append(out.ResourceTypes, r.Type)
		}
	}
	for _, p := range t.Parameters {
		d := types.ParameterDeclaration{ParameterKey: aws.String(p.Name), ParameterType: aws.String(p.Type),
			DefaultValue: p.Default, NoEcho: aws.Bool(p.NoEcho), Description: some(p.Description)}
		if len(p.Allowed) > 0 {
			d.ParameterConstraints = &types.ParameterConstraints{AllowedValues: p.Allowed}
		}
		out.Parameters = append(out.Parameters, d)
	}
	return out, nil
}

func (s *Service) GetTemplate(ctx context.Context, in *sdk.GetTemplateInput) (*sdk.GetTemplateOutput, error) {
	stages := []types.TemplateStage{types.TemplateStageOriginal}
	if in.TemplateStage == types.TemplateStageProcessed {
		return nil, gateway.Unsupported("cloudformation", "GetTemplate", "TemplateStage Processed")
	}
	if in.ChangeSetName != nil {
		set, err := s.set(ctx, in.ChangeSetName, in.StackName)
		return &sdk.GetTemplateOutput{TemplateBody: aws.String(set.Template), StagesAvailable: stages}, err
	}
	st, err := s.get(ctx, in.StackName)
	return &sdk.GetTemplateOutput{TemplateBody: aws.String(st.Template), StagesAvailable: stages}, err
}
