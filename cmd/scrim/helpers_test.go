package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// helperMain is a program of the scripts: "scrimux origin FOLDER HOST…" is an origin server that writes
// addr, roots.pem and what it received (requests.ndjson) into a folder.
func helperMain() {
	if len(os.Args) < 4 || os.Args[1] != "origin" {
		log.Fatal("usage: scrimux origin FOLDER HOST…")
	}
	if err := serveOrigin(os.Args[2], os.Args[3:]); err != nil {
		log.Fatal(err)
	}
}

// received is one request as the origin saw it.
type received struct {
	Method string      `json:"method"`
	Host   string      `json:"host"`
	URL    string      `json:"url"`
	Proto  string      `json:"proto"`
	Header http.Header `json:"header"`
	Body   string      `json:"body"`
}

func serveOrigin(folder string, hosts []string) error {
	cert, err := selfSigned(folder, hosts)
	if err != nil {
		return err
	}
	record, err := os.OpenFile(filepath.Join(folder, "requests.ndjson"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var mu sync.Mutex
	handler := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		json.NewEncoder(record).Encode(received{r.Method, r.Host, r.URL.String(), r.Proto, r.Header, string(body)})
		mu.Unlock()
		io.WriteString(w, "from the origin\n")
	}
	srv := &http.Server{Handler: http.HandlerFunc(handler), TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
	if err := os.WriteFile(filepath.Join(folder, "addr"), []byte(listener.Addr().String()), 0o600); err != nil {
		return err
	}
	return srv.ServeTLS(listener, "", "")
}

// selfSigned makes a certificate that is its own root.
func selfSigned(folder string, hosts []string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test origin"}, DNSNames: hosts, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, os.WriteFile(filepath.Join(folder, "roots.pem"), text, 0o600)
}

// cmdExits is "exits CODE PROGRAM ARG…": the program must end with that code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code: got %d, want %d\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// waitLimit is how long waitfor waits: long, since the machine may be busy and releases come by the minute.
const waitLimit = 100 * time.Second

// cmdWaitFor is "waitfor FILE [TEXT]": waits until the file is there, and holds the text.
func cmdWaitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: waitfor FILE [TEXT]")
	}
	deadline := time.Now().Add(waitLimit)
	for {
		data, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && len(data) > 0 && (len(args) == 1 || strings.Contains(string(data), args[1])) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("waited in vain for %s; it holds:\n%s", strings.Join(args, " "), data)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// cmdEnvFile is "envfile NAME FILE": sets an environment variable to the contents of a file.
func cmdEnvFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: envfile NAME FILE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// cmdExpand is "expand FILE…": replaces $NAME in files by the environment of the script.
func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: expand FILE…")
	}
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

// cmdDoor is "door NAME OUTPUT-OF-SERVE": sets $DOOR to the address at which a door listens.
func cmdDoor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: door NAME OUTPUT-OF-SERVE")
	}
	for line := range strings.SplitSeq(ts.ReadFile(args[1]), "\n") {
		if words := strings.Fields(line); len(words) == 2 && words[0] == args[0] {
			ts.Setenv("DOOR", words[1])
			return
		}
	}
	ts.Fatalf("no door %q in the output of serve", args[0])
}
