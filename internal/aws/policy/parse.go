package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Error says what is wrong with a document and where.
type Error struct {
	Path   string // "Statement[1].Effect"; empty for the whole
	Reason string
	// AWS is IAM's own message for it.
	AWS string
}

// Error implements error.
func (e *Error) Error() string {
	if e.Path == "" {
		return "policy: " + e.Reason
	}
	return "policy: " + e.Path + ": " + e.Reason
}

// What IAM answers, most of it however small the fault.
const (
	awsJSON     = "This policy contains invalid Json"
	awsSyntax   = "Syntax errors in policy."
	awsVendor   = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
	awsNoAction = "Policy statement must contain actions."
)

func wrong(path, aws, format string, args ...any) *Error {
	return &Error{Path: path, Reason: fmt.Sprintf(format, args...), AWS: aws}
}

// Parse reads a document. An error is always an *Error.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
func Parse(kind Kind, text string) (*Document, error) {
	top, err := object([]byte(text), "")
	if err != nil {
		return nil, err
	}
	doc := &Document{Version: Version2008}
	var statements json.RawMessage
	for _, f := range top {
		switch f.name {
		case "Version":
			if json.Unmarshal(f.value, &doc.Version) != nil || doc.Version != Version2012 && doc.Version != Version2008 {
				return nil, wrong("Version", awsSyntax, "want %q or %q", Version2012, Version2008)
			}
		case "Id":
			if json.Unmarshal(f.value, &doc.ID) != nil {
				return nil, wrong("Id", awsSyntax, "want a string")
			}
		case "Statement":
			statements = f.value
		default:
			return nil, wrong(f.name, awsSyntax, "unknown element")
		}
	}
	if statements == nil {
		return nil, wrong("Statement", awsSyntax, "missing")
	}
	many := []json.RawMessage{statements}
	if statements[0] == '[' {
		if json.Unmarshal(statements, &many) != nil || len(many) == 0 {
			return nil, wrong("Statement", awsSyntax, "want at least one statement")
		}
	}
	sids := map[string]bool{}
	for i, raw := range many {
		s, err := parseStatement(kind, raw, i, doc.Version == Version2012)
		if err != nil {
			return nil, err
		}
		if s.Sid != "" && sids[s.Sid] {
			return nil, wrong(at(i, "Sid"), "Statement IDs (SID) in a single policy must be unique.", "%q stands twice", s.Sid)
		}
		sids[s.Sid] = true
		doc.Statements = append(doc.Statements, s)
	}
	return doc, nil
}

func at(statement int, element string) string {
	return fmt.Sprintf("Statement[%d].%s", statement, element)
}

type field struct {
	name  string
	value json.RawMessage
}

// object reads the members of a JSON object in order; none may stand twice.
func object(raw []byte, path string) ([]field, error) {
	if !json.Valid(raw) {
		return nil, wrong(path, awsJSON, "not JSON")
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, wrong(path, awsSyntax, "want an object")
	}
	var out []field
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, wrong(path, awsJSON, "%v", err)
		}
		f := field{name: key.(string)} // the keys of valid JSON are strings
		if err := dec.Decode(&f.value); err != nil {
			return nil, wrong(path, awsJSON, "%v", err)
		}
		if slices.ContainsFunc(out, func(o field) bool { return o.name == f.name }) {
			return nil, wrong(path, awsSyntax, "%q stands twice", f.name)
		}
		out = append(out, f)
	}
	return out, nil
}

// values reads a string or a list of them, and, with scalars, numbers and
// booleans too, as conditions may hold.
func values(raw json.RawMessage, scalars bool) ([]string, bool) {
	items := []json.RawMessage{raw}
	if raw[0] == '[' {
		if json.Unmarshal(raw, &items) != nil {
			return nil, false
		}
	}
	out := make([]string, len(items))
	for i, item := range items {
		if json.Unmarshal(item, &out[i]) == nil && item[0] == '"' {
			continue
		}
		if !scalars || item[0] == '{' || item[0] == '[' || item[0] == 'n' {
			return nil, false
		}
		out[i] = string(item) // true, false or a number, as written
	}
	return out, true
}

func parseStatement(kind Kind, raw json.RawMessage, i int, variables bool) (Statement, error) {
	s := Statement{Index: i}
	fields, err := object(raw, fmt.Sprintf("Statement[%d]", i))
	if err != nil {
		return s, err
	}
	for _, f := range fields {
		if err := s.element(kind, f, variables); err != nil {
			return s, err
		}
	}
	switch {
	case s.Effect == "":
		return s, wrong(at(i, "Effect"), awsSyntax, "missing")
	case len(s.Actions) == 0:
		return s, wrong(at(i, "Action"), awsNoAction, "missing")
	case kind == Identity && s.Principals != nil:
		return s, wrong(at(i, "Principal"), "Policy document should not specify a principal.",
			"not in an identity-based policy")
	case kind == Identity && len(s.Resources) == 0:
		return s, wrong(at(i, "Resource"), "Policy statement must contain resources.", "missing")
	case kind == Trust && s.Principals == nil:
		return s, wrong(at(i, "Principal"), "AssumeRole policy must contain a Principal.", "missing")
	case kind == Trust && s.Resources != nil:
		return s, wrong(at(i, "Resource"), "Has prohibited field Resource", "not in a trust policy")
	case kind == Resource && s.Principals == nil:
		return s, wrong(at(i, "Principal"), "Missing required field Principal", "missing")
	case kind == Trust && s.NotPrincipal && s.Effect == Allow:
		return s, wrong(at(i, "NotPrincipal"), "Has prohibited field NotPrincipal", "not with Allow in a trust policy")
	}
	return s, nil
}

// element reads one member of a statement.
func (s *Statement) element(kind Kind, f field, variables bool) error {
	path := at(s.Index, f.name)
	switch f.name {
	case "Sid":
		if json.Unmarshal(f.value, &s.Sid) != nil {
			return wrong(path, awsSyntax, "want a string")
		}
		if kind != Resource && strings.ContainsFunc(s.Sid, func(r rune) bool {
			return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		}) {
			return wrong(path, "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "+
				"expression [0-9A-Za-z]*", "want letters and digits")
		}
	case "Effect":
		if json.Unmarshal(f.value, &s.Effect) != nil || s.Effect != Allow && s.Effect != Deny {
			return wrong(path, awsSyntax, "want Allow or Deny")
		}
	case "Principal", "NotPrincipal":
		if s.Principals != nil {
			return wrong(path, awsSyntax, "Principal and NotPrincipal exclude each other")
		}
		s.NotPrincipal = f.name == "NotPrincipal"
		return s.parsePrincipals(path, f.value)
	case "Action", "NotAction":
		return s.parseActions(path, f)
	case "Resource", "NotResource":
		return s.parseResources(path, f, variables)
	case "Condition":
		return s.parseConditions(path, f.value, variables)
	default:
		return wrong(path, awsSyntax, "unknown element")
	}
	return nil
}
