package esm

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm/filter"
)

// settling is how long a mapping stays in Creating, Updating and the like.
//
// AWS: seconds to a minute. Here it is short, but long enough to be seen.
const settling = 50 * time.Millisecond

// The texts of LastProcessingResult.
const (
	resultNone    = "No records processed"
	resultOK      = "OK"
	resultFailed  = "PROBLEM: Function call failed"
	resultDenied  = "PROBLEM: Lambda does not have permission to access the event source."
	resultUnknown = "PROBLEM: internal Lambda error. Please contact Lambda customer support."
)

// mapping is a stored event source mapping.
type mapping struct {
	// Config is what the API shows, but for the state of the moment.
	Config types.EventSourceMappingConfiguration
	// Pending is shown until Settled; then the mapping is enabled, disabled
	// or, after Deleting, gone.
	Pending string
	Settled time.Time
	Enabled bool
	// Role is the function's execution role, with which the source is read.
	Role string
	// Created is when the stream was made whose checkpoints these are.
	Created time.Time
	// QueueURL is where the queue of the source is reached; empty for streams.
	QueueURL string
	Tags     map[string]string `json:",omitempty"`
}

func (m *mapping) state(now time.Time) string {
	switch {
	case now.Before(m.Settled):
		return m.Pending
	case m.Enabled:
		return "Enabled"
	}
	return "Disabled"
}

func (m *mapping) gone(now time.Time) bool { return m.Pending == "Deleting" && !now.Before(m.Settled) }

// show is the configuration as the API answers it at now.
func (m *mapping) show(now time.Time) types.EventSourceMappingConfiguration {
	c := m.Config
	c.State = aws.String(m.state(now))
	return c
}

// fill copies the members that src and dst have in common: the SDK has a
// struct of its own for every operation that answers with a mapping.
func fill[T any](dst *T, src types.EventSourceMappingConfiguration) *T {
	from, to := reflect.ValueOf(src), reflect.ValueOf(dst).Elem()
	for i := range from.NumField() {
		f := from.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		if target := to.FieldByName(f.Name); target.IsValid() {
			target.Set(from.Field(i))
		}
	}
	return dst
}

// sourceKind is what feeds a mapping.
type sourceKind int

const (
	kindOther sourceKind = iota
	kindKinesis
	kindDynamoDB
	kindQueue
	kindFIFO
)

func (k sourceKind) stream() bool { return k == kindKinesis || k == kindDynamoDB }
func (k sourceKind) queue() bool  { return k == kindQueue || k == kindFIFO }

// kindOf reads the kind of a source out of its ARN.
func kindOf(arn ident.ARN) sourceKind {
	switch {
	case arn.Service == "kinesis" && strings.HasPrefix(arn.Resource, "stream/"):
		return kindKinesis
	case arn.Service == "dynamodb" && strings.Contains(arn.Resource, "/stream/"):
		return kindDynamoDB
	case arn.Service == "sqs" && strings.HasSuffix(arn.Resource, ".fifo"):
		return kindFIFO
	case arn.Service == "sqs":
		return kindQueue
	}
	return kindOther
}

// streamARN is the stream behind a source that may be one of its consumers.
func streamARN(source string) string {
	arn, _, _ := strings.Cut(source, "/consumer/")
	return arn
}

// settings are a mapping's numbers in the form that workers use.
type settings struct {
	batch    int
	window   time.Duration
	tumbling time.Duration
	retries  int           // -1 for ever
	age      time.Duration // -1 for ever
	factor   int
	bisect   bool
	report   bool // ReportBatchItemFailures
	filters  []filter.Pattern
	failures string // ARN of the on-failure destination
	parallel int    // MaximumConcurrency, 0 for none
}

func (m *mapping) settings() (settings, error) {
	c := &m.Config
	s := settings{
		batch:    int(aws.ToInt32(c.BatchSize)),
		window:   time.Duration(aws.ToInt32(c.MaximumBatchingWindowInSeconds)) * time.Second,
		tumbling: time.Duration(aws.ToInt32(c.TumblingWindowInSeconds)) * time.Second,
		retries:  -1, age: -1, factor: max(1, int(aws.ToInt32(c.ParallelizationFactor))),
		bisect: aws.ToBool(c.BisectBatchOnFunctionError),
		report: len(c.FunctionResponseTypes) > 0,
	}
	if c.MaximumRetryAttempts != nil {
		s.retries = int(*c.MaximumRetryAttempts)
	}
	if a := c.MaximumRecordAgeInSeconds; a != nil && *a >= 0 {
		s.age = time.Duration(*a) * time.Second
	}
	if c.DestinationConfig != nil && c.DestinationConfig.OnFailure != nil {
		s.failures = aws.ToString(c.DestinationConfig.OnFailure.Destination)
	}
	if c.ScalingConfig != nil {
		s.parallel = int(aws.ToInt32(c.ScalingConfig.MaximumConcurrency))
	}
	if c.FilterCriteria != nil {
		for _, f := range c.FilterCriteria.Filters {
			p, err := filter.Compile(aws.ToString(f.Pattern))
			if err != nil {
				return s, err
			}
			s.filters = append(s.filters, p)
		}
	}
	return s, nil
}

// position is where reading a shard goes on.
type position struct {
	// Kind is a shard iterator type of the stream's API.
	Kind string
	Seq  string    // AFTER_SEQUENCE_NUMBER: the last record that is done with
	At   time.Time // AT_TIMESTAMP; for LATEST, when it was fixed
	// Iterator was fixed at At for LATEST and is good for five minutes.
	Iterator string
}

// The kinds of position.
const (
	atHorizon = "TRIM_HORIZON"
	atLatest  = "LATEST"
	atTime    = "AT_TIMESTAMP"
	afterSeq  = "AFTER_SEQUENCE_NUMBER"
)

// progress is how far a mapping has come in one shard.
type progress struct {
	Position position
	Finished bool // read to the end of a closed shard, all records done with
	// Windows are the open tumbling windows by lane.
	Windows map[int]window
	// Retries are those of the batches at hand, by lane.
	Retries map[int]retried
}

// retried is how often the batch that begins with a record was tried in vain.
type retried struct {
	First   string // sequence number
	Retries int
	Invokes int
}

// window is an open tumbling window.
type window struct {
	Start time.Time
	State json.RawMessage
}

func limit(name string) int64 { return limits.Get("lambda_esm", name) }
