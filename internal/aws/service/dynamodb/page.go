package dynamodb

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/expr"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// reading is a Query or Scan after its request was checked.
type reading struct {
	table      *Table
	index      *Index // nil for the table itself
	bounds     bounds
	hash       item.Value // partition key of a Query
	forward    bool
	limit      int // 0 for none
	consistent bool
	whole      bool // read whole items from the table behind a local index
	count      bool // Select COUNT
	filter     *expr.Condition
	oldFilter  bool // the filter is a QueryFilter
	projection *expr.Projection
}

// page is one answer of a reading.
type page struct {
	items   []map[string]types.AttributeValue
	count   int32
	scanned int32
	last    item.Item // key to go on from, nil at the end
	usage   usage
}

func (r *reading) prefix() string {
	if r.index != nil {
		return r.index.prefix(r.table)
	}
	return r.table.Key
}

// run reads one page. The limit and the megabyte count what is read before the
// filter, so a page can be empty and still not be the last.
func (s *Service) run(tx *store.Tx, c *gateway.Call, r *reading) page {
	var p page
	bytes, fetched, most := 0, 0.0, int(limit("pageBytes"))
	visit := func(rec *record) bool {
		it, size := rec.item, rec.size
		if r.index != nil {
			if it = r.index.project(r.table, rec.item); r.index.Projection != "ALL" {
				size = it.Size()
			}
			if r.whole {
				it = rec.item
				fetched += readUnits(rec.size, r.consistent)
			}
		}
		bytes += size
		p.scanned++
		if r.filter == nil || r.filter.Holds(it) {
			p.count++
			if !r.count {
				p.items = append(p.items, project(it, r.projection).SDK())
			}
		}
		if r.limit > 0 && int(p.scanned) >= r.limit || bytes >= most {
			p.last = r.table.keys(rec.item, r.index)
			return false
		}
		return true
	}
	s.each(tx, c, r, visit)
	p.usage = usage{table: r.table, base: readUnits(bytes, r.consistent)}
	if r.index != nil {
		p.usage.index(r.index.Name, p.usage.base)
		p.usage.key(r.index.Name, r.hash, p.usage.base)
		p.usage.base = fetched
	}
	p.usage.key("", r.hash, p.usage.base)
	return p
}

// each visits the records of the range in reading order.
func (s *Service) each(tx *store.Tx, c *gateway.Call, r *reading, visit func(*record) bool) {
	if r.bounds.lo >= r.bounds.hi {
		return
	}
	within := func(key string) (use, goOn bool) {
		if r.forward {
			return key < r.bounds.hi, key < r.bounds.hi
		}
		return key < r.bounds.hi && key >= r.bounds.lo, key >= r.bounds.lo
	}
	if r.index == nil {
		fn := func(key string, rec *record) bool {
			use, goOn := within(key)
			return goOn && (!use || visit(rec))
		}
		if r.forward {
			s.items.Scan(tx, c.Scope, r.prefix(), r.bounds.lo, fn)
		} else {
			s.items.ScanBack(tx, c.Scope, r.prefix(), r.bounds.hi, fn)
		}
		return
	}
	fn := func(key, primary string) bool {
		use, goOn := within(key)
		if !goOn || !use {
			return goOn
		}
		rec, ok := s.items.Get(tx, c.Scope, primary)
		return !ok || visit(rec)
	}
	if r.forward {
		s.entries.Scan(tx, c.Scope, r.prefix(), r.bounds.lo, fn)
	} else {
		s.entries.ScanBack(tx, c.Scope, r.prefix(), r.bounds.hi, fn)
	}
}

// checkStart looks at the values of ExclusiveStartKey, which AWS does before it looks for
// the table. What is wrong with numbers and sets is told without the introduction: so
// Dynalite's authors have recorded it on AWS.
func checkStart(in map[string]types.AttributeValue) error {
	_, err := item.FromSDK(in)
	if err == nil {
		return nil
	}
	for _, plain := range []string{"contains duplicates", "number set", "numeric value", "significant digits",
		"number with magnitude"} {
		if strings.Contains(err.Error(), plain) {
			return refused(err)
		}
	}
	return refuse("The provided starting key is invalid: %s", err.Error())
}

// startKey checks ExclusiveStartKey and narrows the range to what follows it.
func (r *reading) startKey(in map[string]types.AttributeValue, outside string) error {
	if in == nil {
		return nil
	}
	key, err := item.FromSDK(in)
	if err != nil {
		return refuse("The provided starting key is invalid: %s", err.Error())
	}
	want := r.table.keys(nil, r.index)
	if len(key) != len(want) {
		return refuse("The provided starting key is invalid")
	}
	for name := range want {
		if key[name].Kind != r.table.kind(name) {
			if r.index == nil {
				return refuse("The provided starting key is invalid: %s", msgKeySchema)
			}
			return refuse("The provided starting key is invalid")
		}
	}
	at := r.table.itemKey(key)
	if r.index != nil {
		at, _ = r.index.entryKey(r.table, key, at)
	}
	if !r.bounds.contains(at) {
		return refuse("%s", outside)
	}
	r.bounds = r.bounds.after(at, r.forward)
	return nil
}

// source resolves IndexName and checks what index and Select allow.
func (r *reading) source(name *string, sel types.Select, projected bool) error {
	if name != nil {
		if r.index = r.table.index(*name); r.index == nil {
			return refuse("The table does not have the specified index: %s", *name)
		}
		if r.index.Global && r.consistent {
			return refuse("Consistent reads are not supported on global secondary indexes")
		}
	}
	switch sel {
	case types.SelectCount:
		if projected {
			return refuse("Cannot specify the ProjectionExpression when choosing to get only the Count")
		}
		r.count = true
	case types.SelectAllProjectedAttributes:
		if r.index == nil {
			return refuse("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
		}
		if projected {
			return refuse("Cannot specify the ProjectionExpression when choosing to get ALL_PROJECTED_ATTRIBUTES")
		}
	case types.SelectAllAttributes:
		if projected {
			return refuse("Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES")
		}
		if r.index != nil && r.index.Projection != "ALL" {
			if r.index.Global {
				return refuse(invalid+"Select type ALL_ATTRIBUTES is not supported for global secondary index %s "+
					"because its projection type is not ALL", r.index.Name)
			}
			r.whole = true
		}
	case types.SelectSpecificAttributes:
		if !projected {
			return refuse("Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
		}
	}
	return nil
}

// wanted checks the projected paths against the index: a global index cannot
// give what it does not hold, a local one fetches it from the table.
func (r *reading) wanted() error {
	if r.index == nil || r.projection == nil {
		return nil
	}
	var missing []string
	for _, p := range r.projection.Paths {
		if !r.index.projects(r.table, p.Top()) && !slices.Contains(missing, p.Top()) {
			missing = append(missing, p.Top())
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if r.index.Global {
		return refuse(invalid+"Global secondary index %s does not project %v", r.index.Name, missing)
	}
	r.whole = true
	return nil
}
