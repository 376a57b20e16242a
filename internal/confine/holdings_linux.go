//go:build amd64 || arm64

package confine

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Sockets and pipes keep what was sent and not yet received, in memory that counts
// for nobody. How much a program has in them only the kernel knows; so many are for
// nothing, as honest programs have connections, and of more each counts as if it were
// full.
const (
	freeSockets = 64
	freePipes   = 64
	pipeBuffer  = 64 << 10 // the filter of calls lets none be larger. Source: pipe(7)
	perArea     = 256      // what the kernel needs for an area of mapped memory, in bytes
	// A lock takes the kernel some 200 bytes, and the more there are the longer it takes
	// to find out who has which, for every cage of the machine: so many are for nothing,
	// as databases have a few, and of more not so many that looking at them takes long.
	freeLocks = 1000
	perLock   = 64 << 10
	mostLocks = 1 << 20 // looked at
)

// holdings are what processes hold beside what their memory and the folders show:
// files without a name, which stay on the disk while they are open or mapped, memory
// that is shared and not mapped at the moment, and what the kernel keeps for them.
type holdings struct {
	files   map[uint64]int64 // bytes on disk, by the number of the file
	shared  map[uint64]int64 // bytes in memory, the same
	sockets map[uint64]bool
	pipes   map[uint64]bool
	areas   int64
	locks   int64
	hidden  int // processes into which nobody may look
}

// mapping is what a process has mapped that has no name, as it was when that was read.
type mapping struct {
	size  int64 // of what is mapped and is neither data nor a stack, when it was read
	looks int   // since then
	files map[uint64]extent
	areas int64
}

// extent is a file without a name that is mapped, or shared memory.
type extent struct {
	size   int64
	shared bool
}

// mapsEvery is after how many looks what a process has mapped is read again though
// nothing new is mapped: a name may have gone. Reading takes longer than all the rest.
const mapsEvery = 10

// holdingsOf looks into processes. Of a file without a name that is only mapped an
// ordinary user is told no size: known has those that were seen before. What is
// mapped is read where something has changed since mapped was.
func holdingsOf(pids []int, known map[uint64]int64, mapped map[int]*mapping) *holdings {
	h := &holdings{files: map[uint64]int64{}, shared: map[uint64]int64{}, sockets: map[uint64]bool{},
		pipes: map[uint64]bool{}}
	for _, pid := range pids {
		place, status, ok := look(pid)
		if !ok {
			continue
		}
		err := h.descriptors(place)
		size := kib(status, "VmSize:") - kib(status, "VmData:") - kib(status, "VmStk:")
		m := mapped[pid]
		if m == nil || m.size != size || m.looks >= mapsEvery {
			var mapsErr error
			m, mapsErr = readMaps(place)
			m.size = size
			err = errors.Join(err, mapsErr)
		}
		m.looks++
		mapped[pid] = m
		h.add(m, known)
		if errors.Is(err, fs.ErrPermission) {
			h.hidden++
		}
	}
	maps.DeleteFunc(mapped, func(pid int, _ *mapping) bool { return !slices.Contains(pids, pid) })
	h.locks = locks(pids)
	return h
}

// locks is how many parts of files are locked by processes. The kernel bounds them in
// no way. Source: proc_locks(5)
func locks(pids []int) (n int64) {
	f, err := os.Open("/proc/locks")
	if err != nil {
		return 0 // nobody can tell
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for looked := 0; looked < mostLocks && lines.Scan(); looked++ {
		words := strings.Fields(lines.Text()) // 1: POSIX ADVISORY WRITE 708 fd:00:128 0 EOF
		if len(words) < 5 {
			continue
		}
		if pid, err := strconv.Atoi(words[4]); err == nil && slices.Contains(pids, pid) {
			n++
		}
	}
	return n
}

// add counts what a process has mapped.
func (h *holdings) add(m *mapping, known map[uint64]int64) {
	h.areas += m.areas
	for number, e := range m.files {
		if e.shared {
			h.shared[number] = max(h.shared[number], e.size)
		} else {
			h.files[number] = max(h.files[number], e.size, known[number])
		}
	}
}

// descriptors looks at what a process has open. Source: proc_pid_fd(5)
func (h *holdings) descriptors(place string) error {
	dir, err := os.Open(place + "/fd")
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(1000)
		for _, name := range names {
			var st unix.Stat_t
			if unix.Fstatat(int(dir.Fd()), name, &st, 0) != nil {
				continue // closed meanwhile
			}
			switch st.Mode & unix.S_IFMT {
			case unix.S_IFSOCK:
				h.sockets[st.Ino] = true
			case unix.S_IFIFO:
				h.pipes[st.Ino] = true
			case unix.S_IFREG:
				if st.Nlink == 0 {
					h.files[st.Ino] = max(h.files[st.Ino], st.Blocks*512)
				}
			}
		}
		if err != nil || len(names) == 0 {
			return nil // io.EOF, or it has ended
		}
	}
}

// readMaps reads what a process has mapped that has no name: of files, and memory
// that is shared. Root is told how large that is, others what of it is mapped.
// Source: proc_pid_maps(5)
func readMaps(place string) (*mapping, error) {
	m := &mapping{files: map[uint64]extent{}}
	b, err := os.ReadFile(place + "/maps")
	if err != nil {
		return m, err
	}
	m.areas = int64(bytes.Count(b, []byte("\n")))
	for line := range bytes.Lines(b) {
		line, nameless := bytes.CutSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte(" (deleted)"))
		if !nameless {
			continue
		}
		words := strings.Fields(string(line))
		if len(words) < 6 {
			continue
		}
		from, to, _ := strings.Cut(words[0], "-")
		start, err1 := strconv.ParseInt(from, 16, 64)
		end, err2 := strconv.ParseInt(to, 16, 64)
		number, err3 := strconv.ParseUint(words[4], 10, 64)
		if err1 != nil || err2 != nil || err3 != nil {
			continue
		}
		path := words[5]
		e := extent{m.files[number].size + end - start,
			path == "/dev/zero" || strings.HasPrefix(path, "/SYSV") || strings.HasPrefix(path, "/memfd:")}
		var st unix.Stat_t
		if unix.Stat(place+"/map_files/"+words[0], &st) == nil {
			e.size = st.Blocks * 512
		}
		m.files[number] = e
	}
	return m, nil
}

// disk is what files without a name take, but for those in without.
func (h *holdings) disk(without map[uint64]int64) (sum int64) {
	for number, size := range h.files {
		if _, ok := without[number]; !ok {
			sum += size
		}
	}
	return sum
}

// kernel is memory that the kernel keeps for the processes and counts for nobody.
func (h *holdings) kernel() int64 {
	socket := socketBuffer()
	return max(0, int64(len(h.sockets)-freeSockets))*socket + max(0, int64(len(h.pipes)-freePipes))*pipeBuffer +
		h.areas*perArea + max(0, h.locks-freeLocks)*perLock
}

// apart is memory without a file that several can map, whether or not they do.
func (h *holdings) apart() (sum int64) {
	for _, size := range h.shared {
		sum += size
	}
	return sum
}

// socketBuffer is what one socket may hold that is sent and not received: twice the
// limit, as the kernel counts what it needs for it as well. Source: socket(7), SO_SNDBUF
func socketBuffer() int64 {
	const usual = 212992
	b, err := os.ReadFile("/proc/sys/net/core/wmem_max")
	n, convErr := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || convErr != nil || n <= 0 {
		n = usual
	}
	return 2 * min(n, usual*2)
}

// written is how many bytes processes have written in all, by what each is known to
// have written. Files in memory are not counted by the kernel, so calls that write
// anything are, where memory is what folders are in.
// Source: proc_pid_io(5)
func written(pids []int, inMemory bool, last map[int]int64) (more int64) {
	for _, pid := range pids {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/io")
		if err != nil {
			continue // gone, or nobody's to look into
		}
		name := "write_bytes:"
		if inMemory {
			name = "wchar:"
		}
		n, _ := strconv.ParseInt(field(string(b), name), 10, 64) // the kernel writes numbers
		if n < last[pid] {                                       // another process with the number
			last[pid] = 0
		}
		more += n - last[pid]
		last[pid] = n
	}
	return more
}
