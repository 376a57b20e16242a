package glossary_test

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/cloud"
	"github.com/pipelab/pipelab/internal/glossary"
	"github.com/pipelab/pipelab/internal/lab"
	"github.com/pipelab/pipelab/labs"
)

func load(t *testing.T) *glossary.Glossary {
	t.Helper()
	g, err := glossary.Load()
	require.NoError(t, err)
	return g
}

func TestGlossary_saysEverythingOfEachWord(t *testing.T) {
	t.Parallel()
	all := load(t).All()
	require.GreaterOrEqual(t, len(all), 150)
	pages := regexp.MustCompile(`^/[A-Za-z0-9-]+/(([A-Za-z0-9._-]+/)*[A-Za-z0-9._-]+\.html)?$`)
	task := regexp.MustCompile(`^[1-4]\.[1-5]$`)
	for _, e := range all {
		for what, text := range map[string]string{"means": e.Means, "matters": e.Matters, "mistaken": e.Mistaken,
			"exam": e.Exam} {
			require.True(t, strings.HasSuffix(text, "."), "%s: %s is a sentence: %q", e.Name, what, text)
			require.NotContains(t, text, "  ", "%s: %s", e.Name, what)
			require.Zero(t, strings.Count(text, "`")%2, "%s: %s", e.Name, what)
			require.False(t, strings.HasPrefix(text, "TODO"), e.Name)
		}
		require.GreaterOrEqual(t, len(e.Matters)+len(e.Mistaken), 80, e.Name)
		require.NotEmpty(t, e.Tasks, e.Name)
		for _, id := range e.Tasks {
			require.Regexp(t, task, id, e.Name)
		}
		u, err := url.Parse(e.Page)
		require.NoError(t, err)
		require.Equal(t, "https docs.aws.amazon.com", u.Scheme+" "+u.Host, e.Name)
		require.Regexp(t, pages, u.Path, e.Name)
		require.Empty(t, u.RawQuery+u.Fragment, e.Name)
	}
}

func TestGlossary_relatesWordsThatItHas(t *testing.T) {
	t.Parallel()
	all := load(t).All()
	names := map[string]bool{}
	for _, e := range all {
		names[e.Name] = true
	}
	for _, e := range all {
		require.NotEmpty(t, e.Related, e.Name)
		for _, r := range e.Related {
			require.True(t, names[r], "%s is related to %q, which is no entry's name", e.Name, r)
			require.NotEqual(t, e.Name, r)
		}
		require.Len(t, slices.Compact(slices.Sorted(slices.Values(e.Related))), len(e.Related), e.Name)
	}
}

// services are those that the exam guide of DEA-C01 has in scope.
// Source: the appendix of
// https://docs.aws.amazon.com/aws-certification/latest/data-engineer-associate-01/data-engineer-associate-01.html
const services = `Amazon Athena, Amazon EMR, AWS Glue, AWS Glue DataBrew, AWS Lake Formation, Amazon Data Firehose,
Amazon Kinesis Data Streams, Amazon Managed Service for Apache Flink, Amazon MSK, Amazon OpenSearch Service,
Amazon QuickSight, Amazon AppFlow, Amazon EventBridge, Amazon MWAA, Amazon SNS, Amazon SQS, AWS Step Functions,
AWS Budgets, AWS Cost Explorer, AWS Batch, Amazon EC2, AWS Lambda, AWS SAM, Amazon ECR, Amazon ECS, Amazon EKS,
Amazon Aurora, Amazon DocumentDB, Amazon DynamoDB, Amazon Keyspaces, Amazon MemoryDB, Amazon Neptune, Amazon RDS,
Amazon Redshift, AWS CLI, AWS Cloud9, AWS CDK, AWS CodeBuild, AWS CodeCommit, AWS CodeDeploy, AWS CodePipeline,
Amazon API Gateway, Amazon SageMaker, Amazon Bedrock, AWS CloudFormation, AWS CloudTrail, Amazon CloudWatch,
Amazon CloudWatch Logs, AWS Config, Amazon Managed Grafana, AWS Systems Manager, AWS Well-Architected Tool,
AWS Application Discovery Service, AWS Application Migration Service, AWS DMS, AWS DataSync, AWS SCT, AWS Snow Family,
AWS Transfer Family, Amazon CloudFront, AWS PrivateLink, Amazon Route 53, Amazon VPC, AWS IAM, AWS KMS, Amazon Macie,
AWS Secrets Manager, AWS Shield, AWS WAF, AWS Backup, Amazon EBS, Amazon EFS, Amazon S3, Amazon S3 Glacier,
AWS Data Exchange, Amazon DataZone, AWS X-Ray, Amazon ElastiCache`

// ideas are those that a text for beginners may not take for granted.
const ideas = `shard, partition key, event source mapping, ARN, IAM policy, role, template, stack, boto3, at-least-once,
idempotent, dead-letter queue, watermark, late data, lifecycle rule, versioning, partition, columnar, Parquet, crawler,
catalog, Lake Formation grant, Redshift distribution key, sort key, Spectrum, EMR, Glue job, bookmark, DataBrew,
Athena workgroup, MSK, Firehose, Managed Flink, DMS CDC, Step Functions, MWAA, EventBridge, KMS envelope, Macie,
CloudTrail, CloudWatch, VPC endpoint, SCD, data mesh, lineage, data quality, exactly once, replay, checkpoint`

func TestGlossary_knowsServicesAndIdeas(t *testing.T) {
	t.Parallel()
	g := load(t)
	for _, name := range strings.Split(services+", "+ideas, ",") {
		name = strings.Join(strings.Fields(name), " ")
		_, ok := g.Find(name)
		require.True(t, ok, "there is no entry for %s", name)
	}
	known := map[string]bool{}
	for _, e := range g.All() {
		known[e.Service] = true
	}
	for _, d := range cloud.Describe() {
		require.True(t, known[d.Name], "the emulated service %s has no entry", d.Name)
	}
	ids, err := lab.IDs(labs.FS())
	require.NoError(t, err)
	for _, id := range ids {
		l, err := lab.Load(labs.FS(), id)
		require.NoError(t, err)
		for _, name := range l.Services {
			require.True(t, known[name], "the service %s of the lab %s has no entry", name, id)
		}
	}
}

func TestFind_findsWordsHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	g := load(t)
	for word, name := range map[string]string{
		"shard": "shard", "Shards": "shard", " SHARD ": "shard",
		"dead letter queue": "dead-letter queue", "dead-letter queues": "dead-letter queue", "DLQ": "dead-letter queue",
		"deadletterqueue": "dead-letter queue", "DLQs": "dead-letter queue",
		"s3": "Amazon S3", "amazon s3": "Amazon S3", "Dynamo DB": "Amazon DynamoDB", "dynamodb-streams": "DynamoDB Streams",
		"event-source-mappings": "event source mapping", "ESM": "event source mapping", "mapping": "event source mapping",
		"idempotency": "idempotent", "lambda": "AWS Lambda", "lambda architecture": "lambda architecture",
		"batch": "batch processing", "aws batch": "AWS Batch", "policies": "IAM policy", "event buses": "Amazon EventBridge",
		"IAM roles": "IAM role", "AWS DataSync": "AWS DataSync", "datasync": "AWS DataSync",
		"Kinesis":      "Amazon Kinesis Data Streams",
		"late records": "late data", "caches": "Amazon ElastiCache", "batches": "batch processing", "CI / CD": "CI/CD",
	} {
		e, ok := g.Find(word)
		require.True(t, ok, word)
		require.Equal(t, name, e.Name, word)
	}
	for _, e := range g.All() {
		for _, name := range e.Names() {
			found, ok := g.Find(name)
			require.True(t, ok, name)
			require.Equal(t, e.Name, found.Name, name)
		}
	}
	dlq, _ := g.Find("DLQ")
	require.Equal(t, []string{"DLQ", "dead letter"}, dlq.Others())
	esm, _ := g.Find("ESM")
	require.Empty(t, esm.Others(), "a plural is no other name")
	for _, word := range []string{"", "-", "shrad", "nonsense", "amazon"} {
		_, ok := g.Find(word)
		require.False(t, ok, word)
	}
}

func TestNear_saysWhatMayBeMeant(t *testing.T) {
	t.Parallel()
	g := load(t)
	for word, name := range map[string]string{"shrad": "shard", "idempotant": "idempotent",
		"dead leter queue": "dead-letter queue", "kinesis shard": "shard", "watermrak": "watermark",
		"dynamo streams": "DynamoDB Streams", "glue bookmark": "job bookmark"} {
		var names []string
		for _, e := range g.Near(word) {
			names = append(names, e.Name)
		}
		require.Contains(t, names, name, word)
		require.LessOrEqual(t, len(names), 3)
	}
	require.Empty(t, g.Near("xyzzyplugh"))
	require.Empty(t, g.Near(" "))
}

func TestReader_findsWordsOnceAndTheLongestFirst(t *testing.T) {
	t.Parallel()
	r := load(t).Reader()
	marked := func(text string) (out []string) {
		for _, m := range r.Read(text) {
			out = append(out, text[m.From:m.To]+" = "+m.Entry.Name)
		}
		return out
	}
	require.Equal(t, []string{"event source\nmapping = event source mapping", "shards = shard"},
		marked("The event source\nmapping reads all shards, one shard after the other."))
	require.Empty(t, marked("A shard."), "it has been met")
	require.Equal(t, []string{"dead-letter queue = dead-letter queue"}, marked("no dead-letter queue"))
	require.Equal(t, []string{"partition = partition"}, marked("a partition, key by key"), "a comma parts names")
	require.Equal(t, []string{"Lambda = AWS Lambda"}, marked("öffnet Lambda für uns"))
	require.Len(t, r.Seen(), 5)
	require.Equal(t, []string{"COPY = COPY", "RCUs = read capacity unit"}, marked("copy, then COPY; two RCUs"))
	require.Empty(t, marked("copy, merge and scan what query and spice are"), "capitals count")
}

func TestRead_refusesWhatIsAmbiguousOrUnknown(t *testing.T) {
	t.Parallel()
	file := func(text string) fstest.MapFS {
		return fstest.MapFS{"words/a.yaml": &fstest.MapFile{Data: []byte(text)}}
	}
	_, err := glossary.Read(file("group: A\nwords:\n  - name: role\n  - name: x\n    also: [Roles]\n"))
	require.EqualError(t, err, `both "role" and "x" are called "Roles"`)
	_, err = glossary.Read(file("group: A\nwords:\n  - naem: role\n"))
	require.ErrorContains(t, err, "words/a.yaml: ")
	require.ErrorContains(t, err, "naem")
}
