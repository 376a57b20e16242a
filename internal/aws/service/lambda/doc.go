// Package lambda emulates AWS Lambda: functions from zip archives (uploaded or
// in S3), versions, aliases with weights, layers, environment, tags, resource
// policies, concurrency limits, synchronous, asynchronous and dry-run
// invocations with retries, destinations and dead letters, and event source
// mappings (package esm). Functions run as processes of this machine, see the
// package runtime for what that means.
//
// Recursive loops through queues, buckets and Invoke are stopped as on AWS, and traces
// are handed on from a caller to what its function calls; there is no X-Ray.
//
// Limits kept: payload sizes, sizes of archives and environments, reserved and
// account concurrency, the age and the retries of asynchronous events.
//
// AWS: a function is Pending for seconds after its creation and after updates.
// Here for a tenth of a second.
//
// AWS: a service may only invoke a function whose policy lets it. Kept; the
// policies of users and roles are another matter (package gateway).
//
// AWS: runs a function on the architecture and with the temporary storage that
// it asks for. Here both are stored and shown; the machine decides.
//
// AWS: the locations of code and layers are presigned URLs of a bucket. Here they are
// URLs of a door of the emulator's own, for ten minutes as well.
//
// AWS: sends START, END and REPORT lines to the log in the background. Here
// they are there when an invocation has answered.
//
// Left out on purpose (501): container images, VPC, file systems, customer
// keys, SnapStart, code signing, function URLs, response streaming,
// provisioned concurrency, durable functions, capacity providers, tenants, JSON
// log format, destinations other than queues, functions and buckets; runtimes
// other than Python, Node.js and provided ones.
//
// Sources:
// https://docs.aws.amazon.com/lambda/latest/api/welcome.html
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
package lambda
