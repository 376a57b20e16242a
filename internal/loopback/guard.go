// Package loopback keeps the ports of this program for the programs of the
// user who runs it. Listening on the loopback address keeps other machines out.
// It does not keep out a web page that the user's browser has open, which may
// send requests to any address, nor other users of the machine. A Guard
// refuses both.
//
// What it does not do: tell the user's own programs apart, or defend against
// whoever commands this machine or, for names that are resolved by DNS, its
// resolver. SECURITY.md says what that means.
package loopback

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Guard hands requests of the user's own programs to h and answers all others
// with 403, before anything but their header is read. Refused are, in order:
//   - a connection of another user of the machine, where a Server knows that;
//   - a Host that is no name of this machine: a page whose own name was made to
//     resolve to the loopback address ("DNS rebinding") sends its name;
//   - an Origin that is no page of this machine, "null" included: sandboxed
//     frames, files and redirected requests send that;
//   - without an Origin, a Sec-Fetch-Site of another site: images, scripts and
//     links of a foreign page.
//
// A page that was itself served from the loopback address passes, whatever its
// port: it is the user's own. What it may read is up to CORS.
//
// Sources: https://fetch.spec.whatwg.org/#origin-header and
// https://www.w3.org/TR/fetch-metadata/
func Guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if why := refusal(req); why != "" {
			Refuse(w, why)
			return
		}
		h.ServeHTTP(w, req)
	})
}

// Refuse answers 403 with a reason and closes the connection, so that net/http
// reads nothing of the body.
func Refuse(w http.ResponseWriter, why string) {
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusForbidden)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": why}) // the client is gone if this fails
}

// refusal says why a request is not one of the user's programs; "" if it is.
func refusal(req *http.Request) string {
	if why := stranger(req.Context()); why != "" {
		return why
	}
	if !OwnHost(req.Host) {
		return "the host " + printable(req.Host) + " is no name of this emulator; it answers to localhost, 127.0.0.1, " +
			"[::1], " +
			"names below localhost and below localhost.localstack.cloud, and AWS's own"
	}
	origins := req.Header.Values("Origin")
	for _, origin := range origins {
		if !OwnOrigin(origin) {
			return "the page " + printable(origin) + " is not served from this machine's loopback address, " +
				"so it may not use the emulator"
		}
	}
	if len(origins) > 0 {
		return ""
	}
	switch site := req.Header.Get("Sec-Fetch-Site"); site {
	case "", "none", "same-origin", "same-site":
		return ""
	case "cross-site":
		return "a page of another site made this request; pages of your own must name the emulator as they are named " +
			"themselves, for instance both localhost"
	default:
		return "Sec-Fetch-Site: " + printable(site) + " is no word of browsers"
	}
}

// printable is a header's value for a message: short, and without what could
// mean something to a terminal.
func printable(s string) string {
	const most = 200
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	return `"` + s[:min(len(s), most)] + `"`
}

// OwnOrigin reports whether an Origin header names a page that was served from
// the loopback address, over HTTP or HTTPS.
func OwnOrigin(origin string) bool {
	scheme, host, ok := strings.Cut(origin, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return false
	}
	if u, err := url.Parse(origin); err != nil || u.Host != host || u.User != nil {
		return false // more than scheme, host and port: no browser wrote it
	}
	name, ok := hostname(host)
	return ok && localName(name)
}

// OwnHost reports whether a Host header, with or without a port, names this
// machine in a way in which programs reach an emulator on it.
func OwnHost(host string) bool {
	name, ok := hostname(host)
	return ok && (localName(name) || handedOut(name))
}

// localName reports whether a name means the loopback address whatever a
// resolver says. Source: RFC 6761 section 6.3; browsers and resolvers keep to
// it, and so nobody can make such a name resolve to his own machine first.
func localName(name string) bool {
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.Unmap().IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// handedOut are the names beside those: tools for AWS send them, and they lead
// here only because their owners or this machine's configuration say so. None
// of them can be had by the author of a page.
//
//   - localhost.localstack.cloud and what is below it resolves to 127.0.0.1;
//     tools that were made for LocalStack use it for buckets and services.
//     Source: https://docs.localstack.cloud/aws/capabilities/networking/
//   - AWS's own domains, where a hosts file or a resolver sends them here: the
//     virtual hosts of buckets, bucket.s3.us-east-1.amazonaws.com.
//     Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
//   - the host as containers see it: host.docker.internal, host.containers.internal
//     (Podman), host.testcontainers.internal and the like. ICANN has set
//     "internal" aside for private use: nobody can register a name there.
func handedOut(name string) bool {
	for _, domain := range []string{"localhost.localstack.cloud", "amazonaws.com", "amazonaws.com.cn"} {
		if name == domain || strings.HasSuffix(name, "."+domain) {
			return true
		}
	}
	engine, ok := strings.CutSuffix(name, ".internal")
	if !ok {
		return false
	}
	_, engine, ok = strings.Cut(engine, ".")
	return ok && strings.HasPrefix(name, "host.") && engine != "" && !strings.Contains(engine, ".")
}

// hostname is the name in a Host header: without port and brackets, in small
// letters, and without the dot that ends an absolute name.
func hostname(host string) (string, bool) {
	name := host
	if h, port, err := net.SplitHostPort(host); err == nil {
		if !digits(port) {
			return "", false
		}
		name = h
	} else if inner, ok := strings.CutPrefix(host, "["); ok {
		if name, ok = strings.CutSuffix(inner, "]"); !ok {
			return "", false
		}
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name, name != "" && !strings.ContainsAny(name, "/@?#%\\ ")
}

func digits(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
