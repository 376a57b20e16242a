package policy

import (
	"encoding/json"
	"strings"
)

// parsePrincipals reads "*" or lists by type.
func (s *Statement) parsePrincipals(path string, raw json.RawMessage) error {
	s.Principals = &Principals{}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		if one != "*" {
			return wrong(path, "Invalid principal in policy: \""+one+"\"", `want "*" or an object`)
		}
		s.Principals.Everyone = true
		return nil
	}
	fields, err := object(raw, path)
	if err != nil {
		return err
	}
	for _, f := range fields {
		list, ok := values(f.value, false)
		if !ok || len(list) == 0 {
			return wrong(path+"."+f.name, awsSyntax, "want a string or a list of strings")
		}
		switch f.name {
		case "AWS":
			for _, who := range list {
				if who == "*" {
					s.Principals.Everyone = true
					continue
				}
				if !isPrincipal(who) {
					return wrong(path+".AWS", `Invalid principal in policy: "AWS":"`+who+`"`, "%q names no principal", who)
				}
				s.Principals.AWS = append(s.Principals.AWS, who)
			}
		case "Service":
			s.Principals.Service = list
		case "Federated":
			s.Principals.Federated = list
		case "CanonicalUser":
			s.Principals.Canonical = list
		default:
			return wrong(path+"."+f.name, awsSyntax, "unknown type of principal")
		}
	}
	if len(fields) == 0 {
		return wrong(path, awsSyntax, "names nobody")
	}
	return nil
}

// isPrincipal reports whether an AWS principal has one of its forms: an account,
// the ARN of a root, user, role or session, or a unique id.
func isPrincipal(who string) bool {
	if isAccount(who) {
		return true
	}
	if strings.HasPrefix(who, "arn:") {
		parts := strings.SplitN(who, ":", 6)
		return len(parts) == 6 && (parts[2] == "iam" || parts[2] == "sts") && isAccount(parts[4]) && parts[5] != "" &&
			!strings.ContainsAny(who, "*?")
	}
	return len(who) >= 16 && strings.HasPrefix(who, "A") && !strings.ContainsFunc(who, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

func isAccount(s string) bool {
	return len(s) == 12 && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// parseActions reads what a statement is about. Case does not matter in actions,
// and a wildcard cannot stand for the service in part.
func (s *Statement) parseActions(path string, f field) error {
	list, ok := values(f.value, false)
	switch {
	case s.Actions != nil:
		return wrong(path, awsSyntax, "Action and NotAction exclude each other")
	case !ok:
		return wrong(path, awsSyntax, "want a string or a list of strings")
	case len(list) == 0:
		return wrong(path, awsNoAction, "empty")
	}
	for _, action := range list {
		vendor, name, prefaced := strings.Cut(action, ":")
		if action != "*" && (!prefaced || vendor == "" || name == "" || strings.ContainsAny(vendor, " ?") ||
			strings.Contains(vendor, "*") && action != "*:*") {
			return wrong(path, awsVendor, "%q is no service:Action", action)
		}
		s.actions = append(s.actions, compile(strings.ToLower(action), true, false))
	}
	s.Actions, s.NotAction = list, f.name == "NotAction"
	return nil
}

func (s *Statement) parseResources(path string, f field, variables bool) error {
	list, ok := values(f.value, false)
	switch {
	case s.Resources != nil:
		return wrong(path, awsSyntax, "Resource and NotResource exclude each other")
	case !ok:
		return wrong(path, awsSyntax, "want a string or a list of strings")
	case len(list) == 0:
		return wrong(path, "Policy statement must contain resources.", "empty")
	}
	for _, resource := range list {
		if !strings.HasPrefix(resource, "arn:") && !strings.HasPrefix(resource, "*") {
			return wrong(path, "Resource "+resource+` must be in ARN format or "*".`, "%q is no ARN", resource)
		}
		s.resources = append(s.resources, compileResource(resource, variables))
	}
	s.Resources, s.NotResource = list, f.name == "NotResource"
	return nil
}

func (s *Statement) parseConditions(path string, raw json.RawMessage, variables bool) error {
	blocks, err := object(raw, path)
	if err != nil {
		return err
	}
	for _, block := range blocks {
		keys, err := object(block.value, path+"."+block.name)
		if err != nil {
			return err
		}
		for _, f := range keys {
			c, known := newCondition(block.name, f.name)
			if !known {
				return wrong(path+"."+block.name, "Invalid Condition type : "+block.name+".", "unknown operator")
			}
			where := path + "." + block.name + "." + f.name
			if !strings.Contains(f.name, ":") {
				return wrong(where, awsVendor, "want service:key")
			}
			list, ok := values(f.value, true)
			if !ok {
				return wrong(where, awsSyntax, "want a value or a list of values")
			}
			c.Values = list
			for _, v := range list {
				o, err := c.test.parse(v, variables)
				if err != nil {
					return wrong(where, awsSyntax, "%v", err)
				}
				c.values = append(c.values, o)
			}
			s.Conditions = append(s.Conditions, c)
		}
	}
	return nil
}
