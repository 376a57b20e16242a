// Package filelock keeps two processes from one folder. The kernel drops a lock
// when its process dies, so that nothing is ever left locked.
package filelock
