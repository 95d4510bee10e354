package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
)

// connections is how many clients speak at once, each over one connection that it keeps.
const connections = 16

// post sends body n times over `connections` kept connections through p and demands 200 each time.
func post(p *process, body []byte, n int) error {
	pem, err := os.ReadFile(p.ca)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s: no certificate in %s", p.name, p.ca)
	}
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	errs := make(chan error, connections)
	for range connections {
		wg.Add(1)
		go func() {
			defer wg.Done()
			t := &http.Transport{
				Proxy:               http.ProxyURL(&url.URL{Scheme: "http", Host: p.addr}),
				TLSClientConfig:     &tls.Config{RootCAs: pool},
				MaxIdleConnsPerHost: 1, MaxConnsPerHost: 1, DisableCompression: true,
			}
			defer t.CloseIdleConnections()
			for left.Add(-1) >= 0 {
				req, err := http.NewRequest("POST", "https://bench.example/collect/event", bytes.NewReader(body))
				if err != nil {
					errs <- err
					return
				}
				req.Header.Set("Content-Type", "text/plain;charset=UTF-8")
				res, err := t.RoundTrip(req)
				if err != nil {
					errs <- fmt.Errorf("%s: %w", p.name, err)
					return
				}
				drain(res.Body)
				if res.StatusCode != http.StatusOK {
					errs <- fmt.Errorf("%s: status %d", p.name, res.StatusCode)
					return
				}
			}
		}()
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// event is a playback event of about size bytes: the fields of a Plex Web event, then others that no rule lists.
func event(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"deviceIdentifier":"k3v9q0t7m2w8x1c5b6n4r8ya","context":{"campaign":{},"device":{"product":"Plex Web","version":"4.116.1","platform":"Chrome","platformVersion":"120.0","device":"Linux","model":"bundled","screenResolution":"1920x940,1920x1080","layout":"desktop","protocol":"https"},"user":{"anonymous":false}},"userId":271828182,"event":"playback:itemend","interaction":true,"properties":{"serverType":"owned","connectionType":"remote","type":"movie","identifier":"com.plexapp.plugins.library","page":"source","auto":false,"protocol":"dash","offset":0,"container":"mp4","duration":5640,"bitrate":4608,"audioCodec":"mp3","audioDecision":"transcode","videoCodec":"h264","videoDecision":"copy","player":"html","playbackTime":5600,"status":"stopped"},"sessionIdentifier":"5b1d2c3e-4f60-4a7b-8c9d-0e1f2a3b4c5d"`)
	for i := 0; b.Len() < size-30; i++ {
		fmt.Fprintf(&b, `,"more%04d":"value %06d"`, i, i*7919%1000003)
	}
	b.WriteString("}")
	return b.Bytes()
}

// rules say of bench.example what the plex pack says of a play.
const rules = `product: bench
title: Bench
hosts: {bench.example: telemetry}
kinds:
  playback: {title: Playback, default: generalize}
rules:
  - id: bench-play
    kind: playback
    why: A bench.
    match:
      host: bench.example
      method: POST
      path: /collect/event
      body:
        $.event: ["playback:itemend"]
        $.properties.type: [movie, episode, clip]
    then: generalize
    fields:
      $.event: keep
      $.properties.type: {map: {movie: video, episode: video, clip: video, video: video}}
      $.properties.duration: {bucket: video-length, unit: s, on_error: remove}
      $.properties.playbackTime: {derive: {share_of: $.properties.duration, edges: [0.1, 0.5, 0.9], factors: [0.05, 0.3, 0.7, 1]}, on_error: remove}
      $.deviceIdentifier: random
    unlisted: remove
    on_error: drop
    reply: {status: 200, type: application/json, body: "{}"}
    examples:
      - name: a film
        in: {body: {event: "playback:itemend", userId: 1, deviceIdentifier: aaaa1111, properties: {type: movie, duration: 5640, playbackTime: 5600}}}
        out: [{body: {event: "playback:itemend", deviceIdentifier: "*", properties: {type: video, duration: 5220, playbackTime: 5220}}}]
`
