package program

// fold returns the rules that can run.
func (p *Program) fold() set {
	kept := newSet(len(p.rules))
	for i := range p.rules {
		kept.add(int32(i))
	}
	return kept
}
