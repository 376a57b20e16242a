package esm

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// find returns a mapping that is not gone.
func (m *Mappings) find(tx *store.Tx, c *gateway.Call, uuid *string) (mapping, error) {
	row, ok := m.mappings.Get(tx, c.Scope, aws.ToString(uuid))
	if !ok || row.gone(c.Time) {
		return row, &types.ResourceNotFoundException{Type: aws.String("User"),
			Message: aws.String("The resource you requested does not exist.")}
	}
	return row, nil
}

// GetEventSourceMapping returns one mapping.
func (m *Mappings) GetEventSourceMapping(ctx context.Context,
	in *sdk.GetEventSourceMappingInput) (*sdk.GetEventSourceMappingOutput, error) {
	c := gateway.From(ctx)
	var row mapping
	err := m.host.Store.View(func(tx *store.Tx) (err error) {
		row, err = m.find(tx, c, in.UUID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return fill(new(sdk.GetEventSourceMappingOutput), row.show(c.Time)), nil
}

// ListEventSourceMappings returns the mappings of a function, a source or all,
// in order of their ids, a page at a time.
func (m *Mappings) ListEventSourceMappings(ctx context.Context,
	in *sdk.ListEventSourceMappingsInput) (*sdk.ListEventSourceMappingsOutput, error) {
	c := gateway.From(ctx)
	want := ""
	if in.FunctionName != nil {
		fn, err := ParseFunction(*in.FunctionName, c.Scope)
		if err != nil {
			return nil, invalid("%s", err)
		}
		want = fn.ARN()
	}
	page := int(limit("listPage"))
	if in.MaxItems != nil {
		page = min(page, int(*in.MaxItems))
	}
	out := &sdk.ListEventSourceMappingsOutput{EventSourceMappings: []types.EventSourceMappingConfiguration{}}
	return out, m.host.Store.View(func(tx *store.Tx) error {
		m.mappings.Scan(tx, c.Scope, "", aws.ToString(in.Marker), func(uuid string, row mapping) bool {
			switch {
			case uuid == aws.ToString(in.Marker) || row.gone(c.Time):
				return true
			case in.EventSourceArn != nil && *in.EventSourceArn != *row.Config.EventSourceArn:
				return true
			case want != "" && want != *row.Config.FunctionArn:
				return true
			case len(out.EventSourceMappings) == page:
				out.NextMarker = out.EventSourceMappings[page-1].UUID
				return false
			}
			out.EventSourceMappings = append(out.EventSourceMappings, row.show(c.Time))
			return true
		})
		return nil
	})
}

// DeleteEventSourceMapping begins the deletion of a mapping.
func (m *Mappings) DeleteEventSourceMapping(ctx context.Context,
	in *sdk.DeleteEventSourceMappingInput) (*sdk.DeleteEventSourceMappingOutput, error) {
	c := gateway.From(ctx)
	var row mapping
	err := m.host.Store.Update(func(tx *store.Tx) (err error) {
		if row, err = m.find(tx, c, in.UUID); err != nil {
			return err
		}
		if err := row.usable(c, "delete"); err != nil {
			return err
		}
		row.Pending, row.Settled = "Deleting", c.Time.Add(settling)
		row.Config.LastModified = aws.Time(c.Time)
		m.mappings.Put(tx, c.Scope, *in.UUID, row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.relaunch(workerKey{c.Scope, *in.UUID})
	return fill(new(sdk.DeleteEventSourceMappingOutput), row.show(c.Time)), nil
}

// usable refuses changes while a change is under way.
func (m *mapping) usable(c *gateway.Call, verb string) error {
	if c.Time.Before(m.Settled) {
		return &types.ResourceInUseException{Type: aws.String("User"), Message: aws.String(
			"Cannot " + verb + " the event source mapping because it is in use.")}
	}
	return nil
}

// UpdateEventSourceMapping changes what is given and leaves the rest.
func (m *Mappings) UpdateEventSourceMapping(ctx context.Context,
	in *sdk.UpdateEventSourceMappingInput) (*sdk.UpdateEventSourceMappingOutput, error) {
	c := gateway.From(ctx)
	var row mapping
	err := m.host.Store.View(func(tx *store.Tx) (err error) {
		row, err = m.find(tx, c, in.UUID)
		return err
	})
	if err == nil {
		err = row.usable(c, "update")
	}
	if err != nil {
		return nil, err
	}
	arn, err := ident.ParseARN(*row.Config.EventSourceArn)
	if err != nil {
		return nil, err
	}
	if err := m.change(ctx, &row, in, kindOf(arn), arn); err != nil {
		return nil, err
	}
	row.Settled, row.Config.LastModified = c.Time.Add(settling), aws.Time(c.Time)
	err = m.host.Store.Update(func(tx *store.Tx) error {
		now, err := m.find(tx, c, in.UUID)
		if err == nil {
			err = now.usable(c, "update") // two at a time
		}
		if err != nil {
			return err
		}
		row.Config.LastProcessingResult = now.Config.LastProcessingResult
		m.mappings.Put(tx, c.Scope, *in.UUID, row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.relaunch(workerKey{c.Scope, *in.UUID})
	return fill(new(sdk.UpdateEventSourceMappingOutput), row.show(c.Time)), nil
}

// change applies an update to a copy of the mapping and checks the outcome.
func (m *Mappings) change(ctx context.Context, row *mapping, in *sdk.UpdateEventSourceMappingInput, kind sourceKind,
	arn ident.ARN) error {
	cfg := &row.Config
	set(&cfg.BatchSize, in.BatchSize)
	set(&cfg.MaximumBatchingWindowInSeconds, in.MaximumBatchingWindowInSeconds)
	set(&cfg.MaximumRecordAgeInSeconds, in.MaximumRecordAgeInSeconds)
	set(&cfg.MaximumRetryAttempts, in.MaximumRetryAttempts)
	set(&cfg.ParallelizationFactor, in.ParallelizationFactor)
	set(&cfg.TumblingWindowInSeconds, in.TumblingWindowInSeconds)
	set(&cfg.BisectBatchOnFunctionError, in.BisectBatchOnFunctionError)
	set(&cfg.DestinationConfig, in.DestinationConfig)
	set(&cfg.FilterCriteria, in.FilterCriteria)
	set(&cfg.ScalingConfig, in.ScalingConfig)
	if cfg.FilterCriteria != nil && len(cfg.FilterCriteria.Filters) == 0 {
		cfg.FilterCriteria = nil // an empty object removes the filters
	}
	if cfg.ScalingConfig != nil && cfg.ScalingConfig.MaximumConcurrency == nil {
		cfg.ScalingConfig = nil // an empty object removes the limit
	}
	if in.FunctionResponseTypes != nil {
		cfg.FunctionResponseTypes = in.FunctionResponseTypes
	}
	if err := check("UpdateEventSourceMapping", kind, cfg); err != nil {
		return err
	}
	scope := gateway.From(ctx).Scope
	name := aws.ToString(in.FunctionName)
	if name == "" {
		name = *cfg.FunctionArn
	}
	_, timeout, err := m.attach(ctx, row, name, scope)
	if err != nil {
		return err
	}
	if in.FunctionName != nil {
		if err := m.unique(scope, cfg, kind, *in.UUID); err != nil {
			return err
		}
		if kind.queue() {
			who := gateway.RolePrincipal(row.Role, *in.FunctionName, scope.Account)
			if err := m.reachQueue(ctx, row, who, arn, timeout); err != nil {
				return err
			}
		}
	}
	row.Pending = "Updating"
	if in.Enabled != nil && *in.Enabled != row.Enabled {
		row.Enabled = *in.Enabled
		row.Pending = "Disabling"
		if row.Enabled {
			row.Pending = "Enabling"
		}
	}
	return nil
}

func set[T any](field **T, value *T) {
	if value != nil {
		*field = value
	}
}
