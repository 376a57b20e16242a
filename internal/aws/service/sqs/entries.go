package sqs

import (
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// errEntry is what an injected fault fails a message of a batch with.
func errEntry() error {
	return gateway.Errorf(500, "InternalFailure", "An internal failure prevented the message from being sent.")
}

// splitMessages takes messages out of a call (gateway.Batched).
func splitMessages(in *sqs.SendMessageBatchInput, hit func(string) bool) (*sqs.SendMessageBatchInput,
	func(*sqs.SendMessageBatchOutput)) {
	kept, struck := gateway.Struck(in.Entries, "", hit)
	if struck == nil {
		return in, nil
	}
	merge := func(out *sqs.SendMessageBatchOutput) {
		if out.Successful == nil {
			out.Successful = []types.SendMessageBatchResultEntry{}
		}
		for _, i := range struck {
			out.Failed = append(out.Failed, failedEntry(in.Entries[i].Id, errEntry()))
		}
	}
	if len(kept) == 0 {
		return nil, merge
	}
	rest := *in
	rest.Entries = kept
	return &rest, merge
}
