// Package endpoint is the driver for an emulated AWS that is running already,
// at a URL. It starts and stops nothing but the proxy in front of it, and
// refuses what looks like the real AWS.
package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/pipelab/pipelab/internal/emulator"
	"github.com/pipelab/pipelab/internal/emulator/proxy"
)

// Driver reaches the emulator at URL through a proxy.
type Driver struct {
	URL string
	// Real lets through what looks like the real AWS.
	Real  bool
	Token string
	Log   *slog.Logger
	// Doubt is called with a capability that a trial has not found; may be nil.
	Doubt func(emulator.Capability, error)
}

// ErrReal is in the chain of a refusal to touch what looks like the real AWS.
var ErrReal = errors.New("this looks like the real AWS")

// Is reports whether a word for an emulator is a URL.
func Is(name string) bool {
	return strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://")
}

// Name is the URL.
func (d Driver) Name() string { return d.URL }

// Start finds out what answers at the URL and puts a proxy in front of it.
func (d Driver) Start(ctx context.Context, o emulator.Options) (emulator.Emulator, error) {
	return proxy.Front{Under: running(d), Log: d.Log, Token: d.Token, Doubt: d.Doubt}.Start(ctx, o)
}

// running is what is there already.
type running Driver

// Name is the URL.
func (d running) Name() string { return d.URL }

// Start only looks.
func (d running) Start(ctx context.Context, _ emulator.Options) (emulator.Emulator, error) {
	kind, err := Look(ctx, d.URL, d.Real)
	if err != nil {
		return nil, err
	}
	return there{emulator.NewEndpoint(strings.TrimSuffix(d.URL, "/"), ""), kind}, nil
}

// patience bounds each of the questions to a URL.
const patience = 10 * time.Second

// Look finds out what kind of emulator answers at a URL, emulator.AtURL when
// it does not say. What looks like the real AWS is refused, by its host before
// anything is sent, and by its account; real lets it through.
func Look(ctx context.Context, address string, real bool) (emulator.Kind, error) {
	u, err := url.Parse(address)
	if err != nil || !Is(address) || u.Hostname() == "" || u.RawQuery != "" || u.User != nil {
		return "", fmt.Errorf("%q is not the URL of an emulator; it looks like http://127.0.0.1:4566", address)
	}
	if !real && RealHost(u.Hostname()) {
		return "", fmt.Errorf("%w: %s is a host of Amazon's; nothing was sent to it", ErrReal, u.Hostname())
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	kind, err := ask(ctx, strings.TrimSuffix(address, "/"))
	if err != nil {
		return "", fmt.Errorf("no emulator answers at %s: %w", address, err)
	}
	if real {
		return kind, nil
	}
	return kind, refuseAccount(ctx, address)
}

// refuseAccount asks who we are there: an emulator takes any credentials and
// answers an account that nobody owns.
func refuseAccount(ctx context.Context, address string) error {
	cfg := emulator.NewEndpoint(strings.TrimSuffix(address, "/"), "").AWSConfig()
	cfg.RetryMaxAttempts = 1
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		return fmt.Errorf("what answers at %s does not say whose account it is, so it may be the real AWS: %w", address,
			errors.Join(ErrReal, err))
	}
	if !slices.Contains(emulatedAccounts(), aws.ToString(who.Account)) {
		return fmt.Errorf("%w: what answers at %s says that it is the account %s, which no emulator has by itself", ErrReal,
			address, aws.ToString(who.Account))
	}
	return nil
}

// emulatedAccounts are the accounts that emulators give to unknown keys:
// LocalStack, MiniStack and this project 000000000000, moto 123456789012, and
// the other number that AWS's documentation makes up.
func emulatedAccounts() []string {
	return []string{"000000000000", "123456789012", "111122223333"}
}

// RealHost reports whether a host name is one of Amazon's for AWS: of any
// partition, of the dual-stack names, of a bucket. Source:
// https://docs.aws.amazon.com/general/latest/gr/rande.html
func RealHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, domain := range []string{"amazonaws.com", "amazonaws.com.cn", "api.aws", "amazonwebservices.com.cn",
		"api.amazonwebservices.com.cn",
		"aws", "aws.dev", "amazonaws.eu", "api.amazonaws.eu", "c2s.ic.gov", "sc2s.sgov.gov", "on.aws"} {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return true
		}
	}
	return false
}

// ask reads what emulators say about themselves.
func ask(ctx context.Context, base string) (emulator.Kind, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) (int, map[string]any, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, http.NoBody)
		if err != nil {
			return 0, nil, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0, nil, err
		}
		defer resp.Body.Close()
		var said map[string]any
		_ = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&said) // an answer that is not JSON says nothing
		return resp.StatusCode, said, nil
	}
	status, said, err := get("/_localstack/health")
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the address is told already
		}
		return "", err
	}
	if status == http.StatusOK && said["edition"] == "pipelab" {
		return emulator.Embedded, nil
	}
	if status, other, err := get("/_ministack/health"); err == nil && status == http.StatusOK && other["services"] != nil {
		return emulator.MiniStack, nil
	}
	if edition, _ := said["edition"].(string); status == http.StatusOK && (edition == "community" || edition == "pro" ||
		edition == "enterprise") {
		return emulator.LocalStack, nil
	}
	return emulator.AtURL, nil
}

// there is an emulator that belongs to somebody else.
type there struct {
	endpoint emulator.Endpoint
	kind     emulator.Kind
}

func (t there) Endpoint() emulator.Endpoint { return t.endpoint }
func (t there) Control() *emulator.Control  { return emulator.NewControl(t.endpoint) }
func (t there) Close() error                { return nil }

// Capabilities is what is sure without a trial.
func (t there) Capabilities() []emulator.Capability {
	return slices.DeleteFunc(t.Prospects(), func(c emulator.Capability) bool {
		for _, r := range emulator.Table() {
			if r.Capability == c {
				return r.At(t.kind) != emulator.Yes
			}
		}
		return true
	})
}

// Prospects are those and what a trial may show.
func (t there) Prospects() []emulator.Capability { return emulator.Possible(t.kind, true) }
