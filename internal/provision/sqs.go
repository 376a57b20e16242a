package provision

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/cfn"
)

// queueAttributes are the properties that SQS takes as attributes, with the
// value that a removed property returns to.
func queueAttributes() map[string]string {
	return map[string]string{"DelaySeconds": "0", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
		"ReceiveMessageWaitTimeSeconds": "0", "VisibilityTimeout": "30", "RedrivePolicy": "", "RedriveAllowPolicy": "",
		"FifoQueue": "", "ContentBasedDeduplication": "false", "DeduplicationScope": "queue",
		"FifoThroughputLimit": "perQueue"}
}

func (p *Provider) sqsTypes() []resourceType {
	return []resourceType{
		{schema: schema("AWS::SQS::Queue", "QueueName", 75, props{
			"QueueName": cfn.Str().Replaces(), "DelaySeconds": cfn.Int(0, 900), "MaximumMessageSize": cfn.Int(1024, 1048576),
			"MessageRetentionPeriod": cfn.Int(60, 1209600), "ReceiveMessageWaitTimeSeconds": cfn.Int(0, 20),
			"VisibilityTimeout": cfn.Int(0, 43200), "RedrivePolicy": cfn.JSON(), "RedriveAllowPolicy": cfn.JSON(),
			"FifoQueue": cfn.Flag().Replaces(), "ContentBasedDeduplication": cfn.Flag(),
			"DeduplicationScope": cfn.Str("queue", "messageGroup"), "FifoThroughputLimit": cfn.Str("perQueue",
				"perMessageGroupId"),
			"Tags": cfn.TagList()}, "Arn", "QueueName", "QueueUrl"),
			create: p.createQueue, update: p.updateQueue, delete: p.deleteQueue, read: p.readQueue},
		{schema: schema("AWS::SQS::QueuePolicy", "", 0, props{
			"Queues": cfn.ListOf(cfn.Str()).Req(), "PolicyDocument": cfn.JSON().Req()}, "Id"),
			create: p.putQueuePolicy, update: p.putQueuePolicy, delete: p.dropQueuePolicy, read: p.readQueuePolicy},
	}
}

func queueValues(m map[string]any) (map[string]string, error) {
	out := map[string]string{}
	for name := range queueAttributes() {
		v, ok := m[name]
		if !ok {
			continue
		}
		switch x := v.(type) {
		case string:
			out[name] = x
		case json.Number, bool:
			out[name] = fmt.Sprint(x)
		default:
			doc, err := document(v)
			if err != nil {
				return nil, err
			}
			out[name] = *doc
		}
	}
	if out["FifoQueue"] == "false" {
		delete(out, "FifoQueue") // SQS accepts only true
	}
	return out, nil
}

func (p *Provider) createQueue(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	attrs, err := queueValues(r.Properties)
	if err != nil {
		return cfn.State{}, err
	}
	name := r.Name
	if _, custom := r.Properties["QueueName"]; !custom && attrs["FifoQueue"] == "true" {
		name += ".fifo"
	}
	// CreateQueue returns an existing queue of the same attributes, which a
	// stack must not take for its own.
	if _, err := p.sqs.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name)}); err == nil {
		return cfn.State{}, fmt.Errorf("queue %s already exists", name)
	} else if !notFound(err) {
		return cfn.State{}, err
	}
	out, err := p.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name), Attributes: attrs,
		Tags: tags(r.Properties)})
	if err != nil {
		return cfn.State{}, err
	}
	return p.queueState(*out.QueueUrl, name), nil
}

func (p *Provider) queueState(url, name string) cfn.State {
	return cfn.State{PhysicalID: url, Attributes: map[string]any{"QueueName": name, "QueueUrl": url,
		"Arn": fmt.Sprintf("arn:aws:sqs:%s:%s:%s", p.region, p.account, name)}}
}

func (p *Provider) updateQueue(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	st := cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes}
	now, err := queueValues(r.Properties)
	if err != nil {
		return st, err
	}
	before, err := queueValues(r.Previous)
	if err != nil {
		return st, err
	}
	for _, name := range lost(before, now) {
		now[name] = queueAttributes()[name]
	}
	delete(now, "FifoQueue")
	if len(now) > 0 {
		if _, err := p.sqs.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: aws.String(r.PhysicalID),
			Attributes: now}); err != nil {
			return st, err
		}
	}
	if gone := lost(tags(r.Previous), tags(r.Properties)); len(gone) > 0 {
		if _, err := p.sqs.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: aws.String(r.PhysicalID),
			TagKeys: gone}); err != nil {
			return st, err
		}
	}
	if changed(r, "Tags") && len(tags(r.Properties)) > 0 {
		_, err = p.sqs.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: aws.String(r.PhysicalID), Tags: tags(r.Properties)})
	}
	return st, err
}

func (p *Provider) deleteQueue(ctx context.Context, r cfn.Resource) error {
	_, err := p.sqs.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: aws.String(r.PhysicalID)})
	return err
}

func (p *Provider) readQueue(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	name := r.Name
	if n := text(r.Attributes, "QueueName"); n != "" {
		name = n
	}
	out, err := p.sqs.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name)})
	if err != nil {
		return cfn.State{}, err
	}
	return p.queueState(*out.QueueUrl, name), nil
}

func (p *Provider) setPolicy(ctx context.Context, urls []string, doc string) error {
	for _, url := range urls {
		if _, err := p.sqs.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: aws.String(url),
			Attributes: map[string]string{string(types.QueueAttributeNamePolicy): doc}}); err != nil {
			return err
		}
	}
	return nil
}

func (p *Provider) putQueuePolicy(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	doc, err := document(r.Properties["PolicyDocument"])
	if err != nil {
		return cfn.State{}, err
	}
	now := set(r.Properties, "Queues")
	if err := p.setPolicy(ctx, slices.Sorted(maps.Keys(now)), *doc); err != nil {
		return queuePolicyState(r), err
	}
	return queuePolicyState(r), p.setPolicy(ctx, lost(set(r.Previous, "Queues"), now), "")
}

func queuePolicyState(r cfn.Resource) cfn.State {
	id := r.Stack + "-" + r.LogicalID
	return cfn.State{PhysicalID: id, Attributes: map[string]any{"Id": id}}
}

func (p *Provider) dropQueuePolicy(ctx context.Context, r cfn.Resource) error {
	return p.setPolicy(ctx, slices.Sorted(maps.Keys(set(r.Properties, "Queues"))), "")
}

// readQueuePolicy finds the policy gone when one of the queues has none.
func (p *Provider) readQueuePolicy(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	for _, url := range slices.Sorted(maps.Keys(set(r.Properties, "Queues"))) {
		out, err := p.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(url),
			AttributeNames: []types.QueueAttributeName{types.QueueAttributeNamePolicy}})
		if err != nil {
			return cfn.State{}, err
		}
		if out.Attributes[string(types.QueueAttributeNamePolicy)] == "" {
			return cfn.State{}, cfn.ErrNotFound
		}
	}
	return queuePolicyState(r), nil
}
