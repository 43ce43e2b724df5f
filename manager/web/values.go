package web

import "time"

// QueryTimeout bounds one lake query.
const QueryTimeout = 60 * time.Second

// Within returns the value of a parameter from 1 to highest, or its default.
func Within(name string, v *int, otherwise, highest int) (int, error) {
	if v == nil {
		return otherwise, nil
	}
	if *v < 1 || *v > highest {
		return 0, BadRequest("%s=%d: must be 1 to %d", name, *v, highest)
	}
	return *v, nil
}

// TimeRange applies the defaults of the parameters from and to: the hour before to,
// and now. It refuses an empty range.
func TimeRange(now time.Time, from, to *time.Time) (start, end time.Time, err error) {
	for name, t := range map[string]*time.Time{"from": from, "to": to} {
		if t != nil && t.IsZero() { // what the generated code makes of "to="
			return now, now, BadRequest("%s: want a time as in RFC 3339, for example %s", name, now.Format(time.RFC3339))
		}
	}
	end = now
	if to != nil {
		end = *to
	}
	start = end.Add(-time.Hour)
	if from != nil {
		start = *from
	}
	if !start.Before(end) {
		return start, end, BadRequest("from (%s) must be before to (%s)", start.Format(time.RFC3339), end.Format(time.RFC3339))
	}
	return start, end, nil
}

// Optional is nil for a zero value: left out of the JSON.
func Optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// Deref dereferences p; it is zero if p is nil.
func Deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// Filled is items, empty where it is nil: JSON tells [] from null.
func Filled[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
