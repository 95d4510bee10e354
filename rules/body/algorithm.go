package body

import (
	"bytes"
	"encoding/binary"
	"hash/adler32"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// algorithm is one content coding (RFC 9110 section 8.4.1, RFC 8878, RFC 7932).
type algorithm uint8

const (
	gzipped   algorithm = iota
	zlibbed             // deflate as RFC 9110 means it: zlib format
	deflated            // deflate as some clients mean it: no wrapper
	brotlied            // br
	zstandard           // zstd
)

// The pools hold the working memory of decoders and encoders, tens to hundreds of KiB each, which for a body of
// 1 KB costs fifty times the work. Nothing of a body is read from it again.
var (
	gzipReaders  sync.Pool // of *gzip.Reader
	flateReaders sync.Pool // of io.ReadCloser, a flate.Resetter
	zlibReaders  sync.Pool // of io.ReadCloser, a zlib.Resetter
	brReaders    = sync.Pool{New: func() any { return brotli.NewReader(nil) }}
	zstdReaders  sync.Pool // of *zstd.Decoder
	zstdWriters  sync.Pool // of *zstd.Encoder
	brWriters    = sync.Pool{New: func() any {
		// Quality 3 and a window of 256 KiB take a seventh of the memory of the default, for 4 % more bytes.
		return brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: 3, LGWin: 18})
	}}
)

// zstdWindow is the largest window that RFC 8878 section 3.1.1.1.2 asks every decoder to take.
const zstdWindow = 8 << 20

// decode reads coded to its end, or to one byte over most.
func (a algorithm) decode(coded []byte, most int64) ([]byte, error) {
	in := bytes.NewReader(coded)
	defer in.Reset(nil) // a pooled decoder must not hold on to the body
	r, done, err := a.reader(in)
	if err != nil {
		return nil, err
	}
	defer done()
	var plain bytes.Buffer
	plain.Grow(int(min(most, int64(len(coded))*4+bytes.MinRead)))
	n, err := plain.ReadFrom(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	if n <= most && in.Len() > 0 {
		return nil, ErrCoding // something stands after the end
	}
	return plain.Bytes(), nil
}

// reader is a decoder of in, and what gives it back.
func (a algorithm) reader(in *bytes.Reader) (r io.Reader, done func(), err error) {
	switch a {
	case gzipped:
		z, ok := gzipReaders.Get().(*gzip.Reader)
		if !ok {
			z = new(gzip.Reader)
		}
		return z, func() { gzipReaders.Put(z) }, z.Reset(in)
	case zlibbed:
		z, ok := zlibReaders.Get().(io.ReadCloser)
		if !ok {
			z, err = zlib.NewReader(in)
		} else {
			err = z.(zlib.Resetter).Reset(in, nil)
		}
		if err != nil {
			return nil, nil, err
		}
		return z, func() { zlibReaders.Put(z) }, nil
	case deflated:
		z, ok := flateReaders.Get().(io.ReadCloser)
		if !ok {
			z = flate.NewReader(in)
		}
		return z, func() { flateReaders.Put(z) }, z.(flate.Resetter).Reset(in, nil)
	case brotlied:
		z := brReaders.Get().(*brotli.Reader)
		return z, func() { brReaders.Put(z) }, z.Reset(in)
	}
	z, ok := zstdReaders.Get().(*zstd.Decoder)
	if !ok {
		z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, nil, err
		}
	}
	return z, func() { _ = z.Reset(nil); zstdReaders.Put(z) }, z.Reset(in)
}

// encode is deterministic. Deflate is compressed without memory between blocks: a tenth of the time of the usual
// level for a body of 1 KB, and no larger.
func (a algorithm) encode(plain []byte) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(len(plain)/2 + 64)
	switch a {
	case gzipped:
		w, err := gzip.NewWriterLevel(&out, gzip.StatelessCompression)
		if err != nil {
			return nil, err
		}
		return finish(&out, w, plain)
	case zlibbed:
		out.Write([]byte{0x78, 0x9c}) // RFC 1950, section 2.2: deflate, 32 KiB window, usual level
		if err := flate.StatelessDeflate(&out, plain, true, nil); err != nil {
			return nil, err
		}
		return binary.BigEndian.AppendUint32(out.Bytes(), adler32.Checksum(plain)), nil
	case deflated:
		err := flate.StatelessDeflate(&out, plain, true, nil)
		return out.Bytes(), err
	case brotlied:
		w := brWriters.Get().(*brotli.Writer)
		defer brWriters.Put(w)
		w.Reset(&out)
		return finish(&out, w, plain)
	}
	w, ok := zstdWriters.Get().(*zstd.Encoder)
	if !ok {
		var err error
		w, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20))
		if err != nil {
			return nil, err
		}
	}
	defer zstdWriters.Put(w)
	w.Reset(&out)
	return finish(&out, w, plain)
}

// finish writes all of plain.
func finish(out *bytes.Buffer, w io.WriteCloser, plain []byte) ([]byte, error) {
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	coded := out.Bytes()
	*out = bytes.Buffer{} // a pooled encoder must not hold on to what it wrote
	return coded, nil
}
