package grade

import (
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// What learners and their machines say about submissions is read without a panic,
// whatever it is, and what comes out keeps to its bounds.

func FuzzEntries(f *testing.F) {
	f.Add([]byte("100644 blob 0123456789abcdef      12\tsrc/app.py\x00100755 blob 01       3\trun.sh\x00"))
	f.Add([]byte("120000 blob 01       3\tlink\x00160000 commit 01       -\tsub\x00"))
	f.Add([]byte("100644 blob 01 -1\tx\x00100644 blob 01 9223372036854775807\tx\x00100644 blob 01 2\ty"))
	f.Add([]byte("\t\x00 \t \x00\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		left := 0
		found, err := entries(b, func(string) { left++ })
		if err != nil {
			return
		}
		var sum int64
		for _, e := range found {
			require.GreaterOrEqual(t, e.size, int64(0))
			sum += e.size
		}
		require.LessOrEqual(t, len(found), mostFiles)
		require.LessOrEqual(t, sum, int64(mostBytes))
		require.LessOrEqual(t, len(found)+left, strings.Count(string(b), "\x00")+1)
	})
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"version":1,"lab":"s3-landing-zone","learner":"ada","files":{"src/app.py":"00"}}`))
	f.Add([]byte(`{"version":1e999,"files":{"../x":null}}`))
	f.Add([]byte(strings.Repeat("[", 20_000)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := parseManifest(b); err == nil {
			require.Positive(t, m.Version)
		}
	})
}

func FuzzRoster(f *testing.F) {
	f.Add([]byte("id,name,email\nada,Ada,ada@example.com\n"))
	f.Add([]byte("\xef\xbb\xbfid;name\r\n\"a;\"\"b\";=1+1\r\n"))
	f.Add([]byte("id,id\na,b\nc\n\"never closed"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRoster("class.csv", b)
		if err != nil {
			require.Contains(t, err.Error(), "class.csv", "it says where")
			return
		}
		require.NotNil(t, r)
	})
}

func FuzzNames(f *testing.F) {
	for _, name := range []string{"ada_12345_67890_week3.zip", "lovelaceada_LATE_123_456_app.py",
		"Ada Lovelace_123_assignsubmission_file_", "12-34 - Ada Lovelace - Mar 3, 2026 1159 PM - a.zip", "submission_1234",
		"", ".", "..", "a/b", "\x00", strings.Repeat("1_", 5000)} {
		f.Add(name, true)
	}
	rules := newNamingRules(nil)
	f.Fuzz(func(t *testing.T, name string, folder bool) {
		if !utf8.ValidString(name) || !fs.ValidPath(name) {
			return // no name of an entry of a folder
		}
		rules.read(name, folder)
	})
}
