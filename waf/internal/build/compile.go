// Package build compiles directives of the rule language into a program.
//
// It reads the directives in order (directive.go, rule.go, update.go), resolves what they
// say of each other (resolve.go), and then does ahead of time what no transaction can
// change:
//
//   - Constant folding (fold.go): rules that ask only for variables of TX whose values are
//     known are decided. Of the Core Rule Set that is its whole set-up: paranoia levels,
//     defaults, the rules of levels that are off.
//   - Constant propagation (settle.go): references to variables that no transaction
//     changes become their values.
//   - The prefilter (gate.go, relay.go): links whose candidates package gate can find are
//     handed to it, the others always run.
//
// # Glossary
//
//   - Directive: one line of the language, SecRule and others.
//   - Slot: the number of a variable of TX that rules name.
//   - Kept rules: those that folding leaves. The others stay in the program, so that they
//     can be explained, and never run.
//   - Relay: a chain that hands values through TX from its first to its second link.
//   - Overlay, tuning: what one application changes of a program (tuning.go).
//   - Reference: a program without any of this, which tests compare with.
//
// A mistake in the rules is a *seclang.Error that names file, line and column and a way
// out. Compiling takes some hundred milliseconds; nothing here is used by transactions.
//
// Each file has one kind of thing: compile.go the order of steps, directive.go the Sec… directives,
// rule.go SecRule with its targets and actions, actions.go setvar, ctl and the persistent
// collections, operators.go the operators, ruleselector.go and update.go the directives that choose
// other rules. The package has no state: each call of Compile has a compiler of its own, and two
// may run at the same time.
package build

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf/internal/bitset"
	"github.com/ringwall/ringwall/waf/internal/gate"
	"github.com/ringwall/ringwall/waf/internal/run"
	"github.com/ringwall/ringwall/waf/internal/rx"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Options are what a program is compiled from.
type Options struct {
	// Directives are in the order in which they take effect, without Include. Compile keeps them
	// for explanations; they must not change afterwards.
	Directives []seclang.Directive
	// Files has the data files of rules, beside the files that name them. May be nil. It is read
	// while Compile runs and not kept.
	Files fs.FS
	// Reference compiles without constant folding, gate and automata: every rule runs on
	// every value, by the standard library's regular expressions. It is slow, and what
	// tests compare an optimised program with.
	Reference bool
}

// Compile builds a program. Mistakes are joined; each is a *seclang.Error. There is no
// program if there is any. The program is immutable but for its memory of values, and safe for
// several goroutines. Compile does not stop at the first mistake: who corrects a file of rules
// wants to see all of them.
//
// Steps: read all directives, resolve what refers to others, fold, settle, order by phase, build
// the gates, find what must be filled.
func Compile(o Options) (*run.Program, error) {
	c := compiler{
		p: &run.Program{
			// What holds if no directive says otherwise (docs/guide/seclang.md).
			Settings: run.Settings{
				Engine: "on", JSONDepth: 1024, Arguments: 1000,
				ResponseTypes:     []string{"text/plain", "text/html", "text/xml"},
				CollectionTimeout: time.Hour,
			},
			ByID:  map[int]int32{},
			Slots: map[string]int32{},
		},
		defaults: map[int][]seclang.Action{},
		markers:  map[string][]int32{},
	}
	c.p.Reference = o.Reference
	c.context = operatorContext{files: o.Files, slot: c.slot, regexps: map[string]*rx.Regexp{}, phrases: map[string]run.Operator{}}
	// The captures have the first slots, whether rules name them or not. They are TX:0 to TX:9,
	// which capture fills (run.WellKnown).
	for i := range 10 {
		c.p.WellKnown.Captures[i] = c.slot(strconv.Itoa(i))
	}
	// In order: what a directive means depends on those before it.
	for _, d := range o.Directives {
		c.directive(d)
	}
	// A chain at the end of the last file.
	if c.open != nil {
		c.fail(c.open.Pos, "chain has no next rule", "", "add a SecRule after it or remove the action chain")
	}
	// What follows takes rules for complete, which they are only without mistakes.
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	c.resolve()
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	// All rules are known and no rule is dropped yet: notices are about what is written.
	c.noticeUnopened()
	c.optimise()
	return c.p, nil
}

// compiler has what is known while a program is built. Directives refer to each other by
// id, tag and marker, in both directions, so that rules stay pointers until all are read. A
// compiler serves one call of Compile, in one goroutine.
type compiler struct {
	// p is filled step by step and returned as the result.
	p       *run.Program
	context operatorContext
	// errs are the mistakes so far, in order of the directives.
	errs     []error
	defaults map[int][]seclang.Action // of SecDefaultAction, by phase
	// rules has also those that were removed, so that markers and skips, which count places, stay
	// right.
	rules []*run.Rule
	open  *run.Rule // a chain that waits for its next link
	// markers has, for each name, the numbers of rules before which it stands.
	markers map[string][]int32
	ids     map[int]*run.Rule         // rules that are not removed
	removed map[int]bool              // ids that a directive removed
	notices map[string]bool           // so that each is given once
	opens   [len(run.Persistent)]bool // collections that actions open
	// gates numbers the plans of all phases.
	gates gate.Compiler
	// selections are filled once all rules are known. ctl:ruleRemoveByTag and its like may name
	// rules that come later.
	selections []selection
}

// fail notes a mistake: what is wrong, the text that is, and a way out. text may be empty, the
// others not.
func (c *compiler) fail(pos seclang.Pos, msg, text, hint string) {
	c.errs = append(c.errs, &seclang.Error{Pos: pos, Msg: msg, Text: text, Hint: hint})
}

// failErr notes an error. One that has no place in a file gets pos; what stands after the
// first semicolon of its text is the way out. Targets in a ctl are parsed with the file name "ctl",
// which is a place in no file.
func (c *compiler) failErr(pos seclang.Pos, err error) {
	if e := new(seclang.Error); errors.As(err, &e) && e.Pos.File != "ctl" {
		c.errs = append(c.errs, err)
		return
	}
	// Errors of this package and of package run are written as "mistake; way out".
	msg, hint, _ := strings.Cut(err.Error(), "; ")
	c.fail(pos, msg, "", hint)
}

// slot returns the number of a variable of TX, by name in lower case, a new one for a new
// name. Slots are given in the order in which rules name variables and never taken back. Names that
// only transactions compute have no slot.
func (c *compiler) slot(name string) int32 {
	if s, ok := c.p.Slots[name]; ok {
		return s
	}
	s := int32(len(c.p.SlotNames))
	c.p.Slots[name] = s
	c.p.SlotNames = append(c.p.SlotNames, name)
	c.p.Initial = append(c.p.Initial, run.SlotValue{})
	return s
}

// notice adds to what the rules ask for that has no effect. Each text is given once.
func (c *compiler) notice(text string) {
	if c.notices == nil {
		c.notices = map[string]bool{}
	}
	if !c.notices[text] {
		c.notices[text] = true
		c.p.Settings.Notices = append(c.p.Settings.Notices, text)
	}
}

// optimise orders the rules by phase, folds and builds the gates. Of a reference program
// it only orders them. The rules must be resolved: folding reads where skips lead.
func (c *compiler) optimise() {
	p := c.p
	reference := p.Reference
	// Order matters: what folding decides is what propagation may write into the texts, and
	// both make links pure, which the gate needs.
	kept := bitset.New(len(p.Rules))
	for i := range p.Rules {
		kept.Add(int32(i))
	}
	if !reference {
		kept = fold(p)
		settle(p, kept)
	}
	// Phases have numbers from 1 on, as in the language.
	for n := 1; n < run.PhaseCount; n++ {
		ph := &p.Phases[n]
		for i := range p.Rules {
			if p.Rules[i].Phase == n && kept.Has(int32(i)) {
				ph.Rules = append(ph.Rules, int32(i))
			}
		}
		// Sets of a phase are by position in it, those of the program by index.
		ph.Always = bitset.New(len(ph.Rules))
		if reference {
			for i := range ph.Rules {
				ph.Always.Add(int32(i))
			}
		} else {
			c.buildGate(ph, kept)
		}
	}
	// These need the rules that are left: what only dropped rules refer to is not needed.
	findNeeded(p)
	findScalars(p)
	findSlots(p)
	p.InitCache()
}
