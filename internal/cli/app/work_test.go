package app_test

import (
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/cfn"
	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/emulator"
)

// Whose failure it is when deploying fails: a refusal is the template's, no
// answer or one of 500 and more is the emulator's.
func TestDeployProblem_tellsWhoseItIs(t *testing.T) {
	status := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	cfg := emulator.NewEndpoint(server.URL, "").AWSConfig()
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	deploy := func() (int, []string) {
		_, err := sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
		require.Error(t, err)
		var problem *app.Error
		require.ErrorAs(t, app.DeployProblem(&cfn.DeployError{Stack: "s", File: "template.yaml", Failed: []string{"Queue"},
			Err: err}), &problem)
		require.Contains(t, problem.Message, "stack s: Queue: ")
		return problem.Code, problem.Hints
	}
	for status = range map[int]bool{400: true, 404: true, 501: true} {
		code, hints := deploy()
		require.Equal(t, app.ExitInvalid, code, status)
		require.Contains(t, hints[0], "correct the template")
	}
	for status = range map[int]bool{500: true, 503: true} {
		code, hints := deploy()
		require.Equal(t, app.ExitEnvironment, code, status)
		require.Contains(t, hints[0], "says nothing about your template")
	}
	server.Close()
	code, _ := deploy()
	require.Equal(t, app.ExitEnvironment, code, "nobody there")

	full := app.DeployProblem(&cfn.DeployError{Stack: "s", Err: syscall.ENOSPC})
	require.ErrorIs(t, full, syscall.ENOSPC)
	require.Equal(t, app.ExitEnvironment, app.Code(full))
}
