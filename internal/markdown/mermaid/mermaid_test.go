package mermaid_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/internal/markdown/mermaid"
	"github.com/pipelab/pipelab/labs"
)

func TestDraw_ofAFlowchart(t *testing.T) {
	t.Parallel()
	out, ok := mermaid.Draw(`flowchart LR
    %% a remark
    P[producer, repeats itself] --> S[[clicks, two shards]]
    S -- event source mapping, batches of 100 --> F[Lambda app.handler]
    F <--> T[(profiles)]
    S -. what is given up .-> Q[[consumer-failures]]
    F -- "again: (later)" --> F
    K0 & K1 -->|merged| F
    M --- V2[version 2] --- V1
    style P fill:#fff
`, 60)
	require.True(t, ok)
	for _, part := range []string{
		"│ producer, repeats itself │\n└─┬────────────────────────┘\n  ▼\n┌────────────────────┐\n│ clicks, two shards │\n",
		"  ├─ event source mapping, batches of 100\n  │  ──▶ Lambda app.handler\n",
		"  └┄ what is given up ┄▶ consumer-failures\n",
		"  ├◀──▶ profiles\n  └─ again: (later) ─▶ itself\n",
		"│ K0 │\n│ K1 │\n└─┬──┘\n  └─ merged ─▶ Lambda app.handler\n",
		"│ M │\n└─┬─┘\n  └─── version 2\n┌───────────┐\n│ version 2 │\n└─┬─────────┘\n  └─── V1\n",
	} {
		require.Contains(t, out, part)
	}
}

func TestDraw_ofSubgraphsAndSequences(t *testing.T) {
	t.Parallel()
	out, ok := mermaid.Draw("flowchart TD\nsubgraph key [one key]\n direction TB\n M[marker] --- V1\nend\n"+
		"R -- copies --> key\n", 80)
	require.True(t, ok)
	require.Contains(t, out, "one key: marker, V1\n")
	require.Contains(t, out, "└─ copies ─▶ one key\n")

	out, ok = mermaid.Draw(`sequenceDiagram
    participant T as transfer.py
    T->>S3: ListParts (is one unfinished?)
    loop each part
      T->>S3: UploadPart
      S3-->>T: ETag
    end
    T->>S3: Complete
`, 80)
	require.True(t, ok)
	require.Equal(t, `transfer.py ──▶ S3  ListParts (is one unfinished?)
repeated: each part
  transfer.py ──▶ S3  UploadPart
  S3 ┄┄▶ transfer.py  ETag
transfer.py ──▶ S3  Complete
`, out)
}

func TestDraw_refusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "gantt\n  title x", "flowchart LR\n  A ~~~ B", "flowchart LR\n  end",
		"flowchart LR\n  subgraph a", "flowchart LR\n  A --> ", "flowchart LR\n  A[\"open --> B",
		"sequenceDiagram\n  nonsense", "sequenceDiagram\n  loop x"} {
		_, ok := mermaid.Draw(text, 80)
		require.False(t, ok, text)
	}
}

// Every diagram of the catalogue is drawn, at any width, with all its labels.
func TestDraw_drawsTheCatalogue(t *testing.T) {
	t.Parallel()
	ids, err := lab.IDs(labs.FS())
	require.NoError(t, err)
	label := regexp.MustCompile(`[\[(]+"?([^\[\]()"]+)`)
	for _, id := range ids {
		text, err := fs.ReadFile(labs.FS(), id+"/README.md")
		require.NoError(t, err)
		_, diagram, found := strings.Cut(string(text), "```mermaid\n")
		require.True(t, found, id)
		diagram, _, _ = strings.Cut(diagram, "```")
		for _, width := range []int{40, 80, 120} {
			out, ok := mermaid.Draw(diagram, width)
			require.True(t, ok, "%s cannot be drawn", id)
			for _, l := range strings.Split(out, "\n") {
				require.LessOrEqual(t, utf8.RuneCountInString(l), width, "%s: %s", id, l)
			}
			flat := strings.Join(strings.Fields(regexp.MustCompile(`[│┆┄─▶◀▼├└]`).ReplaceAllString(out, " ")), " ")
			if strings.HasPrefix(diagram, "flowchart") {
				for _, m := range label.FindAllStringSubmatch(diagram, -1) {
					require.Contains(t, flat, strings.Join(strings.Fields(m[1]), " "), "%s at %d", id, width)
				}
			}
		}
	}
}
