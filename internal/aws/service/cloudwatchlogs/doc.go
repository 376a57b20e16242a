// Package cloudwatchlogs emulates CloudWatch Logs: log groups and streams,
// writing events with the batch rules of PutLogEvents, reading and searching
// them with filter patterns, retention on the clock, tags.
//
// Left out on purpose (they answer 501): Logs Insights queries, Live Tail,
// metric and subscription filters, exports, deliveries, encryption, data
// protection, the log classes beside STANDARD.
//
// Limits kept are in the quota table of package limits. Sources:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html
package cloudwatchlogs
