package proxy

import (
	"io"
	"net/http"
	"slices"
	"strings"
)

// relay sends a generalized message and streams its answer to the client. It does for these what httputil's proxy
// does for passed requests, without what they do not have: a stream of the client's, an upgrade, 1xx answers to
// a body that is at hand. A third of the time of a small event went there.
func (x *exchange) relay(as end) {
	defer x.finish(as)
	req := new(http.Request).WithContext(x.in.Context())
	req.ProtoMajor, req.ProtoMinor = 1, 1
	fill(req, &x.out.Message, x.p.up().parent != nil)
	resp, err := x.p.up().RoundTrip(req)
	if err != nil {
		x.failed(err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols { // nobody asked for it
		fail(x.w, http.StatusBadGateway, x.message.To.Authority()+": the origin's answer cannot be read")
		return
	}
	x.answered(resp)
	x.copyHead(resp)
	if err := x.copyBody(resp); err != nil {
		panic(http.ErrAbortHandler) // the client must see that the answer broke off
	}
	for name, values := range resp.Trailer {
		if len(values) > 0 { // net/http's HTTP/2 never ends an answer with an announced field without a value
			x.w.Header()[name] = values
		}
	}
}

// copyHead writes status and end-to-end fields of the answer.
func (x *exchange) copyHead(resp *http.Response) {
	h := x.w.Header()
	listed := connectionListed(resp.Header)
	for name, values := range resp.Header {
		if !hopByHop(name, listed) {
			h[name] = values
		}
	}
	if len(resp.Trailer) > 0 {
		names := make([]string, 0, len(resp.Trailer))
		for name := range resp.Trailer {
			names = append(names, name)
		}
		slices.Sort(names)
		h.Set("Trailer", strings.Join(names, ", "))
	}
	x.w.WriteHeader(resp.StatusCode)
}

// copyBody streams the content; what comes in pieces leaves in pieces.
func (x *exchange) copyBody(resp *http.Response) error {
	flush := func() {}
	if f, ok := x.w.(http.Flusher); ok {
		flush = f.Flush
	}
	if resp.ContentLength < 0 {
		flush()
	}
	buf := x.p.buffers.Get()
	defer x.p.buffers.Put(buf)
	for {
		n, err := resp.Body.Read(buf)
		if n > 0 {
			if _, werr := x.w.Write(buf[:n]); werr != nil {
				x.failure = "the client did not wait for the answer"
				return werr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if resp.ContentLength < 0 || x.down < resp.ContentLength {
			flush()
		}
	}
}
