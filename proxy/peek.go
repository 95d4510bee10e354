package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// maxPeek bounds what is read ahead of a decision: a ClientHello with post-quantum key shares takes several kilobytes,
// and may come in one-byte segments; TLS allows 64 KiB for a handshake message in Go.
const maxPeek = 72 << 10

// speech is what a client began to say.
type speech uint8

const (
	saidNothing speech = iota // silent until the time ran out; it may be waiting for the server
	saidTLS                   // a whole ClientHello
	saidHTTP                  // a whole header
	saidOther                 // neither
	saidGarbled               // begins like TLS or HTTP, and is not
	saidTooLate               // began like TLS or HTTP, and was not whole in time or in size
	hungUp                    // closed
	otherSpoke                // the wait was interrupted: the origin spoke first
)

// peeked is what admit knows of the first bytes. The bytes themselves stay in the connection's early buffer.
type peeked struct {
	speech speech
	name   string // SNI, or Host as received; "" where there is none
}

// peek reads ahead until it knows what the client says. The connection's deadline for reading is changed, not reset.
// silence bounds the wait for the first byte (0: the deadline that is set already does), whole the wait for the rest.
func peek(c *clientConn, silence, whole time.Duration) peeked {
	buf := append(make([]byte, 0, 2048), c.early...)
	defer func() { c.early = buf }()
	if silence > 0 {
		c.tcp.SetReadDeadline(time.Now().Add(silence))
	}
	for {
		if len(buf) > 0 {
			p, more := identify(buf)
			if !more {
				return p
			}
			if len(buf) >= maxPeek {
				return peeked{speech: saidTooLate}
			}
		}
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := c.tcp.Read(buf[len(buf):cap(buf)])
		if n > 0 && len(buf) == 0 {
			c.tcp.SetReadDeadline(time.Now().Add(whole))
		}
		buf = buf[:len(buf)+n]
		if n == 0 && err != nil {
			return peeked{speech: silenceOf(err, len(buf))}
		}
	}
}

func silenceOf(err error, have int) speech {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && have == 0:
		return saidNothing
	case errors.Is(err, os.ErrDeadlineExceeded):
		return saidTooLate
	}
	return hungUp
}

// identify looks at the first bytes; more says that it needs further ones.
func identify(b []byte) (p peeked, more bool) {
	if b[0] == tlsHandshake {
		return identifyTLS(b)
	}
	return identifyHTTP(b)
}

const tlsHandshake = 22 // RFC 8446, section 5.1

// identifyTLS lets crypto/tls read the ClientHello: its parser is the one that will read it again.
func identifyTLS(b []byte) (peeked, bool) {
	if len(b) >= 3 && b[1] != 3 {
		return peeked{speech: saidOther}, false
	}
	if !helloWhole(b) {
		return peeked{}, true // so that a hello in tiny pieces is not parsed once for each
	}
	conn := &replay{left: b}
	var name string
	found := false
	server := tls.Server(conn, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		name, found = hello.ServerName, true
		return nil, errStop
	}})
	server.HandshakeContext(context.Background())
	switch {
	case found:
		return peeked{saidTLS, name}, false
	case conn.dry:
		return peeked{}, true
	}
	return peeked{speech: saidGarbled}, false
}

// helloWhole walks the records of b and reports whether its first handshake message is whole, or is no longer one:
// what is wrong with it, crypto/tls says.
func helloWhole(b []byte) bool {
	var head [4]byte // type and length of the message (RFC 8446, section 4)
	have, need := 0, len(head)
	for len(b) > 0 {
		if b[0] != tlsHandshake {
			return true
		}
		if len(b) < 5 {
			return false
		}
		n := int(b[3])<<8 | int(b[4])
		if len(b) < 5+n {
			return false
		}
		if have < len(head) {
			copy(head[have:], b[5:5+n])
			need = len(head) + (int(head[1])<<16 | int(head[2])<<8 | int(head[3]))
		}
		if have += n; have >= len(head) && have >= need {
			return true
		}
		b = b[5+n:]
	}
	return false
}

var errStop = errors.New("peeked")

// replay is a connection that has only what was read already. It swallows what is written.
type replay struct {
	left []byte
	dry  bool
}

func (r *replay) Read(b []byte) (int, error) {
	if len(r.left) == 0 {
		r.dry = true
		return 0, io.EOF
	}
	n := copy(b, r.left)
	r.left = r.left[n:]
	return n, nil
}

func (r *replay) Write(b []byte) (int, error)      { return len(b), nil }
func (r *replay) Close() error                     { return nil }
func (r *replay) LocalAddr() net.Addr              { return nil }
func (r *replay) RemoteAddr() net.Addr             { return nil }
func (r *replay) SetDeadline(time.Time) error      { return nil }
func (r *replay) SetReadDeadline(time.Time) error  { return nil }
func (r *replay) SetWriteDeadline(time.Time) error { return nil }

// maxMethod is longer than any method in use.
const maxMethod = 24

// identifyHTTP finds the Host field (RFC 9110, section 7.2) of a request whose header is whole.
func identifyHTTP(b []byte) (peeked, bool) {
	for i, c := range b {
		if c == ' ' && i > 0 {
			break
		}
		if i >= maxMethod || (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return peeked{speech: saidOther}, false
		}
		if i == len(b)-1 {
			return peeked{}, true
		}
	}
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if lf := bytes.Index(b, []byte("\n\n")); lf >= 0 && (end < 0 || lf < end) {
		end = lf
	}
	if end < 0 {
		return peeked{}, true
	}
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
	if err != nil || hostFields(b[:end]) > 1 { // two names: whoever answers may take the other
		return peeked{speech: saidGarbled}, false
	}
	return peeked{saidHTTP, req.Host}, false
}

// hostFields counts the Host fields of a header.
func hostFields(header []byte) int {
	n := 0
	for line := range bytes.Lines(header) {
		if len(line) >= 5 && bytes.EqualFold(line[:5], []byte("host:")) {
			n++
		}
	}
	return n
}
