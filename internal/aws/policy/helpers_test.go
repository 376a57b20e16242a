package policy

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const account = "111122223333"

// keys is a request's condition keys: "aws:username=alice", several values
// parted by "|".
func keys(pairs ...string) Lookup {
	m := map[string][]string{}
	for _, p := range pairs {
		k, v, _ := strings.Cut(p, "=")
		m[strings.ToLower(k)] = strings.Split(v, "|")
		if v == "" {
			m[strings.ToLower(k)] = nil
		}
	}
	return func(k string) ([]string, bool) {
		v, ok := m[k]
		return v, ok
	}
}

func parse(t testing.TB, kind Kind, text string) *Document {
	t.Helper()
	doc, err := Parse(kind, text)
	require.NoError(t, err, text)
	return doc
}

// one is a document with a single statement.
func one(t testing.TB, kind Kind, statement string) []Named {
	t.Helper()
	return []Named{{Name: "p", Document: parse(t, kind, `{"Version":"2012-10-17","Statement":[`+statement+`]}`)}}
}

func alice() Principal {
	return Principal{Kind: User, Account: account, ARN: "arn:aws:iam::" + account + ":user/alice",
		ID: "AIDACKCEVSQ6C2EXAMPLE"}
}

func etl() Principal {
	return Principal{Kind: Session, Account: account, ARN: "arn:aws:sts::" + account + ":assumed-role/etl/run",
		Role: "arn:aws:iam::" + account + ":role/etl", ID: "AROACKCEVSQ6C2EXAMPLE:run"}
}
