package serve

import (
	"debug/elf"
	"os"
	"syscall"
)

// releaseText gives back the pages of the program's own code that starting has
// touched: DuckDB is linked in, and its start-up code and tables are most of
// what an idle emulator would hold, though it never runs a query. Only parts of
// the file that are never written are given back; what is used again is mapped
// again from the cache of files. It is a courtesy: whatever goes wrong is left
// alone.
func releaseText() {
	file, err := elf.Open("/proc/self/exe")
	if err != nil {
		return
	}
	defer file.Close()            //nolint:errcheck // only read
	if file.Type != elf.ET_EXEC { // loaded elsewhere than it says
		return
	}
	page := uint64(os.Getpagesize())
	for _, p := range file.Progs {
		if p.Type != elf.PT_LOAD || p.Flags&elf.PF_W != 0 {
			continue
		}
		start := (p.Vaddr + page - 1) / page * page
		end := (p.Vaddr + p.Filesz) / page * page
		if end <= start {
			continue
		}
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(start), uintptr(end-start), syscall.MADV_DONTNEED) // as above
	}
}
