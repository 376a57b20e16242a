package gateway

import (
	"net"
	"net/http"
	"strings"
)

// Door is a way to a service beside its API: URLs that it hands out and that
// anybody may call, such as those of an API or of a function. It stands where
// the API does, behind what keeps foreign pages and other users out.
type Door struct {
	// Host is what the name of a host has behind its first label: "execute-api"
	// takes a1b2.execute-api.localhost and
	// a1b2.execute-api.eu-west-1.amazonaws.com, with any port.
	Host string
	// Path is what paths begin with: "/_aws/execute-api/". With a Host both must
	// fit; one of them is set.
	Path string
	// Handler answers. What it calls it calls by Host.Invoke, with a principal of
	// its own: the door knows no caller.
	Handler http.Handler
}

// takes reports whether a request goes through the door.
func (d Door) takes(req *http.Request) bool {
	if d.Host != "" {
		host := req.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		first, rest, ok := strings.Cut(strings.ToLower(host), ".")
		if !ok || first == "" || !strings.HasPrefix(rest, d.Host+".") {
			return false
		}
	}
	return strings.HasPrefix(req.URL.Path, d.Path)
}

// enter answers a request that goes through a door. What its handler calls counts as
// under way with it.
func (g *Gateway) enter(h http.Handler, w http.ResponseWriter, req *http.Request, epoch uint64) {
	defer g.underWay.reading(w)()
	if !g.underWay.begin(epoch) {
		http.Error(w, Stopping().Error(), http.StatusServiceUnavailable)
		return
	}
	defer g.underWay.end()
	h.ServeHTTP(w, req)
}

// door finds the way that a request takes; nil for the API. Of two that fit the
// one with the longer path counts.
func (g *Gateway) door(req *http.Request) http.Handler {
	var found *Door
	for i := range g.doors {
		if d := &g.doors[i]; d.takes(req) && (found == nil || len(d.Path) > len(found.Path)) {
			found = d
		}
	}
	if found == nil {
		return nil
	}
	return found.Handler
}
