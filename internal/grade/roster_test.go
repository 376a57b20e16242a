package grade_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/grade"
	"github.com/pipelab/pipelab/internal/report"
)

func TestParseRoster_readsWhatSystemsWrite(t *testing.T) {
	ada := report.Learner{ID: "s1", Name: "Ada Lovelace", Email: "ada@uni.example"}
	for name, c := range map[string]struct {
		text string
		want report.Learner
	}{
		"plain":                 {"id,name,email\ns1,Ada Lovelace,ada@uni.example\n", ada},
		"byte order mark":       {"\xef\xbb\xbfid,name,email\ns1,Ada Lovelace,ada@uni.example\n", ada},
		"semicolons and spaces": {"Student ID; First Name; Last Name; E-Mail\r\ns1; Ada; Lovelace; ada@uni.example\r\n", ada},
		"tabs":                  {"email\tid\tname\nada@uni.example\ts1\tAda Lovelace\n", ada},
		"empty lines":           {"id,name,email\n\ns1,Ada Lovelace,ada@uni.example\n,,\n", ada},
		"accounts": {"identifier,github_username,canvas,section\ns1,ada-l,42,B\n",
			report.Learner{ID: "s1", Section: "B", Accounts: map[string]string{"github": "ada-l", "canvas": "42"}}},
		"Canvas' gradebook": {"Student,ID,SIS User ID,SIS Login ID,Section\n\"Lovelace, Ada\",42,s1,ada,B\n",
			report.Learner{ID: "s1", Name: "Lovelace, Ada", Section: "B", Accounts: map[string]string{"canvas": "42",
				"login": "ada"}}},
	} {
		r, err := grade.ParseRoster("roster.csv", []byte(c.text))
		require.NoError(t, err, name)
		require.Equal(t, []report.Learner{c.want}, r.Learners, name)
	}
}

func TestParseRoster_refusesWhatWouldMixPeopleUp(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "roster.csv:1: the roster is empty",
		"id,name\n":                   "names nobody",
		"name,email\nA,a@x\n":         "no column id among name, email",
		"id,name\na,A\nb,B\na,C\n":    "roster.csv:4: the id a stands in line 2 already",
		"id,email\na,x@y\nb,X@y\n":    "a and b have the same email",
		"id,github\na,octo\nb,octo\n": "same github",
		"id,student id\na,b\n":        `the columns "id" and "student id" are both the id`,
		"id,name\n,Nobody\n":          "roster.csv:2: the id is missing",
		"id,name\na,\"open\n":         "roster.csv:2",
		"id,favourite colour\na,red\nb,red\na,x\n": "stands in line 2 already",
	} {
		_, err := grade.ParseRoster("roster.csv", []byte(text))
		require.ErrorContains(t, err, want, text)
	}
	r, err := grade.ParseRoster("roster.csv", []byte("id,favourite colour\na,red\n"))
	require.NoError(t, err)
	require.Equal(t, []string{"favourite colour"}, r.Ignored)
}

func TestDeriveSeed_isStableAndLong(t *testing.T) {
	require.Equal(t, uint64(874621585473656), grade.DeriveSeed(7, "ada"),
		"what was handed out is graded with the same data for ever")
	seen := map[uint64]bool{}
	for _, id := range strings.Fields("a b c ada Ada s1 s2") {
		for seed := range uint64(200) {
			s := grade.DeriveSeed(seed, id)
			require.GreaterOrEqual(t, s, uint64(1e14))
			require.Less(t, s, uint64(1e15))
			require.False(t, seen[s])
			seen[s] = true
		}
	}
}
