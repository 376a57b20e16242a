package wire

import (
	"maps"
	"slices"
	"strings"
)

// The words for protocols and signatures that models have. The service whose
// requests are signed in its own way, since its paths are anything, signs with the
// name of that way.
const (
	restJSON    = "rest-json"
	restXML     = "rest-xml"
	ec2Query    = "ec2"
	objectStore = "s3"
)

// API is what routing has to know of a service before its model is loaded, so
// that no model is parsed to route a request of another service.
type API struct {
	Name      string // the SDK's package name
	Endpoint  string // the first part of its host name: "logs", "streams.dynamodb"
	Signing   string // the service in its requests' credential scope
	Target    string // what X-Amz-Target begins with; empty for other protocols
	Version   string // of the API: "2010-05-15"
	Protocol  string // the model's first: "json", "rest-xml", "ec2"
	Signature string // how requests are signed: "v4", "s3"
	Query     bool   // it takes forms, perhaps beside its first protocol
	// Roots are the first segments of its paths, where they are no labels.
	Roots []string
	// Model is the model, as gen writes it, of a service that is not among
	// those embedded here.
	Model []byte
}

// rest reports whether paths tell the operations apart.
func (a API) rest() bool { return a.Protocol == restJSON || a.Protocol == restXML }

// objects reports whether it is S3, whose paths are anything.
func (a API) objects() bool { return a.Signature == objectStore }

// ReadAPI makes an API of a model that gen has written or that has its form:
// AWS's JSON, zipped or not.
func ReadAPI(name string, model []byte) (API, error) {
	m, err := readModel(name, model)
	if err != nil {
		return API{}, err
	}
	d := m.Metadata
	a := API{Name: name, Endpoint: d.EndpointPrefix, Signing: d.SigningName, Target: d.TargetPrefix,
		Version: d.APIVersion, Protocol: d.Protocol, Signature: d.Signature, Model: model}
	if a.Signing == "" {
		a.Signing = a.Endpoint
	}
	a.Query = d.Protocol == "query" || d.Protocol == ec2Query || slices.Contains(d.Protocols, "query") ||
		len(d.QueryCompatible) > 0
	roots := map[string]bool{}
	for _, r := range m.routes {
		if len(r.segments) > 0 && r.segments[0].literal != "" {
			roots[r.segments[0].literal] = true
		}
	}
	a.Roots = slices.Sorted(maps.Keys(roots))
	return a, nil
}

// Known is the API of a service by its SDK package's name; of one without a
// model only the name is known.
func Known(name string) API {
	a := knownServices[name]
	a.Name = name
	return a
}

// answers reports whether the first segment of a path is one of the service's.
func (a API) answers(path string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return slices.Contains(a.Roots, first)
}
