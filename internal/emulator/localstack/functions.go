package localstack

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/pipelab/pipelab/internal/emulator"
)

// functionLimit is how long the trial may take: LocalStack gets the image of a
// runtime when its first function is made.
const functionLimit = 3 * time.Minute

// trialFunction is small enough to be made on every image that is new.
const trialFunction = "def handler(event, context):\n    return event['n'] + 1\n"

// runsFunctions tells whether functions run, by running one. That takes seconds,
// so it is tried once for each image. An error is one of the caller's context;
// whatever else goes wrong means no.
func (d *Driver) runsFunctions(ctx context.Context, i image, at emulator.Endpoint) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if runs, known := d.functions[i.id]; known {
		return runs, nil
	}
	limited, cancel := context.WithTimeout(ctx, functionLimit)
	defer cancel()
	err := tryFunction(limited, lambda.NewFromConfig(at.AWSConfig()))
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		d.say("functions do not run there: %v", err)
	}
	if d.functions == nil {
		d.functions = map[string]bool{}
	}
	d.functions[i.id] = err == nil
	return err == nil, nil
}

func tryFunction(ctx context.Context, client *lambda.Client) error {
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	f, err := z.Create("trial.py")
	if err != nil {
		return err
	}
	if _, err := f.Write([]byte(trialFunction)); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	name := aws.String("pipelab-trial")
	_, err = client.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: name, Runtime: types.RuntimePython312,
		Handler: aws.String("trial.handler"),
		Role:    aws.String("arn:aws:iam::000000000000:role/pipelab-trial"),
		Code:    &types.FunctionCode{ZipFile: code.Bytes()}})
	if err != nil {
		return err
	}
	active := lambda.NewFunctionActiveV2Waiter(client, func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, time.Second
	})
	err = active.Wait(ctx, &lambda.GetFunctionInput{FunctionName: name}, functionLimit)
	if err == nil {
		var out *lambda.InvokeOutput
		out, err = client.Invoke(ctx, &lambda.InvokeInput{FunctionName: name, Payload: []byte(`{"n":41}`)})
		if err == nil && (out.FunctionError != nil || string(bytes.TrimSpace(out.Payload)) != "42") {
			err = errors.New("a trial answered " + string(out.Payload))
		}
	}
	_, gone := client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: name})
	return errors.Join(err, gone)
}
