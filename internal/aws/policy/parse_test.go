package policy

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse_saysWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[` + s + `]}` }
	for _, tc := range []struct {
		kind       Kind
		text       string
		path, want string
	}{
		{Identity, `{`, "", "not JSON"},
		{Identity, `[]`, "", "want an object"},
		{Identity, `{}`, "Statement", "missing"},
		{Identity, `{"Statement":[]}`, "Statement", "want at least one statement"},
		{Identity, `{"Version":"2012","Statement":[]}`, "Version", `want "2012-10-17" or "2008-10-17"`},
		{Identity, `{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}`, "", `"Version" stands twice`},
		{Identity, `{"Comment":"x","Statement":[]}`, "Comment", "unknown element"},
		{Identity, statement(`{"Action":"s3:*","Resource":"*"}`), "Statement[0].Effect", "missing"},
		{Identity, statement(`{"Effect":"allow","Action":"s3:*","Resource":"*"}`), "Statement[0].Effect",
			"want Allow or Deny"},
		{Identity, statement(`{"Effect":"Allow","Resource":"*"}`), "Statement[0].Action", "missing"},
		{Identity, statement(`{"Effect":"Allow","Action":"GetObject","Resource":"*"}`), "Statement[0].Action",
			`"GetObject" is no service:Action`},
		{Identity, statement(`{"Effect":"Allow","Action":"s3*:Get","Resource":"*"}`), "Statement[0].Action",
			`"s3*:Get" is no service:Action`},
		{Identity, statement(`{"Effect":"Allow","Action":"s3:*","NotAction":"s3:*","Resource":"*"}`),
			"Statement[0].NotAction", "Action and NotAction exclude each other"},
		{Identity, statement(`{"Effect":"Allow","Action":"s3:*"}`), "Statement[0].Resource", "missing"},
		{Identity, statement(`{"Effect":"Allow","Action":"s3:*","Resource":"bucket"}`), "Statement[0].Resource",
			`"bucket" is no ARN`},
		{Identity, statement(`{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}`), "Statement[0].Principal",
			"not in an identity-based policy"},
		{Identity, statement(`{"Sid":"a b","Effect":"Allow","Action":"s3:*","Resource":"*"}`), "Statement[0].Sid",
			"want letters and digits"},
		{Identity, statement(allowS3 + "," + allowS3), "Statement[1].Sid", `"A" stands twice`},
		{Identity, statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringIs":{"aws:x":"y"}}}`),
			"Statement[0].Condition.StringIs", "unknown operator"},
		{Identity, statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*",` +
			`"Condition":{"NullIfExists":{"aws:x":"true"}}}`),
			"Statement[0].Condition.NullIfExists", "unknown operator"},
		{Identity, statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*",` +
			`"Condition":{"DateNotLessThan":{"aws:x":"1"}}}`),
			"Statement[0].Condition.DateNotLessThan", "unknown operator"},
		{Identity, statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"NotBool":{"aws:x":"true"}}}`),
			"Statement[0].Condition.NotBool", "unknown operator"},
		{Identity, statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"IpAddress":{"aws:x":"here"}}}`),
			"Statement[0].Condition.IpAddress.aws:x", `"here" is neither an IP address nor a CIDR block`},
		{Identity, statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:x":"yes"}}}`),
			"Statement[0].Condition.Bool.aws:x", `"yes" is neither true nor false`},
		{Trust, statement(`{"Effect":"Allow","Action":"sts:AssumeRole"}`), "Statement[0].Principal", "missing"},
		{Trust, statement(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}`),
			"Statement[0].Resource", "not in a trust policy"},
		{Resource, statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`), "Statement[0].Principal", "missing"},
		{Resource, statement(`{"Effect":"Allow","Principal":"bob","Action":"s3:*"}`), "Statement[0].Principal",
			`want "*" or an object`},
		{Resource, statement(`{"Effect":"Allow","Principal":{"AWS":"bob"},"Action":"s3:*"}`), "Statement[0].Principal.AWS",
			`"bob" names no principal`},
		{Resource, statement(`{"Effect":"Allow","Principal":{"User":"bob"},"Action":"s3:*"}`), "Statement[0].Principal.User",
			"unknown type of principal"},
	} {
		_, err := Parse(tc.kind, tc.text)
		var e *Error
		require.ErrorAs(t, err, &e, tc.text)
		require.Equal(t, tc.path, e.Path, tc.text)
		require.Equal(t, tc.want, e.Reason, tc.text)
		require.NotEmpty(t, e.AWS)
	}
}

func TestParse_readsOneOrManyEverywhere(t *testing.T) {
	t.Parallel()
	doc := parse(t, Resource, `{"Id":"x","Statement":{"Effect":"Deny","NotPrincipal":{"AWS":["111122223333","*"],
		"Service":"s3.amazonaws.com"},"NotAction":["s3:*"],"NotResource":"arn:aws:s3:::b",
		"Condition":{"NumericEquals":{"aws:x":[1,"2"]},"Bool":{"aws:y":true}}}}`)
	require.Equal(t, Version2008, doc.Version)
	s := doc.Statements[0]
	require.True(t, s.NotPrincipal && s.NotAction && s.NotResource && s.Principals.Everyone)
	require.Equal(t, []string{"1", "2"}, s.Conditions[0].Values)
	require.Equal(t, []string{"true"}, s.Conditions[1].Values)
}

func TestCache_parsesOnceAndForgetsErrors(t *testing.T) {
	t.Parallel()
	var c Cache
	text := `{"Statement":` + allowS3 + `}`
	first, err := c.Parse(Identity, text)
	require.NoError(t, err)
	again, err := c.Parse(Identity, text)
	require.NoError(t, err)
	require.Same(t, first, again)
	_, err = c.Parse(Trust, text)
	require.Error(t, err, "another kind is another question")
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"Version":"2012-10-17","Statement":[` + allowS3 + `]}`, `{`,
		`{"Statement":` + denyS3 + `}`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:*",` +
			`"Resource":"arn:aws:s3:::${aws:username, 'x'}*a?",` +
			`"Condition":{"ForAnyValue:StringLikeIfExists":{"aws:x":["*"]}}}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, kind := range []Kind{Identity, Resource, Trust} {
			doc, err := Parse(kind, text)
			if err != nil {
				var e *Error
				require.True(t, errors.As(err, &e))
				continue
			}
			// What parses can be asked about anything.
			d := Evaluate(&Request{Principal: alice(), Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k",
				Keys: keys("aws:username=alice", "aws:x=1"), Identity: []Named{{Document: doc}}})
			require.NotEmpty(t, d.Outcome)
		}
	})
}
