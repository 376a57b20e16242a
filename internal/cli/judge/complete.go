package judge

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/pipelab/pipelab/internal/cli/app"
	"github.com/pipelab/pipelab/internal/workspace"
)

// completionTime bounds what is asked while somebody waits for a completion.
const completionTime = time.Second

// functions completes the names of functions in an emulator that runs: those of the
// learner's stack by their logical ids. No completion is the worst that can happen.
func functions(ctx context.Context, a *app.App) (names []string) {
	w, err := workspace.Find(a.Dir)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	e, _, running := a.Running(ctx, w)
	if !running {
		return nil
	}
	pages := lambda.NewListFunctionsPaginator(lambda.NewFromConfig(e.AWSConfig()), &lambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return names
		}
		for _, f := range page.Functions {
			names = append(names, logical(aws.ToString(f.FunctionName), w.Meta.Stack))
		}
	}
	return names
}

// logical is the logical id in a name that CloudFormation makes, stack-Id-random, and
// other names as they are.
func logical(name, stack string) string {
	id, ours := strings.CutPrefix(name, stack+"-")
	end := strings.LastIndexByte(id, '-')
	if !ours || end <= 0 {
		return name
	}
	return id[:end]
}
