package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"reflect"
	"strings"
)

// carries reports whether a text stands in an input: in a member of it, however deep,
// in the name of a member of a map, or in bytes, also as the base64 in which the data of
// a stream's record stand in the payload of a function. Bodies that are read as a stream
// are not looked at.
func carries(input any, text string) bool { return carrier{text}.in(reflect.ValueOf(input)) }

type carrier struct{ text string }

var reader = reflect.TypeFor[io.Reader]()

func (c carrier) in(v reflect.Value) bool {
	if !v.IsValid() || v.Type().Implements(reader) {
		return false
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return !v.IsNil() && c.in(v.Elem())
	case reflect.String:
		return c.inText(v.String())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && c.in(v.Field(i)) {
				return true
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if c.in(entries.Key()) || c.in(entries.Value()) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			return bytes.Contains(v.Bytes(), []byte(c.text)) || c.inJSON(v.Bytes())
		}
		for i := range v.Len() {
			if c.in(v.Index(i)) {
				return true
			}
		}
	}
	return false
}

// inText looks at a text as it is and, since a record's data stand in the payload of a
// function as base64, at what that decodes to.
func (c carrier) inText(s string) bool {
	if strings.Contains(s, c.text) {
		return true
	}
	decoded, err := base64.StdEncoding.DecodeString(s)
	return err == nil && bytes.Contains(decoded, []byte(c.text))
}

// inJSON looks at the texts of a document, such as the event that a function gets.
func (c carrier) inJSON(b []byte) bool {
	var document any
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) || json.Unmarshal(b, &document) != nil {
		return false
	}
	return c.in(reflect.ValueOf(document))
}
