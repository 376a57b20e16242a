package wire_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/wire"
)

func nan() float64         { return math.NaN() }
func inf(sign int) float64 { return math.Inf(sign) }
func text(f float64) any {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return f
}

// suite is one of AWS's protocol tests, as botocore keeps them (Apache-2.0):
// https://github.com/boto/botocore/tree/develop/tests/unit/protocols
type suite struct {
	Metadata map[string]any
	Shapes   json.RawMessage
	Cases    []protocolCase
}

type protocolCase struct {
	ID    string
	Given struct {
		Name          string
		Input, Output *use
	}
	raw        json.RawMessage // of Given
	Params     any
	Serialized struct {
		Method, URI, Body string
		Headers           map[string]string
	}
	Result    any
	ErrorCode string
	Response  struct {
		StatusCode int `json:"status_code"`
		Headers    map[string]string
		Body       string
	}
}

func (c *protocolCase) UnmarshalJSON(b []byte) error {
	type plain protocolCase
	var raw struct{ Given json.RawMessage }
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	err := json.Unmarshal(b, (*plain)(c))
	c.raw = raw.Given
	return err
}

// leftOut are the tests that say nothing about a server, with the reason.
func leftOut(id string) string {
	for part, reason := range map[string]string{
		"IdempotencyTokenAutoFill": "clients make tokens, and the test leaves them out",
		"EndpointTrait":            "of hosts",
		"HostWithPath":             "of hosts",
		"ContentEncoding":          "clients zip bodies, and the test has none",
		"SDKAppends":               "as above",
		"SDKApplied":               "as above",
		"Document":                 "there are no documents in these protocols here",
		"Union":                    "needs a union's Go types",
		"Checksum":                 "clients make checksums",
		"Ec2Lists":                 "names members as the SDK does not; botocore leaves it out too",
		"Ec2TimestampsInput":       "as above",
		"EmptyQueryLists":          "an empty list is not sent at all",
		"EmptyQueryMaps":           "as above",
	} {
		if strings.Contains(id, part) {
			return reason
		}
	}
	return ""
}

func suites(t *testing.T, file string) []suite {
	t.Helper()
	var all []suite
	require.NoError(t, json.Unmarshal(unzipped(t, "protocols/"+file+".json.gz"), &all))
	return all
}

// registered is a registry with a service of one suite and one case.
func (s suite) registered(t *testing.T, c protocolCase, types shapes) (reg *wire.Registry, in, out reflect.Type,
	ok bool) {
	t.Helper()
	s.Metadata["signingName"] = "suite"
	model := zipped(t, map[string]any{"metadata": s.Metadata, "shapes": s.Shapes,
		"operations": map[string]any{c.Given.Name: c.raw}})
	a, err := wire.ReadAPI("suite", model)
	require.NoError(t, err)
	reg = wire.NewRegistry()
	reg.Add(a)
	in, out = reflect.TypeFor[struct{}](), reflect.TypeFor[struct{}]()
	if c.Given.Input != nil {
		if in, ok = types.typ(c.Given.Input.Shape, nil); !ok {
			return nil, nil, nil, false
		}
	}
	if c.Given.Output != nil {
		if out, ok = types.typ(c.Given.Output.Shape, nil); !ok {
			return nil, nil, nil, false
		}
	}
	reg.Types("suite", c.Given.Name, in, out)
	return reg, in, out, true
}

// What AWS's clients send, by AWS's own tests of the protocols, is read as it
// was meant.
func TestProtocols_requestsAreRead(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"ec2", "query"} {
		passed := 0
		for _, s := range suites(t, protocol+"-input") {
			var types shapes
			require.NoError(t, json.Unmarshal(s.Shapes, &types))
			for _, c := range s.Cases {
				if reason := leftOut(c.ID); reason != "" {
					t.Logf("left out: %s: %s", c.ID, reason)
					continue
				}
				reg, _, _, ok := s.registered(t, c, types)
				require.True(t, ok, "%s has no Go types", c.ID)
				req := request("POST", "localhost", "/", "suite", c.Serialized.Body)
				target, err := reg.Route(req)
				require.NoError(t, err, c.ID)
				require.Equal(t, c.Given.Name, target.Operation)
				in, err := target.Decode(req)
				require.NoError(t, err, c.ID)
				if c.Given.Input == nil {
					passed++
					continue
				}
				if diff := cmp.Diff(c.Params, types.show(c.Given.Input.Shape, reflect.ValueOf(in).Elem())); diff != "" {
					t.Errorf("%s (-meant +read): %s", c.ID, diff)
					continue
				}
				passed++
			}
		}
		t.Logf("%s: %d requests", protocol, passed)
		require.Greater(t, passed, 15)
	}
}

// What is written is what AWS's own tests of the protocols have their clients
// read.
func TestProtocols_answersAreWritten(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"ec2", "query"} {
		passed := 0
		for _, s := range suites(t, protocol+"-output") {
			var types shapes
			require.NoError(t, json.Unmarshal(s.Shapes, &types))
			for _, c := range s.Cases {
				if c.ErrorCode != "" || c.Given.Output == nil || leftOut(c.ID) != "" {
					continue
				}
				if checkAnswer(t, s, c, types) {
					passed++
				}
			}
		}
		t.Logf("%s: %d answers", protocol, passed)
		require.Greater(t, passed, 10)
	}
}

// odd are the answers that a client must understand and no server writes.
func odd() map[string]string {
	const order = "another order of keys"
	return map[string]string{
		"Ec2XmlLists":                   "has the member's name in a flattened list; botocore leaves it out too",
		"QueryXmlLists":                 "as above",
		"QueryEmptyInputAndEmptyOutput": "a result without members has an element here",
		"QueryNoInputAndOutput":         "as above",
		"QueryQueryFlattenedXmlMap":     order, "QueryQueryFlattenedXmlMapWithXmlName": order, "QueryXmlMaps": order,
		"QueryQueryXmlMapsXmlName": order, "QueryQueryFlattenedXmlMapWithXmlNamespace": order,
	}
}

func checkAnswer(t *testing.T, s suite, c protocolCase, types shapes) bool {
	t.Helper()
	if reason := odd()[c.ID]; reason != "" || strings.Contains(c.ID, "Offset") { // times are written in UTC
		t.Logf("left out: %s: %s", c.ID, reason)
		return false
	}
	version, _ := s.Metadata["apiVersion"].(string)
	reg, _, out, ok := s.registered(t, c, types)
	require.True(t, ok, "%s has no Go types", c.ID)
	req := request("POST", "localhost", "/", "suite", "Action="+c.Given.Name+"&Version="+version)
	target, err := reg.Route(req)
	require.NoError(t, err, c.ID)
	v := reflect.New(out)
	types.fill(c.Given.Output.Shape, v.Elem(), c.Result)
	w := httptest.NewRecorder()
	require.NoError(t, target.WriteOutput(w, req, "requestid", v.Interface()), c.ID)
	require.Equal(t, c.Response.StatusCode, w.Code)
	if diff := cmp.Diff(elements(t, c.Response.Body), elements(t, w.Body.String())); diff != "" {
		t.Errorf("%s (-AWS +written): %s\n%s", c.ID, diff, w.Body)
		return false
	}
	return true
}

// elements are the texts of an XML document by their paths, sorted; the order
// of members and the space between them mean nothing.
func elements(t *testing.T, doc string) []string {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(doc))
	var path, out []string
	var content bytes.Buffer
	counts := map[string]int{}
	leaf := false
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			slices.Sort(out)
			return out
		}
		require.NoError(t, err)
		switch tok := tok.(type) {
		case xml.StartElement:
			at := strings.Join(append(path, tok.Name.Local), "/")
			counts[at]++
			path = append(path, tok.Name.Local+"#"+strconv.Itoa(counts[at]))
			content.Reset()
			leaf = true
		case xml.CharData:
			content.Write(tok)
		case xml.EndElement:
			if leaf && !strings.EqualFold(tok.Name.Local, "requestId") {
				value := content.String()
				if strings.TrimSpace(value) == "" {
					value = ""
				}
				out = append(out, strings.Join(path, "/")+"="+value)
			}
			path, leaf = path[:len(path)-1], false
		}
	}
}

// The requests that the SDK for EC2 makes of inputs with every member set, from
// its request_snapshot folder (v1.347.0, Apache-2.0): each parameter of a form
// is one value of the input. The client itself takes minutes to compile.
func TestEC2_readsEveryRequestOfTheSDK(t *testing.T) {
	t.Parallel()
	a := api(t, "ec2")
	var model struct {
		Operations map[string]struct{ Input, Output *use }
		Shapes     shapes
	}
	require.NoError(t, json.Unmarshal(unzipped(t, "models/ec2.json.gz"), &model))
	reg := wire.NewRegistry()
	reg.Add(a)
	for name, op := range model.Operations {
		in := reflect.TypeFor[struct{}]()
		if op.Input != nil {
			var ok bool
			in, ok = model.Shapes.typ(op.Input.Shape, nil)
			require.True(t, ok, name)
		}
		reg.Types("ec2", name, in, reflect.TypeFor[struct{}]())
	}
	lines := bufio.NewScanner(bytes.NewReader(unzipped(t, "ec2-requests.txt.gz")))
	lines.Buffer(nil, 1<<20)
	read := 0
	for lines.Scan() {
		name, body, _ := strings.Cut(lines.Text(), "\t")
		if _, here := model.Operations[name]; !here {
			t.Logf("left out: %s: newer than the model", name)
			continue
		}
		form, err := url.ParseQuery(body)
		require.NoError(t, err)
		req := request(http.MethodPost, "localhost", "/", "ec2", body)
		target, err := reg.Route(req)
		require.NoError(t, err, body)
		require.Equal(t, name, target.Operation)
		in, err := target.Decode(req)
		require.NoError(t, err, name)
		require.Equal(t, len(form)-2, leaves(reflect.ValueOf(in)), "%s: %s", name, body) // but Action and Version
		read++
	}
	require.NoError(t, lines.Err())
	t.Logf("%d requests", read)
	require.Greater(t, read, 700)
}

// Errors of EC2 have an envelope of their own; so has restXml but for S3.
func TestErrors_haveTheEnvelopeOfTheirProtocol(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, method, uri, form, want string }{
		{"ec2", "POST", "/", "Action=DescribeVpcs&Version=2016-11-15", "Response#1/Errors#1/Error#1/Code#1=Nothing"},
		{"cloudfront", "GET", "/2020-05-31/distribution", "", "ErrorResponse#1/Error#1/Code#1=Nothing"},
	} {
		reg := wire.NewRegistry()
		reg.Add(api(t, c.name))
		req := request(c.method, "localhost", c.uri, c.name, c.form)
		target, err := reg.Route(req)
		require.NoError(t, err)
		w := httptest.NewRecorder()
		require.NoError(t, target.WriteError(w, req, "id", &wire.Error{Code: "Nothing", Message: "a<b", Status: 404}))
		require.Equal(t, 404, w.Code)
		require.Contains(t, elements(t, w.Body.String()), c.want)
		require.Contains(t, w.Body.String(), "a&lt;b")
	}
}
