package wire_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shapes make Go types of a model, for services that have no client here. They
// are those that the SDK would make, but for unions, documents and streams, and
// but for structures that hold themselves: below three of one kind they end.
type shapes map[string]struct {
	Type                    string
	Members                 map[string]use
	Member, Key, Value      *use
	Union, Document, Stream bool
}

type use struct{ Shape string }

// unzipped reads a file of testdata.
func unzipped(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	b, err := io.ReadAll(z)
	require.NoError(t, err)
	return b
}

func zipped(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err = z.Write(b)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

// typ is the Go type of a shape; within are the structures around it.
func (s shapes) typ(name string, within []string) (reflect.Type, bool) {
	shape := s[name]
	switch shape.Type {
	case "string", "character":
		return reflect.TypeFor[*string](), true
	case "integer", "short", "byte":
		return reflect.TypeFor[*int32](), true
	case "long":
		return reflect.TypeFor[*int64](), true
	case "float", "double":
		return reflect.TypeFor[*float64](), true
	case "boolean":
		return reflect.TypeFor[*bool](), true
	case "timestamp":
		return reflect.TypeFor[*time.Time](), true
	case "blob":
		return reflect.TypeFor[[]byte](), !shape.Stream
	case "list":
		e, ok := s.element(shape.Member.Shape, within)
		return sliceOf(e, ok), ok
	case "map":
		e, ok := s.element(shape.Value.Shape, within)
		if !ok {
			return nil, false
		}
		return reflect.MapOf(reflect.TypeFor[string](), e), true
	}
	seen := 0
	for _, w := range within {
		if w == name {
			seen++
		}
	}
	if shape.Union || shape.Document || seen > 3 {
		return nil, false
	}
	var fields []reflect.StructField
	for member, u := range shape.Members {
		t, ok := s.typ(u.Shape, append(within, name))
		if !ok {
			continue
		}
		if t.Kind() == reflect.Struct {
			t = reflect.PointerTo(t)
		}
		fields = append(fields, reflect.StructField{Name: strings.ToUpper(member[:1]) + member[1:], Type: t})
	}
	return reflect.StructOf(fields), true
}

func sliceOf(e reflect.Type, ok bool) reflect.Type {
	if !ok {
		return nil
	}
	return reflect.SliceOf(e)
}

// element is the type of what a list or map holds: no pointers to scalars.
func (s shapes) element(name string, within []string) (reflect.Type, bool) {
	t, ok := s.typ(name, within)
	if ok && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t, ok
}

// fill sets a value of the type of a shape from JSON as protocol tests have it:
// times as seconds, bytes as texts.
func (s shapes) fill(name string, v reflect.Value, from any) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch x := from.(type) {
	case map[string]any:
		if v.Kind() == reflect.Map {
			v.Set(reflect.MakeMap(v.Type()))
		}
		for k, e := range x {
			if v.Kind() == reflect.Map {
				item := reflect.New(v.Type().Elem()).Elem()
				s.fill(s[name].Value.Shape, item, e)
				v.SetMapIndex(reflect.ValueOf(k), item)
			} else if e != nil {
				s.fill(s[name].Members[k].Shape, v.FieldByName(strings.ToUpper(k[:1])+k[1:]), e)
			}
		}
	case []any:
		v.Set(reflect.MakeSlice(v.Type(), len(x), len(x)))
		for i, e := range x {
			s.fill(s[name].Member.Shape, v.Index(i), e)
		}
	case string:
		switch v.Kind() {
		case reflect.Slice:
			v.SetBytes([]byte(x))
		case reflect.Float64: // NaN and its like
			f := map[string]float64{"NaN": nan(), "Infinity": inf(1), "-Infinity": inf(-1)}
			v.SetFloat(f[x])
		default:
			v.SetString(x)
		}
	case bool:
		v.SetBool(x)
	case float64:
		switch v.Kind() {
		case reflect.Struct:
			v.Set(reflect.ValueOf(time.Unix(0, int64(x*1000)*int64(time.Millisecond)).UTC()))
		case reflect.Float64:
			v.SetFloat(x)
		default:
			v.SetInt(int64(x))
		}
	}
}

// show is the reverse of fill; what is not set is left out.
func (s shapes) show(name string, v reflect.Value) any {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		return float64(v.Interface().(time.Time).UnixMilli()) / 1000
	case v.Kind() == reflect.Struct:
		m := map[string]any{}
		for member, u := range s[name].Members {
			f := v.FieldByName(strings.ToUpper(member[:1]) + member[1:])
			if f.IsValid() && !f.IsNil() {
				m[member] = s.show(u.Shape, f)
			}
		}
		return m
	case v.Kind() == reflect.Map:
		m := map[string]any{}
		for _, k := range v.MapKeys() {
			m[k.String()] = s.show(s[name].Value.Shape, v.MapIndex(k))
		}
		return m
	case v.Type() == reflect.TypeFor[[]byte]():
		return string(v.Bytes())
	case v.Kind() == reflect.Slice:
		l := []any{}
		for i := range v.Len() {
			l = append(l, s.show(s[name].Member.Shape, v.Index(i)))
		}
		return l
	case v.CanInt():
		return float64(v.Int())
	case v.CanFloat():
		return text(v.Float())
	}
	return v.Interface()
}

// leaves counts the scalars that are set.
func leaves(v reflect.Value) (n int) {
	switch {
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			return 0
		}
		return leaves(v.Elem())
	case v.Type() == reflect.TypeFor[time.Time](), v.Type() == reflect.TypeFor[[]byte]() && v.Len() > 0:
		return 1
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			n += leaves(v.Field(i))
		}
		return n
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			n += leaves(v.Index(i))
		}
		return n
	case v.Kind() == reflect.Map:
		return v.Len()
	}
	return 1
}
