package iam

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// awsManagedDocuments are the documents of AWS's managed policies, by what
// follows "policy/" in their ARN.
// Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
func awsManagedDocuments() map[string]string {
	logs := []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
	return map[string]string{
		"service-role/AWSLambdaBasicExecutionRole": allow(logs),
		"service-role/AWSLambdaKinesisExecutionRole": allow(append([]string{"kinesis:DescribeStream",
			"kinesis:DescribeStreamSummary",
			"kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:ListStreams",
			"kinesis:SubscribeToShard"}, logs...)),
		"service-role/AWSLambdaSQSQueueExecutionRole": allow(append([]string{"sqs:ReceiveMessage", "sqs:DeleteMessage",
			"sqs:GetQueueAttributes"}, logs...)),
		"service-role/AWSLambdaDynamoDBExecutionRole": allow(append([]string{"dynamodb:DescribeStream", "dynamodb:GetRecords",
			"dynamodb:GetShardIterator", "dynamodb:ListStreams"}, logs...)),
		"AmazonS3ReadOnlyAccess": allow([]string{"s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*",
			"s3-object-lambda:List*"}),
		"AmazonS3FullAccess":          allow([]string{"s3:*", "s3-object-lambda:*"}),
		"AmazonKinesisFullAccess":     allow([]string{"kinesis:*"}),
		"AmazonKinesisReadOnlyAccess": allow([]string{"kinesis:Get*", "kinesis:List*", "kinesis:Describe*"}),
		"AmazonSQSFullAccess":         allow([]string{"sqs:*"}),
		"AmazonSQSReadOnlyAccess": allow([]string{"sqs:GetQueueAttributes", "sqs:GetQueueUrl",
			"sqs:ListDeadLetterSourceQueues",
			"sqs:ListQueues", "sqs:ListMessageMoveTasks", "sqs:ListQueueTags"}),
		"AmazonDynamoDBFullAccess": dynamoDBFullAccess,
		"AdministratorAccess":      allow([]string{"*"}),
	}
}

// dynamoDBFullAccess reaches into the services around DynamoDB too.
const dynamoDBFullAccess = `{"Version":"2012-10-17","Statement":[{"Action":["dynamodb:*","dax:*",` +
	`"application-autoscaling:DeleteScalingPolicy","application-autoscaling:DeregisterScalableTarget",` +
	`"application-autoscaling:DescribeScalableTargets","application-autoscaling:DescribeScalingActivities",` +
	`"application-autoscaling:DescribeScalingPolicies","application-autoscaling:PutScalingPolicy",` +
	`"application-autoscaling:RegisterScalableTarget","cloudwatch:DeleteAlarms","cloudwatch:DescribeAlarmHistory",` +
	`"cloudwatch:DescribeAlarms","cloudwatch:DescribeAlarmsForMetric","cloudwatch:GetMetricStatistics",` +
	`"cloudwatch:ListMetrics","cloudwatch:PutMetricAlarm","cloudwatch:GetMetricData","iam:GetRole","iam:ListRoles",` +
	`"kms:DescribeKey","kms:ListAliases","sns:CreateTopic","sns:DeleteTopic","sns:ListSubscriptions",` +
	`"sns:ListSubscriptionsByTopic","sns:ListTopics","sns:Subscribe","sns:Unsubscribe","sns:SetTopicAttributes",` +
	`"lambda:CreateFunction","lambda:ListFunctions","lambda:ListEventSourceMappings","lambda:CreateEventSourceMapping",` +
	`"lambda:DeleteEventSourceMapping","lambda:GetFunctionConfiguration","lambda:DeleteFunction","tag:GetResources",` +
	`"kinesis:ListStreams","kinesis:DescribeStream","kinesis:DescribeStreamSummary"],"Effect":"Allow","Resource":"*"}]}`

func allow(actions []string) string {
	b, _ := json.Marshal(map[string]any{"Version": "2012-10-17", // strings always encode
		"Statement": []any{map[string]any{"Effect": "Allow", "Action": actions, "Resource": "*"}}})
	return string(b)
}

const awsPrefix = "arn:aws:iam::aws:policy/"

func awsManagedARNs() []string {
	var out []string
	for _, n := range slices.Sorted(maps.Keys(awsManagedDocuments())) {
		out = append(out, awsPrefix+n)
	}
	return out
}

// awsManaged returns one of AWS's policies.
func awsManaged(arn string) (managed, bool) {
	name, ok := strings.CutPrefix(arn, awsPrefix)
	if !ok {
		return managed{}, false
	}
	doc, ok := awsManagedDocuments()[name]
	if !ok {
		return managed{}, false
	}
	path := "/"
	if at := strings.LastIndexByte(name, '/'); at >= 0 {
		path, name = "/"+name[:at+1], name[at+1:]
	}
	since := time.Date(2015, 4, 9, 15, 3, 43, 0, time.UTC)
	return managed{ARN: arn, Name: name, Path: path, ID: "ANPA" + strings.ToUpper(strings.Repeat("A", 17)), Created: since,
		Updated: since,
		Default: "v1", Versions: []version{{ID: "v1", Document: doc, Created: since}}}, true
}
