package gateway

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"time"
)

// ring keeps entries of a trace in pages of bytes, without pointers that the
// garbage collector would follow, and drops the oldest page when there are too
// many entries or bytes.
type ring struct {
	pages []*tracePage
	count int
	bytes int
}

// tracePage holds entries one after another: which fields are set, and those.
type tracePage struct {
	first uint64   // sequence of the first entry
	ends  []uint32 // of the entries in data
	data  []byte
	names []string       // that entries refer to by number
	known map[string]int // of names, while the page is the last one
	bytes int
}

const (
	tracePageBytes = 64 << 10
	// traceSize is how many calls are kept: a lab's check makes some thousands.
	traceSize = 200_000
	// traceBytes holds that many calls with everyday names.
	traceBytes = 32 << 20
	// tracedName is the length up to which a name is kept once for a page. What
	// policies say to a call is one too.
	tracedName = 2048
)

func (r *ring) add(e *TraceEntry) {
	p := r.last()
	if p == nil || len(p.data) >= tracePageBytes {
		if p != nil {
			p.known, p.data = nil, slices.Clip(p.data)
		}
		p = &tracePage{first: e.Seq, data: make([]byte, 0, tracePageBytes/4), known: map[string]int{}}
		r.pages = append(r.pages, p)
	}
	before := p.bytes
	p.add(reflect.ValueOf(e).Elem())
	r.count, r.bytes = r.count+1, r.bytes+p.bytes-before
	for len(r.pages) > 1 && (r.count > traceSize || r.bytes > traceBytes) {
		r.count, r.bytes = r.count-len(r.pages[0].ends), r.bytes-r.pages[0].bytes
		r.pages = slices.Delete(r.pages, 0, 1)
	}
}

func (r *ring) last() *tracePage {
	if len(r.pages) == 0 {
		return nil
	}
	return r.pages[len(r.pages)-1]
}

// after returns up to limit entries behind a sequence.
func (r *ring) after(seq uint64, limit int) (out []TraceEntry) {
	i, found := slices.BinarySearchFunc(r.pages, seq+1, func(p *tracePage, s uint64) int {
		return int(int64(p.first - s)) // a difference
	})
	if !found {
		i = max(0, i-1)
	}
	for ; i < len(r.pages); i++ {
		p := r.pages[i]
		from := 0
		if seq >= p.first {
			from = int(seq - p.first + 1) // some hundreds
		}
		for n := from; n < len(p.ends); n++ {
			if len(out) == limit {
				return out
			}
			out = append(out, p.get(n))
		}
	}
	return out
}

// add writes the fields that are set. Fields of kinds that it does not know are
// written as JSON, so that an entry comes back as it was whatever it holds.
func (p *tracePage) add(e reflect.Value) {
	start := len(p.data)
	set := uint64(0)
	for i := range e.NumField() {
		if !e.Field(i).IsZero() {
			set |= 1 << i
		}
	}
	b := binary.AppendUvarint(p.data, set)
	for i := range e.NumField() {
		if set&(1<<i) == 0 {
			continue
		}
		switch f := e.Field(i); {
		case f.Type() == timeType:
			b = binary.AppendVarint(b, f.Addr().Interface().(*time.Time).UnixNano())
		case f.Kind() == reflect.String:
			b = p.addText(b, f.String())
		case f.CanInt():
			b = binary.AppendVarint(b, f.Int())
		case f.CanUint():
			b = binary.AppendUvarint(b, f.Uint())
		case f.CanFloat():
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f.Float()))
		case f.Kind() == reflect.Bool: // set means true
		default:
			text, _ := json.Marshal(f.Interface()) // what an entry holds is made for JSON
			b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
		}
	}
	p.data = b
	p.ends = append(p.ends, uint32(len(b))) // a page and an entry
	p.bytes += len(b) - start + 4
}

var timeType = reflect.TypeFor[time.Time]()

// addText writes the number of a name, or 0, its length and the text. A name
// that comes for the second time gets a number.
func (p *tracePage) addText(b []byte, s string) []byte {
	n, known := p.known[s]
	switch {
	case n > 0:
		return binary.AppendUvarint(b, uint64(n)) // positive
	case known:
		p.names = append(p.names, s)
		p.known[s] = len(p.names)
		p.bytes += len(s) + 16
		return binary.AppendUvarint(b, uint64(len(p.names)))
	case len(s) <= tracedName:
		p.known[s] = 0
	}
	b = append(b, 0)
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// get reads an entry of the page.
func (p *tracePage) get(n int) (out TraceEntry) {
	b := p.data[:p.ends[n]]
	if n > 0 {
		b = b[p.ends[n-1]:]
	}
	uvarint := func() uint64 {
		v, w := binary.Uvarint(b)
		b = b[w:]
		return v
	}
	varint := func() int64 {
		v, w := binary.Varint(b)
		b = b[w:]
		return v
	}
	bytes := func() []byte {
		n := uvarint()
		v := b[:n]
		b = b[n:]
		return v
	}
	e := reflect.ValueOf(&out).Elem()
	for i, set := 0, uvarint(); set != 0; i, set = i+1, set>>1 {
		if set&1 == 0 {
			continue
		}
		switch f := e.Field(i); {
		case f.Type() == timeType:
			f.Set(reflect.ValueOf(time.Unix(0, varint()).UTC()))
		case f.Kind() == reflect.String:
			if n := uvarint(); n > 0 {
				f.SetString(p.names[n-1])
			} else {
				f.SetString(string(bytes()))
			}
		case f.CanInt():
			f.SetInt(varint())
		case f.CanUint():
			f.SetUint(uvarint())
		case f.CanFloat():
			f.SetFloat(math.Float64frombits(binary.LittleEndian.Uint64(b)))
			b = b[8:]
		case f.Kind() == reflect.Bool:
			f.SetBool(true)
		default:
			_ = json.Unmarshal(bytes(), f.Addr().Interface()) // add has written it
		}
	}
	return out
}
