// Package runtime runs Lambda functions as processes of this machine: Python
// and Node.js with the interpreter on PATH, provided runtimes by their own
// bootstrap. Each execution environment is one process with a Lambda Runtime
// API of its own, so handlers, custom runtimes and AWS's runtime clients work
// unchanged. It knows no functions, versions or roles; the lambda service does.
//
// Kept: one invocation at a time in an environment, initialisation apart from
// the invocation, reuse, timeouts and memory limits that end the whole process
// group, the errors of a process that ends without an answer, response sizes,
// deadlines, logs line by line or whole where a runtime frames them.
//
// AWS: an environment is a small virtual machine with Amazon Linux, read-only
// code under /var/task, /tmp of its own and the runtime's exact version. Here
// it is a process with this machine's files, PATH and interpreter version; code
// is in a folder that LAMBDA_TASK_ROOT names, temporary files belong under
// TMPDIR. A process has the rights of whoever runs pipelab, unless Machine says
// that it is to be confined.
//
// AWS: freezes an environment between invocations. Here it goes on.
//
// AWS: gives initialisation 10 s and repeats it within the function's timeout
// when that was not enough. Here both are given in one go.
//
// The memory limit is watched on Linux only.
//
// Sources:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
package runtime
