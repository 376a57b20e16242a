// Package archive opens what learners hand in: zip, tar and gzipped tar, told
// apart by their content. It trusts nothing in them: an archive that is too
// large, or names anything outside of its own folder, is refused whole, and
// nothing of it is left behind.
package archive
