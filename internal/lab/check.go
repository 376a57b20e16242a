package lab

// Check is one judgement. Its steps are stimuli, its probes look, its
// expectations compare. Expressions are CEL; they see the probes by name,
// the ledger as data.<set> (entries with seq, id, key, time, row, raw,
// flags), run.<name> for programs and invocations of this check, outputs,
// and seed.
type Check struct {
	ID     string   `json:"id" yaml:"id"`
	Title  string   `json:"title" yaml:"title"`
	Points int      `json:"points" yaml:"points"`
	Needs  []string `json:"needs,omitempty" yaml:"needs" jsonschema:"description=Checks that must pass first"`
	// Observes names the check before whose steps this one judges from another
	// side: they are not done again, and this check has none of its own.
	Observes string `json:"observes,omitempty" yaml:"observes" jsonschema:"description=A check before this one whose steps are judged here too"`
	// Capabilities are needed beyond those of the lab.
	Capabilities []string `json:"capabilities,omitempty" yaml:"capabilities"`
	Timeout      Duration `json:"timeout,omitempty" yaml:"timeout" jsonschema:"description=For the whole check; 60s when left out"`
	// Hints go from the concept to nearly there.
	Hints []string `json:"hints" yaml:"hints"`
	// Data are data sets of this check alone, generated freshly; they hide
	// those of the lab with the same name.
	Data       map[string]Dataset `json:"data,omitempty" yaml:"data"`
	Steps      []Step             `json:"steps,omitempty" yaml:"steps"`
	Probes     map[string]Probe   `json:"probes,omitempty" yaml:"probes"`
	Eventually *Eventually        `json:"eventually,omitempty" yaml:"eventually"`
	Expect     []Expect           `json:"expect,omitempty" yaml:"expect"`
	// Partial gives points for the share of the expectations that hold, by
	// weight; without it one that does not hold costs all points.
	Partial  bool      `json:"partial,omitempty" yaml:"partial"`
	Mistakes []Matcher `json:"mistakes,omitempty" yaml:"mistakes"`
	// Program judges instead of expect: it gets what it needs in its
	// environment and prints one JSON object.
	Program *CheckProgram `json:"program,omitempty" yaml:"program"`
}

// Eventually waits. It gives up without failing the check: the expectations
// then say what is missing.
type Eventually struct {
	Until  string   `json:"until" yaml:"until"`
	Within Duration `json:"within,omitempty" yaml:"within" jsonschema:"description=30s when left out"`
	Settle *Settle  `json:"settle,omitempty" yaml:"settle"`
	// Stall ends the wait, unmet, when a value has not changed for a while:
	// where nothing happens any more, the rest of the time cannot help.
	Stall *Settle `json:"stall,omitempty" yaml:"stall"`
}

// Settle goes on watching until a value has not changed for a while: the way
// to show that nothing more happens.
type Settle struct {
	Watch string   `json:"watch" yaml:"watch" jsonschema:"description=CEL value that must stay the same"`
	For   Duration `json:"for,omitempty" yaml:"for" jsonschema:"description=1s when left out"`
}

// Expect is one expectation: an expression that must be true, or SQL.
type Expect struct {
	That    string `json:"that,omitempty" yaml:"that"`
	SQL     *SQL   `json:"sql,omitempty" yaml:"sql"`
	Message string `json:"message" yaml:"message" jsonschema:"description=What should be so and is not; one sentence"`
	// Expected and Seen are CEL values shown to the learner. Left out, the
	// message stands for what was expected and the probes for what was seen.
	Expected string  `json:"expected,omitempty" yaml:"expected"`
	Seen     string  `json:"seen,omitempty" yaml:"seen"`
	Weight   float64 `json:"weight,omitempty" yaml:"weight" jsonschema:"description=For partial credit; 1 when left out"`
}

// SQL is an oracle: both queries must return the same rows, in any order.
// Every table is a CEL expression that yields a list of maps. A query may be
// ${queries.name}, one that the lab's expectations share.
type SQL struct {
	Tables   map[string]string `json:"tables" yaml:"tables"`
	Expected string            `json:"expected" yaml:"expected"`
	Actual   string            `json:"actual" yaml:"actual"`
}

// Matcher recognises a mistake once a check has failed. The first one that
// is true is named. When is evidence: it compares what was seen with what this mistake
// leaves behind and no other, and is false for whatever else may have gone wrong.
type Matcher struct {
	When string `json:"when,omitempty" yaml:"when"`
	// SQL is evidence as an oracle: expected is what the mistake would have made of what was
	// sent, and actual is that. With When both must hold.
	SQL     *SQL   `json:"sql,omitempty" yaml:"sql"`
	Mistake string `json:"mistake" yaml:"mistake"`
}

// CheckProgram is a check of the lab's own, in the lab's checks folder.
type CheckProgram struct {
	Command []string          `json:"command" yaml:"command"`
	Env     map[string]string `json:"env,omitempty" yaml:"env"`
	Timeout Duration          `json:"timeout,omitempty" yaml:"timeout"`
}
