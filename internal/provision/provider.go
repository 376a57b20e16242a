// Package provision makes the resources of CloudFormation templates with plain
// SDK clients on any endpoint: one file per service, each type with its
// declared properties. A type or property that is not declared is an error of
// the template, never skipped. What to make, and in which order, is decided by
// package cfn.
package provision

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/pipelab/pipelab/internal/awsapi"
	"github.com/pipelab/pipelab/internal/cfn"
)

// Provider implements cfn.Provider. Make one with New.
type Provider struct {
	s3      *s3.Client
	kinesis *kinesis.Client
	dynamo  *dynamodb.Client
	lambda  *lambda.Client
	sqs     *sqs.Client
	logs    *cloudwatchlogs.Client
	iam     *iam.Client
	account string
	region  string
	assets  Assets
	types   map[string]resourceType
}

// resourceType is how one type is declared and handled. An update that cannot
// be needed, because every property replaces, is nil.
type resourceType struct {
	schema *cfn.Schema
	create func(context.Context, cfn.Resource) (cfn.State, error)
	update func(context.Context, cfn.Resource) (cfn.State, error)
	delete func(context.Context, cfn.Resource) error
	read   func(context.Context, cfn.Resource) (cfn.State, error)
}

// At returns a provider for an account and region of an emulator that is reached
// through client. Requests are signed with the account's number for an access key;
// for whom they are is the client's affair.
func At(client aws.HTTPClient, endpoint, account, region string) cfn.Provider {
	return New(aws.Config{Region: region, BaseEndpoint: &endpoint, HTTPClient: client,
		Credentials: credentials.NewStaticCredentialsProvider(account, "emulator", "")}, account, nil)
}

// New returns a provider for the cloud behind cfg. Assets hold packed local
// code by digest; nil allows none.
func New(cfg aws.Config, account string, assets Assets) *Provider {
	p := &Provider{
		s3: client[*s3.Client](cfg), kinesis: client[*kinesis.Client](cfg), dynamo: client[*dynamodb.Client](cfg),
		lambda: client[*lambda.Client](cfg), sqs: client[*sqs.Client](cfg), logs: client[*cloudwatchlogs.Client](cfg),
		iam:     client[*iam.Client](cfg),
		account: account, region: cfg.Region, assets: assets, types: map[string]resourceType{},
	}
	for _, t := range slices.Concat(p.s3Types(), p.kinesisTypes(), p.dynamoTypes(), p.lambdaTypes(), p.lambdaConfigTypes(),
		p.sqsTypes(), p.logsTypes(), p.iamTypes()) {
		p.types[t.schema.Type] = t
	}
	return p
}

// client is the SDK's client of this type, made as all of ours are.
func client[C any](cfg aws.Config) C {
	name := path.Base(reflect.TypeFor[C]().Elem().PkgPath())
	s, _ := awsapi.Find(name)
	c, ok := s.Client(cfg).(C)
	if !ok {
		panic("no service has the client " + reflect.TypeFor[C]().String()) // the table is part of the program
	}
	return c
}

// Register adds resource types of a caller's own, which must behave as
// cfn.Provider says. One with a name that is taken replaces the other.
func (p *Provider) Register(types ...cfn.Handled) {
	for _, t := range types {
		p.types[t.Schema.Type] = resourceType{schema: t.Schema, create: t.Create, update: t.Update, delete: t.Delete,
			read: t.Read}
	}
}

// Types implements cfn.Provider.
func (p *Provider) Types() map[string]*cfn.Schema {
	out := map[string]*cfn.Schema{}
	for name := range maps.Keys(p.types) {
		out[name] = p.types[name].schema
	}
	return out
}

// Create implements cfn.Provider.
func (p *Provider) Create(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	s, err := p.types[r.Type].create(ctx, r)
	return s, plain(err)
}

// Update implements cfn.Provider.
func (p *Provider) Update(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	up := p.types[r.Type].update
	if up == nil {
		return cfn.State{}, fmt.Errorf("%s cannot be updated", r.Type)
	}
	s, err := up(ctx, r)
	return s, plain(err)
}

// Delete implements cfn.Provider.
func (p *Provider) Delete(ctx context.Context, r cfn.Resource) error {
	return plain(p.types[r.Type].delete(ctx, r))
}

// Read implements cfn.Provider.
func (p *Provider) Read(ctx context.Context, r cfn.Resource) (cfn.State, error) {
	if r.PhysicalID == "" && p.types[r.Type].schema.Name != "" {
		r.PhysicalID = r.Name
	}
	s, err := p.types[r.Type].read(ctx, r)
	return s, plain(err)
}

// plain recognises the many ways of AWS to say that something does not exist,
// and shortens the SDK's error to what CloudFormation would print.
func plain(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	switch api.ErrorCode() {
	case "ResourceNotFoundException", "NoSuchEntity", "NoSuchEntityException", "NoSuchBucket", "NotFound",
		"QueueDoesNotExist",
		"AWS.SimpleQueueService.NonExistentQueue", "NoSuchBucketPolicy":
		return errors.Join(cfn.ErrNotFound, fmt.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage()))
	}
	return &answered{text: fmt.Sprintf("%s: %s", api.ErrorCode(), api.ErrorMessage()), err: err}
}

// answered is an error of AWS in CloudFormation's words. What is below tells
// the status of the answer: whether the request was refused, or the cloud failed.
type answered struct {
	text string
	err  error
}

func (e *answered) Error() string { return e.text }

func (e *answered) Unwrap() error { return e.err }

// into fills an SDK input whose members are named as the properties are.
func into(props map[string]any, target any) error {
	b, err := json.Marshal(props)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	return dec.Decode(target)
}

// document renders a JSON property, such as a policy.
func document(v any) (*string, error) {
	if s, ok := v.(string); ok {
		return aws.String(s), nil // a document may be given as text
	}
	b, err := json.Marshal(v)
	return aws.String(string(b)), err
}

// ask tries until done says so: resources come up asynchronously.
//
// The pause is short because an emulator is; the SDK's own waiters begin at
// seconds and are no use for a lab that must start in a moment.
func ask(ctx context.Context, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	pause := 2 * time.Millisecond
	for {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		timer, stop := context.WithTimeout(ctx, pause)
		<-timer.Done()
		stop()
		if ctx.Err() != nil {
			return fmt.Errorf("it did not become ready: %w", ctx.Err())
		}
		pause = min(pause+pause/2+time.Millisecond, time.Second)
	}
}

// text returns a string property, "" when it is not set.
func text(m map[string]any, name string) string { s, _ := m[name].(string); return s }

func object(m map[string]any, name string) map[string]any { o, _ := m[name].(map[string]any); return o }

func list(m map[string]any, name string) []any { l, _ := m[name].([]any); return l }

// tags returns a list of Key and Value as a map, nil when there are none: AWS
// refuses some empty maps.
func tags(m map[string]any) map[string]string {
	given := list(m, "Tags")
	if len(given) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, t := range given {
		tag, _ := t.(map[string]any)
		out[text(tag, "Key")] = text(tag, "Value")
	}
	return out
}

// lost returns the keys of before that after does not have.
func lost(before, after map[string]string) []string {
	var out []string
	for k := range before {
		if _, ok := after[k]; !ok {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

func changed(r cfn.Resource, name string) bool {
	a, _ := json.Marshal(r.Properties[name]) // both came from JSON
	b, _ := json.Marshal(r.Previous[name])
	return !bytes.Equal(a, b)
}

type props = cfn.Properties

func schema(name, nameProperty string, nameMax int, p props, attributes ...string) *cfn.Schema {
	return &cfn.Schema{Type: name, Properties: p, Attributes: attributes, Name: nameProperty, NameMax: nameMax}
}

// needing says of a type that one of its attributes is there only with a property.
func needing(attribute, property string, s *cfn.Schema) *cfn.Schema {
	s.Needs = map[string]string{attribute: property}
	return s
}
