// Package dynamodb emulates Amazon DynamoDB: tables with local and global
// secondary indexes, items with all expressions, queries and scans with pages,
// batches, transactions, TTL, tags, provisioned throughput and streams (read
// through package dynamodbstreams; package streamlog is what both share).
//
// Items live in one ordered collection: the table, a hash of the partition
// key, the partition key, the sort key, the latter two in an encoding that
// keeps their order. A Query is a range of it, a Scan all of a table in order
// of hashes, a parallel segment a range of hashes. Index entries are an
// ordered collection of the same form that leads to the item.
//
// The parameters that expressions have replaced (Expected, AttributeUpdates,
// KeyConditions, filters, AttributesToGet) become the same trees as expressions.
//
// PartiQL statements become the same reads and writes, with the same conditions.
// AWS: of what is wrong with a statement's form, few texts are known; the others say
// what was expected in words of our own. A batch with a statement that policies deny
// is denied as a whole; there the statement's answer is AccessDenied.
//
// Left out on purpose, and answered with NotImplemented: backups,
// point-in-time recovery, import and export, global tables, Kinesis streaming
// destinations, contributor insights, encryption settings,
// warm and maximum on-demand throughput, index keys of several attributes,
// vector indexes.
//
// AWS: reads from global secondary indexes and eventually consistent reads may
// be stale there; here every read sees the last write. Concurrent transactions
// conflict there (TransactionConflictException); here they run one after the
// other. An item collection of more than 10 GB is refused there, not here.
// On-demand tables are throttled there at twice the previous peak; here only
// where one partition key value takes more than a partition does.
//
// Policies of tables and streams count at once; there it takes seconds until
// they are read and minutes until a change of one is in force. Principals of
// policies need not exist here.
//
// Limits kept are in internal/aws/limits/dynamodb.yaml, with their sources.
package dynamodb
