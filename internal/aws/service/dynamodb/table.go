package dynamodb

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/streamlog"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Table is a table's definition. States are times: what a status is follows
// from them and the clock.
type Table struct {
	Name       string            `json:"name"`
	ID         string            `json:"id"`
	Key        string            `json:"key"` // prefix of the keys of its items; of fixed length
	Attributes []Attribute       `json:"attributes"`
	Schema     KeySchema         `json:"schema"`
	Indexes    []*Index          `json:"indexes"`
	Provided   Throughput        `json:"provided"`
	OnDemand   bool              `json:"onDemand"`
	OnDemandAt time.Time         `json:"onDemandAt"`
	Class      string            `json:"class"`
	Protected  bool              `json:"protected"`
	Stream     *streamlog.Stream `json:"stream"` // the latest, open or closed
	TTL        *TTL              `json:"ttl"`
	Tags       map[string]string `json:"tags"`
	Created    time.Time         `json:"created"`
	ActiveAt   time.Time         `json:"activeAt"`  // end of CREATING
	UpdatedAt  time.Time         `json:"updatedAt"` // end of the last UPDATING
	GoneAt     time.Time         `json:"goneAt"`    // end of DELETING, zero when not deleted
}

// Attribute is an attribute that a key uses.
type Attribute struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// KeySchema names the key attributes; Range is empty without a sort key.
type KeySchema struct {
	Hash  string `json:"hash"`
	Range string `json:"range"`
}

// Throughput is provisioned capacity, with the times of its last changes.
type Throughput struct {
	Read      int64     `json:"read"`
	Write     int64     `json:"write"`
	Increased time.Time `json:"increased"`
	Decreased time.Time `json:"decreased"`
}

// Index is a secondary index.
type Index struct {
	Name       string     `json:"name"`
	Global     bool       `json:"global"`
	Schema     KeySchema  `json:"schema"`
	Projection string     `json:"projection"`
	NonKey     []string   `json:"nonKey"`
	Provided   Throughput `json:"provided"`
	ActiveAt   time.Time  `json:"activeAt"`
	GoneAt     time.Time  `json:"goneAt"`
}

// TTL is a table's time-to-live setting.
type TTL struct {
	Attribute string `json:"attribute"`
	Enabled   bool   `json:"enabled"`
}

func (t *Table) status(now time.Time) types.TableStatus {
	switch {
	case !t.GoneAt.IsZero():
		return types.TableStatusDeleting
	case now.Before(t.ActiveAt):
		return types.TableStatusCreating
	case now.Before(t.UpdatedAt):
		return types.TableStatusUpdating
	}
	return types.TableStatusActive
}

// usable reports whether items can be read and written.
func (t *Table) usable(now time.Time) bool {
	st := t.status(now)
	return st == types.TableStatusActive || st == types.TableStatusUpdating
}

func (ix *Index) status(now time.Time) types.IndexStatus {
	switch {
	case !ix.GoneAt.IsZero():
		return types.IndexStatusDeleting
	case now.Before(ix.ActiveAt):
		return types.IndexStatusCreating
	}
	return types.IndexStatusActive
}

// index returns an index that has not been removed.
func (t *Table) index(name string) *Index {
	for _, ix := range t.Indexes {
		if ix.Name == name && ix.GoneAt.IsZero() {
			return ix
		}
	}
	return nil
}

// present are the indexes that have not been removed; those that are being deleted
// stay on the table's list for as long as they are described.
func (t *Table) present() (out []*Index) {
	for _, ix := range t.Indexes {
		if ix.GoneAt.IsZero() {
			out = append(out, ix)
		}
	}
	return out
}

// kind is the type that AttributeDefinitions give an attribute, 0 for none.
func (t *Table) kind(attribute string) item.Kind {
	for _, a := range t.Attributes {
		if a.Name == attribute {
			return item.KindOf(a.Type)
		}
	}
	return 0
}

func (k KeySchema) names() []string {
	if k.Range == "" {
		return []string{k.Hash}
	}
	return []string{k.Hash, k.Range}
}

func (k KeySchema) has(name string) bool { return name == k.Hash || k.Range != "" && name == k.Range }

func (k KeySchema) sdk() []types.KeySchemaElement {
	out := []types.KeySchemaElement{{AttributeName: aws.String(k.Hash), KeyType: types.KeyTypeHash}}
	if k.Range != "" {
		out = append(out, types.KeySchemaElement{AttributeName: aws.String(k.Range), KeyType: types.KeyTypeRange})
	}
	return out
}

func (k KeySchema) stream() []streamlog.Key {
	out := []streamlog.Key{{Name: k.Hash, Type: "HASH"}}
	if k.Range != "" {
		out = append(out, streamlog.Key{Name: k.Range, Type: "RANGE"})
	}
	return out
}

// copy returns a table that may be changed, its indexes included.
func (t *Table) copy() *Table {
	c := *t
	c.Indexes = make([]*Index, len(t.Indexes))
	for i, ix := range t.Indexes {
		x := *ix
		c.Indexes[i] = &x
	}
	return &c
}

// tableName is the name in a TableName parameter, which may be an ARN.
func tableName(p *string) string {
	name := aws.ToString(p)
	if a, err := ident.ParseARN(name); err == nil {
		if rest, ok := strings.CutPrefix(a.Resource, "table/"); ok {
			name, _, _ = strings.Cut(rest, "/")
		}
	}
	return name
}

// find returns a table that exists, in whatever state.
func (s *Service) find(tx *store.Tx, sc ident.Scope, name string, now time.Time) (*Table, bool) {
	t, ok := s.tables.Get(tx, sc, name)
	if !ok || !t.GoneAt.IsZero() && !now.Before(t.GoneAt) {
		return nil, false
	}
	return t, true
}

// open returns a table whose items can be used.
func (s *Service) open(tx *store.Tx, sc ident.Scope, name string, now time.Time) (*Table, error) {
	t, ok := s.find(tx, sc, name, now)
	if !ok || !t.usable(now) {
		return nil, &types.ResourceNotFoundException{Message: aws.String(msgNotFound)}
	}
	return t, nil
}

func settle() time.Duration { return time.Duration(limit("creationMillis")) * time.Millisecond }
