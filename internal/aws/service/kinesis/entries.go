package kinesis

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
)

// failedRecord is the answer for a record that an injected fault has failed.
func failedRecord() types.PutRecordsResultEntry {
	return types.PutRecordsResultEntry{ErrorCode: aws.String("InternalFailure"),
		ErrorMessage: aws.String("Internal Service Failure")}
}

// splitRecords takes records out of a call (gateway.Batched).
func splitRecords(in *kinesis.PutRecordsInput, hit func(string) bool) (*kinesis.PutRecordsInput,
	func(*kinesis.PutRecordsOutput)) {
	kept, struck := gateway.Struck(in.Records, "", hit)
	if struck == nil {
		return in, nil
	}
	merge := func(out *kinesis.PutRecordsOutput) {
		taken := out.Records
		out.Records = nil
		for i, next := 0, 0; i < len(in.Records); i++ {
			if next < len(struck) && struck[next] == i {
				next++
				out.Records = append(out.Records, failedRecord())
			} else if len(taken) > 0 {
				out.Records, taken = append(out.Records, taken[0]), taken[1:]
			}
		}
		out.FailedRecordCount = aws.Int32(aws.ToInt32(out.FailedRecordCount) + int32(len(struck))) // 500 at most
	}
	if len(kept) == 0 {
		return nil, merge
	}
	rest := *in
	rest.Records = kept
	return &rest, merge
}
