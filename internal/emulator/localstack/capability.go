package localstack

import "github.com/pipelab/pipelab/internal/emulator"

// capabilities is what a kind has by itself. What hangs on functions is there
// only if a function was seen to run.
//
// LocalStack 4.14: a stream's failing batch is not halved
// (localstack-core, lambda_/event_source_mapping/pollers/stream_poller.py says
// so in its log), shards and tables do not throttle, lifecycle rules do not act.
// MiniStack 1.5: as its services' sources and our labs show.
func capabilities(kind string, functions bool) []emulator.Capability {
	has := []emulator.Capability{emulator.DynamoDBTransact, emulator.DynamoDBStreams, emulator.SQSFIFO, emulator.S3Notifications}
	if !functions {
		return has
	}
	has = append(has, emulator.LambdaFunctions, emulator.KinesisESM)
	if kind == LocalStack {
		has = append(has, emulator.LambdaAsync)
	}
	return has
}
