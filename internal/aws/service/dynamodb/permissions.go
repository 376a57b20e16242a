package dynamodb

import (
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb/expr"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// asked collects what a request says of one table, for the condition keys of
// fine-grained access.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
type asked struct {
	hash string // name of the table's partition key; empty where there is no such table
	keys map[string][]string
}

func (s *Service) asked(c *gateway.Call, table *string) asked {
	a := asked{keys: map[string][]string{}}
	_ = s.host.Store.View(func(tx *store.Tx) error { // only reads
		if t, ok := s.find(tx, scopeOf(c, table), tableName(table), c.Time); ok {
			a.hash = t.Schema.Hash
		}
		return nil
	})
	return a
}

func (a asked) add(key string, values ...string) {
	for _, v := range values {
		if v != "" && !slices.Contains(a.keys[key], v) {
			a.keys[key] = append(a.keys[key], v)
		}
	}
}

// item is an item or a key that the request names.
func (a asked) item(attributes map[string]types.AttributeValue) {
	a.add("dynamodb:Attributes", slices.Sorted(maps.Keys(attributes))...)
	if v, ok := attributes[a.hash]; ok {
		a.add("dynamodb:LeadingKeys", keyText(v))
	}
}

// expressions are those of the request; the attributes in them count.
func (a asked) expressions(names map[string]string, texts ...*string) {
	for _, text := range texts {
		a.add("dynamodb:Attributes", topAttributes(aws.ToString(text), names)...)
	}
}

// keyText is a key's value as policies name it.
func keyText(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	case *types.AttributeValueMemberB:
		return base64.StdEncoding.EncodeToString(v.Value)
	}
	return ""
}

var nameInExpression = regexp.MustCompile(`[#:.]?\s*[A-Za-z_][A-Za-z0-9_]*\s*\(?|#[0-9][A-Za-z0-9_]*`)

// topAttributes are the attributes that an expression names, without what lies
// inside them. Words of the language and functions are none.
func topAttributes(text string, names map[string]string) (found []string) {
	words := []string{"SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "IN", "BETWEEN"}
	for _, token := range nameInExpression.FindAllString(text, -1) {
		token = strings.TrimSpace(token)
		switch {
		case strings.HasPrefix(token, ":"), strings.HasPrefix(token, "."):
		case strings.HasPrefix(token, "#"):
			found = append(found, names[strings.TrimSpace(strings.TrimSuffix(token, "("))])
		case slices.Contains(words, strings.ToUpper(strings.TrimSpace(strings.TrimSuffix(token, "(")))):
		case strings.HasSuffix(token, "("):
		default:
			found = append(found, token)
		}
	}
	return found
}

// old are the attributes in parameters that expressions have replaced.
func (a asked) old(conditions map[string]types.Condition) {
	a.add("dynamodb:Attributes", slices.Sorted(maps.Keys(conditions))...)
}

func (a asked) oldWrite(expected map[string]types.ExpectedAttributeValue) {
	a.add("dynamodb:Attributes", slices.Sorted(maps.Keys(expected))...)
}

func (s *Service) putKeys(in *dynamodb.PutItemInput, c *gateway.Call) map[string][]string {
	a := s.asked(c, in.TableName)
	a.item(in.Item)
	a.expressions(in.ExpressionAttributeNames, in.ConditionExpression)
	a.oldWrite(in.Expected)
	a.add("dynamodb:ReturnValues", string(in.ReturnValues))
	a.add("dynamodb:ReturnConsumedCapacity", string(in.ReturnConsumedCapacity))
	return a.keys
}

func (s *Service) getKeys(in *dynamodb.GetItemInput, c *gateway.Call) map[string][]string {
	a := s.asked(c, in.TableName)
	a.item(in.Key)
	a.expressions(in.ExpressionAttributeNames, in.ProjectionExpression)
	a.add("dynamodb:Attributes", in.AttributesToGet...)
	a.selects("", in.ProjectionExpression != nil || in.AttributesToGet != nil)
	a.add("dynamodb:ReturnConsumedCapacity", string(in.ReturnConsumedCapacity))
	return a.keys
}

// selects is what a read asks for: policies that limit attributes ask for
// SPECIFIC_ATTRIBUTES.
func (a asked) selects(given types.Select, projected bool) {
	switch {
	case given != "":
	case projected:
		given = types.SelectSpecificAttributes
	default:
		given = types.SelectAllAttributes
	}
	a.add("dynamodb:Select", string(given))
}

func (s *Service) updateKeys(in *dynamodb.UpdateItemInput, c *gateway.Call) map[string][]string {
	a := s.asked(c, in.TableName)
	a.item(in.Key)
	a.expressions(in.ExpressionAttributeNames, in.UpdateExpression, in.ConditionExpression)
	a.oldWrite(in.Expected)
	a.add("dynamodb:Attributes", slices.Sorted(maps.Keys(in.AttributeUpdates))...)
	a.add("dynamodb:ReturnValues", string(in.ReturnValues))
	a.add("dynamodb:ReturnConsumedCapacity", string(in.ReturnConsumedCapacity))
	return a.keys
}

func (s *Service) deleteKeys(in *dynamodb.DeleteItemInput, c *gateway.Call) map[string][]string {
	a := s.asked(c, in.TableName)
	a.item(in.Key)
	a.expressions(in.ExpressionAttributeNames, in.ConditionExpression)
	a.oldWrite(in.Expected)
	a.add("dynamodb:ReturnValues", string(in.ReturnValues))
	a.add("dynamodb:ReturnConsumedCapacity", string(in.ReturnConsumedCapacity))
	return a.keys
}

// ofIndex is the resource of a read: the index, where it names one.
func ofIndex(c *gateway.Call, table, index *string) []string {
	arn := tableARN(aws.ToString(table), c.Scope)
	if index != nil {
		arn += "/index/" + *index
	}
	return []string{arn}
}

func queried(in *dynamodb.QueryInput, c *gateway.Call) []string {
	return ofIndex(c, in.TableName, in.IndexName)
}

func scanned(in *dynamodb.ScanInput, c *gateway.Call) []string {
	return ofIndex(c, in.TableName, in.IndexName)
}

func (s *Service) queryKeys(in *dynamodb.QueryInput, c *gateway.Call) map[string][]string {
	a := s.asked(c, in.TableName)
	a.expressions(in.ExpressionAttributeNames, in.KeyConditionExpression, in.FilterExpression, in.ProjectionExpression)
	a.old(in.KeyConditions)
	a.old(in.QueryFilter)
	a.add("dynamodb:Attributes", in.AttributesToGet...)
	a.selects(in.Select, in.ProjectionExpression != nil || in.AttributesToGet != nil)
	a.add("dynamodb:ReturnConsumedCapacity", string(in.ReturnConsumedCapacity))
	hash := a.hash
	_ = s.host.Store.View(func(tx *store.Tx) error { // only reads
		t, ok := s.find(tx, scopeOf(c, in.TableName), tableName(in.TableName), c.Time)
		if ok && in.IndexName != nil {
			if ix := t.index(*in.IndexName); ix != nil {
				hash = ix.Schema.Hash
			}
		}
		return nil
	})
	values, err := expressionValues(in.ExpressionAttributeValues)
	if err != nil {
		return a.keys // the handler says what is wrong
	}
	params, err := expr.NewParams(in.ExpressionAttributeNames, values)
	if err != nil {
		return a.keys // as above
	}
	terms, err := keyTerms(in.KeyConditionExpression, in.KeyConditions, params)
	if err != nil {
		return a.keys // as above
	}
	for _, t := range terms {
		if t.Attribute == hash && len(t.Values) == 1 {
			a.add("dynamodb:LeadingKeys", keyText(t.Values[0].SDK()))
		}
	}
	return a.keys
}

func scanKeys(in *dynamodb.ScanInput, _ *gateway.Call) map[string][]string {
	a := asked{keys: map[string][]string{}}
	a.expressions(in.ExpressionAttributeNames, in.FilterExpression, in.ProjectionExpression)
	a.old(in.ScanFilter)
	a.add("dynamodb:Attributes", in.AttributesToGet...)
	a.selects(in.Select, in.ProjectionExpression != nil || in.AttributesToGet != nil)
	a.add("dynamodb:ReturnConsumedCapacity", string(in.ReturnConsumedCapacity))
	return a.keys
}

func (s *Service) batchGetNeeds(in *dynamodb.BatchGetItemInput, c *gateway.Call) (needs []gateway.Need) {
	for _, table := range slices.Sorted(maps.Keys(in.RequestItems)) {
		a, r := s.asked(c, &table), in.RequestItems[table]
		for _, k := range r.Keys {
			a.item(k)
		}
		a.expressions(r.ExpressionAttributeNames, r.ProjectionExpression)
		a.add("dynamodb:Attributes", r.AttributesToGet...)
		a.selects("", r.ProjectionExpression != nil || r.AttributesToGet != nil)
		a.add("dynamodb:ReturnConsumedCapacity", string(in.ReturnConsumedCapacity))
		needs = append(needs, need("BatchGetItem", table, c, a))
	}
	return needs
}

func (s *Service) batchWriteNeeds(in *dynamodb.BatchWriteItemInput, c *gateway.Call) (needs []gateway.Need) {
	for _, table := range slices.Sorted(maps.Keys(in.RequestItems)) {
		a := s.asked(c, &table)
		for _, r := range in.RequestItems[table] {
			if r.PutRequest != nil {
				a.item(r.PutRequest.Item)
			}
			if r.DeleteRequest != nil {
				a.item(r.DeleteRequest.Key)
			}
		}
		a.add("dynamodb:ReturnConsumedCapacity", string(in.ReturnConsumedCapacity))
		needs = append(needs, need("BatchWriteItem", table, c, a))
	}
	return needs
}

func need(action, table string, c *gateway.Call, a asked) gateway.Need {
	return gateway.Need{Action: "dynamodb:" + action, Resources: []string{tableARN(table, c.Scope)}, Keys: a.keys}
}

// createNeeds: a table that is made with a policy needs the permission to attach
// one, too.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
func createNeeds(in *dynamodb.CreateTableInput, c *gateway.Call) (needs []gateway.Need) {
	table := []string{tableARN(aws.ToString(in.TableName), c.Scope)}
	needs = append(needs, gateway.Need{Action: "dynamodb:CreateTable", Resources: table})
	if in.ResourcePolicy != nil {
		needs = append(needs, gateway.Need{Action: "dynamodb:PutResourcePolicy", Resources: table})
	}
	return needs
}

// transactGetNeeds and transactWriteNeeds: a transaction has no action of its
// own, each of its items needs that of the single call.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
func (s *Service) transactGetNeeds(in *dynamodb.TransactGetItemsInput, c *gateway.Call) (needs []gateway.Need) {
	for _, t := range in.TransactItems {
		if t.Get == nil {
			continue
		}
		a := s.asked(c, t.Get.TableName)
		a.item(t.Get.Key)
		a.expressions(t.Get.ExpressionAttributeNames, t.Get.ProjectionExpression)
		needs = append(needs, enclosed("GetItem", t.Get.TableName, c, a, "TransactGetItems"))
	}
	return needs
}

func enclosed(action string, table *string, c *gateway.Call, a asked, by string) gateway.Need {
	a.add("dynamodb:EnclosingOperation", by)
	return need(action, aws.ToString(table), c, a)
}

func (s *Service) transactWriteNeeds(in *dynamodb.TransactWriteItemsInput, c *gateway.Call) (needs []gateway.Need) {
	add := func(action string, table *string, it map[string]types.AttributeValue, names map[string]string,
		texts ...*string) {
		a := s.asked(c, table)
		a.item(it)
		a.expressions(names, texts...)
		needs = append(needs, enclosed(action, table, c, a, "TransactWriteItems"))
	}
	for _, t := range in.TransactItems {
		if p := t.Put; p != nil {
			add("PutItem", p.TableName, p.Item, p.ExpressionAttributeNames, p.ConditionExpression)
		}
		if u := t.Update; u != nil {
			add("UpdateItem", u.TableName, u.Key, u.ExpressionAttributeNames, u.UpdateExpression, u.ConditionExpression)
		}
		if d := t.Delete; d != nil {
			add("DeleteItem", d.TableName, d.Key, d.ExpressionAttributeNames, d.ConditionExpression)
		}
		if k := t.ConditionCheck; k != nil {
			add("ConditionCheckItem", k.TableName, k.Key, k.ExpressionAttributeNames, k.ConditionExpression)
		}
	}
	return needs
}

// partiQL is what a statement needs; one that cannot be read needs nothing, and the
// handler says what is wrong with it.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
func (s *Service) partiQL(c *gateway.Call, text *string, parameters []types.AttributeValue,
	keys map[string]string) []gateway.Need {
	st, err := parseStatement(text, parameters)
	if err != nil {
		return nil
	}
	a := s.asked(c, &st.Table)
	for key, v := range keys {
		a.add(key, v)
	}
	a.item(st.Item.SDK())
	if st.Where != nil {
		st.Where.Attributes(func(name string) { a.add("dynamodb:Attributes", name) })
	}
	scans := true
	terms, _ := st.Where.Terms()
	for _, t := range terms {
		if t.Attribute == a.hash && (t.Op == "=" || t.Op == "IN") {
			scans = false
			for _, v := range t.Values {
				a.add("dynamodb:LeadingKeys", keyText(v.SDK()))
			}
		}
	}
	action := "PartiQLSelect"
	switch st.Kind {
	case expr.Insert:
		action = "PartiQLInsert"
	case expr.UpdateItem:
		action = "PartiQLUpdate"
		for _, p := range st.Update.Paths() {
			a.add("dynamodb:Attributes", p.Top())
		}
	case expr.Delete:
		action = "PartiQLDelete"
	default:
		a.selects("", st.Projection != nil)
		if st.Projection != nil {
			for _, p := range st.Projection.Paths {
				a.add("dynamodb:Attributes", p.Top())
			}
		}
		a.add("dynamodb:FullTableScan", strconv.FormatBool(scans))
	}
	n := need(action, st.Table, c, a)
	if st.Index != "" {
		n.Resources[0] += "/index/" + st.Index
	}
	return []gateway.Need{n}
}

func (s *Service) statementNeeds(in *dynamodb.ExecuteStatementInput, c *gateway.Call) []gateway.Need {
	return s.partiQL(c, in.Statement, in.Parameters,
		map[string]string{"dynamodb:ReturnConsumedCapacity": string(in.ReturnConsumedCapacity)})
}

func (s *Service) batchStatementNeeds(in *dynamodb.BatchExecuteStatementInput, c *gateway.Call) (n []gateway.Need) {
	for _, st := range in.Statements {
		n = append(n, s.partiQL(c, st.Statement, st.Parameters,
			map[string]string{"dynamodb:ReturnConsumedCapacity": string(in.ReturnConsumedCapacity)})...)
	}
	return n
}

func (s *Service) transactStatementNeeds(in *dynamodb.ExecuteTransactionInput, c *gateway.Call) (n []gateway.Need) {
	for _, st := range in.TransactStatements {
		n = append(n, s.partiQL(c, st.Statement, st.Parameters,
			map[string]string{"dynamodb:EnclosingOperation": "ExecuteTransaction"})...)
	}
	return n
}
