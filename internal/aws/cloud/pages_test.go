package cloud_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/awsapi"
)

// sizeName is what members are called that say how much an operation answers at once.
var sizeName = regexp.MustCompile(`^(Limit|PageSize|Max[A-Z]\w*|\w+Limit)$`)

// quantities are members with such names that are something else.
func quantities() map[string]string {
	return map[string]string{
		"kinesis.CreateStream MaxRecordSizeInKiB":               "how large a record may be",
		"kinesis.UpdateMaxRecordSize MaxRecordSizeInKiB":        "how large a record may be",
		"sqs.StartMessageMoveTask MaxNumberOfMessagesPerSecond": "how fast messages move",
		"iam.CreateRole MaxSessionDuration":                     "how long a session lasts",
		"iam.UpdateRole MaxSessionDuration":                     "how long a session lasts",
	}
}

// refusals are the codes with which services answer sizes that are out of range.
func refusals() map[string]string {
	return map[string]string{
		"cloudwatchlogs": "InvalidParameterException", "dynamodb": "ValidationException",
		"dynamodbstreams": "ValidationException", "iam": "ValidationError", "kinesis": "ValidationException",
		"lambda": "ValidationException", "s3": "InvalidArgument", "sqs": "InvalidParameterValue",
	}
}

// paged is an operation that answers a page at a time.
type paged struct {
	in     any    // the rest of the input
	items  string // where the answer has its items: "Users.UserName", several after spaces
	tokens string // "NextMarker=Marker": where the answer says how to go on, and the member that takes it
	// next makes the input of the next page where tokens do not suffice, nil at the end.
	next func(out any, items []string) any
	// count is how many items there are, 3 when it is 0; absent how many of them come
	// without a size, if not all.
	count, absent int
	// newest says that an answer has the newest items, and that no other has the rest.
	newest bool
	// before makes what was answered be there again.
	before func()
	// zero asks for 0 where the SDK's input cannot.
	zero func() error

	// What AWS documents where the model has no range.
	high   int32  // 0 for none
	cut    string // where the answer repeats the size, if more than high is taken for high
	none   bool   // 0 is answered with no items
	source string
}

// span is the range that the model of a service has for a member of an input, nil for
// the ends that it leaves open.
func span(t *testing.T, service, operation, member string) (low, high *int32) {
	t.Helper()
	f, err := os.Open("../wire/models/" + service + ".json.gz")
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var m struct {
		Operations map[string]struct{ Input struct{ Shape string } }
		Shapes     map[string]struct {
			Min, Max json.Number
			Members  map[string]struct{ Shape string }
		}
	}
	require.NoError(t, json.NewDecoder(z).Decode(&m))
	end := func(n json.Number) *int32 {
		v, err := strconv.ParseInt(n.String(), 10, 32)
		if err != nil {
			return nil
		}
		return aws.Int32(int32(v))
	}
	for name, ref := range m.Shapes[m.Operations[operation].Input.Shape].Members {
		if s := m.Shapes[ref.Shape]; strings.EqualFold(name, member) {
			return end(s.Min), end(s.Max)
		}
	}
	require.Fail(t, "the model has no such member", "%s.%s %s", service, operation, member)
	return nil, nil
}

// Every member that says how much an operation answers at once does what AWS documents:
// without it, at 0, below, at 1, at the most and above. Pages of one have one item each,
// and following them shows all items, none twice.
func TestPages_areAsLongAsAskedAndHaveEverythingOnce(t *testing.T) {
	t.Parallel()
	rows, known := map[string]paged{}, map[string]bool{}
	w := newPages(t)
	for _, p := range w.rows() {
		in := reflect.TypeOf(p.in).Elem()
		rows[strings.TrimPrefix(in.PkgPath(), sdk)+"."+strings.TrimSuffix(in.Name(), "Input")] = p
	}
	walked := 0
	for _, d := range cloud.Describe() {
		api, ok := awsapi.Find(d.Name)
		require.True(t, ok)
		client := api.Client(w.config)
		for _, op := range d.Operations {
			for i := range op.Input.NumField() {
				f := op.Input.Field(i)
				number := f.Type == reflect.TypeFor[*int32]() || f.Type.Kind() == reflect.Int32
				at := d.Name + "." + op.Name
				if !number || !sizeName.MatchString(f.Name) {
					continue
				}
				if quantities()[at+" "+f.Name] != "" {
					known[at+" "+f.Name] = true
					continue
				}
				p, ok := rows[at]
				if !ok {
					t.Errorf("%s has %s: add to the rows of pagerows_test.go how its pages are read (if it is no size of a "+
						"page, to quantities)", at, f.Name)
					continue
				}
				delete(rows, at)
				call, _ := api.Operation(op.Name)
				page := page{paged: p, member: f.Name, refusal: refusals()[d.Name], call: func(in any) (any, error) {
					return call.Call(context.Background(), client, in)
				}}
				page.min, page.max = span(t, d.Name, op.Name, f.Name)
				t.Run(at, page.walk)
				walked++
			}
		}
	}
	require.Empty(t, rows, "no operation that has these rows has a size")
	for at := range quantities() {
		require.True(t, known[at], "%s is not there", at)
	}
	require.Greater(t, walked, 45)
}

// page is a size of an operation's pages under test.
type page struct {
	paged
	member   string
	min, max *int32 // the model's
	refusal  string
	call     func(in any) (any, error)
}

func (p page) walk(t *testing.T) {
	require.NotEmpty(t, p.refusal, "refusals has no code of this service")
	if p.min == nil || p.max == nil {
		require.NotEmpty(t, p.source, "the model has no range: say what AWS documents, and where")
	}
	most, bounded := p.high, p.high > 0
	if p.max != nil && !bounded { // what is documented goes before
		most, bounded = *p.max, true
	}
	if !bounded {
		most = math.MaxInt32
	}
	count := p.count
	if count == 0 {
		count = 3
	}
	want := p.read(t, p.sized(most), 0)
	require.Len(t, want, count, "the cloud of this test has other items")
	if p.absent == 0 {
		require.ElementsMatch(t, want, p.read(t, p.in, 0), "without a size")
	} else {
		require.Len(t, p.read(t, p.in, 0), p.absent, "without a size")
	}
	if p.newest {
		require.Equal(t, want[:1], p.read(t, p.sized(1), 1), "a page of one")
	} else {
		require.ElementsMatch(t, want, p.read(t, p.sized(1), 1), "pages of one")
	}
	switch {
	case p.none:
		out, err := p.call(p.sized(0))
		require.NoError(t, err)
		items := found(out, p.items)
		require.Empty(t, items, "asked for none")
		require.Nil(t, p.following(out, items), "asked for none: there is no next page")
	case p.zero != nil:
		p.refused(t, p.zero(), 0)
	default:
		_, err := p.call(p.sized(0))
		p.refused(t, err, 0)
	}
	_, err := p.call(p.sized(-1))
	p.refused(t, err, -1)
	if !bounded {
		return
	}
	out, err := p.call(p.sized(most + 1))
	if p.cut == "" {
		p.refused(t, err, most+1)
		return
	}
	require.NoError(t, err)
	require.ElementsMatch(t, want, found(out, p.items))
	require.Equal(t, []string{strconv.Itoa(int(most))}, found(out, p.cut), "more than the most is taken for it")
}

func (p page) refused(t *testing.T, err error, size int32) {
	t.Helper()
	var api smithy.APIError
	require.ErrorAs(t, err, &api, "a size of %d", size)
	require.Equal(t, p.refusal, api.ErrorCode(), "a size of %d: %v", size, err)
}

// sized is the input with a size.
func (p page) sized(size int32) any {
	in := reflect.New(reflect.TypeOf(p.in).Elem())
	in.Elem().Set(reflect.ValueOf(p.in).Elem())
	setSize(in.Interface(), p.member, size)
	return in.Interface()
}

func setSize(in any, member string, size int32) {
	f := reflect.ValueOf(in).Elem().FieldByName(member)
	if f.Kind() == reflect.Pointer {
		f.Set(reflect.ValueOf(&size))
	} else {
		f.SetInt(int64(size))
	}
}

// read reads all pages. Each but the last has as many items as were asked for, unless
// that is 0.
func (p page) read(t *testing.T, in any, size int) (all []string) {
	t.Helper()
	if p.before != nil {
		p.before()
	}
	asked := reflect.ValueOf(in).Elem().FieldByName(p.member)
	for range 50 {
		out, err := p.call(in)
		require.NoError(t, err)
		items := found(out, p.items)
		all = append(all, items...)
		following := p.following(out, items)
		if size > 0 && (following != nil || len(items) > 0) {
			require.Len(t, items, size)
		}
		if following == nil {
			return all
		}
		in = following
		reflect.ValueOf(in).Elem().FieldByName(p.member).Set(asked)
	}
	require.Fail(t, "the pages have no end")
	return nil
}

// following is the input of the next page, nil behind the last.
func (p page) following(out any, items []string) any {
	if p.next != nil {
		return p.next(out, items)
	}
	in := reflect.New(reflect.TypeOf(p.in).Elem())
	in.Elem().Set(reflect.ValueOf(p.in).Elem())
	more := false
	for pair := range strings.FieldsSeq(p.tokens) {
		from, to, _ := strings.Cut(pair, "=")
		token := member(reflect.ValueOf(out), strings.Split(from, "."))
		if len(token) > 0 {
			in.Elem().FieldByName(to).Set(token[0])
			more = true
		}
	}
	if !more {
		return nil
	}
	return in.Interface()
}

// found are the texts and numbers at these places of an answer.
func found(out any, places string) (all []string) {
	for place := range strings.FieldsSeq(places) {
		for _, v := range member(reflect.ValueOf(out), strings.Split(place, ".")) {
			all = append(all, fmt.Sprint(reflect.Indirect(v)))
		}
	}
	return all
}

// member finds what is set at a path, in all elements of lists on the way.
func member(v reflect.Value, path []string) (all []reflect.Value) {
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return nil
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			all = append(all, member(v.Index(i), path)...)
		}
		return all
	case v.Kind() == reflect.Map && v.Len() == 0:
		return nil
	case len(path) == 0:
		return []reflect.Value{v}
	case v.Kind() == reflect.Interface:
		return member(v.Elem(), path)
	case v.Kind() == reflect.Map:
		return member(v.MapIndex(reflect.ValueOf(path[0])), path[1:])
	}
	return member(reflect.Indirect(v).FieldByName(path[0]), path[1:])
}
