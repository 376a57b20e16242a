// Package lab is the lab format: the Go types behind lab.yaml, a parser that
// reports every problem of a file at once with its place, and the catalogue
// of the labs in a file system. It runs nothing and knows no emulator.
package lab

import (
	"strconv"
	"strings"
	"time"
)

// Lab is one lab.yaml.
type Lab struct {
	ID      string `json:"id" yaml:"id" jsonschema:"description=The name of the lab's folder"`
	Title   string `json:"title" yaml:"title"`
	Summary string `json:"summary" yaml:"summary" jsonschema:"description=One sentence: what the learner builds"`
	Level   string `json:"level" yaml:"level" jsonschema:"enum=beginner,enum=intermediate,enum=advanced"`
	Minutes int    `json:"minutes" yaml:"minutes"`
	// ExamTasks are task numbers of the exam guide, the main one first.
	ExamTasks     []string `json:"examTasks" yaml:"examTasks"`
	Prerequisites []string `json:"prerequisites,omitempty" yaml:"prerequisites"`
	Services      []string `json:"services" yaml:"services" jsonschema:"description=SDK package names such as kinesis"`
	// Interpreters must be on the machine: python3, node.
	Interpreters []string `json:"interpreters,omitempty" yaml:"interpreters"`
	// Capabilities are what every check needs of the emulator.
	Capabilities []string `json:"capabilities,omitempty" yaml:"capabilities"`
	// Simulated says which part is simulated and how AWS really differs.
	Simulated string   `json:"simulated,omitempty" yaml:"simulated"`
	Facts     []string `json:"facts,omitempty" yaml:"facts" jsonschema:"description=Sentences of what the lab teaches; first the number in the study guide's list of statements where it has one"`
	// Checklist are ids of the study guide's self-assessment.
	Checklist []string           `json:"checklist,omitempty" yaml:"checklist" jsonschema:"description=Ids of the self-assessment that the checks prove: such as D2a"`
	Tasks     []Task             `json:"tasks" yaml:"tasks"`
	Mistakes  []Mistake          `json:"mistakes,omitempty" yaml:"mistakes"`
	Data      map[string]Dataset `json:"data,omitempty" yaml:"data"`
	Programs  map[string]Program `json:"programs,omitempty" yaml:"programs" jsonschema:"description=Programs of the learner that checks run"`
	// Probes are shared by all checks. A check reads only those that its
	// expressions mention.
	Probes map[string]Probe `json:"probes,omitempty" yaml:"probes"`
	// Queries are SQL that several expectations share, as ${queries.name}.
	Queries map[string]string `json:"queries,omitempty" yaml:"queries"`
	Checks  []Check           `json:"checks" yaml:"checks"`
}

// Task is one thing that the learner is asked to do.
type Task struct {
	ID    string `json:"id" yaml:"id"`
	Title string `json:"title" yaml:"title"`
	Text  string `json:"text" yaml:"text"`
}

// Mistake is a wrong idea that learners are known to have.
type Mistake struct {
	ID          string `json:"id" yaml:"id"`
	Title       string `json:"title" yaml:"title"`
	Explanation string `json:"explanation" yaml:"explanation"`
}

// Dataset is data that checks send: generated from the seed, or a fixed file
// of the lab.
type Dataset struct {
	// Generator is the kind of data; see internal/datagen. File is a path
	// below data/ instead of it.
	Generator string `json:"generator,omitempty" yaml:"generator" jsonschema:"enum=clickstream,enum=telemetry,enum=orders,enum=transactions,enum=logs,enum=scores,enum=stock"`
	File      string `json:"file,omitempty" yaml:"file"`
	Count     int    `json:"count,omitempty" yaml:"count"`
	Keys      int    `json:"keys,omitempty" yaml:"keys" jsonschema:"description=Number of distinct customers or devices; 100 when left out"`
	// Every is the time between two events; times that defects shift within a
	// key grow with it.
	Every   Duration `json:"every,omitempty" yaml:"every" jsonschema:"description=Time between two events; 250ms when left out"`
	Format  string   `json:"format,omitempty" yaml:"format" jsonschema:"enum=jsonl,enum=csv,description=How a whole data set is written as one object or on standard input; jsonl when left out"`
	Defects Defects  `json:"defects,omitzero" yaml:"defects"`
}

// Defects are shares from 0 to 1 of what is planted in generated data. What
// was planted where is in the ledger: every entry carries its flags.
type Defects struct {
	Duplicates  float64 `json:"duplicates,omitempty" yaml:"duplicates" jsonschema:"description=Share of entries that repeat an earlier entry with the same id"`
	Poison      float64 `json:"poison,omitempty" yaml:"poison" jsonschema:"description=Share of entries that cannot be parsed"`
	Late        float64 `json:"late,omitempty" yaml:"late" jsonschema:"description=Share of entries whose event time lies an hour or more back"`
	OutOfOrder  float64 `json:"outOfOrder,omitempty" yaml:"outOfOrder" jsonschema:"description=Share of entries that swap places with a neighbour of the same key"`
	SchemaDrift float64 `json:"schemaDrift,omitempty" yaml:"schemaDrift" jsonschema:"description=Share of entries with a new field and a number written as text"`
	PII         float64 `json:"pii,omitempty" yaml:"pii" jsonschema:"description=Share of entries that hold an e-mail address"`
	Whale       float64 `json:"whale,omitempty" yaml:"whale" jsonschema:"description=Share of all entries that belong to one key"`
}

// Program is a command of the learner, run in their workspace.
type Program struct {
	// Command is a list of arguments; the first is looked up on the PATH.
	Command []string `json:"command" yaml:"command"`
	// Alternatives are the same program in other languages, such as [node,
	// src/app.mjs]: the first whose file is in the workspace takes the place of
	// Command when the file of that is not.
	Alternatives [][]string        `json:"alternatives,omitempty" yaml:"alternatives" jsonschema:"description=Commands for other languages; the first whose file is there runs if the file of command is not"`
	Env          map[string]string `json:"env,omitempty" yaml:"env"`
	Timeout      Duration          `json:"timeout,omitempty" yaml:"timeout"`
}

// Choose returns the command for a workspace in which exists says what is there.
// A command without a file of its own, such as [sh, -c, …], always fits.
func (p Program) Choose(exists func(file string) bool) []string {
	for _, c := range append([][]string{p.Command}, p.Alternatives...) {
		if file := commandFile(c); file == "" || exists(file) {
			return c
		}
	}
	return p.Command
}

// commandFile is the first argument that names a file or folder of a workspace.
func commandFile(command []string) string {
	for _, a := range command[min(1, len(command)):] {
		if !strings.HasPrefix(a, "-") && strings.ContainsAny(a, "./") && !strings.ContainsAny(a, " ${") {
			return a
		}
	}
	return ""
}

// Duration is written as Go writes it: 500ms, 30s, 25h.
type Duration string

// Or returns the duration, or def for an empty or unreadable one (the parser
// has refused the unreadable ones).
func (d Duration) Or(def time.Duration) time.Duration {
	v, err := time.ParseDuration(string(d))
	if err != nil {
		return def
	}
	return v
}

// Fact takes a sentence of Facts apart: its number in the study guide's list of
// statements, 0 if it is not in that, and the words.
func Fact(sentence string) (number int, words string) {
	before, after, found := strings.Cut(sentence, ": ")
	if n, err := strconv.Atoi(before); found && err == nil {
		return n, after
	}
	return 0, sentence
}
