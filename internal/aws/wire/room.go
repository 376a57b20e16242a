package wire

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
)

// maxBody bounds a request body that is held in memory: Lambda's direct zip
// upload of 50 MB in base64, the largest of any operation, with room.
const maxBody = 96 << 20

// maxDocument bounds the bodies of services that take no archives. The largest
// is DynamoDB's BatchWriteItem of 16 MB; 10 MiB of Kinesis are 13.4 MiB in base64.
// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
const maxDocument = 24 << 20

// maxDecoded bounds what a body takes beside its own bytes once it is decoded: an
// element that is written in one byte becomes a structure of hundreds. A batch of
// 16 MB that consists of the shortest values there are fits.
const maxDecoded = 96 << 20

// mapEntry is about what an entry takes beside its value.
const mapEntry = 64

// room is how much a document has taken of that.
type room struct{ taken int }

// take counts n bytes.
func (r *room) take(n int) error {
	if r.taken += n; r.taken > maxDecoded {
		return tooLarge("the request holds too many elements")
	}
	return nil
}

// structure counts a structure that its parent refers to.
func (r *room) structure(n *node) error {
	if n.typ.Kind() != reflect.Pointer {
		return nil // it is part of its parent
	}
	return r.take(int(n.typ.Elem().Size()))
}

func tooLarge(format string, args ...any) *Error {
	return errorf(http.StatusRequestEntityTooLarge, "RequestEntityTooLargeException", format, args...)
}

// mostBody is the size up to which a body is read, zipped or not.
func (t *Target) mostBody() int64 {
	if t.Protocol == RestJSON {
		return maxBody
	}
	return maxDocument
}

// maxToken bounds what stands between two marks of an XML document: text, or a tag
// with its attributes, which are read at once.
const maxToken = 1 << 20

// xmlElement is about what an element takes.
const xmlElement = 160

// tokens feeds a decoder, which asks for one byte at a time, with one token of
// bounded size after the other.
type tokens struct {
	from io.ByteReader
	left int
}

// Read implements io.Reader, which a decoder does not use where there is ReadByte.
func (t *tokens) Read([]byte) (int, error) { return 0, io.ErrNoProgress }

// ReadByte implements io.ByteReader.
func (t *tokens) ReadByte() (byte, error) {
	if t.left--; t.left < 0 {
		return 0, fmt.Errorf("a tag or text is longer than %d bytes", maxToken)
	}
	return t.from.ReadByte()
}
