package similar_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/similar"
)

const lab = "../../labs/kinesis-consumer-idempotent/"

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(b)
}

func work(id, program string) similar.Work {
	return similar.Work{ID: id, Files: []similar.File{{Name: "src/app.py", Text: []byte(program)}}}
}

// disguised is what somebody does who copies: other names, other texts, no comments,
// the functions in another order, blank lines.
func disguised(t *testing.T, program string) string {
	t.Helper()
	for i, name := range []string{"record", "number", "click", "customer", "event_id", "remember", "add", "cancelled",
		"touch", "count", "apply", "logger", "dynamodb", "time"} {
		program = regexp.MustCompile(`([^.\w"#:])`+name+`\b`).ReplaceAllString(program, fmt.Sprintf("${1}n%d_", i))
	}
	program = regexp.MustCompile(`(?s)"""[^"]*"""`).ReplaceAllString(program, "# mine")
	program = regexp.MustCompile(`(?m)#.*$`).ReplaceAllString(program, "")
	parts := strings.Split(program, "\ndef ")
	require.Greater(t, len(parts), 4)
	for i, j := 1, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.ReplaceAll(strings.Join(parts, "\ndef "), "\n", "\n\n")
}

// another has the same idea in other words.
const another = `
import base64, json, os
from decimal import Decimal
import boto3
from botocore.exceptions import ClientError

profiles = boto3.resource("dynamodb").Table(os.environ["PROFILE_TABLE"])


def seen(c, i):
    try:
        profiles.put_item(Item={"customer": "%s/%s" % (c, i), "state": "new"},
                          ConditionExpression="attribute_not_exists(customer)")
    except ClientError as e:
        if e.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return profiles.get_item(Key={"customer": "%s/%s" % (c, i)}, ConsistentRead=True)["Item"]["state"] == "done"
        raise
    return False


def handler(event, _):
    failed = []
    for r in sorted(event["Records"], key=lambda r: int(r["kinesis"]["sequenceNumber"])):
        body = json.loads(base64.b64decode(r["kinesis"]["data"]).decode())
        if failed or seen(body["customer"], body["id"]):
            continue
        old = profiles.get_item(Key={"customer": body["customer"]}, ConsistentRead=True).get("Item", {})
        new = {"customer": body["customer"], "events": old.get("events", Decimal(0)) + 1}
        new["last_activity"] = max(body["time"], old.get("last_activity", ""))
        try:
            profiles.put_item(Item=new)
            profiles.update_item(Key={"customer": body["customer"] + "/" + body["id"]},
                                 AttributeUpdates={"state": {"Value": "done"}})
        except Exception as problem:
            print(problem)
            failed.append({"itemIdentifier": r["kinesis"]["sequenceNumber"]})
    return {"batchItemFailures": failed}
`

func TestOf_findsCopiesThatWereChanged(t *testing.T) {
	starter, solution := work("", read(t, lab+"starter/src/app.py")), work("", read(t, lab+"solution/src/app.py"))
	program := another
	copied := strings.NewReplacer("profiles", "table", "failed", "bad", "problem", "err", "body", "msg",
		"    failed = []", "    # what went wrong\n    failed = []").Replace(program)
	pairs := similar.Of([]similar.Work{work("ann", program), work("bob", copied),
		work("cyd", string(starter.Files[0].Text)), work("dan", "import csv\nprint(csv)\n")}, starter, solution)
	require.Len(t, pairs, 1, "what was handed out, and what is short, is no evidence")
	p := pairs[0]
	require.Equal(t, []string{"ann", "bob"}, []string{p.A, p.B})
	require.InDelta(t, 1, p.Share, 0)
	require.True(t, p.Same)
	longest := p.Passages[0]
	require.Equal(t, "src/app.py", longest.A.File)
	require.Equal(t, 2, longest.A.From)
	require.Contains(t, longest.A.Text, "import base64, json, os")
	require.Equal(t, longest.A.To+1, longest.B.To, "a comment more")
	require.Len(t, longest.A.Text, 24, "a long passage is not shown whole")
}

func TestOf_comparesWithTheSolution(t *testing.T) {
	starter, solution := work("", read(t, lab+"starter/src/app.py")), work("", read(t, lab+"solution/src/app.py"))
	pairs := similar.Of([]similar.Work{work("ann", another),
		work("eve", disguised(t, string(solution.Files[0].Text)))}, starter, solution)
	require.Len(t, pairs, 1)
	require.Equal(t, "eve", pairs[0].A)
	require.Empty(t, pairs[0].B)
	require.Greater(t, pairs[0].Share, 0.7)
	require.False(t, pairs[0].Same, "the order is another")
	require.NotEmpty(t, pairs[0].Passages)
	for _, p := range pairs[0].Passages {
		require.NotEqual(t, p.A.Text, p.B.Text)
		require.NotEmpty(t, p.B.Text)
	}
}

// Much of a small lab can be said in one way only.
func TestOf_leavesOutWhatManyHave(t *testing.T) {
	works := []similar.Work{}
	for i := range 5 {
		works = append(works, work(fmt.Sprint("l", i), another))
	}
	require.Empty(t, similar.Of(works, similar.Work{}, similar.Work{}), "five of five have it")
	for i := range 20 {
		own := ""
		for j := range 40 {
			own += fmt.Sprintf("x = obj.m%d_%d(a[%d])\n", i, j, j)
		}
		works = append(works, work(fmt.Sprint("o", i), own))
	}
	require.Len(t, similar.Of(works, similar.Work{}, similar.Work{}), 10, "five of twenty-five have it")
}

func TestOf_readsTheLanguagesOfLabs(t *testing.T) {
	for name, lines := range map[string]string{
		"a.py":          "def f%d(x): # c\n    return x.m%d['k'] + 1\n",
		"a.go":          "func f%d(x T) int { // c\n\treturn x.m%d(\"k\") /* d */ + 1\n}\n",
		"a.mjs":         "export function f%d(x) { // c\n  return x.m%d('k') + `t` + 1\n}\n",
		"a.sh":          "f%d() { # c\n  aws s3 ls --m%d \"$X\" && return 1\n}\n",
		"a.sql":         "select f%d, 1 -- c\nfrom t.m%d where a = 'k';\n",
		"template.yaml": "A%d: # c\n  m%d: [1, 'k']\n  Other: x\n",
		"a.json":        "{\"f%d\": {\"m%d\": [1, \"k\"]},\n",
	} {
		t.Run(name, func(t *testing.T) {
			var one, two string
			for i := range 60 {
				one += fmt.Sprintf(lines, i, i*7)
				two += strings.ReplaceAll(fmt.Sprintf(lines, i, i*7), "# c", "# another")
			}
			two = strings.ReplaceAll(strings.ReplaceAll(two, "// c", "// another"), "-- c", "-- another")
			files := func(text string) []similar.File { return []similar.File{{Name: name, Text: []byte(text)}} }
			pairs := similar.Of([]similar.Work{{ID: "a", Files: files(one)}, {ID: "b", Files: files(two)}},
				similar.Work{}, similar.Work{})
			require.Len(t, pairs, 1)
			require.True(t, pairs[0].Same)
		})
	}
	picture := similar.File{Name: "a.png", Text: []byte(strings.Repeat(another, 3))}
	require.Empty(t, similar.Of([]similar.Work{{ID: "a", Files: []similar.File{picture}},
		{ID: "b", Files: []similar.File{picture}}}, similar.Work{}, similar.Work{}))
}

func FuzzOf(f *testing.F) {
	for _, name := range []string{"a.py", "a.go", "a.yaml", "a.json", "a.sql"} {
		f.Add(name, another)
		f.Add(name, "\"\"\"'''`/*#\\")
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		files := []similar.File{{Name: name, Text: []byte(text)}}
		two := []similar.Work{{ID: "a", Files: files}, {ID: "b", Files: files}}
		for _, p := range similar.Of(two, similar.Work{}, similar.Work{}) {
			require.True(t, p.Same)
			require.LessOrEqual(t, p.Share, 1.0)
		}
	})
}
