package cfn

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite golden files")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(string(want), got))
}

// Every problem of a template is reported at once, with its place.
func TestParse_reportsEveryProblemWithItsPlace(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/errors/*.[yj]*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		if filepath.Ext(f) == ".golden" {
			continue
		}
		t.Run(filepath.Base(f), func(t *testing.T) {
			src, err := os.ReadFile(f)
			require.NoError(t, err)
			_, err = Parse(filepath.Base(f), src, testTypes())
			require.Error(t, err)
			golden(t, f+".golden", err.Error()+"\n")
		})
	}
}

// The serverless transform gives plain resources.
func TestParse_expandsServerless(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/templates/serverless.yaml")
	require.NoError(t, err)
	tpl, err := Parse("serverless.yaml", src, testTypes())
	require.NoError(t, err)
	ev, err := newEvaluation(tpl, nil, map[string]string{"AWS::Region": "us-east-1", "AWS::AccountId": "000000000000",
		"AWS::Partition": "aws"}, nil)
	require.NoError(t, err)
	ev.attribute = func(id, attr string) (any, error) { return "<" + id + "." + attr + ">", nil }
	out := map[string]any{}
	for _, r := range tpl.Resources {
		props, err := ev.properties(r, testTypes()[r.Type])
		require.NoError(t, err)
		out[r.LogicalID] = map[string]any{"Type": r.Type, "Properties": props, "DependsOn": r.DependsOn}
	}
	b, err := json.MarshalIndent(out, "", "  ")
	require.NoError(t, err)
	golden(t, "testdata/templates/serverless.golden", string(b)+"\n")
}

func TestEvaluation_functions(t *testing.T) {
	t.Parallel()
	const head = "Parameters:\n  P: {Type: String, Default: v}\n  L: {Type: CommaDelimitedList, Default: 'a, b,c'}\n" +
		"Mappings: {M: {us-east-1: {k: found, n: [x, y]}}}\nConditions:\n  Yes: !And [!Equals [!Ref P, v], !Not [!Equals " +
		"[1, 2]]]\n" +
		"  No: !Or [!Not [{Condition: Yes}], !Equals [a, b]]\nResources:\n  A: {Type: Test::Box}\n  B:\n    Type: " +
		"Test::Box\n    Properties:\n      Note: "
	for expr, want := range map[string]string{
		`!Ref P`: `"v"`, `!Ref L`: `["a","b","c"]`, `!Ref "AWS::Region"`: `"us-east-1"`,
		`!Sub "${P}/${A.Arn}/${!Raw}/${x}"`:     ``,
		`!Sub ["${P}-${x}", {x: !Ref A}]`:       `"v-ref"`,
		`!Join ["-", [a, !Ref P, 3]]`:           `"a-v-3"`,
		`!Select [1, !Ref L]`:                   `"b"`,
		`!Select [7, !Ref L]`:                   ``,
		`!Split ["-", "x-y"]`:                   `["x","y"]`,
		`!If [Yes, 1, 2]`:                       `1`,
		`!If [No, 1, !Ref "AWS::NoValue"]`:      `null`,
		`[a, !If [No, 1, !Ref "AWS::NoValue"]]`: `["a"]`,
		`!FindInMap [M, !Ref "AWS::Region", n]`: `["x","y"]`,
		`!FindInMap [M, !Ref "AWS::Region", z]`: ``,
		`!Base64 hi`:                            `"aGk="`,
		`!Cidr ["10.0.0.0/22", 3, 8]`:           `["10.0.0.0/24","10.0.1.0/24","10.0.2.0/24"]`,
		`!GetAZs ""`:                            `["us-east-1a","us-east-1b","us-east-1c"]`,
		`!ImportValue other`:                    `"imported"`,
		`!ImportValue nobody`:                   ``,
		`!GetAtt A.Arn`:                         `"att"`,
		`{"Fn::GetAtt": [A, Arn]}`:              `"att"`,
		`!ToJsonString {b: 1, a: !Ref P}`:       `"{\"a\":\"v\",\"b\":1}"`,
		`!Length [1, 2]`:                        `2`,
		`0123`:                                  `"0123"`,
		`1.50`:                                  `1.50`,
	} {
		tpl, err := Parse("t.yaml", []byte(head+expr+"\n"), testTypes())
		if want == "" && err != nil {
			continue
		}
		require.NoError(t, err, expr)
		params, err := tpl.bind(nil)
		require.NoError(t, err)
		ev, err := newEvaluation(tpl, params, map[string]string{"AWS::Region": "us-east-1"},
			map[string]string{"other": "imported"})
		require.NoError(t, err)
		ev.attribute = func(_, attr string) (any, error) {
			if attr == "" {
				return "ref", nil
			}
			return "att", nil
		}
		props, err := ev.properties(tpl.Resource("B"), testTypes()["Test::Box"])
		if want == "" {
			require.Error(t, err, expr)
			continue
		}
		require.NoError(t, err, expr)
		require.Equal(t, want, canonical(props["Note"]), expr)
	}
}

func TestBind_checksParameters(t *testing.T) {
	t.Parallel()
	tpl, err := Parse("t.yaml", []byte(`
Parameters:
  Size: {Type: Number, MinValue: 1, MaxValue: 9}
  Name: {Type: String, AllowedPattern: "[a-z]+", ConstraintDescription: small letters}
Resources: {A: {Type: Test::Box}}
`), testTypes())
	require.NoError(t, err)
	_, err = tpl.bind(map[string]string{"Size": "12", "Name": "X1", "Nmae": "q"})
	require.ErrorContains(t, err, "not greater than 9")
	require.ErrorContains(t, err, "constraint: small letters")
	require.ErrorContains(t, err, "Parameters: [Nmae] do not exist in the template")
	require.ErrorContains(t, err, "did you mean Name?")
	_, err = tpl.bind(nil)
	require.ErrorContains(t, err, "Parameters: [Size] must have values")
}

// Order puts every node behind what it needs, or names a real circle.
func TestGraph_orderRespectsDependencies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "nodes")
		g := newGraph()
		name := func(i int) string { return string(rune('A' + i)) }
		for i := range n {
			g.node(name(i))
		}
		for range rapid.IntRange(0, 20).Draw(t, "edges") {
			g.edge(name(rapid.IntRange(0, n-1).Draw(t, "from")), name(rapid.IntRange(0, n-1).Draw(t, "to")))
		}
		order, err := g.Order()
		if err != nil {
			var cycle *CycleError
			require.ErrorAs(t, err, &cycle)
			ids := cycle.IDs
			for i, id := range ids {
				require.Contains(t, g.Dependencies(id), ids[(i+1)%len(ids)], "the circle must exist")
			}
			return
		}
		at := map[string]int{}
		for i, id := range order {
			at[id] = i
		}
		require.Len(t, at, n)
		for id := range at {
			for _, d := range g.Dependencies(id) {
				require.Less(t, at[d], at[id])
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/errors/*.[yj]*", "testdata/templates/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, name := range files {
			if b, err := os.ReadFile(name); err == nil {
				f.Add(b)
			}
		}
	}
	f.Add([]byte("a: &a [x]\nb: *a\nc: !Sub 5\nResources: {A: {Type: Test::Box, Properties: {Note: !If x}}}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		tpl, err := Parse("f", src, testTypes())
		if err != nil {
			return
		}
		params, err := tpl.bind(nil)
		if err != nil {
			return
		}
		ev, err := newEvaluation(tpl, params, map[string]string{"AWS::Region": "r"}, nil)
		if err != nil {
			return
		}
		for _, r := range tpl.Resources {
			_, _ = ev.properties(r, testTypes()[r.Type]) // must not panic
		}
	})
}

// The serverless transform drops a description of a resource; CloudFormation has none.
func TestParse_takesDescriptionsOfServerlessResourcesAlone(t *testing.T) {
	const text = "Transform: AWS::Serverless-2016-10-31\nResources:\n  T:\n    Description: counts\n    Type: "
	_, err := Parse("t.yaml", []byte(text+"AWS::Serverless::SimpleTable\n"), testTypes())
	if err != nil {
		require.NotContains(t, err.Error(), "Description")
	}
	_, err = Parse("t.yaml", []byte(text+"AWS::DynamoDB::Table\n"), testTypes())
	require.ErrorContains(t, err, `resource attribute "Description" is not supported`)
}
