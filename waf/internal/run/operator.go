package run

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/corazawaf/libinjection-go"

	"github.com/ringwall/ringwall/waf/internal/ascii"
	"github.com/ringwall/ringwall/waf/internal/charset"
	"github.com/ringwall/ringwall/waf/internal/gate"
	"github.com/ringwall/ringwall/waf/internal/rx"
)

// Operator is the test of a link. It is immutable and shared by all transactions. Most
// are gate.Pattern as well: those that require something of a value that can be searched
// for, or say the same of equal values at least.
//
// Negation is the link's business: an operator knows nothing of it.
type Operator interface {
	// Match tests a value. With capture it fills TX:0 and, if it has more to tell, those
	// after it. Operators for which Pure holds ask nothing of tx without capture; @rx and
	// @pm note there where they matched.
	Match(tx *Tx, s string, capture bool) bool
}

// Pure reports whether the answer of op depends on the value only. Of those that compare
// it holds if the argument refers to nothing; it may become true when package build
// settles constants.
func Pure(op Operator) bool {
	arg := Argument(op)
	if arg == nil {
		return true
	}
	_, ok := arg.Constant()
	return ok
}

// The compiler asks what operators are rather than to know their types.

// IsConstant reports whether op says the same of every value: @unconditionalMatch and
// @noMatch.
func IsConstant(op Operator) bool {
	_, ok := op.(constantOperator)
	return ok
}

// IsWhole reports whether op is @rx with an expression that matches every value, as a
// whole: ^.*$ and its like, by which rules copy values to TX.
func IsWhole(op Operator) bool {
	o, ok := op.(*rxOperator)
	return ok && o.re.Whole()
}

// IsComparison reports whether op compares values with an argument as text and needs
// no more than the argument of a transaction.
func IsComparison(op Operator) bool {
	switch op.(type) {
	case *textOperator, *withinOperator:
		return true
	}
	return false
}

// FoldArgument reads the argument of op after its references became constant, so that it
// need not be read with each value. Only package build may call it, before the program is
// in use.
func FoldArgument(op Operator) {
	if o, ok := op.(*numberOperator); ok {
		o.fold()
	}
}

// Argument returns the text that an operator compares with, nil for other operators. The
// macro is the operator's own: package build writes constants into it.
func Argument(op Operator) *Macro {
	switch op := op.(type) {
	case *numberOperator:
		return op.arg
	case *textOperator:
		return op.arg
	case *withinOperator:
		return op.arg
	}
	return nil
}

// locator operators can tell which bytes made them match. It is asked only of matches
// that are reported. Operators that are none compare the value as a whole: with
// numbers, addresses and lists of allowed values.
type locator interface {
	// locate returns where the match is, -1 if it is no bytes in particular.
	locate(s string) (start, end int)
}

// NewDetector returns the operator of that name that takes no argument, nil if none is
// called so. Names are as package seclang writes them.
func NewDetector(name string) Operator {
	switch name {
	case "detectSQLi":
		return sqliOperator{}
	case "detectXSS":
		return xssOperator{}
	case "validateUrlEncoding":
		return urlEncodingOperator{}
	case "validateUtf8Encoding":
		return utf8Operator{}
	case "unconditionalMatch":
		return constantOperator(true)
	case "noMatch":
		return constantOperator(false)
	}
	return nil
}

// NewComparison returns the operator of that name that compares values with arg, nil if
// none is called so. Text is compared byte by byte and in its case, numbers as Number
// reads them.
func NewComparison(name string, arg *Macro) Operator {
	switch name {
	// @strmatch of ModSecurity searches for a text, by another algorithm.
	case "contains", "strmatch":
		return &textOperator{arg, name, strings.Contains}
	case "containsWord":
		return &textOperator{arg, name, containsWord}
	case "beginsWith":
		return &textOperator{arg, name, strings.HasPrefix}
	case "endsWith":
		return &textOperator{arg, name, strings.HasSuffix}
	case "streq":
		return &textOperator{arg, name, func(s, arg string) bool { return s == arg }}
	case "within":
		return &withinOperator{arg, name, func(s, arg string) bool { return strings.Contains(arg, s) }}
	case "eq":
		return newNumber(arg, name, func(v, arg int) bool { return v == arg })
	case "ge":
		return newNumber(arg, name, func(v, arg int) bool { return v >= arg })
	case "gt":
		return newNumber(arg, name, func(v, arg int) bool { return v > arg })
	case "le":
		return newNumber(arg, name, func(v, arg int) bool { return v <= arg })
	case "lt":
		return newNumber(arg, name, func(v, arg int) bool { return v < arg })
	}
	return nil
}

// constantOperator matches always or never.
type constantOperator bool

// Match is the same for every value, so package build decides what it can of rules that
// have it.
func (o constantOperator) Match(*Tx, string, bool) bool { return bool(o) }

// rxOperator is @rx. What it requires of a value comes of its syntax, see package rx. It
// takes time linear in the value.
type rxOperator struct{ re *rx.Regexp }

// NewRegexp returns @rx for a regular expression. Links with one expression share it.
func NewRegexp(re *rx.Regexp) Operator { return &rxOperator{re} }

// Identity, Need and Matches are those of gate.Pattern, here and for the operators that
// follow: equal identities share what is proved of a value, Need is what a value must
// have for a match, and Matches is Match without a transaction.
func (o *rxOperator) Identity() string { return "rx " + o.re.String() }

func (o *rxOperator) Need(absent charset.Set) rx.Need { return o.re.Need(absent) }

func (o *rxOperator) Matches(s string) bool { return o.re.Match(s) }

func (o *rxOperator) Match(tx *Tx, s string, capture bool) bool {
	// The reference asks package regexp, so that it does not share the automata's
	// mistakes.
	if tx.p.Reference {
		if !o.re.MatchPrecisely(s) {
			return false
		}
	} else if !o.re.Match(s) {
		return false
	}
	if !capture {
		return true
	}
	// The whole match is the value; a search would find no more.
	if o.re.Whole() {
		tx.setCapture(0, s)
		return true
	}
	// Only now is it worth asking where the groups are, which costs several times as much.
	loc := o.re.Find(s)
	if loc != nil {
		tx.span = span{true, loc[0], loc[1]}
	}
	// Nine groups with the whole match, as in Coraza. One that took no part is empty.
	for i := 0; i < len(loc)/2 && i < 9; i++ {
		text := ""
		if loc[2*i] >= 0 {
			text = s[loc[2*i]:loc[2*i+1]]
		}
		tx.setCapture(i, text)
	}
	return loc != nil
}

// locate is that of locator, here and below. It costs a search, so it is asked once for
// each match that is reported.
func (o *rxOperator) locate(s string) (int, int) {
	if loc := o.re.Find(s); loc != nil {
		return loc[0], loc[1]
	}
	return -1, -1
}

// phraseOperator is @pm and @pmFromFile: the value has one of the phrases, letters of
// ASCII in any case.
//
// The gate has found one of the phrases already when it runs. It has no automaton of its
// own, only a filter of the two or four first bytes, which fits in the L1 data cache: a
// look-up in the map for each byte of a response took 28 % of the gateway's CPU for a
// small GET.
type phraseOperator struct {
	// name tells lists apart: operators with one name match the same values.
	name string
	// phrases are in lower case, each once, in the order of the list.
	phrases []string
	// byFirst lists the phrases by their first two bytes, longest first. begins has a bit
	// for each two bytes with which a phrase, or a value at a phrase of one byte, may
	// begin, in whatever case. A pair of bytes is the number first<<8|second, whose bit
	// is in word number>>6: 8 KiB for all 65,536.
	byFirst map[[2]byte][]string
	begins  [1 << 10]uint64
	// goesOn has a bit for each two bytes that are the third and fourth of a phrase,
	// in whatever case; nil if a phrase is shorter than four bytes.
	goesOn *[1 << 10]uint64
	single [256]bool // phrases of one byte
}

// NewPhrases returns the operator for a list that has the name, an error if the list is
// empty. Phrases are folded as Coraza does it, beyond ASCII as well; values are not.
func NewPhrases(name string, list []string) (Operator, error) {
	o := &phraseOperator{name: name, byFirst: map[[2]byte][]string{}}
	seen := map[string]bool{}
	for _, p := range list {
		p = ascii.ToLower(strings.ToLower(p))
		if p == "" || seen[p] {
			continue
		}
		seen[p] = true
		o.phrases = append(o.phrases, p)
		if len(p) == 1 {
			o.single[p[0]] = true
			continue
		}
		// Phrases of one byte have no pair and stand in single only.
		k := [2]byte{p[0], p[1]}
		o.byFirst[k] = append(o.byFirst[k], p)
	}
	if len(o.phrases) == 0 {
		return nil, errors.New("list of phrases is empty; write words after @pm")
	}
	// One bit for each pair of bytes, in both cases, so that find need not fold them.
	for i := range 1 << 16 {
		first, second := ascii.Lower(byte(i>>8)), ascii.Lower(byte(i))
		if o.single[first] || len(o.byFirst[[2]byte{first, second}]) > 0 {
			o.begins[i>>6] |= 1 << (i & 63)
		}
	}
	// The next two bytes, if all phrases are long enough to have them.
	o.goesOn = new([1 << 10]uint64)
	for _, p := range o.phrases {
		if len(p) < 4 {
			o.goesOn = nil
			break
		}
		for _, a := range [2]byte{p[2], ascii.Upper(p[2])} {
			for _, b := range [2]byte{p[3], ascii.Upper(p[3])} {
				k := uint(a)<<8 | uint(b)
				o.goesOn[k>>6] |= 1 << (k & 63)
			}
		}
	}
	// The longest phrase at a place is the one that is captured.
	for _, l := range o.byFirst {
		slices.SortFunc(l, func(a, b string) int { return len(b) - len(a) })
	}
	return o, nil
}

func (o *phraseOperator) Identity() string { return "pm " + o.name }

// Need is part of gate.Pattern: one of the phrases, as a required literal. Phrases with a
// byte that the tier's values lack cannot be in them.
func (o *phraseOperator) Need(absent charset.Set) rx.Need {
	var words []string
	for _, p := range o.phrases {
		if !hasAny(p, absent) {
			words = append(words, p)
		}
	}
	if len(words) == 0 {
		return rx.Need{Never: true}
	}
	slices.Sort(words)
	n := rx.Need{Words: [][]string{slices.Compact(words)}}
	// A class of bytes that every phrase has spares most values the search for words.
	if m, ok := rx.WordMask(words); ok {
		n.Bytes = append(n.Bytes, m)
	}
	return n
}

// hasAny reports whether s, in lower case, has a byte of the set in every spelling: a
// letter counts only if the set has both its cases.
func hasAny(s string, set charset.Set) bool {
	for i := range len(s) {
		c := s[i]
		if !set.Has(c) || c-'a' < 26 && !set.Has(c-'a'+'A') {
			continue
		}
		return true
	}
	return false
}

// find returns the leftmost, longest phrase in s from at on, -1 and -1 if there is none.
// It takes time linear in s for lists whose phrases begin differently; in the worst case
// each place is compared with all phrases that begin with the same two bytes.
func (o *phraseOperator) find(s string, at int) (start, end int) {
	for i := at; i < len(s); i++ {
		// Two loads and two tests of a bit rule out nearly all places. The last byte has
		// no pair and goes on to single.
		if i+1 < len(s) {
			if k := uint(s[i])<<8 | uint(s[i+1]); o.begins[k>>6]>>(k&63)&1 == 0 {
				continue
			}
			if o.goesOn != nil {
				if i+3 >= len(s) {
					break // no phrase is that short
				}
				if k := uint(s[i+2])<<8 | uint(s[i+3]); o.goesOn[k>>6]>>(k&63)&1 == 0 {
					continue
				}
			}
		}
		first := ascii.Lower(s[i])
		if i+1 < len(s) {
			for _, p := range o.byFirst[[2]byte{first, ascii.Lower(s[i+1])}] {
				if len(p) <= len(s)-i && ascii.EqualFold(s[i:i+len(p)], p) {
					return i, i + len(p)
				}
			}
		}
		if o.single[first] {
			return i, i + 1
		}
	}
	return -1, -1
}

// Match notes the place without being asked to, since the search has found it.
func (o *phraseOperator) Match(tx *Tx, s string, capture bool) bool {
	start, end := o.find(s, 0)
	if start < 0 {
		return false
	}
	tx.span = span{true, start, end}
	if !capture {
		return true
	}
	// Each phrase in turn is captured, up to ten, as in Coraza.
	for i := 0; i < 10 && start >= 0; i++ {
		tx.setCapture(i, s[start:end])
		start, end = o.find(s, end)
	}
	return true
}

func (o *phraseOperator) Matches(s string) bool {
	start, _ := o.find(s, 0)
	return start >= 0
}

func (o *phraseOperator) locate(s string) (int, int) { return o.find(s, 0) }

// textOperator compares the value with an argument, which it must contain: @contains,
// @beginsWith, @endsWith, @streq, @containsWord. So the argument is a required literal
// for all of them.
type textOperator struct {
	arg  *Macro
	name string
	test func(s, arg string) bool
}

func (o *textOperator) Match(tx *Tx, s string, _ bool) bool { return o.test(s, o.arg.expand(tx)) }

// locate finds the argument again. It is the occurrence that was meant for the beginning
// and the end; of @containsWord it may be an earlier one within a longer word.
func (o *textOperator) locate(s string) (int, int) {
	arg, ok := o.arg.Constant()
	if !ok || arg == "" {
		return -1, -1
	}
	i := strings.Index(s, arg)
	if o.name == "endsWith" {
		i = strings.LastIndex(s, arg)
	}
	if i < 0 {
		return -1, -1
	}
	return i, i + len(arg)
}

func (o *textOperator) Identity() string { return o.name + " " + o.arg.Text }

func (o *textOperator) Matches(s string) bool { return o.Match(nil, s, false) }

func (o *textOperator) Need(absent charset.Set) rx.Need {
	arg, ok := o.arg.Constant()
	if !ok || arg == "" {
		return rx.Need{}
	}
	// The comparison heeds the case of letters, so this errs on the side of "may match"
	// for letters of which values have the other case.
	if hasAny(arg, absent) {
		return rx.Need{Never: true}
	}
	// A mask of a set with one byte is a condition: the value has a byte like it. The first
	// ones are enough, the word is searched for anyway.
	n := rx.Need{Words: [][]string{{ascii.ToLower(arg)}}}
	for i := range min(len(arg), 4) {
		n.Bytes = append(n.Bytes, charset.MaskOf(arg[i:i+1]))
	}
	return n
}

// containsWord reports whether s has the word with no letter, digit or underscore before
// or after it. Bytes beyond ASCII are no letters here. An empty word is in every text.
func containsWord(s, word string) bool {
	if word == "" {
		return true
	}
	for at := 0; ; {
		i := strings.Index(s[at:], word)
		if i < 0 {
			return false
		}
		i += at
		if (i == 0 || !ascii.IsWord(s[i-1])) && (i+len(word) == len(s) || !ascii.IsWord(s[i+len(word)])) {
			return true
		}
		at = i + 1
	}
}

// withinOperator is @within: the argument has the value, so that no word of the argument
// is required of the value. Its guard is the whole test, if the argument is constant.
type withinOperator struct {
	arg  *Macro
	name string
	test func(s, arg string) bool
}

func (o *withinOperator) Identity() string { return o.name + " " + o.arg.Text }

func (o *withinOperator) Matches(s string) bool { return o.Match(nil, s, false) }

func (o *withinOperator) Need(charset.Set) rx.Need { return rx.Need{} }

// Possible is part of gate.Guarded.
func (o *withinOperator) Possible(s string) bool {
	arg, ok := o.arg.Constant()
	return !ok || o.test(s, arg)
}

func (o *withinOperator) Match(tx *Tx, s string, _ bool) bool { return o.test(s, o.arg.expand(tx)) }

// numberOperator compares numbers. What is no number counts as 0, so an empty value
// is less than any limit. constant tells that value has the argument.
type numberOperator struct {
	arg      *Macro
	name     string
	constant bool
	value    int
	test     func(v, arg int) bool
}

// newNumber returns a comparison with a number.
func newNumber(m *Macro, name string, test func(v, arg int) bool) *numberOperator {
	o := &numberOperator{arg: m, name: name, test: test}
	o.fold()
	return o
}

// fold reads the argument if it refers to nothing.
func (o *numberOperator) fold() {
	if text, ok := o.arg.Constant(); ok {
		o.constant = true
		o.value, _ = strconv.Atoi(text)
	}
}

func (o *numberOperator) Identity() string { return o.name + " " + o.arg.Text }

func (o *numberOperator) Matches(s string) bool { return o.Match(nil, s, false) }

// Need is nothing: numbers have no literal in common. The guard does the work.
func (o *numberOperator) Need(charset.Set) rx.Need { return rx.Need{} }

// Possible is part of gate.Guarded, and the whole test if the argument is constant.
func (o *numberOperator) Possible(s string) bool { return !o.constant || o.test(Number(s), o.value) }

func (o *numberOperator) Match(tx *Tx, s string, _ bool) bool {
	v := Number(s)
	if o.constant {
		return o.test(v, o.value)
	}
	return o.test(v, Number(o.arg.expand(tx)))
}

// Number reads a decimal number with an optional sign; what is none counts as 0, also if
// it begins with digits. One beyond the range of int is the nearest that fits, so that
// comparisons with limits hold.
func Number(s string) int {
	// Scores and counts have one digit nearly always.
	if len(s) == 1 && s[0]-'0' < 10 {
		return int(s[0] - '0')
	}
	v, _ := strconv.Atoi(s)
	return v
}

// ipOperator is @ipMatch and @ipMatchFromFile. It compares with each network in turn;
// text is the list as written, by which equal operators are known.
type ipOperator struct {
	text     string
	prefixes []netip.Prefix
}

// NewIPMatch returns the operator for a list of addresses and networks. Blanks around
// them and empty entries are skipped; bits of a network's host part are, too.
func NewIPMatch(list []string) (Operator, error) {
	o := &ipOperator{text: strings.Join(list, ",")}
	for _, s := range list {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		if p, err := netip.ParsePrefix(s); err == nil {
			o.prefixes = append(o.prefixes, p.Masked())
			continue
		}
		a, err := netip.ParseAddr(s)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network; write 192.0.2.1 or 2001:db8::/32", s)
		}
		o.prefixes = append(o.prefixes, netip.PrefixFrom(a, a.BitLen()))
	}
	return o, nil
}

func (o *ipOperator) Identity() string { return "ipMatch " + o.text }

func (o *ipOperator) Matches(s string) bool { return o.Match(nil, s, false) }

// Need is nothing: an address has many spellings. Rules ask it of REMOTE_ADDR and its
// like, which have one value each, and recurring values are cached.
func (o *ipOperator) Need(charset.Set) rx.Need { return rx.Need{} }

func (o *ipOperator) Match(_ *Tx, s string, _ bool) bool {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return false
	}
	// An IPv4 client may come over a socket of IPv6, and with a zone that no network has.
	a = a.Unmap().WithZone("")
	for _, p := range o.prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// byteRange is @validateByteRange: it matches values that have another byte. The Core
// Rule Set finds NUL bytes and control characters by it.
type byteRange struct {
	text  string
	valid charset.Set
}

// NewByteRange returns the operator for ranges of bytes that are valid, "9,32-126".
// Numbers are decimal, both ends belong to the range.
func NewByteRange(arg string) (Operator, error) {
	o := &byteRange{text: arg}
	for part := range strings.SplitSeq(arg, ",") {
		lo, hi, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			hi = lo
		}
		first, err1 := strconv.ParseUint(lo, 10, 8)
		last, err2 := strconv.ParseUint(hi, 10, 8)
		if err1 != nil || err2 != nil || first > last {
			return nil, fmt.Errorf("%q is no range of bytes; write 32-126 or 9", part)
		}
		o.valid.AddRange(byte(first), byte(last))
	}
	return o, nil
}

func (o *byteRange) Identity() string { return "validateByteRange " + o.text }

func (o *byteRange) Matches(s string) bool { return o.Match(nil, s, false) }

// Need is part of gate.Pattern: a byte that is not valid, out of those that the tier's
// values may have. If there is none the operator cannot match in that tier.
func (o *byteRange) Need(absent charset.Set) rx.Need {
	bad := o.valid.Not()
	for i := range bad {
		bad[i] &^= absent[i]
	}
	if bad == (charset.Set{}) {
		return rx.Need{Never: true}
	}
	return rx.Need{Bytes: []charset.Mask{charset.Cover(bad)}}
}

func (o *byteRange) Match(_ *Tx, s string, _ bool) bool {
	start, _ := o.locate(s)
	return start >= 0
}

func (o *byteRange) locate(s string) (int, int) {
	for i := range len(s) {
		if !o.valid.Has(s[i]) {
			return i, i + 1
		}
	}
	return -1, -1
}

// urlEncodingOperator is @validateUrlEncoding: it matches values with a % that is not
// followed by two hexadecimal digits (RFC 3986, section 2.1). Servers differ in what they
// make of one.
type urlEncodingOperator struct{}

func (urlEncodingOperator) Identity() string { return "validateUrlEncoding" }

func (o urlEncodingOperator) Matches(s string) bool { return o.Match(nil, s, false) }

func (urlEncodingOperator) Need(charset.Set) rx.Need {
	return rx.Need{Bytes: []charset.Mask{charset.MaskOf("%")}}
}

func (o urlEncodingOperator) Match(_ *Tx, s string, _ bool) bool {
	start, _ := o.locate(s)
	return start >= 0
}

// locate returns the first broken escape with what follows it, three bytes at most.
func (urlEncodingOperator) locate(s string) (int, int) {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if i+2 >= len(s) || !ascii.IsHex(s[i+1]) || !ascii.IsHex(s[i+2]) {
			return i, min(i+3, len(s))
		}
		i += 2
	}
	return -1, -1
}

// utf8Operator is @validateUtf8Encoding: it matches values that are not UTF-8. Overlong
// forms and surrogates are not (RFC 3629, section 3), by which attacks pass filters that
// decode less strictly than the server, or more. ASCII is UTF-8, hence its Need.
type utf8Operator struct{}

func (utf8Operator) Identity() string { return "validateUtf8Encoding" }

func (o utf8Operator) Matches(s string) bool { return o.Match(nil, s, false) }

func (utf8Operator) Need(charset.Set) rx.Need { return rx.Need{Bytes: []charset.Mask{charset.High}} }

// Match allocates nothing and stops at the first byte that is wrong.
func (utf8Operator) Match(_ *Tx, s string, _ bool) bool { return !utf8.ValidString(s) }

// sqliOperator is @detectSQLi. libinjection reads the value as SQL in several contexts of
// quotes and compares the fingerprint of its tokens with known ones; TX:0 is the
// fingerprint. No literal is required for it, so it has a guard instead.
type sqliOperator struct{}

func (sqliOperator) Identity() string { return "detectSQLi" }

func (o sqliOperator) Matches(s string) bool { return o.Match(nil, s, false) }

func (sqliOperator) Need(charset.Set) rx.Need { return rx.Need{} }

// Possible is part of gate.Guarded, see gate.MayBeSQLi.
func (sqliOperator) Possible(s string) bool { return gate.MayBeSQLi(s) }

// Match costs a tokenization of the value for each context of quotes that it may be in,
// hence the guard.
func (sqliOperator) Match(tx *Tx, s string, capture bool) bool {
	found, fingerprint := libinjection.IsSQLi(s)
	if found && capture {
		tx.setCapture(0, fingerprint)
	}
	return found
}

// locate is the whole value: tokens from all over it make the fingerprint.
func (sqliOperator) locate(s string) (int, int) { return 0, len(s) }

// xssOperator is @detectXSS, by libinjection, which reads the value as HTML in five
// contexts.
type xssOperator struct{}

func (xssOperator) Identity() string { return "detectXSS" }

func (o xssOperator) Matches(s string) bool { return o.Match(nil, s, false) }

// Need is one of the bytes without which libinjection finds no script, see package gate.
func (xssOperator) Need(charset.Set) rx.Need { return rx.Need{Bytes: []charset.Mask{gate.XSSBytes}} }

func (xssOperator) Match(_ *Tx, s string, _ bool) bool { return libinjection.IsXSS(s) }

func (xssOperator) locate(s string) (int, int) { return 0, len(s) }
