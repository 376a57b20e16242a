package item

import (
	"bytes"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// decimals draws numbers as clients write them.
func decimals() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := rapid.StringMatching(`-?[0-9]{1,19}(\.[0-9]{1,18})?`).Draw(t, "mantissa")
		if rapid.Bool().Draw(t, "scientific") {
			s += rapid.StringMatching(`[eE][-+]?[0-9]{1,2}`).Draw(t, "exponent")
		}
		return s
	})
}

func rat(t require.TestingT, s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	require.True(t, ok, s)
	return r
}

func TestDecimal_agreesWithBigRat(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := decimals().Draw(t, "a"), decimals().Draw(t, "b")
		x, err := ParseNumber(a)
		require.NoError(t, err)
		y, err := ParseNumber(b)
		require.NoError(t, err)
		require.Zero(t, rat(t, a).Cmp(rat(t, x.String())), "parsing keeps the value")
		require.Equal(t, rat(t, a).Cmp(rat(t, b)), x.Cmp(y))
		sum, err := x.Add(y)
		want := new(big.Rat).Add(rat(t, a), rat(t, b))
		if err != nil {
			digits := strings.Trim(strings.ReplaceAll(strings.TrimPrefix(want.FloatString(140), "-"), ".", ""), "0")
			require.ErrorIs(t, err, errDigits)
			require.Greater(t, len(digits), maxDigits)
			return
		}
		require.Zero(t, want.Cmp(rat(t, sum.String())))
		back, err := ParseNumber(sum.String())
		require.NoError(t, err)
		require.Equal(t, sum, back, "the canonical form is stable")
	})
}

func TestAppendKey_keepsOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		make := func(s string) Value { return Num(s) }
		draw := decimals()
		if rapid.Bool().Draw(t, "text") {
			make, draw = Str, rapid.StringOf(rapid.RuneFrom([]rune{0, 1, 'a', 'b', 0xff, 0x10ffff}))
		}
		a, b := make(draw.Draw(t, "a")), make(draw.Draw(t, "b"))
		order, ok := a.Compare(b)
		require.True(t, ok)
		x, y := AppendKey(nil, a), AppendKey(nil, b)
		require.Equal(t, order, bytes.Compare(x, y))
		if order != 0 {
			require.False(t, bytes.HasPrefix(x, y), "no key is the beginning of another")
		}
		if a.Kind == String && strings.HasPrefix(a.Text, b.Text) {
			require.True(t, bytes.HasPrefix(x, AppendPrefix(nil, b)))
		}
	})
}

func TestParseNumber_refusesWhatIsOutOfRange(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "-", ".", "1e", "1e+", "0x1", "1.2.3", "NaN", "1 "} {
		_, err := ParseNumber(s)
		require.ErrorContains(t, err, "The parameter cannot be converted to a numeric value", s)
	}
	for s, want := range map[string]string{"1e2": "100", "-0": "0", "+00.50": "0.5", "1E-130": "0." +
		strings.Repeat("0", 129) + "1"} {
		d, err := ParseNumber(s)
		require.NoError(t, err)
		require.Equal(t, want, d.String())
	}
	_, err := ParseNumber("1e99999999999999999999")
	require.ErrorIs(t, err, errOverflow)
}

func TestSize_followsTheRulesOfAWS(t *testing.T) {
	t.Parallel()
	it := Item{"pk": Str("abc"), "n": Num("-12.5"), "l": {Kind: List, Elems: []Value{Truth(true)}},
		"m": {Kind: Map, Fields: map[string]Value{"k": Str("é")}}}
	// pk 2+3, n 1+(2 digits pairs+1+1 for the sign), l 1+3+1+1, m 1+3+1+(1+2)
	require.Equal(t, 5+5+6+8, it.Size())
}

func FuzzDecode(f *testing.F) {
	f.Add(Item{"a": Num("1.5"), "b": {Kind: StringSet, Elems: []Value{Str("x")}}}.Encode(nil))
	f.Add(Item{"m": {Kind: Map,
		Fields: map[string]Value{"l": {Kind: List, Elems: []Value{Bin("\x00"), {Kind: Null}}}}}}.Encode(nil))
	f.Add([]byte{1, 0, byte(List), 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		it, _, err := Decode(b)
		if err != nil {
			return
		}
		again, rest, err := Decode(it.Encode(nil))
		require.NoError(t, err)
		require.Empty(t, rest)
		require.True(t, it.Equal(again))
	})
}
