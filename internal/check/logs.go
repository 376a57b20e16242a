package check

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/lab"
)

// everyFunction stands for all functions where a probe of logs names one.
const everyFunction = "*"

func (s *session) logs(ctx context.Context, p *lab.LogsProbe) (any, error) {
	v, err := s.expandAll(p.Group, p.Function)
	if err != nil {
		return nil, err
	}
	groups := []string{v[0]}
	if v[0] == "" {
		if groups, err = s.logGroups(ctx, v[1]); err != nil {
			return nil, err
		}
	}
	out := []any{}
	for _, group := range groups {
		if out, err = s.logEvents(ctx, out, group, v[1] != ""); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// logGroups are those that a function writes to, or all functions. They are asked for
// once after each step: what waits for logs looks often.
func (s *session) logGroups(ctx context.Context, function string) ([]string, error) {
	if known, ok := s.groups[function]; ok {
		return known, nil
	}
	groups, err := s.askGroups(ctx, function)
	var none *lambdatypes.ResourceNotFoundException
	switch {
	case errors.As(err, &none):
		return []string{"/aws/lambda/" + function}, nil
	case err != nil:
		return nil, err
	case s.groups == nil:
		s.groups = map[string][]string{}
	}
	s.groups[function] = groups
	return groups, nil
}

// askGroups asks Lambda, which names them unless the function says where its events go.
func (s *session) askGroups(ctx context.Context, function string) (groups []string, err error) {
	client := lambda.NewFromConfig(s.config)
	if function != everyFunction {
		f, err := client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &function})
		if err != nil {
			return nil, err
		}
		return []string{logGroup(f.LoggingConfig, f.FunctionName)}, nil
	}
	pages := lambda.NewListFunctionsPaginator(client, &lambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, f := range page.Functions {
			groups = append(groups, logGroup(f.LoggingConfig, f.FunctionName))
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups), nil
}

func logGroup(c *lambdatypes.LoggingConfig, function *string) string {
	if c != nil && aws.ToString(c.LogGroup) != "" {
		return *c.LogGroup
	}
	return "/aws/lambda/" + aws.ToString(function)
}

// logEvents adds the events of a group to a list. One of a function need not be
// there: it is made when the function first runs.
func (s *session) logEvents(ctx context.Context, out []any, group string, ofFunction bool) ([]any, error) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(cloudwatchlogs.NewFromConfig(s.config),
		&cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		var none *logtypes.ResourceNotFoundException
		if errors.As(err, &none) && ofFunction {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		for _, e := range page.Events {
			if out, err = s.found(out, map[string]any{"time": aws.ToInt64(e.Timestamp), "group": group,
				"message": aws.ToString(e.Message)}); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
