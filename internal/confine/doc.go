// Package confine keeps the processes that run a learner's code in a cage:
// files, network, signals, memory, number of processes and disk. It judges
// nothing and knows no labs.
//
// A Policy says what is allowed; whoever starts a process makes a Cage from it.
// A Cage serves one program with all that it starts and leaves nothing of it
// running.
//
// How it holds, on Linux 6.12 and newer:
//
//   - Landlock lets the program read the folders of the policy, the system's
//     programs and libraries and a few harmless files of /etc, /proc and /dev;
//     write its own folders; connect to the ports of the policy. It binds root
//     as anybody else.
//   - A filter of system calls refuses what Landlock does not see: sockets other
//     than TCP, listening, System V IPC, memory without a process, new
//     namespaces, ptrace, io_uring, mounts, clocks, and changes to the limits and
//     priorities of other processes. Limits of the kernel bound files, memory and
//     the number of processes at once.
//   - The program is the inner of two nested Landlock domains that signals cannot
//     leave. In the outer one waits a keeper, a shell that the program can neither
//     signal nor trace. When the program is to end, or pipelab has died, the keeper
//     kills every process that it can signal: exactly those of the cage, at
//     once, whatever sessions and parents they have given themselves.
//   - The keeper also tells which processes belong to the cage, so that their
//     memory and number are counted however they were started, with what they hold
//     out of sight: files without a name, shared memory that is not mapped, tables of
//     pages, sockets and pipes. Folders are gone through by descriptors. Calls that
//     hide from that are refused.
//   - Where control groups are delegated to pipelab (Groups) each cage has one. The
//     watch decides, everywhere alike; the group bounds what it does not see or sees
//     late: what the kernel keeps for a program, and files on their way.
//
// Where the kernel cannot, and wherever it is asked for, a program runs in a
// container instead (NewContainer): without a network, capabilities or a root
// file system that it could write, with the folders of the policy and the limits
// of the engine. Its only way out is a tunnel over the container's standard streams, which
// pipelab connects to the ports of the policy and to nothing else; the container
// ends with the tunnel, and the tunnel with pipelab. A container takes about half a
// second to start, and interpreters in it are started anew.
//
// What a program in the kernel's cage notices: modes and times of files cannot be changed and sessions
// not begun (the calls do nothing), owners cannot be changed; there are no Unix sockets with a name, no shared
// memory, no datagrams, nothing of /proc/self. Whoever needs an executable file
// makes it one when it is created.
//
// What that cage does not do: a port is allowed on every address, not on loopback
// alone; names, sizes and times of files outside can be looked at with stat; time
// of the processor is bounded by the time limit alone, and whoever has taken five
// seconds of it goes behind all others; memory, number and disk
// are looked at every few milliseconds, and what is taken in between is taken; two
// programs of one policy see each other's files in its folders; without control
// groups, sockets that are on their way from one process to another hold what nobody
// counts, a thousand of a user at a time, and files there are noticed only when the
// file system has lost much. There is no limit of addresses: Node.js and Go reserve
// gigabytes that they never use.
//
// A program of root's becomes a user of its own, since the kernel counts the
// processes of users and never root's. It keeps the capability to use files of
// others, as interpreters often live in root's home, and Landlock limits which.
package confine
