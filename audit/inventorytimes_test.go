package audit

import (
	"bytes"
	"testing"
	"time"
)

// TestOneFactForManyIsManyFacts holds that records counted together leave the same inventory, drift and all, as
// records counted one by one.
func TestOneFactForManyIsManyFacts(t *testing.T) {
	fields := []string{"$.a number changed", "$.b string removed", "$.c string kept"}
	var single []*Fact
	for n := 1; n <= 6; n++ {
		single = append(single, event(n, begin, fields...))
	}
	later := event(7, begin.Add(time.Minute), append(fields, "$.new string removed")...)
	together := event(6, begin, fields...)
	together.Times = 6
	a, toldA := counted(append(single, later)...)
	b, toldB := counted(together, later)
	savedA, err := a.Save()
	if err != nil {
		t.Fatal(err)
	}
	savedB, err := b.Save()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(savedA, savedB) {
		t.Errorf("one by one:\n%s\ntogether:\n%s", savedA, savedB)
	}
	if len(*toldA) != len(*toldB) || len(*toldA) == 0 {
		t.Errorf("drift %v one by one, %v together", *toldA, *toldB)
	}
}
