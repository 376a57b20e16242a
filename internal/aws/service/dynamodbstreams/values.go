package dynamodbstreams

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// attributes converts an image; the SDK has value types of its own for each of
// the two services.
func attributes(it map[string]item.Value) map[string]types.AttributeValue {
	if it == nil {
		return nil
	}
	out := make(map[string]types.AttributeValue, len(it))
	for name, v := range it {
		out[name] = attribute(v)
	}
	return out
}

func attribute(v item.Value) types.AttributeValue {
	switch v.Kind {
	case item.Bool:
		return &types.AttributeValueMemberBOOL{Value: v.True}
	case item.String:
		return &types.AttributeValueMemberS{Value: v.Text}
	case item.Number:
		return &types.AttributeValueMemberN{Value: v.Text}
	case item.Binary:
		return &types.AttributeValueMemberB{Value: []byte(v.Text)}
	case item.StringSet:
		return &types.AttributeValueMemberSS{Value: v.Texts()}
	case item.NumberSet:
		return &types.AttributeValueMemberNS{Value: v.Texts()}
	case item.BinarySet:
		return &types.AttributeValueMemberBS{Value: v.Blobs()}
	case item.List:
		out := make([]types.AttributeValue, len(v.Elems))
		for i, e := range v.Elems {
			out[i] = attribute(e)
		}
		return &types.AttributeValueMemberL{Value: out}
	case item.Map:
		return &types.AttributeValueMemberM{Value: attributes(v.Fields)}
	}
	return &types.AttributeValueMemberNULL{Value: true}
}
