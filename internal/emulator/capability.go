package emulator

import "slices"

// Capability is something that an emulator can do and a check may need.
type Capability string

// The capabilities. Checks name those they need; what an emulator lacks makes
// a check unsupported there, never passed or failed.
const (
	ClockAdvance     Capability = "clock.advance"
	ClockHold        Capability = "clock.hold"
	FaultInjection   Capability = "faults"
	FaultsInside     Capability = "faults.inside"
	CallTrace        Capability = "trace"
	TraceInside      Capability = "trace.inside"
	Snapshots        Capability = "snapshots"
	Reset            Capability = "reset"
	Durable          Capability = "durable"
	KinesisLimits    Capability = "kinesis.throughput.limits"
	KinesisEntries   Capability = "kinesis.entries.partial"
	KinesisESM       Capability = "kinesis.esm"
	KinesisBisect    Capability = "kinesis.esm.bisect"
	LambdaFunctions  Capability = "lambda.functions"
	LambdaAsync      Capability = "lambda.async"
	S3Notifications  Capability = "s3.notifications"
	S3Lifecycle      Capability = "s3.lifecycle.acts"
	S3PublicBlock    Capability = "s3.public.block"
	SQSFIFO          Capability = "sqs.fifo"
	SQSView          Capability = "sqs.messages.view"
	DynamoDBTransact Capability = "dynamodb.transactions"
	DynamoDBLimits   Capability = "dynamodb.throughput.limits"
	DynamoDBStreams  Capability = "dynamodb.streams"
	IAMEnforced      Capability = "iam.enforced"
)

// Kind is a kind of emulator, by the word that --emulator takes.
type Kind string

// The kinds. AtURL is whatever answers at a URL and does not say what it is.
const (
	Embedded   Kind = "embedded"
	LocalStack Kind = "localstack"
	MiniStack  Kind = "ministack"
	AtURL      Kind = "endpoint"
)

// Support is whether a kind of emulator has a capability.
type Support string

// The supports. What is to be tried counts as missing until a trial has shown
// it; what is there is tried too where a trial is cheap.
const (
	No    Support = "no"
	Yes   Support = "yes"
	Proxy Support = "proxy" // PipeLab's proxy in front of it has
	Try   Support = "try"
)

// Row is one capability and who has it.
type Row struct {
	Capability Capability
	// Meaning says what it is in half a sentence.
	Meaning string
	// Outside is false for what takes the emulator's own control endpoints, which
	// a proxy in front of it does not have, even in front of the embedded AWS.
	Outside    bool
	Embedded   Support
	LocalStack Support // the last free image, 4.14
	MiniStack  Support
	Endpoint   Support
	// Source is where the statement about the others comes from; the embedded
	// AWS's tests are that for itself.
	Source string
}

// Table is all that is known of who has what.
//
// A source that is named is a file of the project: LocalStack 4.14.0, MiniStack
// 1.5.33, and kinesis-mock and DynamoDB Local, which LocalStack runs for Kinesis
// and DynamoDB. What was not found there, or only in part, counts as missing, or
// is tried.
func Table() []Row {
	const inside = "a proxy sees what passes through it, which calls of functions and between services do not"
	return []Row{
		{ClockAdvance, "time can be moved", false, Yes, No, No, No,
			"no emulator but the embedded one has a clock of its own"},
		{ClockHold, "time can be made to stand still", false, Yes, No, No, No,
			"no emulator but the embedded one has a clock of its own"},
		{FaultInjection, "calls of programs can be made to fail", true, Yes, Proxy, Proxy, Proxy, "internal/emulator/proxy"},
		{FaultsInside, "calls of functions and between services can be made to fail", false, Yes, No, No, No, inside},
		{CallTrace, "calls of programs are recorded", true, Yes, Proxy, Proxy, Proxy, "internal/emulator/proxy"},
		{TraceInside, "calls of functions and between services are recorded", false, Yes, No, No, No, inside},
		{Snapshots, "state can be taken and restored", false, Yes, No, No, No,
			"LocalStack: paid plans only; MiniStack: source"},
		{Reset, "everything in it can be removed at once", false, Yes, No, Yes, No,
			"LocalStack: services/internal.py has no such route; MiniStack: POST /_ministack/reset; what answers at a URL is " +
				"not ours to empty"},
		{Durable, "state survives a restart by PipeLab", true, Yes, No, No, Yes,
			"containers are thrown away when they stop; what answers at a URL is never stopped"},
		{KinesisLimits, "shards throttle", true, Yes, No, No, Try,
			"LocalStack: kinesis-mock has no limit per shard; MiniStack: none found in source"},
		{KinesisEntries, "single entries of PutRecords fail", true, Yes, Proxy, Proxy, Proxy,
			"internal/emulator/proxy; kinesis-mock fails whole calls only"},
		{KinesisESM, "streams invoke functions", true, Yes, Yes, Yes, No,
			"LocalStack: stream_poller.py, needs the container engine's socket; MiniStack: ministack/services"},
		{KinesisBisect, "failing batches are halved", true, Yes, No, No, No,
			"LocalStack: stream_poller.py logs that it is not implemented; MiniStack: stored only"},
		{LambdaFunctions, "functions run", true, Yes, Yes, Yes, No,
			"LocalStack: containers, needs the engine's socket; MiniStack: local processes"},
		{LambdaAsync, "asynchronous calls are repeated, with destinations and dead letters", true, Yes, Yes, No, No,
			"LocalStack: lambda.mdx, config.py; MiniStack: lambda_svc.py repeats within seconds and knows dead letters and " +
				"OnFailure, but no OnSuccess"},
		{S3Notifications, "objects raise events", true, Yes, Yes, Yes, No,
			"LocalStack: services/s3/notifications.py; MiniStack: ministack/services"},
		{S3Lifecycle, "lifecycle rules act when time moves", true, Yes, No, No, No, "LocalStack and MiniStack: stored only"},
		{S3PublicBlock, "public access blocks refuse public policies", true, Yes, Try, Try, Try, "tried at start"},
		{SQSFIFO, "queues keep order and drop duplicates", true, Yes, Yes, Yes, Try,
			"LocalStack: all 23 operations of SQS; MiniStack: ministack/services; tried at start"},
		{SQSView, "messages can be looked at without receiving them", false, Yes, No, No, No,
			"elsewhere a probe receives them, from queues where that does no harm"},
		{DynamoDBTransact, "several items change together or not at all", true, Yes, Yes, Yes, Try,
			"LocalStack: DynamoDB Local; MiniStack: ministack/services; tried at start"},
		{DynamoDBLimits, "tables throttle", true, Yes, No, No, No,
			"LocalStack: random errors only; MiniStack: none found in source"},
		{DynamoDBStreams, "changes of tables can be read", true, Yes, Yes, Yes, Try,
			"LocalStack: DynamoDB Local; MiniStack: ministack/services; tried at start"},
		{IAMEnforced, "policies decide", false, Yes, No, No, No,
			"LocalStack: paid plans only; MiniStack: no enforcement in source"},
	}
}

// KnownCapabilities lists all of them: a lab that names another would be
// unsupported everywhere, which nobody would notice.
func KnownCapabilities() []Capability {
	var out []Capability
	for _, r := range Table() {
		out = append(out, r.Capability)
	}
	return out
}

// Has is what a kind of emulator has of this capability.
func (r Row) Has(k Kind) Support {
	switch k {
	case Embedded:
		return r.Embedded
	case LocalStack:
		return r.LocalStack
	case MiniStack:
		return r.MiniStack
	}
	return r.Endpoint
}

// At is what an emulator of this kind has that runs at somebody's URL: what
// its kind has, but for what takes a hold on it that is not ours.
func (r Row) At(k Kind) Support {
	switch {
	case !r.Outside, r.Capability == Durable:
		return r.Endpoint
	case r.Endpoint == Proxy:
		return Proxy
	case k == LocalStack && (r.Capability == LambdaFunctions || r.Capability == KinesisESM || r.Capability == LambdaAsync):
		return No // whether it was given the engine's socket cannot be seen from here
	}
	return r.Has(k)
}

// CapabilitiesOf lists what a kind of emulator has with PipeLab's proxy in
// front of it where it needs one; what is to be tried is left out.
func CapabilitiesOf(k Kind) []Capability {
	return pick(func(r Row) bool { s := r.Has(k); return s == Yes || s == Proxy })
}

// Possible lists what an emulator of this kind may turn out to have: at a URL
// or, when that is false, run by PipeLab.
func Possible(k Kind, atURL bool) []Capability {
	return pick(func(r Row) bool {
		if atURL {
			return r.At(k) != No
		}
		return r.Has(k) != No
	})
}

func pick(has func(Row) bool) []Capability {
	var out []Capability
	for _, r := range Table() {
		if has(r) {
			out = append(out, r.Capability)
		}
	}
	return out
}

// Meaning says in half a sentence what a capability is, "" for an unknown one.
func Meaning(name string) string {
	for _, r := range Table() {
		if string(r.Capability) == name {
			return r.Meaning
		}
	}
	return ""
}

// Lacking are the names of needed capabilities that are not among have.
func Lacking(needed []string, have []Capability) []string {
	var out []string
	for _, name := range needed {
		if !slices.Contains(have, Capability(name)) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}
