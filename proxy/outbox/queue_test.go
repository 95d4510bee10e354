package outbox

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

func berlin(t *testing.T) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skipf("no time zone database: %v", err)
	}
	return loc
}

func item(id, rule string, added time.Time, r rules.Release) Item {
	return Item{ID: id, Rule: rule, Added: added, Release: r}
}

func ids(items []Item) []string {
	var out []string
	for _, it := range items {
		out = append(out, it.ID)
	}
	return out
}

func TestNextSlot(t *testing.T) {
	loc := berlin(t)
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04:05", s, loc)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range []struct {
		name, after, want string
		at                []string
	}{
		{"later_today", "2026-01-10 03:59:59", "2026-01-10 04:00:00", []string{"04:00"}},
		{"never_the_same_moment", "2026-01-10 04:00:00", "2026-01-11 04:00:00", []string{"04:00"}},
		{"first_of_several", "2026-01-10 05:00:00", "2026-01-10 10:00:00", []string{"04:00", "10:00", "16:00", "22:00"}},
		{"over_the_end_of_a_year", "2026-12-31 23:00:00", "2027-01-01 04:00:00", []string{"04:00"}},
		{"the_day_summer_time_begins", "2026-03-28 05:00:00", "2026-03-29 04:00:00", []string{"04:00"}},
		{"the_day_summer_time_ends", "2026-10-24 05:00:00", "2026-10-25 04:00:00", []string{"04:00"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := NextSlot(tt.at, at(tt.after), loc)
			if !ok || !got.Equal(at(tt.want)) {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
}

func TestSlotThatSummerTimeSkipsComesOnce(t *testing.T) {
	loc := berlin(t)
	now := time.Date(2026, 3, 28, 12, 0, 0, 0, loc)
	var slots []time.Time
	for range 3 {
		next, _ := NextSlot([]string{"02:30"}, now, loc)
		slots = append(slots, next)
		now = next
	}
	for i := 1; i < len(slots); i++ {
		if d := slots[i].Sub(slots[i-1]); d < 20*time.Hour {
			t.Errorf("two releases %v apart: %v", d, slots)
		}
	}
	if !isSlot([]string{"02:30"}, slots[0], loc) {
		t.Errorf("%v is not taken for its slot", slots[0])
	}
}

func TestTake(t *testing.T) {
	slot := time.Date(2026, 1, 10, 4, 0, 0, 0, time.UTC)
	day := rules.Release{At: []string{"04:00"}, MaxAge: 7 * 24 * time.Hour}
	t.Run("at_most_cap_and_the_rest_waits", func(t *testing.T) {
		r := day
		r.Cap = 8
		var q Queue
		for i := range 20 {
			q.Add(item(fmt.Sprint(i), "a", slot.Add(-time.Hour), r))
		}
		due, expired, err := q.Take(slot, time.UTC, rand.Reader)
		if err != nil || len(due) != 8 || len(expired) != 0 || q.Len() != 12 {
			t.Errorf("due %d, expired %d, waiting %d, %v; want 8, 0, 12", len(due), len(expired), q.Len(), err)
		}
	})
	t.Run("a_pool_waits_until_it_is_full", func(t *testing.T) {
		r := day
		r.Pool = 5
		var q Queue
		for i := range 4 {
			q.Add(item(fmt.Sprint(i), "a", slot.Add(-time.Hour), r))
		}
		if due, _, _ := q.Take(slot, time.UTC, rand.Reader); len(due) != 0 {
			t.Errorf("%d left a pool of 4", len(due))
		}
		q.Add(item("4", "a", slot.Add(-time.Hour), r))
		if due, _, _ := q.Take(slot, time.UTC, rand.Reader); len(due) != 5 {
			t.Errorf("%d left a pool of 5, want all", len(due))
		}
	})
	t.Run("too_old_never_leaves", func(t *testing.T) {
		var q Queue
		q.Add(item("old", "a", slot.Add(-7*24*time.Hour-time.Second), day))
		q.Add(item("young", "a", slot.Add(-7*24*time.Hour), day))
		due, expired, _ := q.Take(slot, time.UTC, rand.Reader)
		if !slices.Equal(ids(due), []string{"young"}) || !slices.Equal(ids(expired), []string{"old"}) {
			t.Errorf("due %v, expired %v", ids(due), ids(expired))
		}
	})
	t.Run("another_hour_is_not_its_slot", func(t *testing.T) {
		var q Queue
		q.Add(item("x", "a", slot, day))
		if due, _, _ := q.Take(slot.Add(time.Hour), time.UTC, rand.Reader); len(due) != 0 {
			t.Error("it left at 05:00")
		}
	})
	t.Run("without_randomness_nothing_moves", func(t *testing.T) {
		var q Queue
		q.Add(item("x", "a", slot, day))
		if _, _, err := q.Take(slot, time.UTC, bytes.NewReader(nil)); err == nil || q.Len() != 1 {
			t.Errorf("error %v, %d waiting", err, q.Len())
		}
	})
}

// TestOrderIsUniform counts where the first of four items ends up. With 4,000 draws each place has 1,000 on average
// and a standard deviation of 27; 150 is five and a half of them.
func TestOrderIsUniform(t *testing.T) {
	slot := time.Date(2026, 1, 10, 4, 0, 0, 0, time.UTC)
	var places [4]int
	for range 4000 {
		var q Queue
		for i := range 4 {
			q.Add(item(fmt.Sprint(i), fmt.Sprint("line", i%2), slot, rules.Release{At: []string{"04:00"}}))
		}
		due, _, err := q.Take(slot, time.UTC, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		places[slices.Index(ids(due), "0")]++
	}
	for i, n := range places {
		if n < 850 || n > 1150 {
			t.Errorf("place %d: %d of 4000", i, n)
		}
	}
}

// TestDayOfTheRelease stamps a record that waited over midnight, and one that waited for a later release than planned.
func TestDayOfTheRelease(t *testing.T) {
	zone := time.FixedZone("", -5*3600)
	evening := time.Date(2026, 3, 4, 23, 59, 0, 0, zone)
	r := rules.Release{At: []string{"04:00"}, Cap: 1}
	var q Queue
	for i := range 2 {
		it := item(fmt.Sprint(i), "rule", evening, r)
		it.Message.Body = []byte(`{"at":"2026-03-04"}  `)
		it.Stamps = &rules.Stamps{Form: "json", Nodes: []rules.StampAt{{Node: 1}}}
		q.Add(it)
	}
	broken := item("broken", "other", evening, r)
	broken.Message.Body, broken.Stamps = []byte(`{"at":"soon"}`), &rules.Stamps{Form: "json", Nodes: []rules.StampAt{{Node: 1}}}
	q.Add(broken)
	now := evening
	for _, want := range []string{`{"at":"2026-03-05"}  `, `{"at":"2026-03-06"}  `} {
		slot, ok := q.Next(now, zone)
		if !ok {
			t.Fatal("nothing waits")
		}
		due, expired, err := q.Take(slot, zone, rand.Reader)
		if err != nil || len(due) != 1 || string(due[0].Message.Body) != want {
			t.Fatalf("due %+v, %v; want %s", due, err, want)
		}
		for _, it := range expired {
			if it.ID != "broken" || it.Fault == "" || strings.Contains(it.Fault, "soon") {
				t.Errorf("expired %+v", it)
			}
		}
		now = slot
	}
}
