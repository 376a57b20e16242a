package item

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const invalid = "One or more parameter values were invalid: "

// MaxDepth is how deep lists and maps may nest: of the 32 levels, the attribute itself
// is the first.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-attributes
const MaxDepth = 31

// ErrNested refuses a value that nests deeper.
var ErrNested = errors.New("Nesting Levels have exceeded supported limits: Attributes in the item have nested levels " +
	"beyond supported limit")

// FromSDK converts and checks a request's item. Errors carry AWS's messages.
func FromSDK(in map[string]types.AttributeValue) (Item, error) {
	out := make(Item, len(in))
	for name, av := range in {
		v, err := ValueFromSDK(av)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, nil
}

// ValueFromSDK converts and checks one value.
func ValueFromSDK(av types.AttributeValue) (Value, error) { return fromSDK(av, 0) }

func fromSDK(av types.AttributeValue, depth int) (Value, error) {
	if depth > MaxDepth {
		return Value{}, ErrNested
	}
	switch v := av.(type) {
	case *types.AttributeValueMemberS:
		return Str(v.Value), nil
	case *types.AttributeValueMemberN:
		return number(v.Value)
	case *types.AttributeValueMemberB:
		return Bin(string(v.Value)), nil
	case *types.AttributeValueMemberBOOL:
		return Truth(v.Value), nil
	case *types.AttributeValueMemberNULL:
		if !v.Value {
			return Value{}, errors.New(invalid + "Null attribute value types must have the value of true")
		}
		return Value{Kind: Null}, nil
	case *types.AttributeValueMemberSS:
		return stringSet(v.Value)
	case *types.AttributeValueMemberNS:
		return numberSet(v.Value)
	case *types.AttributeValueMemberBS:
		return binarySet(v.Value)
	case *types.AttributeValueMemberL:
		out := Value{Kind: List, Elems: make([]Value, len(v.Value))}
		for i, e := range v.Value {
			var err error
			if out.Elems[i], err = fromSDK(e, depth+1); err != nil {
				return Value{}, err
			}
		}
		return out, nil
	case *types.AttributeValueMemberM:
		out := Value{Kind: Map, Fields: make(map[string]Value, len(v.Value))}
		for name, e := range v.Value {
			f, err := fromSDK(e, depth+1)
			if err != nil {
				return Value{}, err
			}
			out.Fields[name] = f
		}
		return out, nil
	}
	return Value{}, errors.New("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
}

func number(s string) (Value, error) {
	d, err := ParseNumber(s)
	if err != nil {
		return Value{}, err
	}
	return d.Value(), nil
}

func stringSet(in []string) (Value, error) {
	if len(in) == 0 {
		return Value{}, errors.New(invalid + "An string set  may not be empty") // AWS's own two spaces
	}
	out := Value{Kind: StringSet}
	for _, s := range in {
		if s == "" {
			return Value{}, errors.New(invalid + "An string set may not have a empty string as a member")
		}
		out.Elems = append(out.Elems, Str(s))
	}
	if repeated(out.Elems) {
		return Value{}, fmt.Errorf(invalid+"Input collection [%s] contains duplicates.", strings.Join(in, ", "))
	}
	return out, nil
}

func numberSet(in []string) (Value, error) {
	if len(in) == 0 {
		return Value{}, errors.New(invalid + "An number set  may not be empty")
	}
	out := Value{Kind: NumberSet}
	for _, s := range in {
		n, err := number(s)
		if err != nil {
			return Value{}, err
		}
		out.Elems = append(out.Elems, n)
	}
	if repeated(out.Elems) {
		return Value{}, errors.New("Input collection contains duplicates")
	}
	return out, nil
}

func binarySet(in [][]byte) (Value, error) {
	if len(in) == 0 {
		return Value{}, errors.New(invalid + "Binary sets should not be empty")
	}
	out := Value{Kind: BinarySet}
	for _, s := range in {
		if len(s) == 0 {
			return Value{}, errors.New(invalid + "Binary sets may not contain null or empty values")
		}
		out.Elems = append(out.Elems, Bin(string(s)))
	}
	if repeated(out.Elems) {
		shown := make([]string, len(in))
		for i, s := range in {
			shown[i] = base64.StdEncoding.EncodeToString(s)
		}
		return Value{}, fmt.Errorf(invalid+"Input collection [%s]of type BS contains duplicates.", strings.Join(shown, ", "))
	}
	return out, nil
}

func repeated(set []Value) bool {
	seen := make(map[string]struct{}, len(set))
	for _, e := range set {
		seen[e.Text] = struct{}{}
	}
	return len(seen) != len(set)
}

// SDK converts an item for a response; nil stays nil.
func (it Item) SDK() map[string]types.AttributeValue {
	if it == nil {
		return nil
	}
	out := make(map[string]types.AttributeValue, len(it))
	for name, v := range it {
		out[name] = v.SDK()
	}
	return out
}

// SDK converts a value for a response.
func (v Value) SDK() types.AttributeValue {
	switch v.Kind {
	case Bool:
		return &types.AttributeValueMemberBOOL{Value: v.True}
	case String:
		return &types.AttributeValueMemberS{Value: v.Text}
	case Number:
		return &types.AttributeValueMemberN{Value: v.Text}
	case Binary:
		return &types.AttributeValueMemberB{Value: []byte(v.Text)}
	case StringSet:
		return &types.AttributeValueMemberSS{Value: v.Texts()}
	case NumberSet:
		return &types.AttributeValueMemberNS{Value: v.Texts()}
	case BinarySet:
		return &types.AttributeValueMemberBS{Value: v.Blobs()}
	case List:
		out := make([]types.AttributeValue, len(v.Elems))
		for i, e := range v.Elems {
			out[i] = e.SDK()
		}
		return &types.AttributeValueMemberL{Value: out}
	case Map:
		return &types.AttributeValueMemberM{Value: Item(v.Fields).SDK()}
	}
	return &types.AttributeValueMemberNULL{Value: true}
}

// Texts are the members of a string or number set.
func (v Value) Texts() []string {
	out := make([]string, len(v.Elems))
	for i, e := range v.Elems {
		out[i] = e.Text
	}
	return out
}

// Blobs are the members of a binary set.
func (v Value) Blobs() [][]byte {
	out := make([][]byte, len(v.Elems))
	for i, e := range v.Elems {
		out[i] = []byte(e.Text)
	}
	return out
}
