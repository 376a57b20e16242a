package gateway

import (
	"net"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/pipelab/pipelab/internal/aws/ident"
)

// keys finds the condition keys of a permission when a policy asks for them.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
type keys struct {
	*judge
	need     *Need
	resource ident.ARN
	owner    string // account of the resource
}

// lookup is a policy.Lookup. The keys that say who calls, when and from where are
// the same for all services, and those of the service take the longest to find.
func (k *keys) lookup(name string) ([]string, bool) {
	if strings.HasPrefix(name, "aws:") {
		for _, group := range [...]func(string) (string, bool){k.ofPrincipal, k.ofSession, k.ofRequest, k.ofService} {
			if v, ok := group(name); ok {
				return []string{v}, v != ""
			}
		}
	}
	for given, values := range k.need.keys() {
		if strings.EqualFold(given, name) {
			return values, true
		}
	}
	if at := strings.IndexByte(name, '/'); at > 0 {
		return k.tag(name[:at], name[at+1:])
	}
	if name == "aws:tagkeys" {
		names, _ := requestTags(k.call.Input)
		return names, len(names) > 0
	}
	if name == "aws:calledvia" {
		return k.call.Via, len(k.call.Via) > 0
	}
	return nil, false
}

// tag finds keys that end in the name of a tag, whose case does not matter.
func (k *keys) tag(kind, name string) ([]string, bool) {
	var tags map[string]string
	switch {
	case kind == "aws:principaltag":
		if s := k.call.Principal.Session; s != nil {
			if v, ok := folded(s.Tags, name); ok { // those of the session go before those of the role
				return []string{v}, true
			}
		}
		tags = k.permissions().Tags
	case kind == "aws:requesttag":
		_, tags = requestTags(k.call.Input)
	case strings.HasSuffix(kind, ":resourcetag"), k.authorities().tagKeys[kind]:
		if t := k.authorities().tagged[k.resource.Service]; t != nil {
			tags = t.ResourceTags(k.tx, k.resource)
		}
	}
	v, ok := folded(tags, name)
	return []string{v}, ok
}

func folded(tags map[string]string, name string) (string, bool) {
	for t, v := range tags {
		if strings.EqualFold(t, name) {
			return v, true
		}
	}
	return "", false
}

// ofPrincipal are the keys that say who calls. The groups of keys answer false
// for names that are not theirs, and "" for a key that the request lacks.
func (k *keys) ofPrincipal(name string) (string, bool) {
	p := k.call.Principal
	switch name {
	case "aws:principalarn":
		if p.RoleARN != "" {
			return p.RoleARN, true // of the role, not of the session
		}
		return p.ARN, true
	case "aws:principalaccount":
		if p.Kind == AWSService || p.Kind == Anonymous {
			return "", true
		}
		return p.Account, true
	case "aws:principaltype":
		switch p.Kind {
		case Root:
			return "Account", true
		case AWSService:
			return "", true
		}
		return string(p.Kind), true
	case "aws:userid":
		if p.Kind == Anonymous {
			return "anonymous", true
		}
		return k.who().ID, true
	case "aws:username":
		if p.Kind != User {
			return "", true
		}
		return p.ARN[strings.LastIndexByte(p.ARN, '/')+1:], true
	case "aws:principalisawsservice":
		return strconv.FormatBool(p.Kind == AWSService), true
	case "aws:principalservicename", "aws:principalservicenameslist":
		return p.Service, true
	}
	return "", false
}

// ofSession are the keys that temporary credentials alone have.
func (k *keys) ofSession(name string) (string, bool) {
	s := k.call.Principal.Session
	switch name {
	case "aws:tokenissuetime":
		if s == nil {
			return "", true
		}
		return s.Issued.UTC().Format(time.RFC3339), true
	case "aws:multifactorauthpresent": // absent for long-term keys, as a policy's IfExists expects
		if s == nil {
			return "", true
		}
		return "false", true
	case "aws:sourceidentity":
		if s == nil {
			return "", true
		}
		return s.SourceIdentity, true
	}
	return "", false
}

// ofRequest are the keys of where, when and how.
func (k *keys) ofRequest(name string) (string, bool) {
	now := k.call.Time
	switch name {
	case "aws:currenttime":
		return now.UTC().Format(time.RFC3339), true
	case "aws:epochtime":
		return strconv.FormatInt(now.Unix(), 10), true
	case "aws:requestedregion":
		return k.call.Scope.Region, true
	case "aws:resourceaccount":
		return k.owner, true
	case "aws:viaawsservice":
		return strconv.FormatBool(len(k.call.Via) > 0), true
	case "aws:calledviafirst":
		if len(k.call.Via) == 0 {
			return "", true
		}
		return k.call.Via[0], true
	case "aws:calledvialast":
		if len(k.call.Via) == 0 {
			return "", true
		}
		return k.call.Via[len(k.call.Via)-1], true
	case "aws:securetransport":
		// AWS: whether TLS was used. Here nothing leaves the machine, and the port
		// stands for AWS's HTTPS endpoint; a request can say that it came without.
		if r := k.call.HTTP; r != nil && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "http") {
			return "false", true
		}
		return "true", true
	}
	r := k.call.HTTP
	switch name {
	case "aws:sourceip", "aws:useragent", "aws:referer":
		if k.call.Internal() {
			return "", true // services call from nowhere
		}
	}
	switch name {
	case "aws:sourceip":
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		return host, true
	case "aws:useragent":
		return r.UserAgent(), true
	case "aws:referer":
		return r.Referer(), true
	}
	return "", false
}

// ofService are the keys of a service that calls for a resource. A service that
// acts with a role has none: its calls are the role's.
func (k *keys) ofService(name string) (string, bool) {
	if name != "aws:sourcearn" && name != "aws:sourceaccount" {
		return "", false
	}
	switch {
	case k.call.Principal.Kind != AWSService:
		return "", true
	case name == "aws:sourcearn":
		return k.call.SourceARN, true
	case k.call.SourceAccount != "":
		return k.call.SourceAccount, true
	}
	return k.call.Principal.Account, true
}

// requestTags are the tags that a request sets, and the names of those that it
// sets or takes away.
func requestTags(input any) (names []string, tags map[string]string) {
	v := reflect.Indirect(reflect.ValueOf(input))
	if v.Kind() != reflect.Struct {
		return nil, nil
	}
	if f := v.FieldByName("TagKeys"); f.IsValid() {
		names, _ = f.Interface().([]string) // of another type: none
		return names, nil
	}
	f := v.FieldByName("Tags")
	if !f.IsValid() {
		return nil, nil
	}
	tags = map[string]string{}
	switch f.Kind() {
	case reflect.Map:
		tags, _ = f.Interface().(map[string]string) // of another type: none
	case reflect.Slice:
		for i := range f.Len() {
			one := reflect.Indirect(f.Index(i))
			if one.Kind() == reflect.Struct {
				tags[written(one.FieldByName("Key"))] = written(one.FieldByName("Value"))
			}
		}
	}
	for t := range tags {
		names = append(names, t)
	}
	return names, tags
}

// written is a text or what a pointer to one points to.
func written(v reflect.Value) string {
	if v = reflect.Indirect(v); v.IsValid() && v.Kind() == reflect.String {
		return v.String()
	}
	return ""
}
