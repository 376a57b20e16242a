package wire_test

import (
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/wire"
)

// presenceInput has numbers and booleans that cannot tell zero from absent, as some of
// the SDK's inputs have, and texts that can.
type presenceInput struct {
	Id     *string // the model's name
	Number int32
	Big    int64
	Ratio  float64
	On     bool
	Text   *string
	Inner  *presenceInner
	List   []presenceInner
}

type presenceInner struct{ Number int32 }

// presence is a registry with a service that takes the input in one protocol. place
// says where the members of the input are, "" for the body.
func presence(t *testing.T, protocol, place string) *wire.Registry {
	t.Helper()
	scalar := func(shape string) map[string]any {
		return map[string]any{"shape": shape}
	}
	members := map[string]any{"Number": scalar("I"), "Big": scalar("L"), "Ratio": scalar("D"), "On": scalar("B"),
		"Text": scalar("S"), "Id": scalar("S")}
	for name, m := range members {
		if place != "" {
			m.(map[string]any)["location"] = place
			m.(map[string]any)["locationName"] = map[string]string{"header": "x-p-", "querystring": "p-"}[place] +
				strings.ToLower(name)
		}
	}
	path := "/"
	if strings.HasPrefix(protocol, "rest-") {
		path = "/put/{Id}"
		members["Id"] = map[string]any{"shape": "S", "location": "uri", "locationName": "Id"}
	}
	if place == "" {
		members["Inner"], members["List"] = scalar("Inner"), scalar("List")
	}
	model := zipped(t, map[string]any{
		"metadata": map[string]any{"protocol": protocol, "signingName": "presence", "endpointPrefix": "presence",
			"targetPrefix": "Presence", "apiVersion": "2026-01-01", "jsonVersion": "1.0"},
		"operations": map[string]any{"Put": map[string]any{"name": "Put", "input": map[string]any{"shape": "PutInput"},
			"http": map[string]any{"method": "POST", "requestUri": path}}},
		"shapes": map[string]any{
			"PutInput": map[string]any{"type": "structure", "members": members},
			"Inner":    map[string]any{"type": "structure", "members": map[string]any{"Number": scalar("I")}},
			"List":     map[string]any{"type": "list", "member": scalar("Inner")},
			"I":        map[string]any{"type": "integer"}, "L": map[string]any{"type": "long"},
			"D": map[string]any{"type": "double"}, "B": map[string]any{"type": "boolean"}, "S": map[string]any{"type": "string"},
		},
	})
	a, err := wire.ReadAPI("presence", model)
	require.NoError(t, err)
	reg := wire.NewRegistry()
	reg.Add(a)
	reg.Types("presence", "Put", reflect.TypeFor[presenceInput](), reflect.TypeFor[struct{}]())
	return reg
}

// Zeros that were sent are told from what was not, in every protocol and every place:
// 0, 0.0, false, and "" of a text.
func TestZeros_areToldFromWhatIsAbsent(t *testing.T) {
	t.Parallel()
	scalars := []string{"Big", "Number", "On", "Ratio"}
	nested := append(slices.Clone(scalars), "Inner.Number", "List.0.Number")
	encoded := func(m cbor.Map) string { return string(cbor.Encode(m)) }
	zero := cbor.Map{"Number": cbor.Uint(0)}
	for name, c := range map[string]struct {
		protocol, place, path string
		header                http.Header
		sent, absent          string // bodies
		want                  []string
	}{
		"awsJson": {protocol: "json", path: "/", header: http.Header{"X-Amz-Target": {"Presence.Put"}},
			sent:   `{"Number":0,"Big":0,"Ratio":0.0,"On":false,"Text":"","Inner":{"Number":0},"List":[{"Number":0},{}]}`,
			absent: `{"Number":null,"Inner":{},"List":[{}]}`, want: nested},
		"CBOR": {protocol: "json", path: "/service/Presence/operation/Put",
			header: http.Header{"Smithy-Protocol": {"rpc-v2-cbor"}, "Content-Type": {"application/cbor"}},
			sent: encoded(cbor.Map{"Number": cbor.Uint(0), "Big": cbor.Uint(0), "Ratio": cbor.Float64(0),
				"On": cbor.Bool(false), "Text": cbor.String(""), "Inner": zero, "List": cbor.List{zero, cbor.Map{}}}),
			absent: encoded(cbor.Map{"Number": &cbor.Nil{}, "Inner": cbor.Map{}, "List": cbor.List{cbor.Map{}}}), want: nested},
		"restJson": {protocol: "rest-json", path: "/put/id",
			sent:   `{"Number":0,"Big":0,"Ratio":0,"On":false,"Text":"","Inner":{"Number":0},"List":[{"Number":0},{}]}`,
			absent: `{"Inner":{},"List":[{}]}`, want: nested},
		"restXml": {protocol: "rest-xml", path: "/put/id",
			sent: `<PutInput><Number>0</Number><Big>0</Big><Ratio>0</Ratio><On>false</On><Text></Text>` +
				`<Inner><Number>0</Number></Inner><List><member><Number>0</Number></member><member/></List></PutInput>`,
			absent: `<PutInput><Inner/><List><member/></List></PutInput>`, want: nested},
		"form": {protocol: "query", path: "/", header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
			sent: `Action=Put&Version=2026-01-01&Number=0&Big=0&Ratio=0&On=false&Text=&Inner.Number=0` +
				`&List.member.1.Number=0`,
			absent: `Action=Put&Version=2026-01-01`, want: nested},
		"query of XML":  {protocol: "rest-xml", place: "querystring", path: "/put/id", want: scalars},
		"query of JSON": {protocol: "rest-json", place: "querystring", path: "/put/id", want: scalars},
		"head of XML":   {protocol: "rest-xml", place: "header", path: "/put/id", want: scalars},
		"head of JSON":  {protocol: "rest-json", place: "header", path: "/put/id", want: scalars},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reg := presence(t, c.protocol, c.place)
			decode := func(body string, query url.Values, head http.Header) (*presenceInput, []string) {
				req := request(http.MethodPost, "localhost", c.path, "presence", body)
				req.URL.RawQuery = query.Encode()
				req.Header.Del("Content-Type")
				for _, h := range []http.Header{c.header, head} {
					for k, v := range h {
						req.Header[http.CanonicalHeaderKey(k)] = v
					}
				}
				target, err := reg.Route(req)
				require.NoError(t, err)
				in, err := target.Decode(req)
				require.NoError(t, err)
				return in.(*presenceInput), target.Zeros()
			}
			query, head := url.Values{}, http.Header{}
			for name, zero := range map[string]string{"number": "0", "big": "0", "ratio": "0", "on": "false", "text": ""} {
				switch c.place {
				case "querystring":
					query.Set("p-"+name, zero)
				case "header":
					head.Set("x-p-"+name, zero)
				}
			}
			in, zeros := decode(c.sent, query, head)
			require.ElementsMatch(t, c.want, zeros)
			require.NotNil(t, in.Text, "an empty text was sent")
			require.Empty(t, *in.Text)
			in, zeros = decode(c.absent, nil, nil)
			require.Empty(t, zeros)
			require.Nil(t, in.Text)
		})
	}
}
