// Package throttle slows down guessing: after a few free attempts under one key,
// each further one must wait longer. It only computes; whoever uses it keeps the
// counts.
//
// Stability: internal.
package throttle

import "time"

// Rule says how fast attempts under one key may follow each other.
type Rule struct {
	// Free attempts pass at once.
	Free int
	// First is the pause after the last free attempt; it doubles with each further
	// attempt up to Longest. After four times Longest without an attempt the count
	// starts again.
	First, Longest time.Duration
}

// Attempts is what was counted under one key. The zero value is a key without any.
type Attempts struct {
	Count int
	Next  time.Time // no attempt before
	Last  time.Time
}

// Memory is how long after the last attempt the count of a key matters.
func (r Rule) Memory() time.Duration { return 4 * r.Longest }

// Take asks for one attempt at the time now. It returns zero and counts the attempt,
// or returns how long to wait and counts nothing. The attempt counts as failed until
// it is returned or forgotten, so attempts made side by side cannot outrun the count
// when Take and the storing of what it changed are one step.
func (r Rule) Take(a *Attempts, now time.Time) (wait time.Duration) {
	if wait := a.Next.Sub(now); wait > r.Longest { // somebody set the clock back
		a.Next = now.Add(r.Longest)
		return r.Longest
	} else if wait > 0 {
		return wait
	}
	if now.Sub(a.Last) > r.Memory() {
		a.Count = 0
	}
	a.Count++
	a.Last = now
	if over := a.Count - r.Free; over >= 0 {
		pause := r.First
		for range over {
			if pause *= 2; pause >= r.Longest {
				pause = r.Longest
				break
			}
		}
		a.Next = now.Add(pause)
	}
	return 0
}

// Return takes back one attempt that says nothing about guessing, such as one that
// was refused for another reason.
func (r Rule) Return(a *Attempts) {
	a.Count = max(0, a.Count-1)
	a.Next = time.Time{}
}
