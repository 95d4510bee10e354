package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// benchRequests sends method to url by 16 kept-alive clients.
func benchRequests(b *testing.B, method, url, body string) {
	r := newRig(b)
	r.origin.handle(func(w http.ResponseWriter, req *http.Request) {
		io.Copy(io.Discard, req.Body)
		io.WriteString(w, "ok")
	})
	b.SetParallelism(8)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		c := r.client(false)
		for pb.Next() {
			req, _ := http.NewRequest(method, url, strings.NewReader(body))
			resp, err := c.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	})
}

func event(size int) string {
	return `{"event":"end","duration":5640,"pad":"` + strings.Repeat("x", size) + `"}`
}

func BenchmarkRewrite1K(b *testing.B) {
	benchRequests(b, "POST", "https://analytics.example/collect", event(1000))
}
func BenchmarkRewrite10K(b *testing.B) {
	benchRequests(b, "POST", "https://analytics.example/collect", event(10000))
}
func BenchmarkPass1K(b *testing.B) { benchRequests(b, "POST", "https://app.example/x", event(1000)) }
func BenchmarkDrop(b *testing.B) {
	benchRequests(b, "POST", "https://analytics.example/crash", event(1000))
}
