// Package cloudformation emulates AWS CloudFormation: stacks, change sets,
// events, outputs and exports, with rollback on failure. Templates are read and
// deployed by the package cfn, over whatever makes resources (New is given it);
// resources are made with the calls that clients make, which come in at the same
// door: as the caller of the operation (aws:CalledVia says so), or as a session of
// the stack's role. They are children of the call that began the operation.
//
// A stack whose operation was cut short by the end of the emulator is rolled
// back when it starts again, for whom it was begun, so none stays in progress for
// ever.
//
// AWS: creates a change set in the background. Here it is there when the call
// returns.
//
// AWS: passes the tags of a stack on to its resources. Here they stay with the
// stack.
//
// Left out on purpose (501): stack policies, notifications,
// rollback triggers, keeping what failed (DisableRollback, DO_NOTHING), nested
// stacks, stack sets, drift, imports of existing resources, macros other than
// SAM, ListImports.
//
// Sources:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/Welcome.html
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
package cloudformation
