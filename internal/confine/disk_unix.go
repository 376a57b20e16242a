//go:build unix

package confine

import (
	"os"

	"golang.org/x/sys/unix"
)

// mostDeep is how many folders may be one in another: each costs a descriptor while
// it is looked at. Beyond it nothing can be counted, and no program needs it: names
// of files with a path as long cannot be given to the kernel.
const mostDeep = 400

// perFile is what a file or folder takes at least, in bytes: an empty one has an
// entry in its folder and a place in the file system's tables.
const perFile = 1 << 10

// large is from what on a file is remembered by its number, in bytes.
const large = 1 << 20

// node is a file, whatever names it has.
type node struct {
	device, number uint64
}

// usage is what folders hold on disk.
type usage struct {
	bytes int64
	deep  bool // more than mostDeep folders in one another
	large map[uint64]int64
	links map[node]bool // files with several names that are counted already
}

// diskUse is what the folders that may be written hold on disk, in bytes. It goes
// by descriptors, from folder to folder: a path can be longer than the kernel takes.
func (p *Policy) diskUse() usage {
	u := usage{large: map[uint64]int64{}, links: map[node]bool{}}
	for _, folder := range p.Write {
		// What is in front of it is not the program's, so it may be a link.
		if fd, err := openFolder(unix.AT_FDCWD, folder, 0); err == nil {
			u.folder(fd, mostDeep)
		}
	}
	return u
}

// folder counts what is in one, and closes it. What vanishes meanwhile holds nothing.
func (u *usage) folder(fd, levels int) {
	dir := os.NewFile(uintptr(fd), "folder") // a descriptor
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(1000)
		for _, n := range names {
			var st unix.Stat_t
			if unix.Fstatat(fd, n, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
				continue
			}
			u.count(&st)
			if st.Mode&unix.S_IFMT != unix.S_IFDIR {
				continue
			}
			if levels == 0 {
				u.deep = true
			} else if inner, err := openFolder(fd, n, unix.O_NOFOLLOW); err == nil {
				u.folder(inner, levels-1)
			}
		}
		if err != nil || len(names) == 0 { // io.EOF, or it cannot be read to its end
			return
		}
	}
}

func (u *usage) count(st *unix.Stat_t) {
	id := node{uint64(st.Dev), st.Ino} //nolint:unconvert // signed on some systems
	if st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		if u.links[id] {
			return
		}
		u.links[id] = true
	}
	size := st.Blocks * 512
	if size >= large {
		u.large[id.number] = size
	}
	u.bytes += max(size, perFile)
}

// openFolder opens a folder for reading. One whose owner, a program of ours,
// has taken the right to read from it gets that back: what is in it counts as well.
func openFolder(parent int, name string, links int) (int, error) {
	how := links | unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NONBLOCK | unix.O_CLOEXEC
	fd, err := unix.Openat(parent, name, how, 0)
	if err != unix.EACCES {
		return fd, err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(parent, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return 0, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return 0, unix.ENOTDIR
	}
	if err := unix.Fchmodat(parent, name, uint32(st.Mode)&0o777|0o700, //nolint:unconvert // of 16 bits on some systems
		unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return 0, err
	}
	return unix.Openat(parent, name, how, 0)
}
