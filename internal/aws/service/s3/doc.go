// Package s3 emulates Amazon S3: buckets, objects, listings, conditional
// requests, ranges, checksums, multipart uploads, copies, versions and delete
// markers, tags, presigned URLs, forms of browsers, bucket configurations, Object Lock, lifecycle
// rules that act when the clock moves, and event notifications to Lambda and
// SQS. Bodies are blobs of the store; everything else is in its collections.
//
// AWS: lifecycle rules act within a day or two after midnight UTC. Here at
// midnight.
//
// AWS: notifications come within seconds, seldom a minute, and are repeated for
// an unknown time when they cannot be delivered. Here at once, and for a day.
//
// AWS: encrypts with KMS keys. Here what was asked for is stored and shown, nothing is
// encrypted: there is no key service.
//
// AWS: canonical user ids are opaque. Here they hold the account's number.
//
// AWS: keys of customers are taken over HTTPS only. Here over HTTP too; nothing is
// encrypted with them, but only who has the key reads the object.
//
// Left out on purpose (501): ACLs other than the default, websites, replication,
// inventory, analytics, S3 Select, access points, directory buckets, restoring
// from archive classes, topics and EventBridge as destinations, MFA delete.
//
// Sources:
// https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
package s3
