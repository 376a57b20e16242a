package sts

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/limits"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// Service is the emulated STS. Make one with New.
type Service struct {
	gateway.Passive
	host     *gateway.Host
	sessions *store.Collection[session]
	ends     *store.Collection[string] // access key ids in the order in which they expire
}

// everywhere holds all sessions: no account has an access key id of another.
var everywhere = ident.Scope{}

// session is stored by access key id.
type session struct {
	Key     string            `json:"key"`
	Secret  string            `json:"secret"`
	Token   string            `json:"token"`
	Expires time.Time         `json:"expires"`
	Owner   gateway.Principal `json:"owner"`
}

// New returns the service.
func New(h *gateway.Host) *Service {
	s := &Service{host: h, ends: store.NewCollection[string](h.Store, "sts.ends")}
	s.sessions = store.NewCollection(h.Store, "sts.sessions", store.WithUpgrade[session](1,
		func(tx *store.Tx, _ ident.Scope, _ string, old []byte) error {
			var n session // was stored by account
			if err := json.Unmarshal(old, &n); err != nil {
				return err
			}
			s.put(tx, n)
			return nil
		}))
	return s
}

func endKey(n session) string {
	return store.Key(fmt.Sprintf("%016x", n.Expires.Unix()), n.Key) // after 1970
}

func (s *Service) put(tx *store.Tx, n session) {
	s.sessions.Put(tx, everywhere, n.Key, n)
	s.ends.Put(tx, everywhere, endKey(n), n.Key)
}

// collect removes sessions that expired before a point in time, some of them
// with each new session.
func (s *Service) collect(tx *store.Tx, before time.Time) {
	const some = 100
	var past []session
	s.ends.Scan(tx, everywhere, "", "", func(_, id string) bool {
		n, ok := s.sessions.Get(tx, everywhere, id)
		if !ok || !n.Expires.Before(before) || len(past) == some {
			return false
		}
		past = append(past, n)
		return true
	})
	for _, n := range past {
		s.sessions.Delete(tx, everywhere, n.Key)
		s.ends.Delete(tx, everywhere, endKey(n))
	}
}

func (s *Service) GetCallerIdentity(ctx context.Context, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput,
	error) {
	p := gateway.From(ctx).Principal
	if p.Kind == gateway.Anonymous {
		return nil, gateway.Errorf(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	return &sts.GetCallerIdentityOutput{Account: aws.String(p.Account), Arn: aws.String(p.ARN), UserId: aws.String(p.ID)},
		nil
}

// open stores a session of an owner and returns its credentials.
func (s *Service) open(ctx context.Context, owner gateway.Principal, life time.Duration) (*types.Credentials, error) {
	n := session{Key: "ASIA" + s.host.IDs.Upper(16), Secret: s.host.IDs.Hex(40), Token: s.host.IDs.Hex(200),
		Expires: gateway.From(ctx).Time.Add(life).Truncate(time.Second), Owner: owner}
	err := s.host.Store.Update(func(tx *store.Tx) error {
		// A day's grace, so that an old key is still told that it has expired.
		s.collect(tx, gateway.From(ctx).Time.Add(-24*time.Hour))
		s.put(tx, n)
		return nil
	})
	return &types.Credentials{AccessKeyId: aws.String(n.Key), SecretAccessKey: aws.String(n.Secret),
		SessionToken: aws.String(n.Token),
		Expiration:   aws.Time(n.Expires)}, err
}

// GetSessionToken implements the operation: temporary credentials of the
// caller itself.
func (s *Service) GetSessionToken(ctx context.Context, in *sts.GetSessionTokenInput) (*sts.GetSessionTokenOutput,
	error) {
	p := gateway.From(ctx).Principal
	if p.Kind == gateway.AssumedRole {
		return nil, gateway.Errorf(403, "AccessDenied", "Cannot call GetSessionToken with session credentials")
	}
	seconds := limits.Get("sts", "sessionTokenSeconds")
	if in.DurationSeconds != nil {
		seconds = int64(*in.DurationSeconds)
	}
	if p.Kind == gateway.Root {
		seconds = min(seconds, limits.Get("sts", "rootTokenSeconds"))
	}
	p.Session = &gateway.Session{Issued: gateway.From(ctx).Time}
	creds, err := s.open(ctx, p, time.Duration(seconds)*time.Second)
	return &sts.GetSessionTokenOutput{Credentials: creds}, err
}

func (s *Service) GetAccessKeyInfo(ctx context.Context, in *sts.GetAccessKeyInfoInput) (*sts.GetAccessKeyInfoOutput,
	error) {
	// AWS: the account is encoded in the key itself. Here keys carry nothing,
	// so one that this cloud did not issue belongs to the caller's account.
	account := gateway.From(ctx).Scope.Account
	if _, owner, _, ok := s.Lookup(aws.ToString(in.AccessKeyId)); ok {
		account = owner.Account
	}
	return &sts.GetAccessKeyInfoOutput{Account: aws.String(account)}, nil
}

// Lookup implements gateway.Credentials for temporary credentials.
func (s *Service) Lookup(accessKeyID string) (secret string, owner gateway.Principal, expires time.Time, ok bool) {
	_ = s.host.Store.Peek(func(tx *store.Tx) error { // reads cannot fail
		n, found := s.sessions.Get(tx, everywhere, accessKeyID)
		if !found {
			secret, owner, expires, ok = "", gateway.Principal{}, time.Time{}, false
			return nil
		}
		secret, owner, expires, ok = n.Secret, n.Owner, n.Expires, true
		with := gateway.Session{} // of an older state
		if owner.Session != nil {
			with = *owner.Session
		}
		with.Token = n.Token
		owner.Session = &with
		return nil
	})
	return secret, owner, expires, ok
}
