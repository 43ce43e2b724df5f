// Package target says what a link of a rule looks at: which members of which
// collections. Compiler, gate and run time share it.
//
// A variable of the rule language (ARGS) names one or several collections that hold
// values (ARGS_GET, ARGS_POST, ARGS_PATH); a selector chooses members of a collection by
// their key (ARGS:q, ARGS:/^q/). It knows no values and no transactions.
package target

import "github.com/ringwall/ringwall/waf/seclang"

// Target is one group of values that a link tests.
type Target struct {
	Variable seclang.Variable
	// Count tells that the link tests how many members there are (&ARGS), not these.
	Count bool
	// Key chooses members, Except takes some of them away again (!ARGS:q).
	Key    Selector
	Except []Selector
	// Slots are the variables of TX that Key chooses, which have numbers so that they
	// need not be looked up by name. Empty for other variables.
	Slots []int32
}

// Collections returns the collections that hold the values of a variable, which must
// not be changed. For most variables that is one of the same name.
func Collections(v seclang.Variable) []seclang.Variable {
	switch v {
	case seclang.Args:
		return argCollections
	case seclang.ArgsNames:
		return argNameCollections
	}
	return ownCollections[v][:]
}

// Tables rather than literals in Collections: it is called for each target of each rule
// that runs, and must not allocate.
var (
	argCollections     = []seclang.Variable{seclang.ArgsGet, seclang.ArgsPost, seclang.ArgsPath}
	argNameCollections = []seclang.Variable{seclang.ArgsGetNames, seclang.ArgsPostNames}
	ownCollections     = buildOwnCollections()
)

func buildOwnCollections() (t [seclang.VariableCount][1]seclang.Variable) {
	for v := range t {
		t[v][0] = seclang.Variable(v)
	}
	return t
}
