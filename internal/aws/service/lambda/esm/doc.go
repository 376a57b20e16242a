// Package esm emulates Lambda's event source mappings: what polls Kinesis
// streams, DynamoDB streams and SQS queues and invokes functions with batches.
// It holds the five operations and the workers behind them; the lambda service
// shows the operations and invokes the functions.
//
// Streams: a worker per shard and parallelization factor, a checkpoint by
// sequence number over contiguous finished records, parents before children,
// batching windows, filters, retries with backoff, bisect, partial batch
// answers, record age, on-failure destinations, tumbling windows. Queues:
// concurrent batches, partial batch answers, filters, order by message group.
//
// The checkpoint, the retries of the batch at hand and the state of tumbling
// windows are in the store, so that a restart goes on from there and delivers
// at least once.
//
// AWS: a poller reads every shard once a second (DynamoDB: four times), also
// when nothing was written. Here a read is made when the source signals; an
// idle mapping costs nothing. Kinesis reads of a mapping still count against
// the five a second that a shard gives to all readers, at most one a second on
// average, as on AWS.
//
// AWS: a mapping on a stream consumer is pushed its records over HTTP/2 with
// throughput of its own. Here it reads the consumer's stream with GetRecords,
// as often as it likes and without using up the reads of others.
//
// AWS: with LATEST records that come in the first minutes may be missed. Here
// LATEST is the moment of creation.
//
// AWS: does not say how tumbling windows and parallelization go together. Here
// each of a shard's concurrent batches has a window and a state of its own.
//
// Left out on purpose (501): Kafka, MQ and DocumentDB sources, SNS and Kafka
// destinations, provisioned pollers, metrics and logging configuration,
// customer keys, tags.
//
// Sources:
// https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
package esm
