package wire

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The timestamp formats of AWS's protocols.
// Source: https://smithy.io/2.0/spec/protocol-traits.html#timestampformat-trait
const (
	formatEpoch = "unixTimestamp"
	formatISO   = "iso8601"
	formatHTTP  = "rfc822"
)

// format is the timestamp format at a place: the use's own, the shape's own,
// else the protocol's.
func (n *node) format(protocol string) string {
	if n.ref.TimestampFormat != "" {
		return n.ref.TimestampFormat
	}
	if n.shape.TimestampFormat != "" {
		return n.shape.TimestampFormat
	}
	return protocol
}

// parseTime reads any of the formats: clients are not all alike, and no text
// is valid in two of them.
func parseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(f) && math.Abs(f) < 1e12 {
		sec, frac := math.Modf(f)
		return time.Unix(int64(sec), int64(math.Round(frac*1e3))*int64(time.Millisecond)).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "20060102T150405Z", "2006-01-02",
		time.RFC1123, time.RFC1123Z, "Mon, 2 Jan 2006 15:04:05 GMT", time.RFC850, time.ANSIC} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("invalid timestamp %q", s)
}

// appendTime writes t in a format, without quotes.
func appendTime(b []byte, t time.Time, format string) []byte {
	switch format {
	case formatISO:
		if t.Nanosecond() == 0 {
			return t.UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
		}
		return t.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	case formatHTTP:
		return t.UTC().AppendFormat(b, "Mon, 02 Jan 2006 15:04:05 GMT")
	}
	ms := t.UnixMilli()
	if ms < 0 { // by hand: the whole seconds of -0.5 have no sign
		b, ms = append(b, '-'), -ms
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	if frac := ms % 1000; frac != 0 {
		b = append(b, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
	}
	return b
}
