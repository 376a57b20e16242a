// Package sqs emulates Amazon SQS: standard and FIFO queues, visibility, long
// polling, dead-letter queues and their redrive, deduplication, batches. All 23
// operations of the API are there; encryption settings are kept and returned.
// Policies let other services in, and others too where policies are enforced.
// Left out: ReceiveMessage's ReceiveRequestAttemptId.
//
// AWS: a standard queue hands out messages in nearly any order, and now and
// then one twice. Here they come in the order of sending, unless a fault of
// kind duplicate or reorder says otherwise.
//
// Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/ and
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
package sqs
