package dynamodb

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/pipelab/pipelab/internal/aws/policy"
)

// Actions that a policy of a table or of a stream can be about.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-iam-actions.html
const (
	tableActions = "BatchGetItem BatchWriteItem ConditionCheckItem CreateBackup DeleteItem DeleteResourcePolicy " +
		"DeleteTable DescribeContinuousBackups DescribeContributorInsights DescribeKinesisStreamingDestination " +
		"DescribeTable DescribeTableReplicaAutoScaling DescribeTimeToLive DisableKinesisStreamingDestination " +
		"EnableKinesisStreamingDestination ExportTableToPointInTime GetItem GetResourcePolicy ListTagsOfResource " +
		"PartiQLDelete PartiQLInsert PartiQLSelect PartiQLUpdate PutItem PutResourcePolicy Query " +
		"RestoreTableToPointInTime Scan TagResource TransactGetItems TransactWriteItems UntagResource " +
		"UpdateContinuousBackups UpdateContributorInsights UpdateItem UpdateKinesisStreamingDestination UpdateTable " +
		"UpdateTableReplicaAutoScaling UpdateTimeToLive"
	streamActions = "DeleteResourcePolicy DescribeStream GetRecords GetResourcePolicy GetShardIterator PutResourcePolicy"
)

// narrowing are the keys whose fixed values keep a policy that names everybody
// from being public.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-bpa-rbp.html
func narrowing() []string {
	return []string{"aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths",
		"aws:sourceaccount", "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:userid", "aws:principalservicename",
		"aws:principalservicenameslist", "aws:principalisawsservice", "aws:ec2instancesourcevpc", "aws:sourceorgid",
		"aws:sourceorgpaths"}
}

// policyFor reads the policy of a table, or of a stream, and refuses what DynamoDB
// refuses.
//
// AWS: principals that do not exist are refused there; here they are nobody.
func policyFor(stream bool, text string) (*policy.Document, error) {
	if most := limit("policyBytes"); int64(len(text)) > most {
		return nil, refuse(invalid+"Maximum policy size of %d bytes exceeded", most)
	}
	malformed := func(format string, args ...any) error {
		return refuse(invalid+"Invalid policy document: "+format, args...)
	}
	doc, err := policy.Parse(policy.Resource, text)
	var wrong *policy.Error
	switch {
	case errors.As(err, &wrong):
		return nil, malformed("%s", inWordsOfDynamoDB(wrong))
	case err != nil:
		return nil, err
	}
	var unknown []string
	for i := range doc.Statements {
		s := &doc.Statements[i]
		if s.Resources == nil {
			return nil, malformed("Missing required field Resource")
		}
		for _, a := range s.Actions {
			if !isAction(stream, a) {
				unknown = append(unknown, strconv.Quote(a))
			}
		}
		for _, r := range s.Resources {
			if id, ok := isResource(stream, r); !ok {
				return nil, malformed("The relative-id %q is invalid for ARN %q", id, r)
			}
		}
	}
	if unknown != nil {
		return nil, malformed("The following action names are invalid: %s", strings.Join(unknown, ", "))
	}
	for i := range doc.Statements {
		if doc.Statements[i].Public(narrowing()) {
			return nil, refuse("Resource-based policy grants unbounded access in one or more elements. " +
				"Please revise the policy to ensure least-privilege form of access")
		}
	}
	return doc, nil
}

// inWordsOfDynamoDB is what DynamoDB says to a document that is no policy.
func inWordsOfDynamoDB(e *policy.Error) string {
	element := e.Path[strings.LastIndexByte(e.Path, '.')+1:]
	switch {
	case e.Reason == "missing":
		return "Missing required field " + element
	case element == "Sid" && strings.Contains(e.Reason, "stands twice"):
		return "The Statement Ids in the policy are not unique"
	case element == "Statement" && strings.HasPrefix(e.Reason, "want at least one"):
		return "Could not parse the policy: Statement is empty!"
	}
	return e.AWS
}

// isAction reports whether an Action, which may hold wildcards, is about
// something that a policy of a table, or of a stream, can speak of.
func isAction(stream bool, action string) bool {
	if action == "*" {
		return true
	}
	vendor, name, _ := strings.Cut(strings.ToLower(action), ":")
	known := tableActions
	if stream {
		known = streamActions
	}
	return (vendor == "dynamodb" || vendor == "*") && slices.ContainsFunc(strings.Fields(known), func(one string) bool {
		return policy.Match(name, strings.ToLower(one))
	})
}

// isResource reports whether a Resource can name a table or an index, or a
// stream, of whatever name: a statement about another table is never asked. id is
// the part of the ARN that says what it names.
func isResource(stream bool, resource string) (id string, ok bool) {
	parts := strings.SplitN(resource, ":", 6)
	if len(parts) < 6 {
		return resource, strings.HasSuffix(resource, "*")
	}
	id = parts[5]
	if !policy.Match(parts[2], "dynamodb") {
		return id, false
	}
	kind, rest, _ := strings.Cut(id, "/")
	name, sub, deeper := strings.Cut(rest, "/")
	anything := strings.Contains(kind, "*") || strings.Contains(name, "*") && !deeper
	switch {
	case anything:
		return id, true
	case !policy.Match(kind, "table"):
		return id, false
	case stream:
		return id, deeper && couldBegin(sub, "stream/")
	}
	return id, !deeper || couldBegin(sub, "index/")
}

// couldBegin reports whether what a pattern matches can begin like this.
func couldBegin(pattern, begin string) bool {
	head, _, wild := strings.Cut(pattern, "*")
	return strings.HasPrefix(pattern, begin) || wild && strings.HasPrefix(begin, head)
}

// The canonical form of a document, in which DynamoDB keeps and returns it:
// without white space, members in this order, lists of one element as the element,
// accounts as the ARN of their root. Documents of one form are the same policy.
type (
	canonicalDocument struct {
		Version   string
		ID        string `json:"Id,omitempty"`
		Statement []canonicalStatement
	}
	canonicalStatement struct {
		Sid          string `json:",omitempty"`
		Effect       policy.Effect
		Principal    any                       `json:",omitempty"`
		NotPrincipal any                       `json:",omitempty"`
		Action       any                       `json:",omitempty"`
		NotAction    any                       `json:",omitempty"`
		Resource     any                       `json:",omitempty"`
		NotResource  any                       `json:",omitempty"`
		Condition    map[string]map[string]any `json:",omitempty"`
	}
)

// canonical writes a document in its canonical form.
func canonical(doc *policy.Document) string {
	out := canonicalDocument{Version: doc.Version, ID: doc.ID}
	for _, s := range doc.Statements {
		c := canonicalStatement{Sid: s.Sid, Effect: s.Effect}
		*pick(s.NotPrincipal, &c.Principal, &c.NotPrincipal) = principals(s.Principals)
		*pick(s.NotAction, &c.Action, &c.NotAction) = single(s.Actions)
		*pick(s.NotResource, &c.Resource, &c.NotResource) = single(s.Resources)
		for _, k := range s.Conditions {
			if c.Condition == nil {
				c.Condition = map[string]map[string]any{}
			}
			if c.Condition[k.Operator] == nil {
				c.Condition[k.Operator] = map[string]any{}
			}
			c.Condition[k.Operator][k.Key] = single(k.Values)
		}
		out.Statement = append(out.Statement, c)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(out) // texts, lists and maps of texts: cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}

func pick[T any](second bool, a, b *T) *T {
	if second {
		return b
	}
	return a
}

// single is a list of one element as the element.
func single(list []string) any {
	if len(list) == 1 {
		return list[0]
	}
	return list
}

func principals(p *policy.Principals) any {
	var aws []string
	for _, who := range p.AWS {
		if !strings.Contains(who, ":") && strings.Trim(who, "0123456789") == "" {
			who = "arn:aws:iam::" + who + ":root"
		}
		if !slices.Contains(aws, who) {
			aws = append(aws, who)
		}
	}
	out := map[string]any{}
	if p.Everyone {
		aws = append([]string{"*"}, aws...)
	}
	for kind, list := range map[string][]string{"AWS": aws, "Service": p.Service, "Federated": p.Federated,
		"CanonicalUser": p.Canonical} {
		if len(list) > 0 {
			out[kind] = single(list)
		}
	}
	if len(out) == 1 && out["AWS"] == "*" {
		return "*"
	}
	return out
}
