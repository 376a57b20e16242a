package mermaid

import (
	"regexp"
	"strings"
)

// drawSequence writes a sequence diagram as a list of messages, with what is
// repeated or depends on something indented below its reason.
func drawSequence(lines []string, width int) (string, bool) {
	var b strings.Builder
	names, depth := map[string]string{}, 0
	message := regexp.MustCompile(`^(\w+) *(-{1,2}>>?|-{1,2}[x)])[+-]? *(\w+) *: *(.*)$`)
	called := func(id string) string {
		if name := names[id]; name != "" {
			return name
		}
		return id
	}
	for _, l := range lines {
		word, rest, _ := strings.Cut(l, " ")
		indent := strings.Repeat("  ", depth)
		switch word {
		case "participant", "actor":
			id, name, found := strings.Cut(rest, " as ")
			if found {
				names[strings.TrimSpace(id)] = clean(name)
			}
			continue
		case "activate", "deactivate", "autonumber":
			continue
		case "end":
			depth--
			if depth < 0 {
				return "", false
			}
			continue
		case "loop", "opt", "alt", "par":
			hang(&b, indent+map[string]string{"loop": "repeated: ", "opt": "perhaps: ", "alt": "if ", "par": "at once: "}[word],
				indent+"  ", rest, width)
			depth++
			continue
		case "else", "and":
			outer := strings.Repeat("  ", max(depth-1, 0))
			hang(&b, outer+map[string]string{"else": "or if ", "and": "and at once: "}[word], outer+"  ", rest, width)
			continue
		case "Note", "note":
			_, text, _ := strings.Cut(rest, ":")
			hang(&b, indent+"(", indent+" ", strings.TrimSpace(text)+")", width)
			continue
		}
		m := message.FindStringSubmatch(l)
		if m == nil {
			return "", false
		}
		arrow := "──▶"
		if strings.HasPrefix(m[2], "--") {
			arrow = "┄┄▶"
		}
		hang(&b, indent+called(m[1])+" "+arrow+" "+called(m[3])+"  ", indent+"    ", m[4], width)
	}
	return b.String(), depth == 0 && b.Len() > 0
}
