// Package dynamodbstreams emulates Amazon DynamoDB Streams: it reads what the
// dynamodb service wrote to the log that both share (package streamlog).
//
// Iterators are self-contained: they carry stream, position and time of issue,
// and expire after 15 minutes. Records are trimmed after 24 hours; a disabled
// stream stays readable as long. Shard lineage is explained in streamlog.
//
// All four operations of the API are there; nothing is left out.
package dynamodbstreams
