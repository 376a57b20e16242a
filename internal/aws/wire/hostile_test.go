package wire_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pipelab/pipelab/internal/aws/wire"
)

func bomb(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// What is small on its way and large in memory is refused, or is as small as it was.
func TestDecode_takesNoMemoryForAFewBytes(t *testing.T) {
	const million, most = 1 << 20, 768
	records := map[string]string{"X-Amz-Target": "Kinesis_20131202.PutRecords",
		"Content-Type": "application/x-amz-json-1.1"}
	table := map[string]string{"X-Amz-Target": "DynamoDB_20120810.PutItem", "Content-Type": "application/x-amz-json-1.0"}
	packed := map[string]string{"X-Amz-Target": "Kinesis_20131202.PutRecords", "Content-Encoding": "gzip"}
	cbor := map[string]string{"Smithy-Protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	const role = "Action=CreateRole&Version=2010-05-08&RoleName=r"
	for name, a := range map[string]struct {
		path, service string
		header        map[string]string
		body          string
	}{
		"empty records":   {"/", "kinesis", records, `{"Records":[` + strings.Repeat(`{},`, 7*million) + `{}]}`},
		"absent records":  {"/", "kinesis", records, `{"Records":[` + strings.Repeat(`null,`, 4*million) + `null]}`},
		"unknown members": {"/", "kinesis", records, `{"x":[` + strings.Repeat(`{},`, 7*million) + `{}]}`},
		"records again":   {"/", "kinesis", records, `{` + strings.Repeat(`"Records":[{},{},{},{}],`, million) + `"x":0}`},
		"deep JSON":       {"/", "dynamodb", table, `{"Item":{"a":` + strings.Repeat(`{"L":[`, 3*million)},
		"short values": {"/", "dynamodb", table,
			`{"Item":{"a":{"L":[` + strings.Repeat(`{"S":""},`, 2*million) + `{"S":""}]}}}`},
		"short names": {"/", "dynamodb", table, `{"Item":{` + strings.Repeat(`"":{"S":""},`, million) + `"b":{"S":""}}}`},
		"empty records in CBOR": {"/service/Kinesis_20131202/operation/PutRecords", "kinesis", cbor,
			"\xa1gRecords\x9f" + strings.Repeat("\xa0", 8*million) + "\xff"},
		"deep CBOR": {"/service/Kinesis_20131202/operation/PutRecords", "kinesis", cbor,
			"\xa1gRecords" + strings.Repeat("\x9f", 8*million)},
		"tags of CBOR": {"/service/Kinesis_20131202/operation/PutRecords", "kinesis", cbor,
			"\xa1ax" + strings.Repeat("\xc1", 8*million)},
		"a length of CBOR": {"/service/Kinesis_20131202/operation/PutRecords", "kinesis", cbor,
			"\xa1gRecords\x9b\x7f\xff\xff\xff\xff\xff\xff\xff\xa0"},
		"empty objects":    {"/bucket?delete", "s3", nil, "<Delete>" + strings.Repeat("<Object/>", million) + "</Delete>"},
		"unknown elements": {"/bucket?delete", "s3", nil, "<Delete>" + strings.Repeat("<a/>", 3*million) + "</Delete>"},
		"attributes":       {"/bucket?delete", "s3", nil, "<Delete " + strings.Repeat("a='' ", 4*million) + "></Delete>"},
		"deep XML":         {"/bucket?delete", "s3", nil, strings.Repeat("<a>", 4*million)},
		"entities": {"/bucket?delete", "s3", nil, `<!DOCTYPE a [<!ENTITY b "` + strings.Repeat("x", 1000) + `">` +
			strings.Repeat(`<!ENTITY c "&b;&b;&b;&b;">`, 1000) + `]><Delete>&c;</Delete>`},
		"a form's pairs":     {"/", "iam", form, role + strings.Repeat("&a", 2*million-100)},
		"a form's high list": {"/", "iam", form, role + "&Tags.member.999999999.Key=a&Tags.member.1.Key=b"},
		"a form's deep name": {"/", "iam", form, role + "&Tags" + strings.Repeat(".member.1", million/4) + "=a"},
		"a query's pairs":    {"/bucket?delete" + strings.Repeat("&a", million/4), "s3", nil, "<Delete/>"},
		"zipped zeros":       {"/", "kinesis", packed, string(bomb(t, make([]byte, 90*million)))},
		"zipped records": {"/", "kinesis", packed,
			string(bomb(t, []byte(`{"Records":[`+strings.Repeat(`{},`, 16*million)+`{}]}`)))},
		"zipped nothing": {"/", "kinesis", packed, strings.Repeat(string(bomb(t, nil)), million/2)},
	} {
		t.Run(name, func(t *testing.T) {
			r := registryOf(t, a.service)
			decode(r, http.MethodPost, "/", a.service, nil, nil) // models are read
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			decode(r, http.MethodPost, a.path, a.service, a.header, []byte(a.body))
			runtime.ReadMemStats(&after)
			require.Less(t, (after.TotalAlloc-before.TotalAlloc)>>20, uint64(most), "MiB")
		})
	}
}

// endless is a body that goes on with a line for as long as it is read.
type endless struct{ start, line string }

func (e *endless) Read(p []byte) (int, error) {
	if e.start == "" {
		e.start = e.line
	}
	n := copy(p, e.start)
	e.start = e.start[n:]
	return n, nil
}

func TestChunked_refusesWhatNeverEnds(t *testing.T) {
	for name, body := range map[string]*endless{
		"a chunk's header":        {"5;", "x"},
		"trailing headers":        {"5\r\nhello\r\n0\r\n", "x-amz-checksum-crc32:DUoRhQ==\r\n"},
		"a trailing header":       {"5\r\nhello\r\n0\r\n", "x"},
		"a chunk after the last":  {"5\r\nhello\r\n", "5\r\nhello\r\n"},
		"lines instead of chunks": {"\r\n", "\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodPut, "/b/k", body)
			req.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
			req.Header.Set("X-Amz-Decoded-Content-Length", "5")
			target, err := registryOf(t, "s3").Route(req)
			require.NoError(t, err)
			_, err = target.Decode(req)
			require.NoError(t, err)
			_, err = io.Copy(io.Discard, req.Body)
			var refused *wire.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, "IncompleteBody", refused.Code)
		})
	}
}

// The whole of a form is taken or nothing of it.
func TestRoute_refusesAFormThatIsTooLong(t *testing.T) {
	body := "Action=CreateRole&Version=2010-05-08&RoleName=r&Description=" + strings.Repeat("x", 5<<20)
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, err := registryOf(t, "iam").Route(req)
	var refused *wire.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, http.StatusRequestEntityTooLarge, refused.Status)
}
