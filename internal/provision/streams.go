package provision

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/pipelab/pipelab/internal/cfn"
)

func (p *Provider) kinesisTypes() []resourceType {
	return []resourceType{
		{schema: schema("AWS::Kinesis::Stream", "Name", 128, props{
			"Name": cfn.Str().Replaces(), "ShardCount": cfn.Int(1, 100000), "RetentionPeriodHours": cfn.Int(24, 8760),
			"StreamModeDetails": cfn.Object(props{"StreamMode": cfn.Str("PROVISIONED", "ON_DEMAND").Req()}),
			"StreamEncryption":  cfn.Object(props{"EncryptionType": cfn.Str("KMS").Req(), "KeyId": cfn.Str().Req()}),
			"Tags":              cfn.TagList()}, "Arn"),
			create: p.createStream, update: p.updateStream, delete: p.deleteStream, read: p.readStream},
		{schema: schema("AWS::Kinesis::StreamConsumer", "", 0, props{
			"ConsumerName": cfn.Str().Req().Replaces(), "StreamARN": cfn.Str().Req().Replaces()},
			"ConsumerARN", "ConsumerName", "ConsumerStatus", "StreamARN"),
			create: p.createConsumer, delete: p.deleteConsumer, read: p.readConsumer},
	}
}

func number(m map[string]any, name string, otherwise int64) int64 {
	if n, ok := m[name].(json.Number); ok {
		if v, err := n.Int64(); err == nil {
			return v
		}
	}
	return otherwise
}

func (p *Provider) createStream(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in := &kinesis.CreateStreamInput{StreamName: aws.String(r.Name), Tags: tags(r.Properties)}
	onDemand := text(object(r.Properties, "StreamModeDetails"), "StreamMode") == "ON_DEMAND"
	if onDemand {
		in.StreamModeDetails = &types.StreamModeDetails{StreamMode: types.StreamModeOnDemand}
	} else {
		in.ShardCount = aws.Int32(int32(number(r.Properties, "ShardCount", 1)))
	}
	if _, err := p.kinesis.CreateStream(ctx, in); err != nil {
		return cfn.State{}, err
	}
	st, err := p.streamReady(ctx, r.Name)
	if err != nil {
		return st, err
	}
	if err := p.retain(ctx, r.Name, 24, number(r.Properties, "RetentionPeriodHours", 24)); err != nil {
		return st, err
	}
	return st, p.encryptStream(ctx, r.Name, nil, r.Properties)
}

// encryptStream turns server-side encryption on or off, or changes its key.
func (p *Provider) encryptStream(ctx context.Context, name string, before, now map[string]any) error {
	old, key := text(object(before, "StreamEncryption"), "KeyId"), text(object(now, "StreamEncryption"), "KeyId")
	var err error
	switch {
	case key == old:
		return nil
	case key == "":
		_, err = p.kinesis.StopStreamEncryption(ctx, &kinesis.StopStreamEncryptionInput{StreamName: &name,
			EncryptionType: types.EncryptionTypeKms, KeyId: &old})
	default:
		_, err = p.kinesis.StartStreamEncryption(ctx, &kinesis.StartStreamEncryptionInput{StreamName: &name,
			EncryptionType: types.EncryptionTypeKms, KeyId: &key})
	}
	if err != nil {
		return err
	}
	_, err = p.streamReady(ctx, name)
	return err
}

// streamReady waits until the stream is ACTIVE.
func (p *Provider) streamReady(ctx context.Context, name string) (cfn.State, error) {
	st := cfn.State{PhysicalID: name}
	err := ask(ctx, func() (bool, error) {
		out, err := p.kinesis.DescribeStreamSummary(ctx, &kinesis.DescribeStreamSummaryInput{StreamName: aws.String(name)})
		if err != nil {
			return false, err
		}
		st.Attributes = map[string]any{"Arn": *out.StreamDescriptionSummary.StreamARN}
		return out.StreamDescriptionSummary.StreamStatus == types.StreamStatusActive, nil
	})
	return st, err
}

func (p *Provider) retain(ctx context.Context, name string, before, now int64) error {
	var err error
	switch hours := aws.Int32(int32(now)); {
	case now > before:
		_, err = p.kinesis.IncreaseStreamRetentionPeriod(ctx,
			&kinesis.IncreaseStreamRetentionPeriodInput{StreamName: aws.String(name), RetentionPeriodHours: hours})
	case now < before:
		_, err = p.kinesis.DecreaseStreamRetentionPeriod(ctx,
			&kinesis.DecreaseStreamRetentionPeriodInput{StreamName: aws.String(name), RetentionPeriodHours: hours})
	}
	if err != nil {
		return err
	}
	_, err = p.streamReady(ctx, name)
	return err
}

func (p *Provider) updateStream(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	st := cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes}
	if err := p.retain(ctx, r.PhysicalID, number(r.Previous, "RetentionPeriodHours", 24),
		number(r.Properties, "RetentionPeriodHours", 24)); err != nil {
		return st, err
	}
	if err := p.encryptStream(ctx, r.PhysicalID, r.Previous, r.Properties); err != nil {
		return st, err
	}
	mode := types.StreamMode(text(object(r.Properties, "StreamModeDetails"), "StreamMode"))
	if changed(r, "StreamModeDetails") {
		if mode == "" {
			mode = types.StreamModeProvisioned
		}
		if _, err := p.kinesis.UpdateStreamMode(ctx,
			&kinesis.UpdateStreamModeInput{StreamARN: aws.String(text(r.Attributes, "Arn")),
				StreamModeDetails: &types.StreamModeDetails{StreamMode: mode}}); err != nil {
			return st, err
		}
		if _, err := p.streamReady(ctx, r.PhysicalID); err != nil {
			return st, err
		}
	}
	if changed(r, "ShardCount") && mode != types.StreamModeOnDemand {
		if _, err := p.kinesis.UpdateShardCount(ctx, &kinesis.UpdateShardCountInput{StreamName: aws.String(r.PhysicalID),
			TargetShardCount: aws.Int32(int32(number(r.Properties, "ShardCount", 1))),
			ScalingType:      types.ScalingTypeUniformScaling}); err != nil {
			return st, err
		}
	}
	if gone := lost(tags(r.Previous), tags(r.Properties)); len(gone) > 0 {
		if _, err := p.kinesis.RemoveTagsFromStream(ctx,
			&kinesis.RemoveTagsFromStreamInput{StreamName: aws.String(r.PhysicalID), TagKeys: gone}); err != nil {
			return st, err
		}
	}
	if now := tags(r.Properties); changed(r, "Tags") && len(now) > 0 {
		if _, err := p.kinesis.AddTagsToStream(ctx, &kinesis.AddTagsToStreamInput{StreamName: aws.String(r.PhysicalID),
			Tags: now}); err != nil {
			return st, err
		}
	}
	_, err := p.streamReady(ctx, r.PhysicalID)
	return st, err
}

func (p *Provider) deleteStream(ctx context.Context, r cfn.Resource) error {
	if _, err := p.kinesis.DeleteStream(ctx, &kinesis.DeleteStreamInput{StreamName: aws.String(r.PhysicalID),
		EnforceConsumerDeletion: aws.Bool(true)}); err != nil {
		return err
	}
	return ask(ctx, func() (bool, error) {
		_, err := p.kinesis.DescribeStreamSummary(ctx,
			&kinesis.DescribeStreamSummaryInput{StreamName: aws.String(r.PhysicalID)})
		if notFound(err) {
			return true, nil
		}
		return false, err
	})
}

func (p *Provider) readStream(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	out, err := p.kinesis.DescribeStreamSummary(ctx,
		&kinesis.DescribeStreamSummaryInput{StreamName: aws.String(r.PhysicalID)})
	if err != nil {
		return cfn.State{}, err
	}
	return cfn.State{PhysicalID: r.PhysicalID, Attributes: map[string]any{"Arn": *out.StreamDescriptionSummary.StreamARN}},
		nil
}

func (p *Provider) createConsumer(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in := &kinesis.RegisterStreamConsumerInput{}
	if err := into(r.Properties, in); err != nil {
		return cfn.State{}, err
	}
	if _, err := p.kinesis.RegisterStreamConsumer(ctx, in); err != nil {
		return cfn.State{}, err
	}
	var st cfn.State
	err := ask(ctx, func() (ok bool, err error) {
		st, err = p.readConsumer(ctx, r)
		return text(st.Attributes, "ConsumerStatus") == "ACTIVE", err
	})
	return st, err
}

func (p *Provider) deleteConsumer(ctx context.Context, r cfn.Resource) error {
	_, err := p.kinesis.DeregisterStreamConsumer(ctx,
		&kinesis.DeregisterStreamConsumerInput{ConsumerARN: aws.String(r.PhysicalID)})
	return err
}

func (p *Provider) readConsumer(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	out, err := p.kinesis.DescribeStreamConsumer(ctx, &kinesis.DescribeStreamConsumerInput{
		StreamARN: aws.String(text(r.Properties, "StreamARN")), ConsumerName: aws.String(text(r.Properties, "ConsumerName"))})
	if err != nil {
		return cfn.State{}, err
	}
	d := out.ConsumerDescription
	return cfn.State{PhysicalID: *d.ConsumerARN, Attributes: map[string]any{"ConsumerARN": *d.ConsumerARN,
		"ConsumerName":   *d.ConsumerName,
		"ConsumerStatus": string(d.ConsumerStatus), "StreamARN": text(r.Properties, "StreamARN")}}, nil
}

func (p *Provider) logsTypes() []resourceType {
	return []resourceType{
		{schema: schema("AWS::Logs::LogGroup", "LogGroupName", 512, props{
			"LogGroupName": cfn.Str().Replaces(), "RetentionInDays": cfn.Int(1, 3653), "Tags": cfn.TagList()}, "Arn"),
			create: p.createLogGroup, update: p.updateLogGroup, delete: p.deleteLogGroup, read: p.readLogGroup},
		{schema: schema("AWS::Logs::LogStream", "LogStreamName", 512, props{
			"LogStreamName": cfn.Str().Replaces(), "LogGroupName": cfn.Str().Req().Replaces()}),
			create: p.createLogStream, delete: p.deleteLogStream, read: p.readLogStream},
	}
}

func (p *Provider) logGroupState(name string) cfn.State {
	return cfn.State{PhysicalID: name, Attributes: map[string]any{"Arn": "arn:aws:logs:" + p.region + ":" + p.account +
		":log-group:" + name + ":*"}}
}

func (p *Provider) createLogGroup(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in := &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(r.Name), Tags: tags(r.Properties)}
	if _, err := p.logs.CreateLogGroup(ctx, in); err != nil {
		return cfn.State{}, err
	}
	return p.logGroupState(r.Name), p.keepLogs(ctx, r.Name, r.Properties)
}

func (p *Provider) keepLogs(ctx context.Context, name string, m map[string]any) error {
	days := number(m, "RetentionInDays", 0)
	if days == 0 {
		return nil
	}
	_, err := p.logs.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String(name),
		RetentionInDays: aws.Int32(int32(days))})
	return err
}

func (p *Provider) updateLogGroup(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	st := p.logGroupState(r.PhysicalID)
	if number(r.Properties, "RetentionInDays", 0) == 0 && number(r.Previous, "RetentionInDays", 0) != 0 {
		if _, err := p.logs.DeleteRetentionPolicy(ctx,
			&cloudwatchlogs.DeleteRetentionPolicyInput{LogGroupName: aws.String(r.PhysicalID)}); err != nil {
			return st, err
		}
	}
	arn := aws.String("arn:aws:logs:" + p.region + ":" + p.account + ":log-group:" + r.PhysicalID)
	if gone := lost(tags(r.Previous), tags(r.Properties)); len(gone) > 0 {
		if _, err := p.logs.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: arn,
			TagKeys: gone}); err != nil {
			return st, err
		}
	}
	if now := tags(r.Properties); len(now) > 0 && !maps.Equal(now, tags(r.Previous)) {
		if _, err := p.logs.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: arn, Tags: now}); err != nil {
			return st, err
		}
	}
	return st, p.keepLogs(ctx, r.PhysicalID, r.Properties)
}

func (p *Provider) deleteLogGroup(ctx context.Context, r cfn.Resource) error {
	_, err := p.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String(r.PhysicalID)})
	return err
}

func (p *Provider) readLogGroup(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	out, err := p.logs.DescribeLogGroups(ctx,
		&cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String(r.PhysicalID)})
	if err != nil {
		return cfn.State{}, err
	}
	for _, g := range out.LogGroups {
		if aws.ToString(g.LogGroupName) == r.PhysicalID {
			return p.logGroupState(r.PhysicalID), nil
		}
	}
	return cfn.State{}, cfn.ErrNotFound
}

func (p *Provider) createLogStream(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	_, err := p.logs.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{
		LogGroupName: aws.String(text(r.Properties, "LogGroupName")), LogStreamName: aws.String(r.Name)})
	if err != nil {
		return cfn.State{}, err
	}
	return cfn.State{PhysicalID: r.Name}, nil
}

func (p *Provider) deleteLogStream(ctx context.Context, r cfn.Resource) error {
	_, err := p.logs.DeleteLogStream(ctx, &cloudwatchlogs.DeleteLogStreamInput{
		LogGroupName: aws.String(text(r.Properties, "LogGroupName")), LogStreamName: aws.String(r.PhysicalID)})
	return err
}

func (p *Provider) readLogStream(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	out, err := p.logs.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{
		LogGroupName: aws.String(text(r.Properties, "LogGroupName")), LogStreamNamePrefix: aws.String(r.PhysicalID)})
	if err != nil {
		return cfn.State{}, err
	}
	for _, s := range out.LogStreams {
		if aws.ToString(s.LogStreamName) == r.PhysicalID {
			return cfn.State{PhysicalID: r.PhysicalID}, nil
		}
	}
	return cfn.State{}, cfn.ErrNotFound
}
