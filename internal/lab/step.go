package lab

// Step is one stimulus: exactly one of its fields is set. Strings in it may
// hold ${outputs.Name}, ${seed}, ${env.NAME}, ${now} or ${now-3600} (seconds since
// 1970; a number where it is all of an attribute) and CEL paths into the ledger and
// what was run, such as ${data.orders[0].key} or ${run.call[0].output.VersionId}.
type Step struct {
	PutObject    *PutObject    `json:"putObject,omitempty" yaml:"putObject"`
	DeleteObject *ObjectRef    `json:"deleteObject,omitempty" yaml:"deleteObject"`
	PutRecords   *PutRecords   `json:"putRecords,omitempty" yaml:"putRecords"`
	Invoke       *Invoke       `json:"invoke,omitempty" yaml:"invoke"`
	Deliver      *Deliver      `json:"deliver,omitempty" yaml:"deliver"`
	SendMessages *SendMessages `json:"sendMessages,omitempty" yaml:"sendMessages"`
	PutItems     *PutItems     `json:"putItems,omitempty" yaml:"putItems"`
	UpdateItem   *UpdateItem   `json:"updateItem,omitempty" yaml:"updateItem"`
	DeleteItem   *ItemRef      `json:"deleteItem,omitempty" yaml:"deleteItem"`
	// Call makes any API call; its outcome is the next element of run.<name>.
	Call        *Call    `json:"call,omitempty" yaml:"call"`
	Run         *Run     `json:"run,omitempty" yaml:"run"`
	Fault       *Fault   `json:"fault,omitempty" yaml:"fault"`
	ClearFaults bool     `json:"clearFaults,omitempty" yaml:"clearFaults"`
	Advance     Duration `json:"advance,omitempty" yaml:"advance" jsonschema:"description=Moves the emulator's clock"`
	// Hold makes the emulator's clock stand still until all steps are taken: no
	// limit refills while a program runs. Advance moves it all the same.
	Hold bool `json:"hold,omitempty" yaml:"hold" jsonschema:"description=Stops the emulator's clock for the rest of the steps"`
	// Await waits between stimuli; its probes are those of the check.
	Await *Eventually `json:"await,omitempty" yaml:"await"`
	// Redeploy applies the learner's template again.
	Redeploy bool `json:"redeploy,omitempty" yaml:"redeploy"`
}

// ObjectRef names an object.
type ObjectRef struct {
	Bucket string `json:"bucket" yaml:"bucket"`
	Key    string `json:"key" yaml:"key"`
}

// PutObject writes one object: Body as text, Base64 as bytes, the data set
// Data in its format, or a copy of CopyFrom.
type PutObject struct {
	Bucket      string     `json:"bucket" yaml:"bucket"`
	Key         string     `json:"key" yaml:"key"`
	Body        string     `json:"body,omitempty" yaml:"body"`
	Base64      string     `json:"base64,omitempty" yaml:"base64"`
	Data        string     `json:"data,omitempty" yaml:"data"`
	CopyFrom    *ObjectRef `json:"copyFrom,omitempty" yaml:"copyFrom"`
	ContentType string     `json:"contentType,omitempty" yaml:"contentType"`
}

// PutRecords sends a data set, or the records written here, to a stream in
// order; failed entries are sent again until all are in, unless Once.
type PutRecords struct {
	Stream  string   `json:"stream" yaml:"stream"`
	Data    string   `json:"data,omitempty" yaml:"data"`
	Records []Record `json:"records,omitempty" yaml:"records"`
	// Batch is the number of records per call; 500 when 0. The partition
	// key is the entry's key.
	Batch int `json:"batch,omitempty" yaml:"batch"`
	// Once sends each record one time: what the stream refuses shows as failed
	// entries of the calls in the trace.
	Once bool `json:"once,omitempty" yaml:"once" jsonschema:"description=Records that are refused are not sent again"`
	// Skip leaves out the first entries of the data set, Count sends so many
	// of the rest: one data set, sent in parts.
	Skip  int `json:"skip,omitempty" yaml:"skip"`
	Count int `json:"count,omitempty" yaml:"count" jsonschema:"description=All that are left when left out"`
}

// Record is one record of a stream, with its data as text.
type Record struct {
	Key  string `json:"key" yaml:"key"`
	Data string `json:"data" yaml:"data"`
}

// Invoke calls a function. Its answers are run.<name>: list of {status,
// error, payload, text} in the order of the calls.
type Invoke struct {
	Function string `json:"function" yaml:"function"`
	Name     string `json:"name,omitempty" yaml:"name" jsonschema:"description=run.<name>; invoke when left out"`
	Payload  any    `json:"payload,omitempty" yaml:"payload"`
	// PayloadText is sent as it is, such as text that is not JSON.
	PayloadText string `json:"payloadText,omitempty" yaml:"payloadText"`
	Async       bool   `json:"async,omitempty" yaml:"async"`
	Parallel    int    `json:"parallel,omitempty" yaml:"parallel" jsonschema:"description=So many calls at the same time; 1 when left out"`
}

// Deliver hands a function the event that AWS would send for an object or
// for records, once more and by hand. Its answers are run.<name>.
type Deliver struct {
	Function string      `json:"function" yaml:"function"`
	Name     string      `json:"name,omitempty" yaml:"name" jsonschema:"description=run.<name>; deliver when left out"`
	Object   *ObjectRef  `json:"object,omitempty" yaml:"object" jsonschema:"description=An s3:ObjectCreated:Put event"`
	Records  *PutRecords `json:"records,omitempty" yaml:"records" jsonschema:"description=A Kinesis batch with sequence numbers 1, 2, 3…; nothing is put in the stream"`
	Times    int         `json:"times,omitempty" yaml:"times"`
	Async    bool        `json:"async,omitempty" yaml:"async"`
}

// SendMessages sends bodies, or the entries of a data set, to a queue.
type SendMessages struct {
	Queue  string   `json:"queue" yaml:"queue" jsonschema:"description=Queue URL"`
	Bodies []string `json:"bodies,omitempty" yaml:"bodies"`
	Data   string   `json:"data,omitempty" yaml:"data"`
}

// PutItems puts items, or the rows of a data set, in a table. Items are plain
// JSON: text, numbers, booleans, lists and maps.
type PutItems struct {
	Table string           `json:"table" yaml:"table"`
	Items []map[string]any `json:"items,omitempty" yaml:"items"`
	Data  string           `json:"data,omitempty" yaml:"data"`
}

// UpdateItem changes an item with DynamoDB's own expressions.
type UpdateItem struct {
	Table     string            `json:"table" yaml:"table"`
	Key       map[string]any    `json:"key" yaml:"key"`
	Update    string            `json:"update" yaml:"update"`
	Condition string            `json:"condition,omitempty" yaml:"condition"`
	Names     map[string]string `json:"names,omitempty" yaml:"names"`
	Values    map[string]any    `json:"values,omitempty" yaml:"values"`
}

// ItemRef names an item.
type ItemRef struct {
	Table string         `json:"table" yaml:"table"`
	Key   map[string]any `json:"key" yaml:"key"`
}

// Run starts a program of the learner in the workspace and waits for its end.
// The result is run.<name>: list of {exit, timedOut, killed, lines (standard
// output parsed as JSON lines, or text), stdout (as it is), stderr, log (stderr
// parsed as lines are), inputSha256} with one element for each instance.
type Run struct {
	Program string            `json:"program" yaml:"program"`
	Name    string            `json:"name,omitempty" yaml:"name" jsonschema:"description=run.<name>; the program's name when left out"`
	Args    []string          `json:"args,omitempty" yaml:"args" jsonschema:"description=May hold ${instance} counted from 0"`
	Env     map[string]string `json:"env,omitempty" yaml:"env"`
	Stdin   string            `json:"stdin,omitempty" yaml:"stdin"`
	// StdinData writes the raw text of every entry of a data set, a line each,
	// after the text of Stdin.
	StdinData string `json:"stdinData,omitempty" yaml:"stdinData"`
	// File gives the program a file of random bytes, the same for the same seed
	// and name; its path is in the environment variable INPUT_FILE, and its
	// SHA-256 (hexadecimal) in the result's inputSha256.
	File     *File    `json:"file,omitempty" yaml:"file"`
	Parallel int      `json:"parallel,omitempty" yaml:"parallel"`
	Times    int      `json:"times,omitempty" yaml:"times" jsonschema:"description=One after the other; 1 when left out"`
	Timeout  Duration `json:"timeout,omitempty" yaml:"timeout" jsonschema:"description=The program's own when left out"`
	// KillWhen (an expression over probes) or KillAfter ends the program
	// from outside, with SIGKILL.
	KillWhen  string   `json:"killWhen,omitempty" yaml:"killWhen"`
	KillAfter Duration `json:"killAfter,omitempty" yaml:"killAfter"`
}

// Called is the name under which checks find the results of the runs.
func (r *Run) Called() string {
	if r.Name == "" {
		return r.Program
	}
	return r.Name
}

// Call is one API call as the SDK has it. Its outcome is {ok, error (the code),
// message, output (AWS's member names; those without a value are left out)}.
type Call struct {
	Service   string `json:"service" yaml:"service"`
	Operation string `json:"operation" yaml:"operation" jsonschema:"description=Such as DeleteObject"`
	Name      string `json:"name,omitempty" yaml:"name" jsonschema:"description=run.<name>; call when left out"`
	// Input has AWS's member names; times are RFC 3339, bytes base64.
	Input map[string]any `json:"input,omitempty" yaml:"input"`
}

// File is a file of random bytes.
type File struct {
	Name  string `json:"name" yaml:"name"`
	Bytes int    `json:"bytes" yaml:"bytes"`
}

// Fault makes something go wrong until clearFaults or the end of the check.
type Fault struct {
	Kind      string   `json:"kind" yaml:"kind" jsonschema:"enum=error,enum=throttle,enum=latency,enum=gather,enum=drop,enum=after,enum=entries,enum=crash,enum=crashLate,enum=duplicate,enum=reorder"`
	Service   string   `json:"service,omitempty" yaml:"service"`
	Operation string   `json:"operation,omitempty" yaml:"operation" jsonschema:"description=May hold * as in Put*"`
	Resource  string   `json:"resource,omitempty" yaml:"resource"`
	Carrying  []string `json:"carrying,omitempty" yaml:"carrying" jsonschema:"description=Texts that the call must carry such as the id of an event: the fault then strikes the record that the lab means whatever was called before. With count 1 it is the record's first such call"`
	Share     float64  `json:"share,omitempty" yaml:"share" jsonschema:"description=Above 0 up to 1; all when left out"`
	Skip      int      `json:"skip,omitempty" yaml:"skip"`
	Count     int      `json:"count,omitempty" yaml:"count"`
	Error     string   `json:"error,omitempty" yaml:"error"`
	Status    int      `json:"status,omitempty" yaml:"status"`
	Latency   Duration `json:"latency,omitempty" yaml:"latency"`
}
