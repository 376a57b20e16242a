package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/pipelab/pipelab/internal/emulator"
)

// putter lets a user make the calls that are measured, by a policy as people
// write them.
const putter = `{"Version":"2012-10-17","Statement":[
	{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:PutLogEvents"],"Resource":"arn:aws:logs:*:*:*"},
	{"Effect":"Allow","Action":["kinesis:Put*","kinesis:Describe*"],"Resource":"arn:aws:kinesis:*:*:stream/bench"},
	{"Effect":"Allow","Action":["dynamodb:PutItem","dynamodb:GetItem"],"Resource":"arn:aws:dynamodb:*:*:table/bench"},
	{"Effect":"Allow","Action":"s3:*Object","Resource":"arn:aws:s3:::bench/*"},
	{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"us-east-1"}}}]}`

// enforcementRounds is how often calls with and without enforcement take turns,
// so that what else the machine does strikes both.
const enforcementRounds = 160

// enforcement shows what it costs that signatures are verified and policies
// decide.
func enforcement(ctx context.Context) (err error) {
	e, err := cloud(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	cfg, err := user(ctx, e)
	if err != nil {
		return err
	}
	title("a call of an IAM user where policies decide, as a ratio to the same call\nwhere they do not (target 1.15)")
	for _, op := range operations() {
		call, n := op.prepare(cfg), 0
		spent := map[emulator.IAMMode]time.Duration{}
		for i := range enforcementRounds {
			for _, mode := range []emulator.IAMMode{emulator.IAMOff, emulator.IAMEnforces} {
				if err := e.Control().SetIAM(ctx, mode); err != nil {
					return err
				}
				begin := time.Now()
				for range 50 {
					if err := call(ctx, n); err != nil {
						return fmt.Errorf("%s: %w", op.name, err)
					}
					n++
				}
				if i > 0 { // the first round makes connections
					spent[mode] += time.Since(begin)
				}
			}
			if _, _, err := e.Control().Advance(ctx, 2*time.Second); err != nil { // shards have room again
				return err
			}
		}
		fmt.Printf("  %-30s %9.2f\n", op.name, float64(spent[emulator.IAMEnforces])/float64(spent[emulator.IAMOff]))
	}
	return nil
}

// user is a configuration with the keys of a user who may do what is measured.
func user(ctx context.Context, e emulator.Emulator) (aws.Config, error) {
	cfg := e.Endpoint().AWSConfig()
	client, name := iam.NewFromConfig(cfg), aws.String("putter")
	if _, err := client.CreateUser(ctx, &iam.CreateUserInput{UserName: name}); err != nil {
		return cfg, err
	}
	if _, err := client.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: name,
		PolicyDocument: aws.String(putter)}); err != nil {
		return cfg, err
	}
	out, err := client.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: name})
	if err != nil {
		return cfg, err
	}
	key := out.AccessKey
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKeyId, *key.SecretAccessKey, "")
	return cfg, nil
}
