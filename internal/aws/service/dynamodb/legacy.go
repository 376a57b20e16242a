package dynamodb

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/expr"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/item"
)

// The parameters that expressions have replaced are translated into what the
// expressions are parsed into. Old SDKs, the Kinesis Client Library 1 and much
// code of others send them.
// Source:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html
// The texts of their errors, and the order of checks, are as Dynalite's authors recorded them on AWS.

// parameter is one of the old parameters of a request.
type parameter struct {
	name  string
	given bool
}

// unmixed refuses old parameters beside expressions.
func unmixed(old []parameter, expressions ...expression) error {
	var olds, news []string
	for _, p := range old {
		if p.given {
			olds = append(olds, p.name)
		}
	}
	for _, e := range expressions {
		if e.text != nil {
			news = append(news, e.name)
		}
	}
	if len(olds) == 0 || len(news) == 0 {
		return nil
	}
	return refuse("Can not use both expression and non-expression parameters in the same request: "+
		"Non-expression parameters: {%s} Expression parameters: {%s}", strings.Join(olds, ", "), strings.Join(news, ", "))
}

// oldQuery are the old parameters of a Query. KeyConditions may stand beside the
// expressions for what they do not say themselves.
func oldQuery(in *dynamodb.QueryInput) []parameter {
	return []parameter{
		{"AttributesToGet", in.AttributesToGet != nil},
		{"QueryFilter", in.QueryFilter != nil},
		{"ConditionalOperator", in.ConditionalOperator != ""},
		{"KeyConditions", in.KeyConditions != nil && in.KeyConditionExpression != nil},
	}
}

// oldWrite are the old parameters of Put, Update and Delete.
type oldWrite struct {
	updates  map[string]types.AttributeValueUpdate
	expected map[string]types.ExpectedAttributeValue
	operator types.ConditionalOperator
}

func (o oldWrite) given() []parameter {
	return []parameter{{"AttributeUpdates", o.updates != nil}, {"Expected", o.expected != nil},
		{"ConditionalOperator", o.operator != ""}}
}

func (o oldWrite) translate() (*expr.Update, *expr.Condition, error) {
	actions, err := actions(o.updates)
	if err != nil {
		return nil, nil, err
	}
	if err := joins(o.operator, len(o.expected)); err != nil {
		return nil, nil, err
	}
	var comparisons []expr.Comparison
	for _, name := range slices.Sorted(maps.Keys(o.expected)) {
		c, err := expectation(name, o.expected[name])
		if err != nil {
			return nil, nil, err
		}
		comparisons = append(comparisons, c)
	}
	return expr.Act(actions), expr.Compare(comparisons, o.operator == types.ConditionalOperatorOr), nil
}

func actions(updates map[string]types.AttributeValueUpdate) ([]expr.Action, error) {
	var out []expr.Action
	for _, name := range slices.Sorted(maps.Keys(updates)) {
		u := updates[name]
		a := expr.Action{Attribute: name, Do: string(u.Action)}
		remove, add := u.Action == types.AttributeActionDelete, u.Action == types.AttributeActionAdd
		if u.Value == nil {
			if !remove {
				return nil, refuse(invalid + "Only DELETE action is allowed when no attribute value is specified")
			}
			out = append(out, a)
			continue
		}
		v, err := item.ValueFromSDK(u.Value)
		switch set := v.Kind.Element() != 0; {
		case err != nil:
			return nil, refused(err)
		case remove && !set:
			return nil, refuse(invalid+"DELETE action with value is not supported for the type %s", v.Kind)
		case add && !set && v.Kind != item.Number && v.Kind != item.List:
			return nil, refuse(invalid+"ADD action is not supported for the type %s", v.Kind)
		}
		a.Value = v
		out = append(out, a)
	}
	return out, nil
}

// joins checks ConditionalOperator against what there is to join.
func joins(operator types.ConditionalOperator, conditions int) error {
	switch {
	case operator == "":
		return nil
	case conditions == 0:
		return refuse("ConditionalOperator cannot be used without Filter or Expected")
	case conditions == 1:
		return refuse("ConditionalOperator can only be used when Filter or Expected has two or more elements")
	}
	return nil
}

// expectation reads one entry of Expected, which has two forms.
func expectation(name string, e types.ExpectedAttributeValue) (expr.Comparison, error) {
	none, op := expr.Comparison{}, e.ComparisonOperator
	list := e.AttributeValueList
	switch exists := aws.ToBool(e.Exists); {
	case list != nil && e.Value != nil:
		return none, refuse(invalid+"Value and AttributeValueList cannot be used together for Attribute: %s", name)
	case op != "" && e.Exists != nil:
		return none, refuse(invalid+"Exists and ComparisonOperator cannot be used together for Attribute: %s", name)
	case op != "" && list == nil && e.Value == nil && !nullary(op):
		return none, refuse(invalid+"Value or AttributeValueList must be used with ComparisonOperator: %s for Attribute: %s",
			op, name)
	case op != "":
	case list != nil:
		return none, refuse(invalid+"AttributeValueList can only be used with a ComparisonOperator for Attribute: %s", name)
	case e.Exists == nil && e.Value == nil:
		return none, refuse(invalid+"Value must be provided when Exists is null for Attribute: %s", name)
	case exists && e.Value == nil:
		return none, refuse(invalid+"Value must be provided when Exists is true for Attribute: %s", name)
	case e.Exists != nil && !exists && e.Value != nil:
		return none, refuse(invalid+"Value cannot be used when Exists is false for Attribute: %s", name)
	case e.Value == nil:
		op = types.ComparisonOperatorNull
	default:
		op = types.ComparisonOperatorEq
	}
	if e.Value != nil {
		list = []types.AttributeValue{e.Value}
	}
	return comparison(name, op, list)
}

func nullary(op types.ComparisonOperator) bool {
	return op == types.ComparisonOperatorNull || op == types.ComparisonOperatorNotNull
}

// comparison checks how many values of which types the operator has.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Condition.html
func comparison(name string, op types.ComparisonOperator, list []types.AttributeValue) (expr.Comparison, error) {
	c := expr.Comparison{Attribute: name, Op: string(op)}
	for _, av := range list {
		v, err := item.ValueFromSDK(av)
		if err != nil {
			return c, refused(err)
		}
		c.Values = append(c.Values, v)
	}
	least, most, allowed := 1, 1, []item.Kind{item.String, item.Number, item.Binary}
	switch op {
	case types.ComparisonOperatorNull, types.ComparisonOperatorNotNull:
		least, most = 0, 0
	case types.ComparisonOperatorIn:
		most = len(list)
	case types.ComparisonOperatorBetween:
		least, most = 2, 2
	case types.ComparisonOperatorEq, types.ComparisonOperatorNe: // any type
		allowed = nil
	case types.ComparisonOperatorBeginsWith:
		allowed = []item.Kind{item.String, item.Binary}
	}
	if len(list) < least || len(list) > most {
		return c, refuse(invalid+"Invalid number of argument(s) for the %s ComparisonOperator", op)
	}
	for _, v := range c.Values {
		if v.Kind != c.Values[0].Kind {
			return c, refuse(invalid + "AttributeValues inside AttributeValueList must be of same type")
		}
		if allowed != nil && !slices.Contains(allowed, v.Kind) {
			return c, refuse(invalid+"ComparisonOperator %s is not valid for %s AttributeValue type", op, v.Kind)
		}
	}
	if op == types.ComparisonOperatorBetween {
		if order, _ := c.Values[0].Compare(c.Values[1]); order > 0 {
			return c,
				refuse("The BETWEEN condition was provided a range where the lower bound is greater than the upper bound")
		}
	}
	return c, nil
}

func comparisons(conditions map[string]types.Condition) ([]expr.Comparison, error) {
	var out []expr.Comparison
	for _, name := range slices.Sorted(maps.Keys(conditions)) {
		c, err := comparison(name, conditions[name].ComparisonOperator, conditions[name].AttributeValueList)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// filter reads QueryFilter or ScanFilter.
func filter(conditions map[string]types.Condition, operator types.ConditionalOperator) (*expr.Condition, error) {
	all, err := comparisons(conditions)
	if err != nil {
		return nil, err
	}
	return expr.Compare(all, operator == types.ConditionalOperatorOr), joins(operator, len(conditions))
}

// keyTerms reads KeyConditionExpression or its forerunner KeyConditions.
func keyTerms(text *string, conditions map[string]types.Condition, p *expr.Params) ([]expr.KeyTerm, error) {
	if text != nil {
		terms, err := expr.ParseKeyCondition(*text, p)
		return terms, refused(err)
	}
	all, err := comparisons(conditions)
	if err != nil {
		return nil, err
	}
	if len(all) != 1 && len(all) != 2 {
		return nil, refuse("Conditions can be of length 1 or 2 only")
	}
	terms := make([]expr.KeyTerm, len(all))
	for i, c := range all {
		var ok bool
		if terms[i], ok = c.KeyTerm(); !ok {
			return nil, refuse("Attempted conditional constraint is not an indexable operation")
		}
	}
	return terms, nil
}
