//go:build unix

package confine

import (
	"io/fs"
	"path/filepath"
	"syscall"
)

// diskUse is what the folders that may be written hold on disk, in bytes.
func (p *Policy) diskUse() (sum int64) {
	for _, folder := range p.Write {
		_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error { // what vanishes holds nothing
			if err != nil {
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return nil
			}
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				sum += st.Blocks * 512
			}
			return nil
		})
	}
	return sum
}
