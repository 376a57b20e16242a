package archive_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/archive"
)

// windows makes a zip as programs on Windows do: made by FAT, no flag of UTF-8,
// names in any bytes. extra is the extra data of the first entry.
func windows(t *testing.T, extra []byte, names ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for i, name := range names {
		h := &zip.FileHeader{Name: name, Method: zip.Store, NonUTF8: true, CreatorVersion: 20, ReaderVersion: 20}
		if last := name[len(name)-1]; last != '/' && last != '\\' {
			h.UncompressedSize64, h.CompressedSize64, h.CRC32 = 1, 1, crc32.ChecksumIEEE([]byte("x"))
		}
		if i == 0 {
			h.Extra = extra
		}
		w, err := z.CreateRaw(h)
		require.NoError(t, err)
		if h.CompressedSize64 > 0 {
			_, err = w.Write([]byte("x"))
			require.NoError(t, err)
		}
	}
	require.NoError(t, z.Close())
	return buf.Bytes()
}

// infoZIP is the field of extra data that has a name as UTF-8.
func infoZIP(of, name string) []byte {
	b := binary.LittleEndian.AppendUint16(nil, 0x7075)
	b = binary.LittleEndian.AppendUint16(b, uint16(5+len(name)))
	b = append(b, 1)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE([]byte(of)))
	return append(b, name...)
}

func TestOpen_readsNamesAsTheirAuthorHadThem(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		want    []string
	}{
		"Compress-Archive of PowerShell 5": {
			windows(t, nil, `template.yaml`, `src\app.py`, `src\lib\util.py`, `empty\`),
			[]string{"src/app.py", "src/lib/util.py", "template.yaml"}},
		"the folder around it, too": {windows(t, nil, `week3\template.yaml`, `week3\src\app.py`),
			[]string{"src/app.py", "template.yaml"}},
		"code page 437": {windows(t, nil, "a.py", "\x9abung/M\x81ller.txt"), []string{"a.py", "Übung/Müller.txt"}},
		"code page 850": {windows(t, nil, "a.py", "S\xc6o Jo\xc6o \x9bre.txt"),
			[]string{"São João øre.txt", "a.py"}},
		"UTF-8 without the flag":   {windows(t, nil, "a.py", "Übung.txt"), []string{"a.py", "Übung.txt"}},
		"a name in Info-ZIP's way": {windows(t, infoZIP("?.txt", "日本.txt"), "?.txt", "a.py"), []string{"a.py", "日本.txt"}},
		"that of another name":     {windows(t, infoZIP("b.txt", "日本.txt"), "c.txt", "a.py"), []string{"a.py", "c.txt"}},
		"the picture of a folder": {windows(t, nil, "a.py", "b.py", "Icon\r", "__MACOSX/._Icon\r"),
			[]string{"a.py", "b.py"}},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := open(t, c.content, archive.Limits{})
			require.NoError(t, err)
			require.Equal(t, c.want, slices.Sorted(maps.Keys(found)))
		})
	}
}

func TestOpen_leavesOutWhatSomeSystemCannotHave(t *testing.T) {
	for kind, content := range kinds(t, item{name: "template.yaml", body: "x"}, item{name: "src/app.py", body: "x"},
		item{name: "notes: monday.md", body: "x"}, item{name: `src/a\b`, body: "x"}, item{name: "src/NUL.txt", body: "x"},
		item{name: "end. ", body: "x"}) {
		left := map[string]string{}
		found, err := open(t, content, archive.Limits{LeftOut: func(name, why string) { left[name] = why }})
		require.NoError(t, err, kind)
		require.Equal(t, map[string]string{"template.yaml": "x", "src/app.py": "x"}, found, kind)
		require.Equal(t, map[string]string{
			"notes: monday.md": "the name notes: monday.md holds the character ':', which Windows cannot have",
			`src/a\b`:          `the name src/a\b holds the character '\\', which Windows cannot have`,
			"src/NUL.txt":      "the name src/NUL.txt is that of a device on Windows",
			"end. ":            "the name end.  ends with a dot or a space, which Windows cannot have",
		}, left, kind)
	}
	_, err := open(t, zipped(t, item{name: "a:b", body: "x"}), archive.Limits{LeftOut: func(string, string) {}})
	require.ErrorIs(t, err, archive.ErrRefused)
	require.ErrorContains(t, err, "is empty")
}

// Leaving files out is for accidents: what attacks refuses the whole, as before.
func TestOpen_refusesAttacksWhateverMayBeLeftOut(t *testing.T) {
	for name, content := range map[string][]byte{
		"up":                     zipped(t, item{name: "a/b", body: "x"}, item{name: "../x", body: "x"}),
		"up by backslashes":      windows(t, nil, "a", `..\x`),
		"up where slashes count": windows(t, nil, "a/b", `..\x`),
		"up below a folder":      windows(t, nil, "a/b", `a\..\..\x`),
		"a share of Windows":     windows(t, nil, "a", `\\host\share\x`),
		"a drive":                windows(t, nil, "a", `C:\x`),
		"the folder of a drive":  windows(t, nil, "a/b", "c:x/../y"),
		"a control":              zipped(t, item{name: "a", body: "x"}, item{name: "b:\x1b[2J", body: "x"}),
		"a turned name":          zipped(t, item{name: "a", body: "x"}, item{name: "b:\u202etxt", body: "x"}),
		"one name twice":         windows(t, nil, `src\app.py`, `SRC\app.py`),
		"one name in two pages":  windows(t, nil, "a/b", "\x94.txt", "o\u0308.txt"),
		"up in Info-ZIP's way":   windows(t, infoZIP("a/b", "../x"), "a/b"),
	} {
		_, err := open(t, content, archive.Limits{LeftOut: func(string, string) {}})
		require.ErrorIs(t, err, archive.ErrRefused, name)
		require.NotErrorIs(t, err, archive.ErrUnportable, name)
	}
}

func TestNames_areOneRuleWhereverTheyAreTaken(t *testing.T) {
	var n archive.Names
	got, err := n.Take("./src//app.py", false)
	require.NoError(t, err)
	require.Equal(t, "src/app.py", got)
	_, err = n.Take("src/App.py", false)
	require.ErrorIs(t, err, archive.ErrRefused)
	require.Equal(t, "src/app.py and src/App.py are one name on macOS and Windows", archive.Reason(err))
	_, err = n.Take("notes: monday.md", false)
	require.ErrorIs(t, err, archive.ErrUnportable)
	require.Equal(t, "the name notes: monday.md holds the character ':', which Windows cannot have", archive.Reason(err))
	_, err = n.Take("Other/app.py", false)
	require.NoError(t, err, "what was not taken is not remembered")
}
