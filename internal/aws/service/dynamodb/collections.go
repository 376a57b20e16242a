package dynamodb

import (
	"math"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// collection measures the item collection that a write has changed: all items of its
// partition key, in the table and in its local indexes. Tables without local indexes
// have none.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ItemCollectionMetrics.html
func (w *work) collection(want types.ReturnItemCollectionMetrics, o outcome) *types.ItemCollectionMetrics {
	if want != types.ReturnItemCollectionMetricsSize || !slices.ContainsFunc(o.table.present(), local) {
		return nil
	}
	bytes := 0
	measure := func(ix *Index) {
		r := &reading{table: o.table, index: ix, forward: true}
		r.bounds = queryBounds(r.prefix(), o.hash, nil)
		w.s.each(w.tx, &gateway.Call{Scope: w.sc}, r, func(rec *record) bool {
			if ix == nil {
				bytes += rec.size
			} else {
				bytes += ix.project(o.table, rec.item).Size()
			}
			return true
		})
	}
	measure(nil)
	for _, ix := range o.table.present() {
		if local(ix) {
			measure(ix)
		}
	}
	least := math.Floor(float64(bytes) / (1 << 30))
	return &types.ItemCollectionMetrics{
		ItemCollectionKey:   item.Item{o.table.Schema.Hash: o.hash}.SDK(),
		SizeEstimateRangeGB: []float64{least, least + 1},
	}
}

func local(ix *Index) bool { return !ix.Global }

// collections are those of several writes by tables, each collection once.
func (w *work) collections(want types.ReturnItemCollectionMetrics,
	outcomes []outcome) map[string][]types.ItemCollectionMetrics {
	var out map[string][]types.ItemCollectionMetrics
	seen := map[string]bool{}
	for _, o := range outcomes {
		key := string(appendPartition([]byte(o.table.Key), o.hash))
		if seen[key] {
			continue
		}
		seen[key] = true
		if m := w.collection(want, o); m != nil {
			if out == nil {
				out = map[string][]types.ItemCollectionMetrics{}
			}
			out[o.table.Name] = append(out[o.table.Name], *m)
		}
	}
	return out
}
