package provision

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/cfn"
)

func (p *Provider) dynamoTypes() []resourceType {
	keys := cfn.ListOf(cfn.Object(props{"AttributeName": cfn.Str().Req(),
		"KeyType": cfn.Str("HASH", "RANGE").Req()})).Req()
	projection := cfn.Object(props{"ProjectionType": cfn.Str("ALL", "KEYS_ONLY", "INCLUDE"),
		"NonKeyAttributes": cfn.ListOf(cfn.Str())}).Req()
	throughput := cfn.Object(props{"ReadCapacityUnits": cfn.Int(1, 40000).Req(),
		"WriteCapacityUnits": cfn.Int(1, 40000).Req()})
	table := schema("AWS::DynamoDB::Table", "TableName", 255, props{
		"TableName": cfn.Str().Replaces(),
		"AttributeDefinitions": cfn.ListOf(cfn.Object(props{"AttributeName": cfn.Str().Req(),
			"AttributeType": cfn.Str("S", "N", "B").Req()})),
		"KeySchema": keys.Replaces(), "BillingMode": cfn.Str("PROVISIONED", "PAY_PER_REQUEST"),
		"ProvisionedThroughput": throughput,
		"GlobalSecondaryIndexes": cfn.ListOf(cfn.Object(props{"IndexName": cfn.Str().Req(), "KeySchema": keys,
			"Projection":            projection,
			"ProvisionedThroughput": throughput})),
		"LocalSecondaryIndexes": cfn.ListOf(cfn.Object(props{"IndexName": cfn.Str().Req(), "KeySchema": keys,
			"Projection": projection})).Replaces(),
		"StreamSpecification": cfn.Object(props{"StreamViewType": cfn.Str("NEW_IMAGE", "OLD_IMAGE",
			"NEW_AND_OLD_IMAGES", "KEYS_ONLY").Req(), "ResourcePolicy": resourcePolicy()}),
		"ResourcePolicy":            resourcePolicy(),
		"TimeToLiveSpecification":   cfn.Object(props{"AttributeName": cfn.Str(), "Enabled": cfn.Flag().Req()}),
		"DeletionProtectionEnabled": cfn.Flag(), "Tags": cfn.TagList()}, "Arn", "StreamArn")
	return []resourceType{{schema: needing("StreamArn", "StreamSpecification", table),
		create: p.createTable, update: p.updateTable, delete: p.deleteTable, read: p.readTable}}
}

func streamSpec(m map[string]any) *types.StreamSpecification {
	view := text(object(m, "StreamSpecification"), "StreamViewType")
	if view == "" {
		return nil
	}
	return &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewType(view)}
}

func (p *Provider) createTable(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in, err := tableInput(r)
	if err != nil {
		return cfn.State{}, err
	}
	if _, err := p.dynamo.CreateTable(ctx, in); err != nil {
		return cfn.State{}, err
	}
	st, err := p.tableReady(ctx, r.Name)
	if err != nil {
		return cfn.State{PhysicalID: r.Name}, err
	}
	if err := p.streamPolicy(ctx, st, r.Properties); err != nil {
		return st, err
	}
	return st, p.timeToLive(ctx, r.Name, r.Properties)
}

func (p *Provider) timeToLive(ctx context.Context, name string, m map[string]any) error {
	ttl := object(m, "TimeToLiveSpecification")
	if ttl == nil {
		return nil
	}
	in := &dynamodb.UpdateTimeToLiveInput{TableName: aws.String(name),
		TimeToLiveSpecification: &types.TimeToLiveSpecification{}}
	if err := into(ttl, in.TimeToLiveSpecification); err != nil {
		return err
	}
	if !aws.ToBool(in.TimeToLiveSpecification.Enabled) {
		out, err := p.dynamo.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: aws.String(name)})
		if err != nil || out.TimeToLiveDescription.TimeToLiveStatus == types.TimeToLiveStatusDisabled {
			return err // DynamoDB refuses to switch off what is off
		}
	}
	_, err := p.dynamo.UpdateTimeToLive(ctx, in)
	return err
}

// tableReady waits until the table and its indexes are ACTIVE.
func (p *Provider) tableReady(ctx context.Context, name string) (st cfn.State, err error) {
	err = ask(ctx, func() (bool, error) {
		out, err := p.dynamo.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(name)})
		if err != nil {
			return false, err
		}
		st = tableState(name, out.Table)
		for _, g := range out.Table.GlobalSecondaryIndexes {
			if g.IndexStatus != types.IndexStatusActive {
				return false, nil
			}
		}
		return out.Table.TableStatus == types.TableStatusActive, nil
	})
	return st, err
}

func tableState(name string, t *types.TableDescription) cfn.State {
	st := cfn.State{PhysicalID: name, Attributes: map[string]any{"Arn": aws.ToString(t.TableArn)}}
	if t.LatestStreamArn != nil {
		st.Attributes["StreamArn"] = *t.LatestStreamArn
	}
	return st
}

func (p *Provider) readTable(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	out, err := p.dynamo.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(r.PhysicalID)})
	if err != nil {
		return cfn.State{}, err
	}
	return tableState(r.PhysicalID, out.Table), nil
}

func (p *Provider) deleteTable(ctx context.Context, r cfn.Resource) error {
	if _, err := p.dynamo.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: aws.String(r.PhysicalID)}); err != nil {
		return err
	}
	return ask(ctx, func() (bool, error) {
		_, err := p.dynamo.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(r.PhysicalID)})
		if notFound(err) {
			return true, nil
		}
		return false, err
	})
}

// updateTable makes one UpdateTable call per step, as DynamoDB demands: stream,
// billing, then each index on its own.
func (p *Provider) updateTable(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	st := cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes}
	var steps []*dynamodb.UpdateTableInput
	if changed(r, "BillingMode") || changed(r, "ProvisionedThroughput") || changed(r, "DeletionProtectionEnabled") {
		only := map[string]any{"DeletionProtectionEnabled": r.Properties["DeletionProtectionEnabled"] == true}
		if changed(r, "BillingMode") || changed(r, "ProvisionedThroughput") {
			only["BillingMode"], only["ProvisionedThroughput"] = r.Properties["BillingMode"],
				r.Properties["ProvisionedThroughput"]
		}
		in := &dynamodb.UpdateTableInput{}
		if err := into(only, in); err != nil {
			return st, err
		}
		steps = append(steps, in)
	}
	steps = append(steps, streamSteps(r)...)
	indexes, err := indexSteps(r)
	if err != nil {
		return st, err
	}
	for _, in := range append(steps, indexes...) {
		in.TableName = aws.String(r.PhysicalID)
		if _, err := p.dynamo.UpdateTable(ctx, in); err != nil {
			return st, err
		}
		if st, err = p.tableReady(ctx, r.PhysicalID); err != nil {
			return st, err
		}
	}
	if changed(r, "TimeToLiveSpecification") {
		now := r.Properties
		if object(r.Properties, "TimeToLiveSpecification") == nil {
			off := map[string]any{"AttributeName": text(object(r.Previous, "TimeToLiveSpecification"), "AttributeName"),
				"Enabled": false}
			now = map[string]any{"TimeToLiveSpecification": off}
		}
		if err := p.timeToLive(ctx, r.PhysicalID, now); err != nil {
			return st, err
		}
	}
	if err := p.updatePolicies(ctx, r, st); err != nil {
		return st, err
	}
	return st, p.tagTable(ctx, text(st.Attributes, "Arn"), r)
}

// streamSteps replace the stream of a table when it is to show something else.
func streamSteps(r cfn.Resource) (steps []*dynamodb.UpdateTableInput) {
	was, is := streamSpec(r.Previous), streamSpec(r.Properties)
	if was != nil && is != nil && was.StreamViewType == is.StreamViewType {
		return nil
	}
	if was != nil {
		steps = append(steps,
			&dynamodb.UpdateTableInput{StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(false)}})
	}
	if is != nil {
		steps = append(steps, &dynamodb.UpdateTableInput{StreamSpecification: is})
	}
	return steps
}

func (p *Provider) tagTable(ctx context.Context, arn string, r cfn.Resource) error {
	if gone := lost(tags(r.Previous), tags(r.Properties)); len(gone) > 0 {
		if _, err := p.dynamo.UntagResource(ctx, &dynamodb.UntagResourceInput{ResourceArn: aws.String(arn),
			TagKeys: gone}); err != nil {
			return err
		}
	}
	if now := tags(r.Properties); changed(r, "Tags") && len(now) > 0 {
		in := &dynamodb.TagResourceInput{ResourceArn: aws.String(arn)}
		for k, v := range now {
			in.Tags = append(in.Tags, types.Tag{Key: aws.String(k), Value: aws.String(v)})
		}
		_, err := p.dynamo.TagResource(ctx, in)
		return err
	}
	return nil
}

// indexSteps compares global indexes by name: gone ones are deleted, new ones
// created; a changed one can only have another throughput.
func indexSteps(r cfn.Resource) ([]*dynamodb.UpdateTableInput, error) {
	named := func(m map[string]any) map[string]map[string]any {
		out := map[string]map[string]any{}
		for _, it := range list(m, "GlobalSecondaryIndexes") {
			o, _ := it.(map[string]any)
			out[text(o, "IndexName")] = o
		}
		return out
	}
	before, now := named(r.Previous), named(r.Properties)
	var out []*dynamodb.UpdateTableInput
	for name := range before {
		if now[name] == nil {
			out = append(out, &dynamodb.UpdateTableInput{GlobalSecondaryIndexUpdates: []types.GlobalSecondaryIndexUpdate{
				{Delete: &types.DeleteGlobalSecondaryIndexAction{IndexName: aws.String(name)}}}})
		}
	}
	for name, index := range now {
		in := &dynamodb.UpdateTableInput{}
		if err := into(map[string]any{"AttributeDefinitions": r.Properties["AttributeDefinitions"]}, in); err != nil {
			return nil, err
		}
		var up types.GlobalSecondaryIndexUpdate
		if before[name] == nil {
			up.Create = &types.CreateGlobalSecondaryIndexAction{}
			if err := into(index, up.Create); err != nil {
				return nil, err
			}
			in.GlobalSecondaryIndexUpdates = append(in.GlobalSecondaryIndexUpdates, up)
			out = append(out, in)
			continue
		}
		for _, part := range []string{"KeySchema", "Projection"} {
			if changed(cfn.Resource{Properties: index, Previous: before[name]}, part) {
				return nil, errors.New("index " + name + ": DynamoDB cannot change " + part +
					" of an index; give the index another name")
			}
		}
		if object(index, "ProvisionedThroughput") != nil && changed(cfn.Resource{Properties: index, Previous: before[name]},
			"ProvisionedThroughput") {
			up.Update = &types.UpdateGlobalSecondaryIndexAction{}
			b, _ := json.Marshal(index) // came from JSON
			if err := json.Unmarshal(b, up.Update); err != nil {
				return nil, err
			}
			in.GlobalSecondaryIndexUpdates = append(in.GlobalSecondaryIndexUpdates, up)
			out = append(out, in)
		}
	}
	return out, nil
}
