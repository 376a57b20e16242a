package cfn

import (
	"maps"
	"slices"
)

// Type is what a property holds.
type Type int

// The types of property. JSON is any value, such as a policy document.
const (
	TString Type = iota
	TInteger
	TDouble
	TBoolean
	TList   // of Item
	TObject // with Fields
	TMap    // free keys, values of Item
	TJSON
)

// String names the type as messages use it.
func (t Type) String() string {
	return [...]string{"a string", "a whole number", "a number", "a boolean", "a list", "an object", "a map",
		"a JSON document"}[t]
}

// Update is what a change of a property does to the resource.
type Update int

// The update behaviours, in CloudFormation's words.
const (
	NoInterruption Update = iota
	Replacement
)

// Property declares one property. The zero value is an optional string that
// can be updated in place.
type Property struct {
	Type     Type
	Required bool
	Update   Update
	Enum     []string
	Min, Max float64 // of a number, or of the length of a list; both 0: no limits
	Item     *Property
	Fields   Properties
	// Local lets a plain string, the path of local code, stand for the object.
	Local bool
}

// Properties are the properties of a type or of an object.
type Properties map[string]Property

// Schema declares a resource type: an undeclared property is an error.
type Schema struct {
	Type       string
	Properties Properties
	// Attributes are the names that Fn::GetAtt may ask for.
	Attributes []string
	// Needs are attributes that are there only with a property, by their names.
	Needs map[string]string
	// Name is the property with the physical name, "" when the service makes
	// one up. NameMax is the greatest length of a generated name and NameLower
	// whether it must be in lower case.
	Name      string
	NameMax   int
	NameLower bool
	NameEnd   string // a suffix that generated names must have, ".fifo"
}

func (p Properties) names() []string { return slices.Sorted(maps.Keys(p)) }

// The builders below keep declarations to one line per property.

// Str is an optional string, one of enum if any are given.
func Str(enum ...string) Property { return Property{Type: TString, Enum: enum} }

// Int is an optional whole number between lo and hi (both 0: any).
func Int(lo, hi float64) Property { return Property{Type: TInteger, Min: lo, Max: hi} }

// Flag is an optional boolean.
func Flag() Property { return Property{Type: TBoolean} }

// JSON is an optional document of any form.
func JSON() Property { return Property{Type: TJSON} }

// ListOf is an optional list.
func ListOf(item Property) Property { return Property{Type: TList, Item: &item} }

// MapOf is an optional map with free keys.
func MapOf(item Property) Property { return Property{Type: TMap, Item: &item} }

// Object is an optional object.
func Object(fields Properties) Property { return Property{Type: TObject, Fields: fields} }

// Req makes a property required.
func (p Property) Req() Property { p.Required = true; return p }

// Replaces says that a change of the property replaces the resource.
func (p Property) Replaces() Property { p.Update = Replacement; return p }

// TagList is the usual list of tags.
func TagList() Property {
	return ListOf(Object(Properties{"Key": Str().Req(), "Value": Str().Req()}))
}
