package sts

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

func TestSessions_areFoundByKeyAndCollectedADayAfterTheirEnd(t *testing.T) {
	t.Parallel()
	var s *Service
	c := awstest.New(t, func(h *gateway.Host) gateway.Service {
		s = New(h)
		return s
	})
	client := func(account string) *sdk.Client {
		cfg := c.Config()
		cfg.Credentials = credentials.NewStaticCredentialsProvider(account, "x", "")
		return sdk.NewFromConfig(cfg)
	}
	keys := map[string]string{}
	for _, account := range []string{"111111111111", "222222222222"} {
		for range 60 {
			out, err := client(account).GetSessionToken(t.Context(), &sdk.GetSessionTokenInput{
				DurationSeconds: aws.Int32(900)})
			require.NoError(t, err)
			keys[*out.Credentials.AccessKeyId] = account
		}
	}
	for key, account := range keys {
		_, owner, expires, ok := s.Lookup(key)
		require.True(t, ok)
		require.Equal(t, account, owner.Account)
		require.Equal(t, awstest.Epoch.Add(15*time.Minute), expires)
	}
	_, _, _, ok := s.Lookup("test")
	require.False(t, ok)
	rows := func() (sessions, ends int) {
		require.NoError(t, s.host.Store.View(func(tx *store.Tx) error {
			s.sessions.ScanAll(tx, func(ident.Scope, string, session) bool { sessions++; return true })
			s.ends.ScanAll(tx, func(ident.Scope, string, string) bool { ends++; return true })
			return nil
		}))
		return sessions, ends
	}
	open := func() {
		_, err := client("333333333333").GetSessionToken(t.Context(), &sdk.GetSessionTokenInput{
			DurationSeconds: aws.Int32(900)})
		require.NoError(t, err)
	}
	c.Advance(24 * time.Hour)
	open()
	sessions, ends := rows()
	require.Equal(t, []int{121, 121}, []int{sessions, ends}, "old keys are still told that they have expired")
	c.Advance(time.Hour)
	open()
	open()
	sessions, ends = rows()
	require.Equal(t, []int{3, 3}, []int{sessions, ends}, "of whichever account they were")
}
