package gateway

import (
	"context"
	"net/http"
	"strconv"

	"github.com/pipelab/pipelab/internal/aws/ident"
)

// View shows what a resource holds, and changes nothing: neither the resource nor
// anybody's throughput. AWS has no call for it, as ReceiveMessage hides what it
// returns; a judge needs one all the same. Views are no calls: they pass no door
// and leave no trace, and only the token opens them.
type View struct {
	// Name is what is looked at: "messages".
	Name string
	// Look returns at most limit things that the resource holds, in order, from
	// where an earlier page ended; empty is the beginning. next is empty at the end.
	Look func(sc ident.Scope, resource, after string, limit int) (page []any, next string, err error)
}

// viewPage is how many things a page of a view has at most.
const viewPage = 1000

// ViewRoutes adds the endpoint at which the views of services answer:
// GET /_pipelab/views/{service}/{view}?resource=…&after=…
func (g *Gateway) ViewRoutes(m *http.ServeMux) {
	m.HandleFunc("GET /_pipelab/views/{service}/{view}", func(w http.ResponseWriter, req *http.Request) {
		service, name, q := req.PathValue("service"), req.PathValue("view"), req.URL.Query()
		v, ok := g.services.View(service, name)
		if !ok {
			Reply(w, http.StatusNotFound, Problem("%s has no view %q", service, name))
			return
		}
		limit, err := strconv.Atoi(q.Get("limit"))
		if err != nil || limit <= 0 || limit > viewPage {
			limit = viewPage
		}
		scope := ident.Scope{Account: ident.DefaultAccount, Region: q.Get("region")}
		page, next, err := v.Look(scope, q.Get("resource"), q.Get("after"), limit)
		if err != nil {
			Reply(w, http.StatusNotFound, Problem("%s of %s: %v", name, q.Get("resource"), err))
			return
		}
		if page == nil {
			page = []any{}
		}
		Reply(w, http.StatusOK, map[string]any{name: page, "next": next})
	})
}

// View finds a view of a service by its name.
func (c *Catalogue) View(service, name string) (View, bool) {
	for _, d := range c.list {
		if d.Name != service {
			continue
		}
		for _, v := range d.Views {
			if v.Name == name {
				return v, true
			}
		}
	}
	return View{}, false
}

// LookHeader marks a judge's read, beside the token: such a call counts towards no
// throughput, so that looking takes nothing from whom it judges and is not held up.
const LookHeader = "X-Pipelab-Look"

type looking struct{}

// WithLook makes the call of a request with this context one that only looks.
func WithLook(ctx context.Context) context.Context { return context.WithValue(ctx, looking{}, true) }
