package program

import "github.com/ringwall/ringwall/waf/seclang"

// target is one group of values of a link.
type target struct {
	variable seclang.Variable
	count    bool
	key      selector
	except   []selector
	slots    []int32 // of TX that key selects
}

// sources returns the collections that hold the values of a variable.
func sources(v seclang.Variable) []seclang.Variable {
	switch v {
	case seclang.Args:
		return argSources
	case seclang.ArgsNames:
		return argNameSources
	}
	return selfSources[v][:]
}

var (
	argSources     = []seclang.Variable{seclang.ArgsGet, seclang.ArgsPost, seclang.ArgsPath}
	argNameSources = []seclang.Variable{seclang.ArgsGetNames, seclang.ArgsPostNames}
	selfSources    = buildSelfSources()
)

func buildSelfSources() (t [seclang.VariableCount][1]seclang.Variable) {
	for v := range t {
		t[v][0] = seclang.Variable(v)
	}
	return t
}
