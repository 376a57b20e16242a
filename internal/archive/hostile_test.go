package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/archive"
)

// directory is a zip's list of files that are not there: 46 bytes and a name each.
func directory(entries, claimed int) []byte {
	var b bytes.Buffer
	b.WriteString("PK\x03\x04" + strings.Repeat("\x00", 26))
	start := b.Len()
	head := make([]byte, 46)
	copy(head, "PK\x01\x02")
	head[28] = 1
	for range entries {
		b.Write(head)
		b.WriteByte('a')
	}
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], uint16(claimed))
	binary.LittleEndian.PutUint16(end[10:], uint16(claimed))
	binary.LittleEndian.PutUint32(end[12:], uint32(b.Len()-start))
	binary.LittleEndian.PutUint32(end[16:], uint32(start))
	b.Write(end)
	return b.Bytes()
}

// Nothing else runs beside this test, since what all tests allocate is counted.
func TestOpen_whatListsWithoutEndTakesNoMemory(t *testing.T) {
	names := func(n int, name string) []byte {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		for range n {
			require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}))
		}
		require.NoError(t, w.Close())
		return gzipped(t, buf.Bytes())
	}
	for name, content := range map[string][]byte{
		"a million files in a zip":        directory(1_000_000, 1_000_000&0xffff),
		"a million where ten are said":    directory(1_000_000, 10),
		"long names in a tar":             names(2000, strings.Repeat("x", 20_000)),
		"a name of a MiB":                 names(1, strings.Repeat("x", 1<<20-200)),
		"many that are left out in a tar": names(20_000, "__MACOSX/x"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := open(t, content, archive.Limits{})
		runtime.ReadMemStats(&after)
		require.ErrorIs(t, err, archive.ErrRefused, name)
		require.Less(t, (after.TotalAlloc-before.TotalAlloc)>>20, uint64(128), "MiB: %s", name)
		require.Less(t, len(err.Error()), 1000, name)
	}
}

// raw makes a zip whose one entry's headers say what change makes of them.
func raw(t *testing.T, name string, change func(h *zip.FileHeader)) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	h := &zip.FileHeader{Name: name, Method: zip.Store}
	change(h)
	w, err := z.CreateRaw(h)
	require.NoError(t, err)
	if !strings.HasSuffix(name, "/") {
		_, err = w.Write([]byte("x"))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return buf.Bytes()
}

func TestOpen_refusesWhatIsNotWhatItSays(t *testing.T) {
	nested := zipped(t, item{name: "inner.zip", body: string(zipped(t, item{name: "../../x", body: "x"}))})
	found, err := open(t, nested, archive.Limits{})
	require.NoError(t, err)
	require.Len(t, found, 1, "an archive within stays an archive")

	overlapping := zipped(t, item{name: "a", body: strings.Repeat("x", 100)}, item{name: "b", body: "y"})
	copy(overlapping[bytes.LastIndex(overlapping, []byte("PK\x01\x02"))+42:], []byte{0, 0, 0, 0}) // where a's data are
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"a size of 2^63": {
			raw(t, "a", func(h *zip.FileHeader) { h.UncompressedSize64, h.CompressedSize64 = 1<<63, 1 }), ""},
		"2^63 packed": {
			raw(t, "a", func(h *zip.FileHeader) { h.UncompressedSize64, h.CompressedSize64 = 1, 1<<63 }), ""},
		"a file in another": {overlapping, "cannot be unpacked"},
		"a wrong sum": {raw(t, "a", func(h *zip.FileHeader) { h.UncompressedSize64, h.CompressedSize64, h.CRC32 = 1, 1, 7 }),
			"checksum"},
		"an unknown method": {
			raw(t, "a", func(h *zip.FileHeader) { h.Method = 99; h.CompressedSize64 = 1 }), "unpacked"},
		"a socket":               {zipped(t, item{name: "s", kind: tar.TypeFifo}), "device, a pipe"},
		"set user":               {tarred(t, item{name: "s", kind: tar.TypeBlock}), "device, a pipe"},
		"a sparse file of a GiB": {sparse(t), "more than"},
		"a name with a NUL": {
			raw(t, "a\x00b", func(h *zip.FileHeader) { h.CompressedSize64 = 1 }), "control characters"},
		"a name of Latin 1":     {raw(t, "a\xff", func(h *zip.FileHeader) { h.CompressedSize64 = 1 }), "UTF-8"},
		"a name of dots":        {raw(t, "...", func(h *zip.FileHeader) { h.CompressedSize64 = 1 }), "dot"},
		"a name that is turned": {raw(t, "a\u202etxt.exe", func(h *zip.FileHeader) { h.CompressedSize64 = 1 }), "turns"},
		"an empty part":         {raw(t, "a//../b", func(h *zip.FileHeader) { h.CompressedSize64 = 1 }), "leads outside"},
		"two at once":           {zipped(t, item{name: "x/K", body: "1"}, item{name: "x/\u212a", body: "2"}), "one name"},
		"composed and not":      {zipped(t, item{name: "\u00e9", body: "1"}, item{name: "e\u0301", body: "2"}), "one name"},
		"folded":                {zipped(t, item{name: "s", body: "1"}, item{name: "\u017f", body: "2"}), "one name"},
		"a sharp s":             {zipped(t, item{name: "ss", body: "1"}, item{name: "\u00df", body: "2"}), "one name"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := open(t, c.content, archive.Limits{})
			require.ErrorIs(t, err, archive.ErrRefused, "%v", found)
			require.ErrorContains(t, err, c.want)
		})
	}
}

// sparse is a tar whose one file is a GiB of nothing, with a map of 512 bytes.
func sparse(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	h := &tar.Header{Name: "big", Typeflag: tar.TypeReg, Mode: 0o644, Size: 1024, Format: tar.FormatPAX,
		PAXRecords: map[string]string{"VEN.sparse.major": "1", "VEN.sparse.minor": "0", "VEN.sparse.name": "big",
			"VEN.sparse.realsize": "1073741824"}}
	require.NoError(t, w.WriteHeader(h))
	list := "1\n1073741312\n512\n"
	_, err := w.Write([]byte(list + strings.Repeat("\x00", 1024-len(list))))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return bytes.ReplaceAll(buf.Bytes(), []byte("VEN.sparse"), []byte("GNU.sparse")) // a writer takes no such name
}
