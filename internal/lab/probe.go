package lab

// Probe is one look at the world, without changing it: exactly one of its
// fields is set.
type Probe struct {
	// Objects: list of {key, size, etag, contentType, metadata, versionId,
	// deleted} and, with parse, what the object holds: text (a string),
	// json (value), jsonl (list of rows), csv (list of maps); sha256 always.
	Objects *ObjectsProbe `json:"objects,omitempty" yaml:"objects"`
	// Records: list of {shard, sequence, key, text, json, order} of all
	// shards, each shard in its order; order counts within the shard.
	Records *StreamProbe `json:"records,omitempty" yaml:"records"`
	// Shards: list of {id, parent, closed} of a stream.
	Shards *StreamProbe `json:"shards,omitempty" yaml:"shards"`
	// Items: list of plain maps, consistently read.
	Items *ItemsProbe `json:"items,omitempty" yaml:"items"`
	// Messages: list of {id, body, json, attributes, receives, state (visible,
	// delayed or inFlight)}, looked at without receiving them.
	Messages *QueueProbe `json:"messages,omitempty" yaml:"messages"`
	// Queue: map of the queue's attributes, numbers as numbers.
	Queue *QueueProbe `json:"queue,omitempty" yaml:"queue"`
	// Function: GetFunctionConfiguration as AWS writes it.
	Function *FunctionProbe `json:"function,omitempty" yaml:"function"`
	// Mappings: list of event source mappings of a function.
	Mappings *FunctionProbe `json:"mappings,omitempty" yaml:"mappings"`
	// Calls: list of {service, operation, resource, principal, internal,
	// error, entries (of a batch call; records that GetRecords answered), failed,
	// bytes (of the body that was read, else sent), rows (that a query has
	// answered), scanned (that it has read before its filter), id, parent (the id
	// of the call that caused it, such as the invocation of a function), millis
	// (when it came, since 1970), began, ended (the same in microseconds)} of the
	// trace since the check began.
	Calls *CallsProbe `json:"calls,omitempty" yaml:"calls"`
	// Call: the outcome of a call that changes nothing, as a step's.
	Call *Call `json:"call,omitempty" yaml:"call"`
	// Logs: list of {time, group, message} of a log group, or a function's.
	Logs *LogsProbe `json:"logs,omitempty" yaml:"logs"`
}

// ObjectsProbe lists a bucket.
type ObjectsProbe struct {
	Bucket   string `json:"bucket" yaml:"bucket"`
	Prefix   string `json:"prefix,omitempty" yaml:"prefix"`
	Parse    string `json:"parse,omitempty" yaml:"parse" jsonschema:"enum=text,enum=json,enum=jsonl,enum=csv"`
	Versions bool   `json:"versions,omitempty" yaml:"versions"`
}

// StreamProbe names a stream.
type StreamProbe struct {
	Stream string `json:"stream" yaml:"stream"`
}

// ItemsProbe scans a table, or queries it with a key condition.
type ItemsProbe struct {
	Table     string            `json:"table" yaml:"table"`
	Index     string            `json:"index,omitempty" yaml:"index"`
	Condition string            `json:"condition,omitempty" yaml:"condition"`
	Names     map[string]string `json:"names,omitempty" yaml:"names"`
	Values    map[string]any    `json:"values,omitempty" yaml:"values"`
}

// QueueProbe names a queue by its URL.
type QueueProbe struct {
	Queue string `json:"queue" yaml:"queue"`
}

// FunctionProbe names a function.
type FunctionProbe struct {
	Function string `json:"function" yaml:"function"`
}

// CallsProbe selects calls of the trace; empty fields match everything.
type CallsProbe struct {
	Service   string `json:"service,omitempty" yaml:"service"`
	Operation string `json:"operation,omitempty" yaml:"operation" jsonschema:"description=May hold * as in Put*"`
	Resource  string `json:"resource,omitempty" yaml:"resource"`
	// During keeps to the time in which the step of run.<name> was at work, the
	// latest one of that name.
	During string `json:"during,omitempty" yaml:"during" jsonschema:"description=A name of run.<name>"`
	// OthersOnly leaves out what the check itself has called: what remains are the
	// learner's programs, functions and the services' own calls.
	OthersOnly bool `json:"othersOnly,omitempty" yaml:"othersOnly"`
}

// LogsProbe selects a log group.
type LogsProbe struct {
	Group string `json:"group,omitempty" yaml:"group"`
	// Function is a function whose group is meant, or * for those of all functions:
	// which function an event reaches is the learner's word, and another could run
	// in its place.
	Function string `json:"function,omitempty" yaml:"function"`
}

// Expectation is a mutant's expect.yaml; beside it is the patch that makes the
// mutant of the solution, see PatchFile.
type Expectation struct {
	Title string `json:"title" yaml:"title"`
	// Mistake is what the wrong answer is taken for. Without one it is an answer that nobody
	// foresaw, and no check may name a mistake.
	Mistake string `json:"mistake,omitempty" yaml:"mistake"`
	// Also are mistakes that the answer shows as well: what it leaves behind is what they do.
	Also []string `json:"also,omitempty" yaml:"also"`
	// Fails names exactly the checks that must not pass. Checks that need
	// one of them are skipped and are not listed.
	Fails []string `json:"fails" yaml:"fails"`
	// Deploy is "fails" for a mutant that cannot be deployed at all.
	Deploy string `json:"deploy,omitempty" yaml:"deploy" jsonschema:"enum=works,enum=fails"`
}
