package dynamodb_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/awstest"
	"github.com/pipelab/pipelab/internal/aws/clock"
	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/service/dynamodb"
	"github.com/pipelab/pipelab/internal/aws/store"
)

func TestItems_surviveARestart(t *testing.T) {
	t.Parallel()
	dir, here := t.TempDir(), ident.Scope{Account: ident.DefaultAccount, Region: ident.DefaultRegion}
	open := func(now time.Time) (*gateway.Gateway, *store.Store) {
		st := store.New(store.Options{Dir: dir})
		clk := clock.NewManual(now)
		t.Cleanup(clk.Close)
		g := gateway.New(st, clk, ident.NewSeeded(1), slog.New(slog.DiscardHandler))
		g.Register(dynamodb.New(g.Host()))
		require.NoError(t, st.Open())
		require.NoError(t, g.Start(context.Background()))
		t.Cleanup(g.Stop)
		return g, st
	}
	call := func(g *gateway.Gateway, operation string, in any) any {
		out, err := g.Invoke(t.Context(),
			gateway.Call{Principal: gateway.RootOf("test"),
				Scope: here, Service: "dynamodb", Operation: operation, Input: in})
		require.NoError(t, err)
		return out
	}
	g, st := open(awstest.Epoch)
	call(g, "CreateTable", &sdk.CreateTableInput{TableName: aws.String("tab"), AttributeDefinitions: definitions("pk:S",
		"sk:N"),
		KeySchema: schema("pk", "sk"), BillingMode: "PAY_PER_REQUEST"})
	require.NoError(t, g.Host().Clock.Advance(t.Context(), time.Second))
	call(g, "PutItem", &sdk.PutItemInput{TableName: aws.String("tab"), Item: obj{"pk": s("a"), "sk": n("-1.5"),
		"v": s("kept")}})
	require.NoError(t, st.Close())
	g, st = open(awstest.Epoch.Add(time.Minute))
	out := call(g, "GetItem", &sdk.GetItemInput{TableName: aws.String("tab"), Key: obj{"pk": s("a"),
		"sk": n("-1.5")}}).(*sdk.GetItemOutput)
	require.Equal(t, s("kept"), out.Item["v"])
	require.NoError(t, st.Close())
}
