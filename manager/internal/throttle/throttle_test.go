package throttle

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func rule() Rule {
	return Rule{Free: 3, First: time.Second, Longest: time.Minute, Keys: 100}
}

func TestPausesDoubleAfterTheFreeAttempts(t *testing.T) {
	tr := New(rule())
	now := start
	var waits []time.Duration
	for range 11 {
		wait := tr.Take("k", now)
		waits = append(waits, wait)
		if wait > 0 {
			now = now.Add(wait)
			if wait := tr.Take("k", now); wait != 0 {
				t.Fatalf("after waiting as told: %v more", wait)
			}
		}
	}
	want := []time.Duration{0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60}
	for i := range want {
		want[i] *= time.Second
	}
	if !slices.Equal(want, waits) {
		t.Errorf("want %v, got %v", want, waits)
	}
}

func TestRefusedAttemptsDoNotLengthenThePause(t *testing.T) {
	tr := New(rule())
	for range 3 {
		tr.Take("k", start)
	}
	for range 100 {
		if wait := tr.Take("k", start); wait != time.Second {
			t.Fatalf("wait: %v", wait)
		}
	}
}

func TestOtherKeysAreFree(t *testing.T) {
	tr := New(rule())
	for range 50 {
		tr.Take("attacker", start)
	}
	if wait := tr.Take("admin", start); wait != 0 {
		t.Errorf("another key waits %v", wait)
	}
}

func TestCountEndsAfterARest(t *testing.T) {
	tr := New(rule())
	now := start
	for range 20 {
		now = now.Add(tr.Take("k", now))
	}
	now = now.Add(4*time.Minute + time.Second)
	for i := range 3 {
		if wait := tr.Take("k", now); wait != 0 {
			t.Errorf("attempt %d after a rest waits %v", i, wait)
		}
	}
}

func TestResetForgetsAndReturnTakesOneBack(t *testing.T) {
	tr := New(rule())
	for range 3 {
		tr.Take("k", start)
	}
	tr.Reset("k")
	for i := range 3 {
		if wait := tr.Take("k", start); wait != 0 {
			t.Errorf("attempt %d after a reset waits %v", i, wait)
		}
	}
	tr.Return("k")
	if wait := tr.Take("k", start); wait != 0 {
		t.Errorf("after taking one back: %v", wait)
	}
	if wait := tr.Take("k", start); wait == 0 {
		t.Error("taking one back gave two")
	}
	tr.Return("nobody")
	tr.Reset("nobody")
}

func TestMemoryIsBounded(t *testing.T) {
	tr := New(rule())
	for range 3 {
		tr.Take("first", start)
	}
	for i := range 10_000 {
		tr.Take(fmt.Sprint(i), start)
		tr.Take("first", start) // in use, so not forgotten
	}
	if len(tr.keys) != 100 || tr.order.Len() != 100 {
		t.Errorf("%d keys, %d in order, want 100", len(tr.keys), tr.order.Len())
	}
	if wait := tr.Take("first", start); wait == 0 {
		t.Error("the busiest key was forgotten")
	}
}

func TestClockSetBackDoesNotLockOutForLong(t *testing.T) {
	tr := New(rule())
	for range 3 {
		tr.Take("k", start)
	}
	yesterday := start.Add(-24 * time.Hour)
	if wait := tr.Take("k", yesterday); wait != time.Minute {
		t.Errorf("wait: %v", wait)
	}
	if wait := tr.Take("k", yesterday.Add(time.Minute)); wait != 0 {
		t.Errorf("after the longest pause: %v", wait)
	}
}
