package program

// Trace collects what became of the rules of a transaction, for explanations.
type Trace struct {
	// Ran has the ids of the rules that ran, Matched of those that matched.
	Ran, Matched []int
}

func (t *Trace) ran(r *rule, matched bool) {
	t.Ran = append(t.Ran, r.id)
	if matched {
		t.Matched = append(t.Matched, r.id)
	}
}

// StartTrace begins to collect.
func (tx *Tx) StartTrace() { tx.Trace = &Trace{} }
