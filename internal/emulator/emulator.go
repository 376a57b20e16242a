// Package emulator is what the rest of PipeLab sees of an emulated AWS: where
// it is, how to command it, and what it can judge. Drivers live in the folders
// below. Nothing here or above imports the embedded AWS itself.
package emulator

import (
	"context"
	"net/url"
	"strconv"
	"time"

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

// Mortal is an emulator that may go away while others go on.
type Mortal interface {
	// Ended says why it went away, as far as that is known; call it only when it
	// did. spent is whether it took more memory than it may, which is the doing of
	// the pipeline in it.
	Ended() (why string, spent bool)
}

// Resting is an emulator that knows how long nothing has used it.
type Resting interface {
	// Idle is how long ago the last use was, by somebody or by something that works in
	// the background; 0 while there is any, and while what would be lost with the
	// process is in force.
	Idle() time.Duration
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
