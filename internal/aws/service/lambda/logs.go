package lambda

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
)

// stream is the log stream of one environment. Events wait in it until they
// are flushed.
type stream struct {
	s           *Service
	scope       ident.Scope
	who         gateway.Principal
	group, name string
	key         string // access key of the environment

	mu      sync.Mutex
	waiting []types.InputLogEvent
	text    []byte // of the invocation under way, its end at least

	sending sync.Mutex // one flush at a time, so that order is kept
	made    bool
}

// newStream names a stream as Lambda does.
func (s *Service) newStream(j job, now time.Time) *stream {
	c := j.version.Config
	return &stream{s: s, scope: j.fn.Scope, who: gateway.RolePrincipal(*c.Role, *c.FunctionName, j.fn.Scope.Account),
		group: *c.LoggingConfig.LogGroup,
		name:  fmt.Sprintf("%s/[%s]%s", now.Format("2006/01/02"), *c.Version, s.host.IDs.Hex(32))}
}

// Event implements runtime.Sink.
func (l *stream) Event(text string) {
	now := l.s.host.Clock.Now().UnixMilli()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, types.InputLogEvent{Timestamp: aws.Int64(now), Message: aws.String(text)})
	l.text = append(l.text, text...)
	if len(text) > 0 && text[len(text)-1] != '\n' {
		l.text = append(l.text, '\n')
	}
	if most := int(limit("logTailBytes")); len(l.text) > 16*most {
		l.text = append([]byte(nil), l.text[len(l.text)-most:]...)
	}
}

func (l *stream) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = nil
}

// end returns the end of what was logged since begin, as much as an invoker is told.
func (l *stream) end() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text
	l.text = nil
	return text
}

// batchBytes and batchEvents keep a batch below what PutLogEvents takes.
// Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
const (
	batchBytes  = 1 << 20
	batchEvents = 10000
	eventBytes  = 26 // counted beside the text
)

// flush sends what is waiting, as the execution role.
//
// AWS: a function whose role may not write logs runs without. Here too.
func (l *stream) flush(ctx context.Context) {
	l.sending.Lock()
	defer l.sending.Unlock()
	l.mu.Lock()
	waiting := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	for len(waiting) > 0 {
		n, size := 0, 0
		for n < len(waiting) && n < batchEvents {
			size += len(*waiting[n].Message) + eventBytes
			if size > batchBytes && n > 0 {
				break
			}
			n++
		}
		if err := l.put(ctx, waiting[:n]); err != nil {
			l.s.host.Log.Debug("log events dropped", "group", l.group, "error", err)
		}
		waiting = waiting[n:]
	}
}

func (l *stream) put(ctx context.Context, events []types.InputLogEvent) error {
	if !l.made {
		if err := l.make(ctx); err != nil {
			return err
		}
		l.made = true
	}
	in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &l.group, LogStreamName: &l.name, LogEvents: events}
	_, err := gateway.Invoke[cloudwatchlogs.PutLogEventsOutput](ctx, l.s.host, l.call("PutLogEvents", in))
	if gateway.ErrorCode(err) == "ResourceNotFoundException" {
		l.made = false // somebody has deleted the group: the next batch makes it again
	}
	return err
}

// make creates group and stream. That a group is there already is fine.
func (l *stream) make(ctx context.Context) error {
	_, err := gateway.Invoke[cloudwatchlogs.CreateLogGroupOutput](ctx, l.s.host,
		l.call("CreateLogGroup", &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &l.group}))
	if err != nil && gateway.ErrorCode(err) != "ResourceAlreadyExistsException" {
		return err
	}
	_, err = gateway.Invoke[cloudwatchlogs.CreateLogStreamOutput](ctx, l.s.host, l.call("CreateLogStream",
		&cloudwatchlogs.CreateLogStreamInput{LogGroupName: &l.group, LogStreamName: &l.name}))
	if gateway.ErrorCode(err) == "ResourceAlreadyExistsException" {
		return nil
	}
	return err
}

func (l *stream) call(operation string, in any) gateway.Call {
	return gateway.Call{Principal: l.who, Scope: l.scope, Service: "cloudwatchlogs", Operation: operation, Input: in}
}
