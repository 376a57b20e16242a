// Package kinesis emulates Kinesis Data Streams: streams and their shards,
// writing with per-shard limits, reading with iterators, resharding with
// lineage, retention and trimming on the clock, registered consumers and
// their subscriptions.
//
// Left out on purpose (they answer 501): channels and queues, warm
// throughput, changes of account settings.
//
// Limits kept are in the quota table of package limits. Sources:
// https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
// https://docs.aws.amazon.com/kinesis/latest/APIReference/Welcome.html
package kinesis
