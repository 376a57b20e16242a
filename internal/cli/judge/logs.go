package judge

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/spf13/cobra"

	"github.com/pipelab/pipelab/internal/cli/app"
)

const lambdaGroups = "/aws/lambda/"

func newLogs(a *app.App) *cobra.Command {
	var follow bool
	c := &cobra.Command{
		Use: "logs [FUNCTION]", Short: "Show what your functions printed", GroupID: "labs",
		Long: `Shows the CloudWatch Logs of one Lambda function, or of all, oldest first. A
function is named by its name, or by its logical id in your template.`,
		Example: "  pipelab logs\n  pipelab logs ConsumerFunction --follow",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return functions(c.Context(), a), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			w, err := a.Work(c.Context())
			if err != nil {
				return err
			}
			l := &logs{a: a, client: cloudwatchlogs.NewFromConfig(w.Emulator.Endpoint().AWSConfig()), seen: map[string]bool{}}
			if len(args) == 1 {
				l.function = args[0]
			}
			return l.run(c.Context(), follow)
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on as functions print, until Ctrl-C")
	return c
}

type logs struct {
	a        *app.App
	client   *cloudwatchlogs.Client
	function string
	seen     map[string]bool // ids of events that were printed
	newest   int64           // milliseconds
	several  bool            // functions, so that lines say whose they are
}

func (l *logs) run(ctx context.Context, follow bool) error {
	for {
		groups, err := l.groups(ctx)
		if err != nil {
			return err
		}
		l.several = len(groups) > 1
		for _, g := range groups {
			if err := l.print(ctx, g); err != nil {
				return err
			}
		}
		if !follow {
			if len(l.seen) == 0 {
				l.a.Statusf("nothing was printed yet")
			}
			return nil
		}
		if err := l.a.Wall().Sleep(ctx, 300*time.Millisecond); err != nil {
			return err
		}
	}
}

// groups are the log groups of the function asked for, or of all. A logical id
// is part of the name that CloudFormation makes: stack-Id-random.
func (l *logs) groups(ctx context.Context) ([]string, error) {
	var exact, part, all []string
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(l.client,
		&cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String(lambdaGroups)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, g := range page.LogGroups {
			group := aws.ToString(g.LogGroupName)
			name := strings.TrimPrefix(group, lambdaGroups)
			all = append(all, group)
			if name == l.function {
				exact = append(exact, group)
			} else if l.function != "" && strings.Contains("-"+name+"-", "-"+l.function+"-") {
				part = append(part, group)
			}
		}
	}
	switch {
	case l.function == "":
		return all, nil
	case len(exact) > 0:
		return exact, nil
	}
	return part, nil
}

func (l *logs) print(ctx context.Context, group string) error {
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group}
	if l.newest > 0 {
		in.StartTime = aws.Int64(l.newest - time.Minute.Milliseconds()) // events may come in late
	}
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(l.client, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		var gone *types.ResourceNotFoundException
		if errors.As(err, &gone) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, e := range page.Events {
			id := aws.ToString(e.EventId)
			if l.seen[id] {
				continue
			}
			l.seen[id] = true
			l.newest = max(l.newest, aws.ToInt64(e.Timestamp))
			if err := l.event(group, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *logs) event(group string, e types.FilteredLogEvent) error {
	at := time.UnixMilli(aws.ToInt64(e.Timestamp)).UTC()
	name := strings.TrimPrefix(group, lambdaGroups)
	if l.a.JSON {
		return json.NewEncoder(l.a.Out).Encode(map[string]any{"time": at, "function": name,
			"stream": aws.ToString(e.LogStreamName), "message": aws.ToString(e.Message)})
	}
	if l.several {
		name += " "
	} else {
		name = ""
	}
	l.a.Printf("%s %s%s\n", at.Format("15:04:05.000"), name, strings.TrimRight(aws.ToString(e.Message), "\n"))
	return nil
}
