// Package emulator is what the rest of PipeLab sees of an emulated AWS: where
// it is, how to command it, and what it can judge. Drivers live in the folders
// below. Nothing here or above imports the embedded AWS itself.
package emulator

import (
	"context"
	"net/url"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/pipelab/pipelab/internal/sdkhttp"
)

// Endpoint is where an emulated AWS answers, and as whom to call it.
type Endpoint struct {
	URL             string `json:"url"`
	Region          string `json:"region"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	// Token opens the control endpoints. It is never given to learners' programs.
	Token string `json:"-"`
}

// NewEndpoint returns an endpoint with the usual test credentials.
func NewEndpoint(url, token string) Endpoint {
	return Endpoint{URL: url, Region: "us-east-1", AccessKeyID: "test", SecretAccessKey: "test", Token: token}
}

// AWSConfig is the configuration for SDK clients. S3 clients need path-style
// addressing besides: the endpoint's host has no names for buckets.
func (e Endpoint) AWSConfig() aws.Config {
	return aws.Config{
		Region:       e.Region,
		BaseEndpoint: aws.String(e.URL),
		HTTPClient:   sdkhttp.New(),
		Credentials:  credentials.NewStaticCredentialsProvider(e.AccessKeyID, e.SecretAccessKey, ""),
	}
}

// Port is the TCP port that programs connect to; 0 for a URL that makes no
// sense.
func (e Endpoint) Port() int {
	u, err := url.Parse(e.URL)
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		return map[string]int{"http": 80, "https": 443}[u.Scheme]
	}
	return port
}

// Env is the environment with which any AWS tool reaches the endpoint and
// nothing else: no metadata service, no profile.
func (e Endpoint) Env() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + e.URL,
		"AWS_REGION=" + e.Region,
		"AWS_DEFAULT_REGION=" + e.Region,
		"AWS_ACCESS_KEY_ID=" + e.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + e.SecretAccessKey,
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_PAGER=",
	}
}

// Capability is something that an emulator can do and a check may need.
type Capability string

// The capabilities. Checks name those they need; what an emulator lacks makes
// a check unsupported there, never passed or failed.
const (
	ClockAdvance     Capability = "clock.advance"             // time can be moved
	ClockHold        Capability = "clock.hold"                // time can be made to stand still
	FaultInjection   Capability = "faults"                    // calls can be made to fail
	CallTrace        Capability = "trace"                     // every call is recorded
	Snapshots        Capability = "snapshots"                 // state can be taken and restored
	KinesisLimits    Capability = "kinesis.throughput.limits" // shards throttle
	KinesisEntries   Capability = "kinesis.entries.partial"   // single entries of PutRecords fail
	KinesisESM       Capability = "kinesis.esm"               // streams invoke functions
	KinesisBisect    Capability = "kinesis.esm.bisect"        // failing batches are halved
	LambdaFunctions  Capability = "lambda.functions"          // functions run
	LambdaAsync      Capability = "lambda.async"              // retries, destinations, dead letters
	S3Notifications  Capability = "s3.notifications"          // objects raise events
	S3Lifecycle      Capability = "s3.lifecycle.acts"         // lifecycle rules act when time moves
	SQSFIFO          Capability = "sqs.fifo"                  // queues keep order and drop duplicates
	DynamoDBTransact Capability = "dynamodb.transactions"
	DynamoDBLimits   Capability = "dynamodb.throughput.limits"
	DynamoDBStreams  Capability = "dynamodb.streams"
	IAMEnforced      Capability = "iam.enforced" // policies decide
)

// KnownCapabilities lists all of them: a lab that names another would be
// unsupported everywhere, which nobody would notice.
func KnownCapabilities() []Capability {
	return []Capability{ClockAdvance, ClockHold, FaultInjection, CallTrace, Snapshots, KinesisLimits, KinesisEntries, KinesisESM,
		KinesisBisect, LambdaFunctions, LambdaAsync, S3Notifications, S3Lifecycle, SQSFIFO, DynamoDBTransact, DynamoDBLimits,
		DynamoDBStreams, IAMEnforced}
}

// Options tell a driver what to start.
type Options struct {
	// Dir keeps the state there across restarts; empty keeps it in memory.
	Dir string
	// Addr is the loopback address to listen on; empty picks a free port.
	Addr string
}

// Driver starts emulators of one kind.
type Driver interface {
	Name() string
	Start(ctx context.Context, o Options) (Emulator, error)
}

// Emulator is a running emulated AWS.
type Emulator interface {
	Endpoint() Endpoint
	// Control commands it; what the emulator cannot do is missing from its
	// capabilities and answers an error.
	Control() *Control
	Capabilities() []Capability
	// Close stops it. State kept on disk stays.
	Close() error
}
