package toy

import (
	"context"
	"errors"

	"github.com/aws/smithy-go"

	"github.com/pipelab/pipelab/internal/cfn"
)

// Types are the service's resource types, made through a client.
func Types(c *Client) []cfn.Handled {
	return []cfn.Handled{{
		Schema: &cfn.Schema{Type: "PipeLab::Toy::Counter", Name: "Name", NameMax: 20, NameLower: true,
			Attributes: []string{"Arn"}, Properties: cfn.Properties{
				"Name": cfn.Str().Replaces(), "TargetArn": cfn.Str().Replaces()}},
		Create: c.create, Delete: c.remove,
		Read: func(_ context.Context, r cfn.Resource) (cfn.State, error) {
			if r.PhysicalID == "" {
				return cfn.State{}, cfn.ErrNotFound
			}
			return cfn.State{PhysicalID: r.PhysicalID, Attributes: r.Attributes}, nil
		},
	}}
}

func (c *Client) create(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	in := CreateCounterInput{Name: &r.Name}
	if target, ok := r.Properties["TargetArn"].(string); ok {
		in.TargetArn = &target
	}
	var out CreateCounterOutput
	if err := c.Call(ctx, "CreateCounter", in, &out); err != nil {
		return cfn.State{}, err
	}
	return cfn.State{PhysicalID: r.Name, Attributes: map[string]any{"Arn": *out.Arn}}, nil
}

func (c *Client) remove(ctx context.Context, r cfn.Resource) error {
	err := c.Call(ctx, "DeleteCounter", DeleteCounterInput{Name: &r.PhysicalID}, nil)
	var refused smithy.APIError
	if errors.As(err, &refused) && refused.ErrorCode() == "NoSuchCounterException" {
		return cfn.ErrNotFound
	}
	return err
}
