package run

// CacheSize is how many values a cache has at most.
const CacheSize = cacheSets * ways

// Cached returns the values whose results are in the cache.
func (p *Program) Cached() (values []string) {
	for i := range p.cache.sets {
		for k := range p.cache.sets[i].results {
			if r := p.cache.sets[i].results[k].Load(); r != nil {
				values = append(values, r.value)
			}
		}
	}
	return values
}

// ForgeCached stores results under the hash of value that are of another value or of
// another plan, and returns what is wrong if they are found for it.
func (p *Program) ForgeCached(phase int, value, other string) (wrong []string) {
	plan := p.Phases[phase].Gate.Collections[0].PlanFor("")
	hash := p.cache.hash(plan, value)
	p.cache.put(hash, &result{plan: plan, value: other})
	if p.cache.find(hash, plan, value) != nil {
		wrong = append(wrong, "the result of one value was found for another")
	}
	copied := *plan
	p.cache.put(hash, &result{plan: &copied, value: value})
	if p.cache.find(hash, plan, value) != nil {
		wrong = append(wrong, "the result under one plan was found for another")
	}
	return wrong
}
