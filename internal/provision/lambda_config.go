package provision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/pipelab/pipelab/internal/cfn"
)

func (p *Provider) lambdaConfigTypes() []resourceType {
	onFailure := cfn.Object(props{"Destination": cfn.Str().Req()})
	return []resourceType{
		{schema: schema("AWS::Lambda::Version", "", 0, props{"FunctionName": cfn.Str().Req().Replaces(),
			"Description": cfn.Str().Replaces(),
			"CodeSha256":  cfn.Str().Replaces()}, "Version", "FunctionArn"),
			create: p.createVersion, delete: p.deleteVersion, read: p.readVersion},
		{schema: schema("AWS::Lambda::Alias", "", 0, props{"FunctionName": cfn.Str().Req().Replaces(),
			"Name":            cfn.Str().Req().Replaces(),
			"FunctionVersion": cfn.Str().Req(), "Description": cfn.Str()}, "AliasArn"),
			create: p.createAlias, update: p.updateAlias, delete: p.deleteAlias, read: p.readAlias},
		{schema: schema("AWS::Lambda::Permission", "", 0, props{"FunctionName": cfn.Str().Req().Replaces(),
			"Action":    cfn.Str().Req().Replaces(),
			"Principal": cfn.Str().Req().Replaces(), "SourceArn": cfn.Str().Replaces(), "SourceAccount": cfn.Str().Replaces()},
			"Id"),
			create: p.createPermission, delete: p.deletePermission, read: p.readPermission},
		{schema: schema("AWS::Lambda::EventSourceMapping", "", 0, props{
			"FunctionName": cfn.Str().Req(), "EventSourceArn": cfn.Str().Replaces(), "BatchSize": cfn.Int(1, 10000),
			"Enabled":                        cfn.Flag(),
			"StartingPosition":               cfn.Str("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP").Replaces(),
			"StartingPositionTimestamp":      cfn.Property{Type: cfn.TDouble}.Replaces(),
			"MaximumBatchingWindowInSeconds": cfn.Property{Type: cfn.TInteger, Max: 300},
			"MaximumRetryAttempts":           cfn.Property{Type: cfn.TInteger},
			"MaximumRecordAgeInSeconds":      cfn.Property{Type: cfn.TInteger}, "BisectBatchOnFunctionError": cfn.Flag(),
			"ParallelizationFactor":   cfn.Int(1, 10),
			"TumblingWindowInSeconds": cfn.Property{Type: cfn.TInteger, Max: 900},
			"FunctionResponseTypes":   cfn.ListOf(cfn.Str("ReportBatchItemFailures")),
			"DestinationConfig":       cfn.Object(props{"OnFailure": onFailure}),
			"FilterCriteria":          cfn.Object(props{"Filters": cfn.ListOf(cfn.Object(props{"Pattern": cfn.Str()}))}),
			"ScalingConfig":           cfn.Object(props{"MaximumConcurrency": cfn.Int(2, 1000)})}, "Id",
			"EventSourceMappingArn"),
			create: p.createMapping, update: p.updateMapping, delete: p.deleteMapping, read: p.readMapping},
		{schema: schema("AWS::Lambda::EventInvokeConfig", "", 0, props{
			"FunctionName": cfn.Str().Req().Replaces(), "Qualifier": cfn.Str().Req().Replaces(),
			"MaximumEventAgeInSeconds": cfn.Int(60, 21600), "MaximumRetryAttempts": cfn.Property{Type: cfn.TInteger, Max: 2},
			"DestinationConfig": cfn.Object(props{"OnFailure": onFailure, "OnSuccess": onFailure})}),
			create: p.putInvokeConfig, update: p.putInvokeConfig, delete: p.deleteInvokeConfig, read: p.readInvokeConfig},
	}
}

func (p *Provider) createVersion(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in := &lambda.PublishVersionInput{}
	if err := into(r.Properties, in); err != nil {
		return cfn.State{}, err
	}
	out, err := p.lambda.PublishVersion(ctx, in)
	if err != nil {
		return cfn.State{}, err
	}
	_, err = p.functionReady(ctx, *out.FunctionArn) // it is Pending first
	return cfn.State{PhysicalID: *out.FunctionArn, Attributes: map[string]any{"Version": *out.Version,
		"FunctionArn": *out.FunctionArn}}, err
}

func (p *Provider) deleteVersion(ctx context.Context, r cfn.Resource) error {
	_, err := p.lambda.DeleteFunction(ctx,
		&lambda.DeleteFunctionInput{FunctionName: aws.String(text(r.Properties, "FunctionName")),
			Qualifier: aws.String(text(r.Attributes, "Version"))})
	return err
}

func (p *Provider) readVersion(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	if r.PhysicalID == "" {
		return cfn.State{}, cfn.ErrNotFound // a version that nobody knows of harms nobody
	}
	_, err := p.lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &r.PhysicalID})
	return cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes}, err
}

func (p *Provider) createAlias(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in := &lambda.CreateAliasInput{}
	if err := into(r.Properties, in); err != nil {
		return cfn.State{}, err
	}
	out, err := p.lambda.CreateAlias(ctx, in)
	if err != nil {
		return cfn.State{}, err
	}
	return cfn.State{PhysicalID: *out.AliasArn, Attributes: map[string]any{"AliasArn": *out.AliasArn}}, nil
}

func (p *Provider) updateAlias(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in := &lambda.UpdateAliasInput{Description: aws.String("")}
	if err := into(r.Properties, in); err != nil {
		return cfn.State{}, err
	}
	_, err := p.lambda.UpdateAlias(ctx, in)
	return cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes}, err
}

func (p *Provider) deleteAlias(ctx context.Context, r cfn.Resource) error {
	_, err := p.lambda.DeleteAlias(ctx,
		&lambda.DeleteAliasInput{FunctionName: aws.String(text(r.Properties, "FunctionName")),
			Name: aws.String(text(r.Properties, "Name"))})
	return err
}

func (p *Provider) readAlias(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	out, err := p.lambda.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: aws.String(text(r.Properties, "FunctionName")),
		Name: aws.String(text(r.Properties, "Name"))})
	if err != nil {
		return cfn.State{}, err
	}
	return cfn.State{PhysicalID: *out.AliasArn, Attributes: map[string]any{"AliasArn": *out.AliasArn}}, nil
}

// statementID repeats for the same properties, so that a creation that was cut
// short can be found again, and differs for a replacement.
func statementID(r cfn.Resource) string {
	b, _ := json.Marshal(r.Properties) // came from JSON
	sum := sha256.Sum256(b)
	return r.Stack + "-" + r.LogicalID + "-" + hex.EncodeToString(sum[:6])
}

func (p *Provider) createPermission(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in := &lambda.AddPermissionInput{}
	if err := into(r.Properties, in); err != nil {
		return cfn.State{}, err
	}
	in.StatementId = aws.String(statementID(r))
	_, err := p.lambda.AddPermission(ctx, in)
	if err != nil {
		return cfn.State{}, err
	}
	return cfn.State{PhysicalID: *in.StatementId, Attributes: map[string]any{"Id": *in.StatementId}}, nil
}

func (p *Provider) deletePermission(ctx context.Context, r cfn.Resource) error {
	_, err := p.lambda.RemovePermission(ctx,
		&lambda.RemovePermissionInput{FunctionName: aws.String(text(r.Properties, "FunctionName")),
			StatementId: aws.String(r.PhysicalID)})
	return err
}

func (p *Provider) readPermission(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	out, err := p.lambda.GetPolicy(ctx,
		&lambda.GetPolicyInput{FunctionName: aws.String(text(r.Properties, "FunctionName"))})
	if err != nil {
		return cfn.State{}, err
	}
	var doc struct{ Statement []struct{ Sid string } }
	if err := json.Unmarshal([]byte(aws.ToString(out.Policy)), &doc); err != nil {
		return cfn.State{}, err
	}
	for _, s := range doc.Statement {
		if id := statementID(r); s.Sid == id {
			return cfn.State{PhysicalID: id, Attributes: map[string]any{"Id": id}}, nil
		}
	}
	return cfn.State{}, cfn.ErrNotFound
}

// mappingInput is the properties in the form of the SDK, which wants times as
// times and knows no FunctionName by Ref's ARN.
func mappingInput(m map[string]any, in any) error {
	given := maps.Clone(m)
	delete(given, "StartingPositionTimestamp")
	return into(given, in)
}

func (p *Provider) createMapping(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in := &lambda.CreateEventSourceMappingInput{}
	if err := mappingInput(r.Properties, in); err != nil {
		return cfn.State{}, err
	}
	if n, ok := r.Properties["StartingPositionTimestamp"].(json.Number); ok {
		t, err := epoch(n)
		if err != nil {
			return cfn.State{}, err
		}
		in.StartingPositionTimestamp = &t
	}
	out, err := p.lambda.CreateEventSourceMapping(ctx, in)
	if err != nil {
		return cfn.State{}, err
	}
	r.PhysicalID = *out.UUID
	st, err := p.mappingReady(ctx, r)
	if err != nil {
		return cfn.State{PhysicalID: *out.UUID}, err
	}
	return st, nil
}

func (p *Provider) mappingReady(ctx context.Context, r cfn.Resource) (st cfn.State, err error) {
	err = ask(ctx, func() (bool, error) {
		out, err := p.lambda.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: aws.String(r.PhysicalID)})
		if err != nil {
			return false, err
		}
		st = cfn.State{PhysicalID: r.PhysicalID, Attributes: map[string]any{"Id": r.PhysicalID,
			"EventSourceMappingArn": fmt.Sprintf("arn:aws:lambda:%s:%s:event-source-mapping:%s", p.region, p.account,
				r.PhysicalID)}}
		s := aws.ToString(out.State)
		return s == "Enabled" || s == "Disabled", nil
	})
	return st, err
}

func (p *Provider) updateMapping(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	if gone := lost(asSet(r.Previous), asSet(r.Properties)); len(gone) > 0 {
		return cfn.State{}, fmt.Errorf("removing %v of an event source mapping is not supported: write the default value",
			gone)
	}
	in := &lambda.UpdateEventSourceMappingInput{UUID: aws.String(r.PhysicalID)}
	if err := mappingInput(r.Properties, in); err != nil {
		return cfn.State{}, err
	}
	if _, err := p.lambda.UpdateEventSourceMapping(ctx, in); err != nil {
		return cfn.State{}, err
	}
	return p.mappingReady(ctx, r)
}

func asSet(m map[string]any) map[string]string {
	out := map[string]string{}
	for k := range m {
		out[k] = ""
	}
	return out
}

func (p *Provider) deleteMapping(ctx context.Context, r cfn.Resource) error {
	if _, err := p.lambda.DeleteEventSourceMapping(ctx,
		&lambda.DeleteEventSourceMappingInput{UUID: aws.String(r.PhysicalID)}); err != nil {
		return err
	}
	return ask(ctx, func() (bool, error) {
		_, err := p.lambda.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: aws.String(r.PhysicalID)})
		if notFound(err) {
			return true, nil
		}
		return false, err
	})
}

func (p *Provider) readMapping(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	if r.PhysicalID != "" {
		_, err := p.lambda.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: aws.String(r.PhysicalID)})
		return cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes}, err
	}
	out, err := p.lambda.ListEventSourceMappings(ctx, &lambda.ListEventSourceMappingsInput{
		FunctionName:   aws.String(text(r.Properties, "FunctionName")),
		EventSourceArn: aws.String(text(r.Properties, "EventSourceArn"))})
	if err != nil {
		return cfn.State{}, err
	}
	for _, m := range out.EventSourceMappings {
		return cfn.State{PhysicalID: *m.UUID, Attributes: map[string]any{"Id": *m.UUID}}, nil
	}
	return cfn.State{}, cfn.ErrNotFound
}

func (p *Provider) putInvokeConfig(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in := &lambda.PutFunctionEventInvokeConfigInput{}
	if err := into(r.Properties, in); err != nil {
		return cfn.State{}, err
	}
	_, err := p.lambda.PutFunctionEventInvokeConfig(ctx, in)
	return cfn.State{PhysicalID: text(r.Properties, "FunctionName") + ":" + text(r.Properties, "Qualifier")}, err
}

func (p *Provider) deleteInvokeConfig(ctx context.Context, r cfn.Resource) error {
	_, err := p.lambda.DeleteFunctionEventInvokeConfig(ctx, &lambda.DeleteFunctionEventInvokeConfigInput{
		FunctionName: aws.String(text(r.Properties, "FunctionName")), Qualifier: aws.String(text(r.Properties, "Qualifier"))})
	return err
}

func (p *Provider) readInvokeConfig(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	_, err := p.lambda.GetFunctionEventInvokeConfig(ctx, &lambda.GetFunctionEventInvokeConfigInput{
		FunctionName: aws.String(text(r.Properties, "FunctionName")), Qualifier: aws.String(text(r.Properties, "Qualifier"))})
	return cfn.State{PhysicalID: text(r.Properties, "FunctionName") + ":" + text(r.Properties, "Qualifier")}, err
}

func (p *Provider) deleteLayer(ctx context.Context, r cfn.Resource) error {
	at := strings.LastIndexByte(r.PhysicalID, ':')
	n, err := strconv.ParseInt(r.PhysicalID[at+1:], 10, 64)
	if err != nil {
		return err
	}
	_, err = p.lambda.DeleteLayerVersion(ctx, &lambda.DeleteLayerVersionInput{LayerName: aws.String(r.PhysicalID[:at]),
		VersionNumber: aws.Int64(n)})
	return err
}

func (p *Provider) readLayer(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	if r.PhysicalID == "" {
		return cfn.State{}, cfn.ErrNotFound // a version that nobody knows of harms nobody
	}
	_, err := p.lambda.GetLayerVersionByArn(ctx, &lambda.GetLayerVersionByArnInput{Arn: aws.String(r.PhysicalID)})
	return cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes}, err
}
