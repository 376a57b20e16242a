package provision

import (
	"context"
	"errors"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"

	"github.com/pipelab/pipelab/internal/cfn"
)

// resourcePolicy is the property of a table and of its stream.
// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-table-resourcepolicy.html
func resourcePolicy() cfn.Property {
	return cfn.Object(props{"PolicyDocument": cfn.JSON().Req()})
}

// policyDocument is the document of the property in a table, or in its stream;
// nil without one.
func policyDocument(m map[string]any) (*string, error) {
	if doc := object(m, "ResourcePolicy")["PolicyDocument"]; doc != nil {
		return document(doc)
	}
	return nil, nil
}

// tableInput is a table's properties as CreateTable takes them.
func tableInput(r cfn.Resource) (*dynamodb.CreateTableInput, error) {
	plain := maps.Clone(r.Properties)
	delete(plain, "ResourcePolicy") // an object here, a text there
	in := &dynamodb.CreateTableInput{}
	if err := into(plain, in); err != nil {
		return nil, err
	}
	var err error
	in.ResourcePolicy, err = policyDocument(r.Properties)
	in.TableName, in.StreamSpecification = aws.String(r.Name), streamSpec(r.Properties)
	return in, err
}

// streamPolicy gives a new stream its policy, which no call that makes it takes.
func (p *Provider) streamPolicy(ctx context.Context, st cfn.State, m map[string]any) error {
	doc, err := policyDocument(object(m, "StreamSpecification"))
	if err != nil || doc == nil {
		return err
	}
	return p.attach(ctx, text(st.Attributes, "StreamArn"), doc)
}

// updatePolicies changes the policies of a table and of its stream, whose state
// after all other changes is st.
func (p *Provider) updatePolicies(ctx context.Context, r cfn.Resource, st cfn.State) error {
	if changed(r, "ResourcePolicy") {
		doc, err := policyDocument(r.Properties)
		if err != nil {
			return err
		}
		if err := p.attach(ctx, text(st.Attributes, "Arn"), doc); err != nil {
			return err
		}
	}
	was, is := object(r.Previous, "StreamSpecification"), object(r.Properties, "StreamSpecification")
	if text(was, "StreamViewType") != text(is, "StreamViewType") {
		return p.streamPolicy(ctx, st, r.Properties) // another stream, without a policy so far
	}
	if !changed(cfn.Resource{Properties: is, Previous: was}, "ResourcePolicy") {
		return nil
	}
	doc, err := policyDocument(is)
	if err != nil {
		return err
	}
	return p.attach(ctx, text(st.Attributes, "StreamArn"), doc)
}

// attach sets a policy, or removes it when there is none. DynamoDB refuses a
// change within 15 seconds after the one before.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-considerations.html
func (p *Provider) attach(ctx context.Context, arn string, doc *string) error {
	return ask(ctx, func() (bool, error) {
		var err error
		if doc == nil {
			_, err = p.dynamo.DeleteResourcePolicy(ctx, &dynamodb.DeleteResourcePolicyInput{ResourceArn: aws.String(arn)})
		} else {
			_, err = p.dynamo.PutResourcePolicy(ctx, &dynamodb.PutResourcePolicyInput{ResourceArn: aws.String(arn),
				Policy: doc})
		}
		var api smithy.APIError
		if errors.As(err, &api) && api.ErrorCode() == "ThrottlingException" {
			return false, nil
		}
		return err == nil, err
	})
}
