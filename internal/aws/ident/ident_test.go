package ident_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/aws/ident"
)

func TestParseARN_keepsTheResourcesOwnColons(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"arn:aws:sqs:us-east-1:000000000000:orders",
		"arn:aws:s3:::bucket/key:with:colons",
		"arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST",
		"arn:aws-cn:iam::123456789012:role/path/to/role",
		"arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/f:*",
	} {
		a, err := ident.ParseARN(s)
		require.NoError(t, err)
		require.Equal(t, s, a.String())
		require.True(t, ident.IsARN(s))
	}
	a, err := ident.ParseARN("arn:aws:lambda:eu-west-1:123456789012:function:f:1")
	require.NoError(t, err)
	require.Equal(t, ident.Scope{Account: "123456789012", Region: "eu-west-1"}, a.Scope())
	require.Equal(t, "function:f:1", a.Resource)
	for _, s := range []string{"", "orders", "arn:aws:sqs:us-east-1:000000000000", "arn:aws:sqs:us-east-1:000000000000:",
		"arn::sqs:us-east-1:000000000000:orders", "arn:aws::us-east-1:000000000000:orders", "urn:aws:sqs:r:a:orders"} {
		_, err := ident.ParseARN(s)
		require.ErrorContains(t, err, "want arn:partition:service:region:account:resource", s)
	}
}

func TestParseARN_readsWhatAScopeNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := ident.Scope{Account: rapid.StringMatching(`\d{12}`).Draw(t, "account"),
			Region: rapid.StringMatching(`([a-z]{2}-[a-z]+-\d)?`).Draw(t, "region")}
		resource := rapid.StringMatching(`[^\n]{1,40}`).Draw(t, "resource")
		a, err := ident.ParseARN(s.ARN("kinesis", resource))
		if err != nil || a.Scope() != s || a.Resource != resource || a.Service != "kinesis" {
			t.Fatalf("%+v %v", a, err)
		}
	})
}

// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
func TestSessionARN_hasTheRolesNameWithoutItsPath(t *testing.T) {
	t.Parallel()
	for role, want := range map[string]string{
		"arn:aws:iam::123456789012:role/r":              "arn:aws:sts::123456789012:assumed-role/r/s",
		"arn:aws:iam::123456789012:role/service/path/r": "arn:aws:sts::123456789012:assumed-role/r/s",
		"arn:aws-cn:iam::123456789012:role/r":           "arn:aws-cn:sts::123456789012:assumed-role/r/s",
	} {
		a, err := ident.ParseARN(role)
		require.NoError(t, err)
		require.Equal(t, want, ident.SessionARN(a, "s").String())
	}
	require.Equal(t, "arn:aws:iam::123456789012:root", ident.RootARN("123456789012").String())
	require.Equal(t, ident.Scope{Account: "1"}, ident.Scope{Account: "1", Region: "r"}.Global())
}

func TestSource_makesIdsOfTheirForm(t *testing.T) {
	t.Parallel()
	s := ident.NewSource()
	for range 200 {
		require.Regexp(t, regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`),
			s.UUID())
	}
	for n := range 40 {
		require.Regexp(t, `^[0-9a-f]*$`, s.Hex(n))
		require.Len(t, s.Hex(n), n)
		require.Regexp(t, `^[A-Z2-7]*$`, s.Upper(n))
		require.Len(t, s.Upper(n), n)
		require.Len(t, s.Bytes(n), n)
	}
	seen := map[rune]bool{}
	for _, r := range s.Upper(4000) {
		seen[r] = true
	}
	require.Len(t, seen, 32, "every letter of the alphabet comes")
}

func TestNewSeeded_repeats(t *testing.T) {
	t.Parallel()
	ids := func(s *ident.Source) string { return strings.Join([]string{s.UUID(), s.Hex(7), s.Upper(16)}, " ") }
	require.Equal(t, ids(ident.NewSeeded(7)), ids(ident.NewSeeded(7)))
	for _, other := range []uint64{0, 8, 7 << 8, 7 << 56} { // every byte of the seed counts
		require.NotEqual(t, ids(ident.NewSeeded(7)), ids(ident.NewSeeded(other)))
	}
	require.NotEqual(t, ids(ident.NewSource()), ids(ident.NewSource()))
}

func TestSource_givesTwoCallersNoIdTwice(t *testing.T) {
	t.Parallel()
	s := ident.NewSeeded(1)
	const callers, each = 8, 500
	var all sync.Map
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for range each {
				_, twice := all.LoadOrStore(s.UUID(), true)
				_, also := all.LoadOrStore(s.Uint64(), true)
				if twice || also {
					t.Error("an id came twice")
				}
			}
		})
	}
	group.Wait()
}
