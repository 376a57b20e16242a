package foreign_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/pipelab/pipelab/internal/foreign"
)

func TestText_isReadWhereItsEncodingIsCertain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.StringOf(rapid.RuneFrom([]rune("aÅé;\n日🎓ö"))).Draw(t, "text")
		for _, order := range []unicode.Endianness{unicode.LittleEndian, unicode.BigEndian} {
			wide, err := unicode.UTF16(order, unicode.UseBOM).NewEncoder().String(want)
			require.NoError(t, err)
			got, err := foreign.Text([]byte(wide))
			require.NoError(t, err)
			require.Equal(t, want, string(got))
		}
		for _, before := range []string{"", "\xef\xbb\xbf"} {
			got, err := foreign.Text([]byte(before + want))
			require.NoError(t, err)
			require.Equal(t, want, string(got))
		}
	})
}

func TestText_guessesNothing(t *testing.T) {
	windows, err := charmap.Windows1252.NewEncoder().String("id,name\ns1,Zoë Ångström\n")
	require.NoError(t, err)
	for name, text := range map[string]string{"Windows-1252": windows, "UTF-16 without a mark": "i\x00d\x00\n\x00",
		"half a character": "\xff\xfei\x00d", "half a pair": "\xff\xfe\x3d\xd8a\x00"} {
		_, err := foreign.Text([]byte(text))
		require.ErrorIs(t, err, foreign.ErrEncoding, name)
		require.ErrorContains(t, err, "save it as UTF-8", name)
	}
}

func TestKey_isOneForAllSpellingsOfAWord(t *testing.T) {
	for _, same := range [][]string{
		{"Zoë Ångström", norm.NFD.String("Zoë Ångström"), "ZOË ÅNGSTRÖM", "Zoë A\u030angstro\u0308m", "Zoë Ångström"},
		{"O'Neill", "O’Neill", "OʼNeill", "o`neill"},
		{"Anne-Marie", "Anne‐Marie", "Anne‑Marie", "An\u00adne-Marie"},
		{"Strauß", "STRAUSS", "Strauẞ"},
		{"ＡＢＣ１", "abc1"},
		{"Σίσυφος", "ΣΊΣΥΦΟΣ", norm.NFD.String("σίσυφοσ")},
	} {
		for _, s := range same {
			require.Equal(t, foreign.Key(same[0]), foreign.Key(s), "%+q", s)
		}
	}
	require.NotEqual(t, foreign.Key("Muller"), foreign.Key("Müller"), "two people may be told apart by an accent alone")
}
