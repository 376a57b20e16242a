// Package wire speaks the AWS protocols on the server's side: it turns HTTP
// requests into the SDK's Input structs and its Output structs and errors into
// HTTP responses, for awsJson 1.0 and 1.1, restJson1, restXml, awsQuery,
// ec2Query and rpc-v2-CBOR. One codec serves every service; what differs is in the API
// models, which are AWS's own (see gen). It knows no service's behaviour.
package wire

import (
	"bytes"
	"compress/gzip"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
)

//go:generate go run ./gen -services ../service -table known_gen.go botocore-1.44.5-py3-none-any.whl models
//go:generate go run ./gen -names apigateway,apigatewayv2,cloudfront,ec2 botocore-1.44.5-py3-none-any.whl testdata/models

//go:embed models/*.json.gz
var modelFiles embed.FS

// Model is one service's API as AWS describes it.
type Model struct {
	Name       string                `json:"-"` // SDK package name
	Metadata   metadata              `json:"metadata"`
	Operations map[string]*Operation `json:"operations"`
	Shapes     map[string]*Shape     `json:"shapes"`

	routes []route // REST services only
}

type metadata struct {
	APIVersion      string          `json:"apiVersion"`
	EndpointPrefix  string          `json:"endpointPrefix"`
	SigningName     string          `json:"signingName"`
	Protocol        string          `json:"protocol"`
	Protocols       []string        `json:"protocols"`
	Signature       string          `json:"signatureVersion"`
	JSONVersion     string          `json:"jsonVersion"`
	TargetPrefix    string          `json:"targetPrefix"`
	XMLNamespace    string          `json:"xmlNamespace"`
	ServiceID       string          `json:"serviceId"`
	QueryCompatible json.RawMessage `json:"awsQueryCompatible"`
}

// Operation is one operation of a model.
type Operation struct {
	Name   string    `json:"name"`
	HTTP   httpTrait `json:"http"`
	Input  *Ref      `json:"input"`
	Output *Ref      `json:"output"`
	Errors []Ref     `json:"errors"`

	Checksum *checksumTrait `json:"httpChecksum"`
}

type httpTrait struct {
	Method       string `json:"method"`
	RequestURI   string `json:"requestUri"`
	ResponseCode int    `json:"responseCode"`
}

// Shape is a type of a model.
type Shape struct {
	Name            string          `json:"-"`
	Type            string          `json:"type"`
	Required        []string        `json:"required"`
	Members         map[string]*Ref `json:"members"`
	Member          *Ref            `json:"member"`
	Key             *Ref            `json:"key"`
	Value           *Ref            `json:"value"`
	Enum            []string        `json:"enum"`
	Min             *float64        `json:"min"`
	Max             *float64        `json:"max"`
	Pattern         string          `json:"pattern"`
	Flattened       bool            `json:"flattened"`
	Payload         string          `json:"payload"`
	LocationName    string          `json:"locationName"`
	TimestampFormat string          `json:"timestampFormat"`
	XMLNamespace    xmlNamespace    `json:"xmlNamespace"`
	Union           bool            `json:"union"`
	EventStream     bool            `json:"eventstream"`
	Event           bool            `json:"event"`
	Exception       bool            `json:"exception"`
	Fault           bool            `json:"fault"`
	Error           *errorTrait     `json:"error"`
	Streaming       bool            `json:"streaming"`
}

type errorTrait struct {
	Code           string `json:"code"`
	HTTPStatusCode int    `json:"httpStatusCode"`
	SenderFault    bool   `json:"senderFault"`
}

// Ref is a use of a shape: a member, a list's element, an operation's input.
type Ref struct {
	Shape           string       `json:"shape"`
	Location        string       `json:"location"` // header, headers, querystring, uri, statusCode
	LocationName    string       `json:"locationName"`
	QueryName       string       `json:"queryName"`
	Flattened       bool         `json:"flattened"`
	Streaming       bool         `json:"streaming"`
	XMLAttribute    bool         `json:"xmlAttribute"`
	TimestampFormat string       `json:"timestampFormat"`
	XMLNamespace    xmlNamespace `json:"xmlNamespace"`
	ResultWrapper   string       `json:"resultWrapper"`
	EventPayload    bool         `json:"eventpayload"`
}

// xmlNamespace is an object with a URI in most models and a plain string in
// some.
type xmlNamespace struct{ URI, Prefix string }

func (x *xmlNamespace) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &x.URI)
	}
	var o struct {
		URI    string `json:"uri"`
		Prefix string `json:"prefix"`
	}
	err := json.Unmarshal(b, &o)
	x.URI, x.Prefix = o.URI, o.Prefix
	return err
}

// loadModel reads the model of a service, the embedded one unless it brings its own.
func loadModel(a API) (*Model, error) {
	b := a.Model
	if b == nil {
		var err error
		if b, err = modelFiles.ReadFile("models/" + a.Name + ".json.gz"); err != nil {
			return nil, fmt.Errorf("no API model for service %q", a.Name)
		}
	}
	return readModel(a.Name, b)
}

func readModel(service string, b []byte) (*Model, error) {
	r := io.Reader(bytes.NewReader(b))
	if !bytes.HasPrefix(b, []byte("{")) {
		var err error
		if r, err = gzip.NewReader(r); err != nil {
			return nil, fmt.Errorf("API model of %s: %w", service, err)
		}
	}
	m := &Model{Name: service}
	if err := json.NewDecoder(r).Decode(m); err != nil {
		return nil, fmt.Errorf("API model of %s: %w", service, err)
	}
	for name, s := range m.Shapes {
		s.Name = name
	}
	if m.rest() {
		m.routes = compileRoutes(m)
	}
	if m.objects() {
		m.nameRoots()
	}
	if m.Metadata.Protocol == restXML && m.Metadata.XMLNamespace == "" {
		m.Metadata.XMLNamespace = m.namespace()
	}
	return m, nil
}

// namespace is that of the documents of a model that names it at inputs only.
func (m *Model) namespace() string {
	for _, name := range slices.Sorted(maps.Keys(m.Operations)) {
		op := m.Operations[name]
		if op.Input == nil {
			continue
		}
		if op.Input.XMLNamespace.URI != "" {
			return op.Input.XMLNamespace.URI
		}
		in := m.Shapes[op.Input.Shape]
		if payload := in.Members[in.Payload]; payload != nil && payload.XMLNamespace.URI != "" {
			return payload.XMLNamespace.URI
		}
	}
	return ""
}

func (m *Model) rest() bool { return m.Metadata.Protocol == restJSON || m.Metadata.Protocol == restXML }

// objects reports whether the model is S3's: objects lie at any path, under the
// bucket that the path or the host names. The way it is signed tells.
func (m *Model) objects() bool { return m.Metadata.Signature == objectStore }

// lazyModel loads a model when it is first needed.
type lazyModel struct {
	once sync.Once
	m    *Model
	err  error
}

func (l *lazyModel) get(a API) (*Model, error) {
	l.once.Do(func() { l.m, l.err = loadModel(a) })
	return l.m, l.err
}
