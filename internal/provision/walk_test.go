package provision_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/cloudwatchlogs"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb"
	"github.com/pipelab/pipelab/internal/aws/service/iam"
	kinesisservice "github.com/pipelab/pipelab/internal/aws/service/kinesis"
	"github.com/pipelab/pipelab/internal/aws/service/lambda"
	"github.com/pipelab/pipelab/internal/aws/service/s3"
	"github.com/pipelab/pipelab/internal/aws/service/sqs"
	"github.com/pipelab/pipelab/internal/cfn"
	"github.com/pipelab/pipelab/internal/provision"
)

// sent is the HTTP client of a provider: it keeps what its requests say, and moves
// the clock, so that what is being made gets ready.
type sent struct {
	under aws.HTTPClient
	clock *clock.Clock
	said  []string
}

func (s *sent) Do(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if err := s.clock.Advance(r.Context(), time.Minute); err != nil {
		return nil, err
	}
	said := r.Method + " " + r.URL.RequestURI() + " " + string(body)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if strings.HasPrefix(name, "X-Amz-") && !slices.Contains([]string{"X-Amz-Date", "X-Amz-Content-Sha256"}, name) {
			said += " " + name + "=" + r.Header.Get(name)
		}
	}
	s.said = append(s.said, said)
	return s.under.Do(r)
}

// site is a cloud with the resources that a sample needs.
type site struct {
	*provision.Provider
	sent   *sent
	values map[string]string // of placeholders
	cfg    aws.Config
	of     sample
	it     cfn.Resource
}

func newSite(t *testing.T, kind string, of sample) *site {
	t.Helper()
	c := awstest.New(t, kinesisservice.New, as(dynamodb.New), as(sqs.New), as(cloudwatchlogs.New), as(s3.New), as(iam.New),
		as(lambda.New))
	cfg := c.Config()
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	at := &sent{under: cfg.HTTPClient, clock: c.Clock}
	cfg.HTTPClient = at
	assets := provision.NewMemoryState()
	require.NoError(t, assets.Put("packed", zipped(t)))
	w := &site{Provider: provision.New(cfg, ident.DefaultAccount, assets), sent: at, cfg: c.Config(), of: of,
		values: map[string]string{}}
	for i, b := range of.before {
		st, err := w.Create(t.Context(), w.resource(b.kind, fmt.Sprintf("before%d", i), w.filled(t, b.properties)))
		require.NoError(t, err, "%s, for %s", b.kind, kind)
		w.values[fmt.Sprintf("${%d}", i)] = st.PhysicalID
		for name, v := range st.Attributes {
			w.values[fmt.Sprintf("${%d.%s}", i, name)] = fmt.Sprint(v)
		}
	}
	w.it = w.resource(kind, "walk-it", w.filled(t, of.properties))
	return w
}

// zipped is an archive with a file.
func zipped(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("index.py")
	require.NoError(t, err)
	_, err = f.Write([]byte("def handler(event, context): pass"))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.Bytes()
}

func as[S gateway.Service](make func(*gateway.Host) S) func(*gateway.Host) gateway.Service {
	return func(h *gateway.Host) gateway.Service { return make(h) }
}

func (w *site) resource(kind, name string, properties map[string]any) cfn.Resource {
	if end := w.Types()[kind].NameEnd; end != "" {
		name += end
	}
	return cfn.Resource{Stack: "s", LogicalID: "It", Type: kind, Name: name, Properties: properties}
}

// filled is a text of properties with its placeholders filled, in the form that the
// engine gives to a provider.
func (w *site) filled(t *testing.T, text string) map[string]any {
	t.Helper()
	for name, v := range w.values {
		text = strings.ReplaceAll(text, name, v)
	}
	out := map[string]any{}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	require.NoError(t, d.Decode(&out), text)
	return out
}

// during are the requests that f makes, and its error.
func (w *site) during(f func() error) (said []string, err error) {
	w.sent.said = nil
	err = f()
	return w.sent.said, err
}

// Each type can be created, read, found gone, and deleted, and has all attributes
// that it declares. Whatever its update function can do, a property asks for.
func TestTypes_areWhole(t *testing.T) {
	t.Parallel()
	all := provision.New(aws.Config{}, ident.DefaultAccount, nil).Types()
	require.ElementsMatch(t, slices.Collect(maps.Keys(all)), slices.Collect(maps.Keys(samples())))
	for kind, schema := range all {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ctx, w := t.Context(), newSite(t, kind, samples()[kind])
			changes := false
			for name := range schema.Properties {
				changes = changes || inPlace(schema, name)
			}
			require.Equal(t, changes, w.Updates(kind), "an update function exactly where a property needs one")

			_, err := w.Read(ctx, w.it)
			require.ErrorIs(t, err, cfn.ErrNotFound, "before it is made")
			made, err := w.Create(ctx, w.it)
			require.NoError(t, err)
			require.NotEmpty(t, made.PhysicalID)
			for _, name := range schema.Attributes {
				require.NotEmpty(t, made.Attributes[name], name)
			}
			w.it.PhysicalID, w.it.Attributes = made.PhysicalID, made.Attributes
			got, err := w.Read(ctx, w.it)
			require.NoError(t, err)
			require.Equal(t, made.PhysicalID, got.PhysicalID)
			if w.Updates(kind) {
				w.it.Previous = w.it.Properties
				same, err := w.Update(ctx, w.it)
				require.NoError(t, err)
				require.Equal(t, made.PhysicalID, same.PhysicalID)
			}

			require.NoError(t, w.Delete(ctx, w.it))
			_, err = w.Read(ctx, w.it)
			require.ErrorIs(t, err, cfn.ErrNotFound, "behind the stack's back")
			if err := w.Delete(ctx, w.it); err != nil { // some services say so, some do not mind
				require.ErrorIs(t, err, cfn.ErrNotFound)
			}
		})
	}
}

// Every property that a type declares is sent to the service when it is made, and
// when it is changed in place or taken away; or it is refused by its name.
func TestTypes_useEveryProperty(t *testing.T) {
	t.Parallel()
	for kind, schema := range provision.New(aws.Config{}, ident.DefaultAccount, nil).Types() {
		of := samples()[kind]
		base := newSite(t, kind, of)
		for _, v := range variants(schema.Properties, base.it.Properties, of.values) {
			if v.path == schema.Name { // the engine makes the resource's name of it
				continue
			}
			t.Run(kind+"/"+v.path, func(t *testing.T) {
				t.Parallel()
				if _, same := of.same[v.path]; same {
					t.Skip(of.same[v.path])
				}
				// What has to differ: the requests, unless an error names the property.
				differ := func(when string, plain, other func() ([]string, error)) {
					was, err := plain()
					if named(err, v.path) {
						return
					}
					is, err := other()
					if !named(err, v.path) {
						require.NotEqual(t, was, is, "%s: %v", when, err)
					}
				}
				create := func(properties map[string]any) func() ([]string, error) {
					return func() ([]string, error) {
						w := newSite(t, kind, of)
						w.it.Properties = w.again(t, properties)
						return w.during(func() error { _, err := w.Create(w.limited(t), w.it); return err })
					}
				}
				differ("when it is made", create(v.without), create(v.with))
				if !inPlace(schema, v.path) {
					return
				}
				update := func(before, now map[string]any) func() ([]string, error) {
					return func() ([]string, error) {
						w := newSite(t, kind, of)
						made, err := w.Create(w.limited(t), w.it)
						require.NoError(t, err)
						w.it.PhysicalID, w.it.Attributes = made.PhysicalID, made.Attributes
						w.it.Previous, w.it.Properties = w.again(t, before), w.again(t, now)
						return w.during(func() error { _, err := w.Update(w.limited(t), w.it); return err })
					}
				}
				differ("set in place", update(v.without, v.without), update(v.without, v.with))
				differ("taken away in place", update(v.with, v.with), update(v.with, v.without))
			})
		}
	}
}

// named reports whether an error names the property.
func named(err error, path string) bool {
	return err != nil && slices.ContainsFunc(strings.Split(path, "."), func(name string) bool {
		return strings.Contains(err.Error(), name)
	})
}

// inPlace reports whether a property can be changed in place.
func inPlace(s *cfn.Schema, path string) bool {
	top, _, _ := strings.Cut(path, ".")
	return s.Properties[top].Update == cfn.NoInterruption
}

// again is properties as they come from a template, for a site of its own.
func (w *site) again(t *testing.T, properties map[string]any) map[string]any {
	t.Helper()
	b, err := json.Marshal(properties)
	require.NoError(t, err)
	return w.filled(t, string(b))
}

// limited bounds calls for which nothing gets ready, since a made-up value was
// refused.
func (w *site) limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 10*time.Second, errors.New("never ready"))
	t.Cleanup(cancel)
	return ctx
}

// variant is properties without one and with it, or with another value of one that
// has to be there.
type variant struct {
	path          string
	without, with map[string]any
}

// variants are those of all properties, also of objects and the elements of lists.
// Values are made up where none is given for the path.
func variants(props cfn.Properties, base map[string]any, values map[string]any) []variant {
	var out []variant
	walk("", cfn.Property{Type: cfn.TObject, Fields: props}, base, values, func(path string, without, with any) {
		a, _ := without.(map[string]any)
		b, _ := with.(map[string]any)
		out = append(out, variant{path, a, b})
	})
	return out
}

// walk calls found for each property within p, whose value is at.
func walk(path string, p cfn.Property, at any, values map[string]any, found func(path string, without, with any)) {
	switch p.Type {
	case cfn.TList:
		one := at.([]any)[0]
		walk(path, *p.Item, one, values, func(path string, without, with any) {
			found(path, []any{without}, []any{with})
		})
	case cfn.TObject:
		fields := at.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(p.Fields)) {
			f, here := p.Fields[name], strings.TrimPrefix(path+"."+name, ".")
			set := func(v any) map[string]any {
				m := maps.Clone(fields)
				if m[name] = v; v == nil {
					delete(m, name)
				}
				return m
			}
			v, other := madeUp(here, f, values, 0), madeUp(here, f, values, 1)
			if given, ok := fields[name]; ok {
				v, other = given, v
			}
			switch {
			case !f.Required:
				found(here, set(nil), set(v))
			case fmt.Sprint(v) != fmt.Sprint(other):
				found(here, set(other), set(v))
			}
			walk(here, f, v, values, func(path string, without, with any) { found(path, set(without), set(with)) })
		}
	}
}

// madeUp is a value that conforms to a property, with what an object has to have;
// which tells two apart.
func madeUp(path string, p cfn.Property, values map[string]any, which int) any {
	if v, ok := values[path]; ok {
		if pair, ok := v.([2]any); ok {
			return pair[which]
		}
		return v
	}
	switch p.Type {
	case cfn.TString:
		if len(p.Enum) > 0 {
			return p.Enum[min(which, len(p.Enum)-1)]
		}
		return fmt.Sprintf("made-up-%d", which)
	case cfn.TInteger, cfn.TDouble:
		return json.Number(fmt.Sprint(int(max(p.Min, 1)) + which))
	case cfn.TBoolean:
		return which == 0
	case cfn.TList:
		return []any{madeUp(path, *p.Item, values, which)}
	case cfn.TMap:
		return map[string]any{"made": madeUp(path, *p.Item, values, which)}
	case cfn.TObject:
		out := map[string]any{}
		for name, f := range p.Fields {
			if f.Required {
				out[name] = madeUp(path+"."+name, f, values, which)
			}
		}
		return out
	}
	return map[string]any{"made": fmt.Sprint("up-", which)}
}
