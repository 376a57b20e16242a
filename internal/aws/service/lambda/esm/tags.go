package esm

import (
	"context"
	"maps"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// CheckTags refuses more tags than a resource may have.
func CheckTags(all map[string]string) error {
	if n := limits.Get("lambda", "tags"); int64(len(all)) > n {
		return invalid("The number of tags exceeds the limit of %d", n)
	}
	return nil
}

// Tags are those of a mapping.
func (m *Mappings) Tags(ctx context.Context, uuid string) (out map[string]string, err error) {
	return out, m.host.Store.View(func(tx *store.Tx) error {
		row, err := m.find(tx, gateway.From(ctx), &uuid)
		out = row.Tags
		return err
	})
}

// ChangeTags lets fn change the tags of a mapping.
func (m *Mappings) ChangeTags(ctx context.Context, uuid string, fn func(map[string]string) error) error {
	c := gateway.From(ctx)
	return m.host.Store.Update(func(tx *store.Tx) error {
		row, err := m.find(tx, c, &uuid)
		if err != nil {
			return err
		}
		all := map[string]string{}
		maps.Copy(all, row.Tags)
		row.Tags = all
		if err := fn(all); err != nil {
			return err
		}
		m.mappings.Put(tx, c.Scope, uuid, row)
		return nil
	})
}
