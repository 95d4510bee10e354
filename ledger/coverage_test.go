package ledger

import (
	"strconv"
	"testing"
	"time"
)

func TestCoverageHoldsWhatWasAskedAgainstWhatCame(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	var c Coverage
	c.Came(at(1), "10.0.0.2", "metrics.example", "transparent", "maker", "generalized")
	c.Came(at(2), "10.0.0.2", "metrics.example", "proxy", "maker", "dropped")
	c.Came(at(2), "10.0.0.2", "pinned.example", "transparent", "maker", "refused")
	c.Came(at(3), "10.0.0.2", "films.example", "transparent", "", "tunnelled")
	c.Came(at(3), "10.0.0.3", "doh.example", "transparent", "", "tunnelled")
	c.Came(at(3), "10.0.0.3", "", "transparent", "", "failed")
	asked := []Asked{
		{Client: "10.0.0.2", Name: "metrics.example", Product: "maker", Ruled: true, Last: at(1), Count: 3},
		{Client: "10.0.0.2", Name: "silent.example", Product: "maker", Ruled: true, Last: at(1), Count: 2},
		{Client: "10.0.0.2", Name: "new.example", Product: "maker", Ruled: true, Last: at(295), Count: 1},
		{Client: "10.0.0.2", Name: "films.example", Last: at(1), Count: 9},
		{Client: "10.0.0.2", Name: "ads.example", Product: "tv", Refused: true, Last: at(1), Count: 1},
	}
	name := func(client string) string { return map[string]string{"10.0.0.2": "nas"}[client] }
	got := c.Report(at(300), asked, map[string]int64{"10.0.0.2": 7}, func(host string) bool { return host == "doh.example" }, name)
	if len(got) != 2 || got[0].Client != "10.0.0.2" || got[0].Name != "nas" || got[0].QUIC != 7 {
		t.Fatalf("got %+v", got)
	}
	if got[0].Other.Tunnelled != 1 || len(got[1].Bypass) != 1 || got[1].Bypass[0] != "doh.example" {
		t.Errorf("other %+v, bypass %v", got[0].Other, got[1].Bypass)
	}
	if len(got[0].Products) != 2 {
		t.Fatalf("got products %+v", got[0].Products)
	}
	maker := got[0].Products[0]
	if maker.Product != "maker" || maker.Around != 1 || maker.Intercepted != 2 || maker.Refused != 1 || maker.Asked != 6 || maker.Doors["transparent"] != 2 {
		t.Errorf("got %+v", maker)
	}
	standing := map[string]Standing{}
	for _, n := range maker.Names {
		standing[n.Name] = n.Standing
	}
	for host, want := range map[string]Standing{"metrics.example": Covered, "silent.example": Around, "new.example": Waiting, "pinned.example": Covered} {
		if standing[host] != want {
			t.Errorf("%s: got %q, want %q", host, standing[host], want)
		}
	}
	if tv := got[0].Products[1]; tv.Product != "tv" || !tv.Names[0].Refused || tv.Around != 0 {
		t.Errorf("got %+v", tv)
	}
}

func TestCoverageIsBounded(t *testing.T) {
	var c Coverage
	now := time.Unix(1_800_000_000, 0)
	for i := range maxCovered + 1000 {
		c.Came(now, "10.0.0.2", strconv.Itoa(i)+".example", "proxy", "", "tunnelled")
	}
	if len(c.pairs) != maxCovered {
		t.Errorf("%d pairs are held, at most %d may be", len(c.pairs), maxCovered)
	}
	c.Came(now.Add(2*coverFor), "10.0.0.2", "late.example", "proxy", "", "tunnelled")
	if len(c.pairs) != 1 {
		t.Errorf("%d pairs are held after a day of silence, want 1", len(c.pairs))
	}
}
