package check

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// triggers say what calls a function, a clause each: "its mapping of the stream clicks
// is enabled". What cannot be seen is left out.
func (s *session) triggers(ctx context.Context, f lambdatypes.FunctionConfiguration) (out []string) {
	mappings := lambda.NewListEventSourceMappingsPaginator(lambda.NewFromConfig(s.looks),
		&lambda.ListEventSourceMappingsInput{FunctionName: f.FunctionName})
	for mappings.HasMorePages() {
		page, err := mappings.NextPage(ctx)
		if err != nil {
			break
		}
		for _, m := range page.EventSourceMappings {
			out = append(out, mappingClause(m))
		}
	}
	client := s3.NewFromConfig(s.looks, func(o *s3.Options) { o.UsePathStyle = true })
	buckets, err := client.ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		return out
	}
	for _, b := range buckets.Buckets {
		n, err := client.GetBucketNotificationConfiguration(ctx,
			&s3.GetBucketNotificationConfigurationInput{Bucket: b.Name})
		if err != nil {
			continue
		}
		for _, c := range n.LambdaFunctionConfigurations {
			if names(aws.ToString(c.LambdaFunctionArn), aws.ToString(f.FunctionName)) {
				out = append(out, notificationClause(aws.ToString(b.Name), c))
			}
		}
	}
	return out
}

// names reports whether an ARN is that of a function, or of a version or alias of it.
func names(arn, function string) bool {
	_, name, _ := strings.Cut(arn, ":function:")
	name, _, _ = strings.Cut(name, ":")
	return name == function
}

func mappingClause(m lambdatypes.EventSourceMappingConfiguration) string {
	source := aws.ToString(m.EventSourceArn)
	clause := "its mapping of " + sourceName(source) + " is " + strings.ToLower(aws.ToString(m.State))
	if c := m.FilterCriteria; c != nil && len(c.Filters) > 0 {
		clause += " and lets through only " + atMost(aws.ToString(c.Filters[0].Pattern), mostLine)
	}
	if result := aws.ToString(m.LastProcessingResult); result != "" && result != "No records processed" {
		clause += " (" + result + ")"
	}
	return clause
}

// sourceName is what a mapping reads, in words.
func sourceName(arn string) string {
	part := strings.SplitN(arn, ":", 6)
	if len(part) < 6 {
		return arn
	}
	name := part[5]
	if table, _, ok := strings.Cut(name, "/stream/"); ok {
		return "the stream of the " + strings.Replace(table, "table/", "table ", 1)
	}
	if part[2] == "sqs" {
		return "the queue " + name
	}
	return "the " + strings.Replace(name, "/", " ", 1)
}

func notificationClause(bucket string, c s3types.LambdaFunctionConfiguration) string {
	events := make([]string, len(c.Events))
	for i, e := range c.Events {
		events[i] = string(e)
	}
	clause := fmt.Sprintf("the bucket %s notifies it of %s", bucket, strings.Join(events, ", "))
	if c.Filter != nil && c.Filter.Key != nil {
		for _, r := range c.Filter.Key.FilterRules {
			clause += fmt.Sprintf(", %s %q", strings.ToLower(string(r.Name)), aws.ToString(r.Value))
		}
	}
	return clause
}

// whyIdle says of a function that nothing has called why that may be.
func whyIdle(triggers []string) string {
	if len(triggers) == 0 {
		return "no event source mapping and no notification of a bucket names it"
	}
	return strings.Join(triggers, "; ") + "; nothing that was sent has come to it that way"
}
