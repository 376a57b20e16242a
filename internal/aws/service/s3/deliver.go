package s3

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/pipelab/pipelab/internal/aws/gateway"
	"github.com/pipelab/pipelab/internal/aws/ident"
	"github.com/pipelab/pipelab/internal/aws/store"
)

// delivery is an event on its way to one destination. Its key orders it by
// time.
type delivery struct {
	Bucket, Owner, Target string
	Made, Due             time.Time
	Tries                 int
	Body                  []byte
}

// overtaken is how long an event waits that others shall overtake.
const overtaken = 300 * time.Millisecond

// giveUp is how long a delivery is tried again.
const giveUp = 24 * time.Hour

// resume plans the deliveries of an earlier life.
func (s *Service) resume() {
	life := s.living()
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		s.deliveries.Scan(tx, everywhere, "", "", func(k string, d delivery) bool {
			s.plan(life, k, d)
			return true
		})
		return nil
	})
}

// hurry plans the deliveries that transactions have written since the last
// call. Those of a transaction that failed are not in the store.
func (s *Service) hurry() {
	s.mu.Lock()
	life, fresh := s.life, s.fresh
	s.fresh = nil
	s.mu.Unlock()
	if life == nil || len(fresh) == 0 {
		return
	}
	_ = s.host.Store.View(func(tx *store.Tx) error { // reads only: no error
		for _, k := range fresh {
			if d, ok := s.deliveries.Get(tx, everywhere, k); ok {
				s.plan(life, k, d)
			}
		}
		return nil
	})
}

// plan delivers d when it is due, in the life that it was planned in.
func (s *Service) plan(life context.Context, key string, d delivery) {
	s.host.Clock.At(d.Due, func() {
		if !s.enter(life) {
			return
		}
		defer s.work.Done()
		s.attempt(life, key, d)
	})
}

// enter counts work that Stop has to wait for.
func (s *Service) enter(life context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if life.Err() != nil {
		return false
	}
	s.work.Add(1)
	return true
}

func (s *Service) attempt(life context.Context, key string, d delivery) {
	arn, err := ident.ParseARN(d.Target)
	if err == nil {
		err = s.send(life, arn, d.Bucket, d.Owner, d.Body)
	}
	now := s.host.Clock.Now()
	done := err == nil || now.Sub(d.Made) > giveUp
	if err != nil {
		if life.Err() != nil {
			return // comes again in the next life
		}
		s.host.Log.Debug("notification not delivered", "target", d.Target, "error", err)
		d.Due = now.Add(min(5*time.Minute, time.Second<<min(d.Tries, 10)))
		d.Tries++
	}
	err = s.host.Store.Update(func(tx *store.Tx) error {
		if done {
			s.deliveries.Delete(tx, everywhere, key)
			return nil
		}
		s.deliveries.Put(tx, everywhere, key, d)
		return nil
	})
	if err == nil && !done {
		s.plan(life, key, d)
	}
}

func bucketARN(name string) string { return "arn:aws:s3:::" + name }

// send gives an event to a queue or a function.
func (s *Service) send(ctx context.Context, to ident.ARN, bucket, owner string, body []byte) error {
	who := gateway.ServicePrincipal("s3.amazonaws.com", owner)
	if to.Service == "lambda" {
		_, err := gateway.Invoke[lambda.InvokeOutput](ctx, s.host, gateway.Call{Principal: who, SourceARN: bucketARN(bucket),
			Scope: to.Scope(), Service: "lambda", Operation: "Invoke",
			Input: &lambda.InvokeInput{FunctionName: ptr(to.String()), InvocationType: lambdatypes.InvocationTypeEvent,
				Payload: body}})
		return err
	}
	url, err := gateway.Invoke[sqs.GetQueueUrlOutput](ctx, s.host, gateway.Call{Principal: who, Scope: to.Scope(),
		Service: "sqs", Operation: "GetQueueUrl",
		Input: &sqs.GetQueueUrlInput{QueueName: &to.Resource, QueueOwnerAWSAccountId: &to.Account}})
	if err != nil {
		return err
	}
	_, err = gateway.Invoke[sqs.SendMessageOutput](ctx, s.host, gateway.Call{Principal: who, Scope: to.Scope(),
		Service: "sqs", Operation: "SendMessage",
		Input: &sqs.SendMessageInput{QueueUrl: url.QueueUrl, MessageBody: ptr(string(body))}})
	return err
}
