package wire

import (
	"net/http"
	"sync"
)

// Spelling is how forms, and their answers in XML, spell what the model of a service
// spells otherwise since the service moved to another protocol. AWS's models do not
// say it any more, and clients from before the move still speak so.
type Spelling struct {
	// Namespace is that of the documents.
	Namespace string
	// Lists are the elements of lists, by the shapes of the lists: of
	// AttributeNameList it is AttributeName.1 in a form.
	Lists map[string]string
	// Maps are the elements of maps, by the shapes of the maps.
	Maps map[string]MapSpelling
	// Located is the member that the path of a request's URL stands for, when the
	// form does not say it.
	Located string
}

// MapSpelling is how entries of a map are spelled: the entry, its key, its value.
type MapSpelling struct{ Entry, Key, Value string }

// oldForm is a service as it was before it moved.
type oldForm struct {
	once  sync.Once
	model *Model
	plans *planner
	err   error
}

// load reads the model once more, as it must have been.
func (o *oldForm) load(a API, s *Spelling) (*Model, *planner, error) {
	o.once.Do(func() {
		if o.model, o.err = loadModel(a); o.err != nil {
			return
		}
		o.model.spell(s)
		o.plans = &planner{model: o.model, nodes: map[planKey]*node{}}
	})
	return o.model, o.plans, o.err
}

func (m *Model) spell(s *Spelling) {
	m.Metadata.XMLNamespace = s.Namespace
	for name, element := range s.Lists {
		m.Shapes[name].Member.LocationName = element
	}
	for name, spelled := range s.Maps {
		m.Shapes[name].Key.LocationName, m.Shapes[name].Value.LocationName = spelled.Key, spelled.Value
	}
	for _, shape := range m.Shapes {
		for _, ref := range shape.Members {
			if spelled, ok := s.Maps[ref.Shape]; ok {
				ref.LocationName = spelled.Entry
			}
		}
	}
}

// old makes the target one of the service as it was before it moved.
func (t *Target) old(req *http.Request) (err error) {
	t.spelling = t.svc.words.Spelling
	if t.model, t.plans, err = t.svc.old.load(t.svc.info, t.spelling); err != nil {
		return err
	}
	t.op = t.model.Operations[t.Operation]
	if t.spelling.Located != "" && req.URL.Path != "/" && !t.form.Has(t.spelling.Located) {
		t.form.Set(t.spelling.Located, "http://"+req.Host+req.URL.Path)
	}
	return nil
}
