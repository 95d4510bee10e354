package main

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/scrimproxy/scrim/rules"
)

// scheduled is a schedule that collects what leaves. Its chance is fixed.
func scheduled(t *testing.T) (*schedule, *[]leaving) {
	t.Helper()
	var left []leaving
	s := &schedule{loc: time.UTC, random: rand.NewChaCha8([32]byte{}), of: map[string]int{}}
	s.leave = func(l leaving) error { left = append(left, l); return nil }
	return s, &left
}

func (s *schedule) add(t *testing.T, index int, at string, r rules.Release) {
	t.Helper()
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.reach(when); err != nil {
		t.Fatal(err)
	}
	o := &rules.Outcome{Rule: &rules.RuleInfo{ID: "r"}}
	s.hold(index, strconv.Itoa(index), o, &rules.Out{Release: &r}, when)
}

func TestPartsLeaveAtTheirTimeAndUnderTheirCap(t *testing.T) {
	s, left := scheduled(t)
	release := rules.Release{At: []string{"04:00"}, Cap: 2}
	for i := range 5 {
		s.add(t, i+1, "2026-01-01T20:0"+strconv.Itoa(i)+":00Z", release)
	}
	if waiting, err := s.drain(); err != nil || waiting != 0 {
		t.Fatalf("got %d waiting, %v", waiting, err)
	}
	days := map[string]int{}
	for _, l := range *left {
		days[l.at.Format("02T15:04")]++
	}
	want := map[string]int{"02T04:00": 2, "03T04:00": 2, "04T04:00": 1}
	for day, n := range want {
		if days[day] != n {
			t.Errorf("%s: got %d, want %d", day, days[day], n)
		}
	}
	if len(*left) != 5 {
		t.Errorf("got %d that left, want 5", len(*left))
	}
}

func TestPartsThatAreTooOldExpire(t *testing.T) {
	s, left := scheduled(t)
	release := rules.Release{At: []string{"04:00"}, Cap: 1, MaxAge: 36 * time.Hour}
	for i := range 4 {
		s.add(t, i+1, "2026-01-01T20:00:00Z", release)
	}
	if _, err := s.drain(); err != nil {
		t.Fatal(err)
	}
	expired := 0
	for _, l := range *left {
		if l.expired {
			expired++
		}
	}
	if len(*left) != 4 || expired != 2 {
		t.Errorf("got %d that ended and %d of them expired, want 4 and 2", len(*left), expired)
	}
}

func TestAPoolThatDoesNotFillWaits(t *testing.T) {
	s, left := scheduled(t)
	s.add(t, 1, "2026-01-01T20:00:00Z", rules.Release{At: []string{"04:00"}, Pool: 3})
	waiting, err := s.drain()
	if err != nil || waiting != 1 || len(*left) != 0 {
		t.Errorf("got %d waiting, %d that left, %v; want 1, 0, nil", waiting, len(*left), err)
	}
}

func TestTheClockOfTheEntriesReleases(t *testing.T) {
	s, left := scheduled(t)
	release := rules.Release{At: []string{"04:00", "16:00"}}
	s.add(t, 1, "2026-01-01T03:59:00Z", release)
	s.add(t, 2, "2026-01-01T04:01:00Z", release)
	if len(*left) != 1 || (*left)[0].index != 1 || (*left)[0].at.Hour() != 4 {
		t.Fatalf("after 04:00: got %+v", *left)
	}
	s.add(t, 3, "2026-01-01T03:00:00Z", release) // out of order: the clock does not go back
	if _, err := s.drain(); err != nil {
		t.Fatal(err)
	}
	for _, l := range (*left)[1:] {
		if l.at.Format("02T15:04") != "01T16:00" {
			t.Errorf("entry %d left at %s, want 16:00", l.index, l.at)
		}
	}
}
