// Package throttle slows down guessing: after a few free attempts under one key,
// each further one must wait longer. It keeps its counts in bounded memory and
// loses them at a restart.
//
// Stability: internal.
package throttle

import (
	"container/list"
	"sync"
	"time"
)

// Rule says how fast attempts under one key may follow each other.
type Rule struct {
	// Free attempts pass at once.
	Free int
	// First is the pause after the last free attempt; it doubles with each further
	// attempt up to Longest. After four times Longest without an attempt the count
	// starts again.
	First, Longest time.Duration
	// Keys is how many keys are remembered; the least recently used is forgotten.
	Keys int
}

// Throttle counts attempts. Use New. It is safe for use by several goroutines.
type Throttle struct {
	rule Rule

	mu    sync.Mutex
	keys  map[string]*list.Element
	order *list.List // of *entry, most recently used first
}

type entry struct {
	key   string
	count int
	next  time.Time // no attempt before
	last  time.Time
}

// New returns a Throttle.
func New(rule Rule) *Throttle {
	return &Throttle{rule: rule, keys: map[string]*list.Element{}, order: list.New()}
}

// Take asks for one attempt under key at the time now. It returns zero and counts
// the attempt, or returns how long to wait and counts nothing. The attempt counts
// as failed until Reset, so attempts made side by side cannot outrun the count.
func (t *Throttle) Take(key string, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	el, ok := t.keys[key]
	if !ok {
		el = t.order.PushFront(&entry{key: key})
		t.keys[key] = el
		if t.order.Len() > t.rule.Keys {
			oldest := t.order.Back()
			delete(t.keys, t.order.Remove(oldest).(*entry).key)
		}
	}
	t.order.MoveToFront(el)
	e := el.Value.(*entry)
	if wait := e.next.Sub(now); wait > t.rule.Longest { // somebody set the clock back
		e.next = now.Add(t.rule.Longest)
		return t.rule.Longest
	} else if wait > 0 {
		return wait
	}
	if now.Sub(e.last) > 4*t.rule.Longest {
		e.count = 0
	}
	e.count++
	e.last = now
	if over := e.count - t.rule.Free; over >= 0 {
		pause := t.rule.First
		for range over {
			if pause *= 2; pause >= t.rule.Longest {
				pause = t.rule.Longest
				break
			}
		}
		e.next = now.Add(pause)
	}
	return 0
}

// Reset forgets the attempts under key: one of them was right.
func (t *Throttle) Reset(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if el, ok := t.keys[key]; ok {
		t.order.Remove(el)
		delete(t.keys, key)
	}
}

// Return takes back one attempt under key that says nothing about guessing, such as
// one that was refused for another reason.
func (t *Throttle) Return(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if el, ok := t.keys[key]; ok {
		e := el.Value.(*entry)
		e.count = max(0, e.count-1)
		e.next = time.Time{}
	}
}
