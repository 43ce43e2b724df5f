package target

import "github.com/ringwall/ringwall/waf/seclang"

// target is one group of values of a link.
type Target struct {
	Variable seclang.Variable
	Count    bool
	Key      Selector
	Except   []Selector
	Slots    []int32 // of TX that key selects
}

// sources returns the collections that hold the values of a variable.
func Collections(v seclang.Variable) []seclang.Variable {
	switch v {
	case seclang.Args:
		return ArgCollections
	case seclang.ArgsNames:
		return argNameCollections
	}
	return ownCollections[v][:]
}

var (
	ArgCollections     = []seclang.Variable{seclang.ArgsGet, seclang.ArgsPost, seclang.ArgsPath}
	argNameCollections = []seclang.Variable{seclang.ArgsGetNames, seclang.ArgsPostNames}
	ownCollections     = buildOwnCollections()
)

func buildOwnCollections() (t [seclang.VariableCount][1]seclang.Variable) {
	for v := range t {
		t[v][0] = seclang.Variable(v)
	}
	return t
}
