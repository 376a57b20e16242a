package filter_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/service/lambda/esm/filter"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	const record = `{"data":{"type":"buy","price":10.50,"qty":3,"tags":["a","b"],"note":null,"empty":"","ok":true,
		"items":[{"sku":"x","n":1},{"sku":"y","n":2}]},"eventName":"INSERT"}`
	doc, err := filter.Decode([]byte(record))
	require.NoError(t, err)
	for pattern, want := range map[string]bool{
		`{"data":{"type":["buy"]}}`:                                          true,
		`{"data":{"type":["sell","buy"]}}`:                                   true,
		`{"data":{"type":["sell"]}}`:                                         false,
		`{"data":{"type":["BUY"]}}`:                                          false,
		`{"data":{"type":[{"equals-ignore-case":"BUY"}]}}`:                   true,
		`{"data":{"type":[{"prefix":"b"}]}}`:                                 true,
		`{"data":{"type":[{"prefix":{"equals-ignore-case":"B"}}]}}`:          true,
		`{"data":{"type":[{"suffix":"uy"}]}}`:                                true,
		`{"data":{"type":[{"suffix":"x"}]}}`:                                 false,
		`{"data":{"type":[{"anything-but":"buy"}]}}`:                         false,
		`{"data":{"type":[{"anything-but":["sell","hold"]}]}}`:               true,
		`{"data":{"type":[{"anything-but":{"prefix":"b"}}]}}`:                false,
		`{"data":{"missing":[{"anything-but":"x"}]}}`:                        false,
		`{"data":{"price":[10.5]}}`:                                          true,
		`{"data":{"price":["10.5"]}}`:                                        false,
		`{"data":{"price":[{"numeric":["=",10.5]}]}}`:                        true,
		`{"data":{"price":[{"numeric":[">",10,"<=",11]}]}}`:                  true,
		`{"data":{"price":[{"numeric":[">",10.5]}]}}`:                        false,
		`{"data":{"type":[{"numeric":[">",0]}]}}`:                            false,
		`{"data":{"note":[null]}}`:                                           true,
		`{"data":{"empty":[""]}}`:                                            true,
		`{"data":{"ok":[true]}}`:                                             true,
		`{"data":{"ok":["true"]}}`:                                           false,
		`{"data":{"missing":[null]}}`:                                        false,
		`{"data":{"missing":[{"exists":false}]}}`:                            true,
		`{"data":{"type":[{"exists":true}]}}`:                                true,
		`{"data":{"type":[{"exists":false}]}}`:                               false,
		`{"data":[{"exists":true}]}`:                                         false,
		`{"data":{"tags":["b"]}}`:                                            true,
		`{"data":{"tags":["c"]}}`:                                            false,
		`{"data":{"items":{"sku":["y"]}}}`:                                   true,
		`{"data":{"items":{"sku":["y"],"n":[2]}}}`:                           true,
		`{"data":{"items":{"sku":["y"],"n":[1]}}}`:                           false,
		`{"data":{"type":["buy"]},"eventName":["REMOVE"]}`:                   false,
		`{"$or":[{"data":{"type":["sell"]}},{"eventName":["INSERT"]}]}`:      true,
		`{"data":{"$or":[{"type":["sell"]},{"qty":[{"numeric":[">",2]}]}]}}`: true,
		`{"data":{"$or":[{"type":["sell"]},{"qty":[4]}]}}`:                   false,
		`{"data":{"type":{"deeper":["x"]}}}`:                                 false,
	} {
		p, err := filter.Compile(pattern)
		require.NoError(t, err, pattern)
		require.Equal(t, want, p.Match(doc), pattern)
	}
}

func TestCompile_refuses(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{
		``, `x`, `[]`, `{}`, `"data"`, `{"data":"x"}`, `{"data":[]}`, `{"data":{}}`, `{"data":[{}]}`,
		`{"data":[{"like":"x"}]}`,
		`{"data":[{"prefix":1}]}`, `{"data":[{"numeric":[">"]}]}`, `{"data":[{"numeric":["~",1]}]}`,
		`{"data":[{"numeric":[">","1"]}]}`,
		`{"data":[{"exists":"yes"}]}`, `{"data":[{"anything-but":[]}]}`, `{"data":[{"anything-but":{"suffix":1}}]}`,
		`{"data":[["x"]]}`,
		`{"$or":[{"data":["x"]}]}`, `{"$or":["x","y"]}`, `{"data":["x"]} {}`, `{"data":[{"prefix":"a","suffix":"b"}]}`,
	} {
		_, err := filter.Compile(pattern)
		require.ErrorIs(t, err, filter.ErrPattern, pattern)
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(`{"data":{"type":[{"prefix":"b"},null,1e3]}}`, `{"data":{"type":"buy"}}`)
	f.Add(`{"$or":[{"a":[1]},{"b":[{"numeric":["<",2]}]}]}`, `{"a":1e999999999}`)
	f.Fuzz(func(t *testing.T, pattern, record string) {
		p, err := filter.Compile(pattern)
		if err != nil {
			return
		}
		doc, err := filter.Decode([]byte(record))
		if err != nil {
			return
		}
		require.Equal(t, p.Match(doc), p.Match(doc))
	})
}
