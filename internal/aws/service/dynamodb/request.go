package dynamodb

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/expr"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// expression is one expression parameter of a request.
type expression struct {
	name string
	text *string
}

// placeholders checks ExpressionAttributeNames and -Values, which may only be
// given along with an expression.
func placeholders(names map[string]string, values map[string]types.AttributeValue,
	expressions ...expression) (*expr.Params, error) {
	var absent []string
	for _, e := range expressions {
		if e.text == nil {
			absent = append(absent, e.name)
		}
	}
	if len(absent) == len(expressions) {
		if names != nil {
			return nil, refuse("ExpressionAttributeNames can only be specified when using expressions")
		}
		if values != nil {
			verb := " is null"
			if len(absent) > 1 {
				verb = " are null"
			}
			return nil, refuse("ExpressionAttributeValues can only be specified when using expressions: %s",
				strings.Join(absent, " and ")+verb)
		}
	}
	converted, err := expressionValues(values)
	if err != nil {
		return nil, err
	}
	p, err := expr.NewParams(names, converted)
	return p, refused(err)
}

func expressionValues(values map[string]types.AttributeValue) (map[string]item.Value, error) {
	if values == nil {
		return nil, nil
	}
	out := make(map[string]item.Value, len(values))
	for _, k := range slices.Sorted(maps.Keys(values)) {
		v, err := item.ValueFromSDK(values[k])
		if errors.Is(err, item.ErrNested) {
			return nil, refused(err)
		}
		if err != nil {
			return nil, refuse("ExpressionAttributeValues contains invalid value: %s for key %s", err.Error(), k)
		}
		out[k] = v
	}
	return out, nil
}

// writeRequest is what Put, Update and Delete have in common, in their own
// operations as in transactions.
type writeRequest struct {
	kind      mutationKind
	table     *string
	item      map[string]types.AttributeValue // the item, or the key
	condition *string
	update    *string
	names     map[string]string
	values    map[string]types.AttributeValue
	old       oldWrite
}

// alone is mutation for operations on one item, which tell of deep nesting as of a
// constraint of the model.
func (r writeRequest) alone() (mutation, error) {
	m, err := r.mutation()
	var e *gateway.Error
	if errors.As(err, &e) && e.Message == item.ErrNested.Error() {
		err = refuse("1 validation error detected: %s", e.Message)
	}
	return m, err
}

// mutation checks the request and parses its expressions.
func (r writeRequest) mutation() (mutation, error) {
	m := mutation{kind: r.kind, table: tableName(r.table)}
	expressions := []expression{{"ConditionExpression", r.condition}}
	if r.kind == updateItem {
		expressions = []expression{{"UpdateExpression", r.update}, {"ConditionExpression", r.condition}}
	}
	if err := unmixed(r.old.given(), expressions...); err != nil {
		return m, err
	}
	p, err := placeholders(r.names, r.values, expressions...)
	if err != nil {
		return m, err
	}
	if m.item, err = item.FromSDK(r.item); err != nil {
		return m, refused(err)
	}
	if r.kind == putItem && m.item.Size() > int(limit("itemBytes")) {
		return m, refuse("Item size has exceeded the maximum allowed size")
	}
	if m.update, m.condition, err = r.old.translate(); err != nil {
		return m, err
	}
	if r.update != nil {
		if m.update, err = expr.ParseUpdate(*r.update, p); err != nil {
			return m, refused(err)
		}
	}
	if r.condition != nil {
		if m.condition, err = expr.ParseCondition("ConditionExpression", *r.condition, p); err != nil {
			return m, refused(err)
		}
	}
	return m, refused(p.Unused())
}

// projection reads ProjectionExpression or its forerunner AttributesToGet.
func projection(text *string, attributes []string, p *expr.Params) (*expr.Projection, error) {
	old := []parameter{{"AttributesToGet", attributes != nil}}
	if err := unmixed(old, expression{"ProjectionExpression", text}); err != nil {
		return nil, err
	}
	if attributes != nil {
		seen, paths := map[string]bool{}, []expr.Path{}
		for _, a := range attributes {
			if seen[a] {
				return nil, refuse(invalid+"Duplicate value in attribute name: %s", a)
			}
			seen[a] = true
			paths = append(paths, expr.Path{{Name: a}})
		}
		return expr.NewProjection(paths), nil
	}
	if text == nil {
		return nil, nil
	}
	pr, err := expr.ParseProjection(*text, p)
	return pr, refused(err)
}

func project(it item.Item, pr *expr.Projection) item.Item {
	if pr == nil || it == nil {
		return it
	}
	return pr.Apply(it)
}

// conditionFailed is the answer to a condition that did not hold.
func conditionFailed(old *record, want types.ReturnValuesOnConditionCheckFailure) error {
	e := &types.ConditionalCheckFailedException{Message: aws.String("The conditional request failed")}
	if want == types.ReturnValuesOnConditionCheckFailureAllOld && old != nil {
		e.Item = old.item.SDK()
	}
	return e
}
