package s3

import (
	"bytes"
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/outbox"
)

// targets let deliveries reach buckets.
func (s *Service) targets() []outbox.Target { return []outbox.Target{{Name: "s3", Deliver: s.deliver}} }

// deliver puts an object. Its name is part of the delivery, so a repetition
// puts it once more and makes no second one.
func (s *Service) deliver(ctx context.Context, d *outbox.Delivery) error {
	arn, err := ident.ParseARN(d.Target)
	if err != nil {
		return &outbox.GiveUp{Err: err}
	}
	size := int64(len(d.Payload))
	_, err = gateway.Deliver[s3.PutObjectOutput](ctx, s.host, d, "s3", "PutObject", &s3.PutObjectInput{
		Bucket: &arn.Resource, Key: &d.Name, Body: bytes.NewReader(d.Payload), ContentLength: &size,
		ContentType: ptr("application/json")})
	return err
}
