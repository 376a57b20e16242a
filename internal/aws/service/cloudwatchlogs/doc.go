// Package cloudwatchlogs emulates Amazon CloudWatch Logs: groups with
// retention and tags, streams, putting events with AWS's limits, reading by
// stream with tokens in both directions, searching a group with filter patterns
// (package pattern). Retention really removes events when the clock moves.
//
// AWS: a new event is searchable after seconds. Here at once.
//
// AWS: removes expired events within 72 hours. Here within the hour.
//
// Left out on purpose (501): Logs Insights queries, metric and subscription
// filters, live tail, customer keys, data protection, anomaly detection,
// deletion protection, entities, exports, deliveries.
//
// Sources:
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
package cloudwatchlogs
