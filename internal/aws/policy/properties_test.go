package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// naive matches a pattern by trying everything.
func naive(p, s string) bool {
	switch {
	case p == "":
		return s == ""
	case p[0] == '*':
		return naive(p[1:], s) || s != "" && naive(p, s[1:])
	default:
		return s != "" && (p[0] == '?' || p[0] == s[0]) && naive(p[1:], s[1:])
	}
}

// naiveRuns is naive with a run that stops at a colon, written as +.
func naiveRuns(p, s string) bool {
	switch {
	case p == "":
		return s == ""
	case p[0] == '*' || p[0] == '+':
		return naiveRuns(p[1:], s) || s != "" && (p[0] == '*' || s[0] != ':') && naiveRuns(p, s[1:])
	default:
		return s != "" && (p[0] == '?' || p[0] == s[0]) && naiveRuns(p[1:], s[1:])
	}
}

func TestMatch_agreesWithTryingEverything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringMatching(`[ab/*?:]{0,10}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[ab/:]{0,12}`).Draw(t, "value")
		require.Equal(t, naive(p, s), Match(p, s))
	})
}

func TestGlob_agreesWithTryingEverythingWhereRunsStopAtColons(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.StringMatching(`[ab:*+?]{0,10}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[ab:]{0,12}`).Draw(t, "value")
		runes := []rune(p)
		for i, r := range runes {
			switch r {
			case '*':
				runes[i] = anyRun
			case '+':
				runes[i] = runInPart
			case '?':
				runes[i] = anyOne
			}
		}
		require.Equal(t, naiveRuns(p, s), glob(runes, s))
	})
}

// A run that stops at a colon may have to leave the text before it to a later one,
// where a single wildcard takes the colon.
func TestGlob_aSingleWildcardTakesAColonBetweenRuns(t *testing.T) {
	t.Parallel()
	p := []rune{runInPart, anyOne, runInPart}
	require.True(t, glob(p, "a:"))
	require.True(t, glob(p, "ab:cd"))
	require.False(t, glob(p, "a:b:c"))
}

// statements draws statements of an identity-based policy, or, with principals,
// of a resource-based one.
func statements(effects []string, principals bool) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := `{"Effect":"` + rapid.SampledFrom(effects).Draw(t, "effect") + `","` +
			rapid.SampledFrom([]string{"Action", "Action", "NotAction"}).Draw(t, "element") + `":"` +
			rapid.SampledFrom([]string{"*", "s3:*", "s3:Get*", "sqs:*"}).Draw(t, "action") + `","` +
			rapid.SampledFrom([]string{"Resource", "Resource", "NotResource"}).Draw(t, "which") + `":"` +
			rapid.SampledFrom([]string{"*", "arn:aws:s3:::a/*", "arn:aws:s3:::${aws:username}/*"}).Draw(t, "resource") + `"`
		if principals {
			s += `,"Principal":` + rapid.SampledFrom([]string{`"*"`, `{"AWS":"111122223333"}`,
				`{"AWS":"arn:aws:iam::111122223333:user/alice"}`, `{"AWS":"arn:aws:iam::111122223333:role/etl"}`,
				`{"Service":"s3.amazonaws.com"}`}).Draw(t, "principal")
		}
		return s + `,"Condition":{` + rapid.SampledFrom([]string{``, `"Bool":{"aws:SecureTransport":"true"}`,
			`"Null":{"aws:x":"true"}`}).Draw(t, "condition") + `}}`
	})
}

// named draws a policy of one to three statements.
func named(t *rapid.T, kind Kind, label string, effects ...string) []Named {
	list := rapid.SliceOfN(statements(effects, kind == Resource), 1, 3).Draw(t, label)
	doc, err := Parse(kind, `{"Version":"2012-10-17","Statement":[`+strings.Join(list, ",")+`]}`)
	if err != nil {
		t.Fatal(err)
	}
	return []Named{{Name: label, Document: doc}}
}

func anyRequest(t *rapid.T) *Request {
	r := &Request{
		Principal: rapid.SampledFrom([]Principal{alice(), etl(), {Kind: Root, Account: account},
			{Kind: Service, Account: account, Service: "s3.amazonaws.com"}, {}}).Draw(t, "who"),
		Action:          rapid.SampledFrom([]string{"s3:GetObject", "s3:PutObject", "sqs:SendMessage"}).Draw(t, "action"),
		Resource:        rapid.SampledFrom([]string{"arn:aws:s3:::a/k", "arn:aws:s3:::alice/k", "*"}).Draw(t, "resource"),
		ResourceAccount: rapid.SampledFrom([]string{"", account, "444455556666"}).Draw(t, "owner"),
		Keys:            keys("aws:username=alice", "aws:SecureTransport=true"),
		Identity:        named(t, Identity, "identity", "Allow", "Deny"),
		Resources:       named(t, Resource, "resource policy", "Allow", "Deny"),
	}
	if rapid.Bool().Draw(t, "bounded") {
		r.Ceilings = []Ceiling{{Type: PermissionsBoundary, Policies: named(t, Identity, "boundary", "Allow", "Deny")}}
	}
	return r
}

func TestEvaluate_denyWinsWhereverItStands(t *testing.T) {
	t.Parallel()
	deny := []Named{{Document: parse(t, Identity, `{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`)}}
	rapid.Check(t, func(t *rapid.T) {
		r := anyRequest(t)
		switch rapid.IntRange(0, 2).Draw(t, "where") {
		case 0:
			r.Resources = append(r.Resources, deny...)
		case 1:
			r.Ceilings = append(r.Ceilings, Ceiling{Type: SessionPolicy, Policies: deny})
		default:
			if !r.holdsPolicies() {
				t.Skip("who holds no policies cannot be denied by one")
			}
			r.Identity = append(r.Identity, deny...)
		}
		require.Equal(t, ExplicitDeny, Evaluate(r).Outcome)
	})
}

func TestEvaluate_moreAllowsNeverDenyAndMoreDeniesNeverAllow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := anyRequest(t)
		before := Evaluate(r).Allowed()
		effect := rapid.SampledFrom([]string{"Allow", "Deny"}).Draw(t, "effect")
		switch rapid.IntRange(0, 2).Draw(t, "where") {
		case 0:
			r.Resources = append(r.Resources, named(t, Resource, "more", effect)...)
		case 1:
			if len(r.Ceilings) > 0 {
				r.Ceilings[0].Policies = append(r.Ceilings[0].Policies, named(t, Identity, "more", effect)...)
			}
		default:
			r.Identity = append(r.Identity, named(t, Identity, "more", effect)...)
		}
		after := Evaluate(r).Allowed()
		if effect == "Allow" {
			require.True(t, after || !before, "an allow denied")
		} else {
			require.True(t, before || !after, "a deny allowed")
		}
	})
}

// A request's values are compared before anybody has said that they are too long.
func TestMatch_isBoundedForTheLongestValues(t *testing.T) {
	t.Parallel()
	for _, p := range []string{
		"*" + strings.Repeat("a", 5000) + "b", strings.Repeat("*a", 2500) + "b", strings.Repeat("*?", 2500) + "b",
		strings.Repeat("?", 5000) + "*b", "a*" + strings.Repeat(":*", 2000) + "b",
	} {
		for _, value := range []string{strings.Repeat("a", 1<<20), strings.Repeat("a", longestValue),
			strings.Repeat("a:", longestValue/2)} {
			require.False(t, Match(p, value))
			r := compileResource(p, true)
			require.False(t, r.match(value, nil))
		}
	}
	require.True(t, Match("*", strings.Repeat("a", 1<<20)))
	require.True(t, Match("a*b", "a"+strings.Repeat("c", longestValue-2)+"b"))
}
