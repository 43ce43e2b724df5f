package throttle

import (
	"slices"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// throttle keeps the counts by key, as users of the package do.
type throttle struct {
	rule Rule
	keys map[string]*Attempts
}

func newThrottle() *throttle {
	return &throttle{rule: Rule{Free: 3, First: time.Second, Longest: time.Minute}, keys: map[string]*Attempts{}}
}

func (t *throttle) attempts(key string) *Attempts {
	if t.keys[key] == nil {
		t.keys[key] = new(Attempts)
	}
	return t.keys[key]
}

func (t *throttle) Take(key string, now time.Time) time.Duration {
	return t.rule.Take(t.attempts(key), now)
}

func (t *throttle) Return(key string) { t.rule.Return(t.attempts(key)) }
func (t *throttle) Reset(key string)  { delete(t.keys, key) }

func TestPausesDoubleAfterTheFreeAttempts(t *testing.T) {
	tr := newThrottle()
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
	tr := newThrottle()
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
	tr := newThrottle()
	for range 50 {
		tr.Take("attacker", start)
	}
	if wait := tr.Take("admin", start); wait != 0 {
		t.Errorf("another key waits %v", wait)
	}
}

func TestCountEndsAfterARest(t *testing.T) {
	tr := newThrottle()
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
	tr := newThrottle()
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

func TestClockSetBackDoesNotLockOutForLong(t *testing.T) {
	tr := newThrottle()
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
