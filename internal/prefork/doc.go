// Package prefork starts programs as os/exec does, and Python programs faster:
// one interpreter is kept that has the AWS SDK loaded, and each program runs in
// a fork of it. Starting Python and importing boto3 takes some 300 ms of a
// processor, a fork 5 ms, and a lab starts dozens of programs.
//
// A program cannot tell, but for its speed: it gets its own environment,
// folder, files and process group, runs as __main__, and ends as any Python
// does. What a fork could get wrong starts in the old way: options of the
// interpreter, PYTHON* variables, modules of the program's own that would be
// hidden by loaded ones, systems without fork.
//
// It does not limit what a program may do.
package prefork
