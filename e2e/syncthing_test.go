package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// syncthingRules generalize the usage report of Debian's syncthing: an owner's own rule file.
const syncthingRules = `product: syncthing-here
title: Syncthing in this house
hosts: {data.syncthing.net: telemetry}
kinds:
  usage: {title: Usage report, default: generalize}
rules:
  - id: usage-report
    kind: usage
    why: The report holds a number for this installation and exact sizes.
    match:
      host: data.syncthing.net
      method: POST
      path: /newdata
    then: generalize
    fields:
      $.version: {map: {"v1.*": v1, v1: v1, "v2.*": v2, v2: v2}}
      $.platform: keep
      $.urVersion: keep
      $.uniqueID: random
      $.numCPU: {bucket: [1, 4, 16]}
      $.memorySize: {bucket: [0, 4096, 16384]}
      $.uptime: remove
    unlisted: remove
    reply: {status: 200}
    examples:
      - name: a report
        in: {url: "https://data.syncthing.net/newdata", body: {uniqueID: 3NosTowt, version: v1.19.2-ds1, platform: linux-amd64, memorySize: 24105, urVersion: 3, numCPU: 2, uptime: 12, numFolders: 1}}
        out: [{body: {uniqueID: "*", version: v1, platform: linux-amd64, memorySize: 16384, urVersion: 3, numCPU: 1}}]
`

// TestSyncthingReportsThroughScrim lets a program that no one here wrote send its report through scrim.
func TestSyncthingReportsThroughScrim(t *testing.T) {
	syncthing := need(t, "syncthing")
	ca := newAuthority(t)
	o := newOrigin(t, ca, nil)
	rules := filepath.Join(t.TempDir(), "syncthing.yaml")
	if err := os.WriteFile(rules, []byte(syncthingRules), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, ca, map[string]string{"data.syncthing.net": o.addr}, "rule_files: ["+rules+"]\n")
	home := syncthingHome(t, syncthing)

	cmd := exec.Command(syncthing, "serve", "--home", home, "--no-browser", "--no-restart")
	cmd.Env = append(os.Environ(), "https_proxy=http://"+h.proxy, "HTTPS_PROXY=http://"+h.proxy, "SSL_CERT_FILE="+h.ca(), "STNODEFAULTFOLDER=1", "STMONITORED=yes") // one process: its monitor would outlive us
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(filepath.Join(t.TempDir(), "syncthing.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); cmd.Wait() }()

	for deadline := time.Now().Add(60 * time.Second); len(o.all()) == 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(log.Name())
			t.Fatalf("no report within a minute; syncthing said:\n%s", said)
		}
	}
	got := o.all()[0]
	var report map[string]any
	if err := json.Unmarshal(got.Body, &report); err != nil {
		t.Fatalf("%v in %q", err, got.Body)
	}
	for name := range report {
		if !strings.Contains("version platform urVersion uniqueID numCPU memorySize", name) {
			t.Errorf("%q left the house; no rule lists it", name)
		}
	}
	if report["version"] != "v1" {
		t.Errorf("version %v left, want v1", report["version"])
	}
	if id := installation(t, home); id == "" || report["uniqueID"] == id || strings.Contains(string(got.wire()), id) {
		t.Errorf("the installation's own number left the house (known: %v)", id != "")
	}
	if ua := got.Header.Get("User-Agent"); ua != "scrim" {
		t.Errorf("User-Agent %q, want scrim", ua)
	}
	time.Sleep(500 * time.Millisecond)
	if said, _ := os.ReadFile(log.Name()); !strings.Contains(string(said), "Sent usage report") {
		t.Errorf("syncthing was not content:\n%s", said)
	}
	all, _ := h.ledger()
	sameAsLedger(t, o.all(), sent(all))
	h.verify()
}

// syncthingHome is a fresh syncthing that reports after ten seconds and speaks to nobody else.
func syncthingHome(t *testing.T, syncthing string) string {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	if _, stderr, code := run(t, nil, syncthing, "generate", "--home", home); code != 0 {
		t.Fatalf("syncthing generate: %s", stderr)
	}
	file := filepath.Join(home, "config.xml")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for element, value := range map[string]string{
		"urAccepted": "3", "urInitialDelayS": "10", "globalAnnounceEnabled": "false", "localAnnounceEnabled": "false",
		"relaysEnabled": "false", "natEnabled": "false", "crashReportingEnabled": "false", "autoUpgradeIntervalH": "0",
		"listenAddress": "tcp://127.0.0.1:0", "address": "127.0.0.1:0",
	} {
		re := regexp.MustCompile(`<` + element + `>[^<]*</` + element + `>`)
		text = re.ReplaceAllString(text, "<"+element+">"+value+"</"+element+">")
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return home
}

// installation is the number that syncthing made up for this installation.
func installation(t *testing.T, home string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(home, "config.xml"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`<urUniqueID>([^<]+)</urUniqueID>`).FindSubmatch(raw)
	if m == nil {
		return ""
	}
	return string(m[1])
}
