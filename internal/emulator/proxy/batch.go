package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/wire"
)

// batch is a batch call of which a fault has taken entries out.
type batch struct {
	kept  any       // input with the entries that are forwarded; nil when none is left
	merge func(any) // adds the failed entries to the output
	empty any       // output to begin with when nothing is forwarded
}

// failEntries takes the entries that a fault strikes out of a batch call; the
// rest is forwarded. The signature no longer covers the body then, which no
// emulator minds.
func (p *Proxy) failEntries(c *call, req *http.Request) error {
	if c.Input == nil || !p.faults.Has(gateway.FaultEntries, c.Service) {
		return nil
	}
	hit := func(resource string) bool {
		_, hit := p.faults.Take(gateway.FaultEntries, c.Service, c.Operation, resource)
		return hit
	}
	switch in := c.Input.(type) {
	case *kinesis.PutRecordsInput:
		c.batch = failRecords(in, c.rec.Resource, hit)
	case *sqs.SendMessageBatchInput:
		c.batch = failMessages(in, c.rec.Resource, hit)
	case *dynamodb.BatchWriteItemInput:
		c.batch = failWrites(in, hit)
	}
	if c.batch == nil || c.batch.kept == nil {
		return nil
	}
	if c.target.Protocol == wire.CBOR {
		return fmt.Errorf("entries of a call in CBOR cannot be made to fail")
	}
	body, err := c.target.InputJSON(c.batch.kept)
	if err != nil {
		return err
	}
	c.body = body
	req.Body, req.ContentLength = c.reader(), int64(len(body))
	req.Header.Set("Content-Length", strconv.Itoa(len(body)))
	req.Header.Del("Content-Encoding")
	return nil
}

func failRecords(in *kinesis.PutRecordsInput, stream string, hit func(string) bool) *batch {
	var failed []int
	kept := *in
	kept.Records = nil
	for i, r := range in.Records {
		if hit(stream) {
			failed = append(failed, i)
		} else {
			kept.Records = append(kept.Records, r)
		}
	}
	if failed == nil {
		return nil
	}
	b := &batch{empty: &kinesis.PutRecordsOutput{}}
	if len(kept.Records) > 0 {
		b.kept = &kept
	}
	b.merge = func(answer any) {
		out := answer.(*kinesis.PutRecordsOutput)
		taken := out.Records
		out.Records = nil
		for i, next := 0, 0; i < len(in.Records); i++ {
			if next < len(failed) && failed[next] == i {
				next++
				out.Records = append(out.Records, kinesistypes.PutRecordsResultEntry{ErrorCode: aws.String("InternalFailure"),
					ErrorMessage: aws.String("Internal Service Failure")})
			} else if len(taken) > 0 {
				out.Records, taken = append(out.Records, taken[0]), taken[1:]
			}
		}
		out.FailedRecordCount = aws.Int32(aws.ToInt32(out.FailedRecordCount) +
			int32(len(failed))) // 500 at most
	}
	return b
}

func failMessages(in *sqs.SendMessageBatchInput, queue string, hit func(string) bool) *batch {
	var failed []sqstypes.BatchResultErrorEntry
	kept := *in
	kept.Entries = nil
	for _, e := range in.Entries {
		if hit(queue) {
			failed = append(failed, sqstypes.BatchResultErrorEntry{Id: e.Id, Code: aws.String("InternalFailure"),
				SenderFault: false,
				Message:     aws.String("An internal failure prevented the message from being sent.")})
		} else {
			kept.Entries = append(kept.Entries, e)
		}
	}
	if failed == nil {
		return nil
	}
	b := &batch{empty: &sqs.SendMessageBatchOutput{Successful: []sqstypes.SendMessageBatchResultEntry{}}}
	if len(kept.Entries) > 0 {
		b.kept = &kept
	}
	b.merge = func(answer any) {
		out := answer.(*sqs.SendMessageBatchOutput)
		out.Failed = append(out.Failed, failed...)
	}
	return b
}

func failWrites(in *dynamodb.BatchWriteItemInput, hit func(string) bool) *batch {
	failed := map[string][]ddbtypes.WriteRequest{}
	kept := *in
	kept.RequestItems = map[string][]ddbtypes.WriteRequest{}
	for table, requests := range in.RequestItems {
		for _, r := range requests {
			if hit(gateway.LastPart(table)) {
				failed[table] = append(failed[table], r)
			} else {
				kept.RequestItems[table] = append(kept.RequestItems[table], r)
			}
		}
	}
	if len(failed) == 0 {
		return nil
	}
	b := &batch{empty: &dynamodb.BatchWriteItemOutput{}}
	if len(kept.RequestItems) > 0 {
		b.kept = &kept
	}
	b.merge = func(answer any) {
		out := answer.(*dynamodb.BatchWriteItemOutput)
		if out.UnprocessedItems == nil {
			out.UnprocessedItems = map[string][]ddbtypes.WriteRequest{}
		}
		for table, requests := range failed {
			out.UnprocessedItems[table] = append(out.UnprocessedItems[table], requests...)
		}
	}
	return b
}

// answerBatch answers a batch call of which nothing is left to forward.
func (p *Proxy) answerBatch(w http.ResponseWriter, req *http.Request, c *call) {
	c.batch.merge(c.batch.empty)
	if err := p.faults.After(c.site); err != nil {
		p.failed(w, req, err)
		return
	}
	p.end(c, c.batch.empty, nil)
	if err := c.target.WriteOutput(w, req, c.ID, c.batch.empty); err != nil {
		p.o.Log.Warn("answer not written", "operation", c.Operation, "error", err)
	}
}

// rewriteAnswer puts the failed entries into the emulator's answer.
func (c *call) rewriteAnswer(resp *http.Response, out any) error {
	c.batch.merge(out)
	w := &answer{header: http.Header{}}
	if err := c.target.WriteOutput(w, resp.Request, c.ID, out); err != nil {
		return err
	}
	for _, name := range []string{"Content-Encoding", "X-Amz-Crc32"} { // of the answer as it was
		resp.Header.Del(name)
	}
	resp.Header.Set("Content-Length", strconv.Itoa(w.body.Len()))
	resp.ContentLength = int64(w.body.Len())
	resp.Body = joined{&w.body, resp.Body}
	return nil
}

// answer holds what is written as an answer. The rest of it is the emulator's.
type answer struct {
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(int)             {}
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

var _ io.Writer = (*answer)(nil)
