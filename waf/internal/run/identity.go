package run

import (
	"strings"

	"github.com/ringwall/ringwall/waf/internal/rx"
)

// idOperator matches values in which the regular expression finds a number that passes
// the check: @verifyCC and its like. The check makes matches by chance rare: nine of ten
// rows of digits fail that of Luhn. It is no gate.Pattern, since a row of digits is no
// literal to search for; its links always run.
type idOperator struct {
	re *rx.Regexp
	// valid gets the match with all its separators, of which it reads the digits.
	valid func(text string) bool
}

// The checks: idChecks by name of the operator, nidChecks those of @validateNid by country.
var (
	idChecks  = map[string]func(string) bool{"verifyCC": luhn, "verifyCPF": cpf, "verifySSN": ssn, "verifySVNR": svnr}
	nidChecks = map[string]func(string) bool{"cl": rut, "us": ssn}
)

// NewIDCheck returns @verifyCC and its like by name, nil if none is called so.
func NewIDCheck(name string, re *rx.Regexp) Operator {
	if check, ok := idChecks[name]; ok {
		return &idOperator{re, check}
	}
	return nil
}

// NewNationalIDCheck returns @validateNid for a country, nil if it is not known.
func NewNationalIDCheck(country string, re *rx.Regexp) Operator {
	if check, ok := nidChecks[strings.ToLower(country)]; ok {
		return &idOperator{re, check}
	}
	return nil
}

// Match tests a value. What is captured is the number that passed.
func (o *idOperator) Match(tx *Tx, s string, capture bool) bool {
	start, end := o.locate(s)
	if start < 0 {
		return false
	}
	if capture {
		tx.setCapture(0, s[start:end])
	}
	return true
}

// locate returns the first match of the expression that passes the check.
func (o *idOperator) locate(s string) (start, end int) {
	for at := 0; at <= len(s); {
		loc := o.re.Find(s[at:])
		if loc == nil {
			return -1, -1
		}
		if o.valid(s[at+loc[0] : at+loc[1]]) {
			return at + loc[0], at + loc[1]
		}
		// Matches do not overlap. An empty one still takes a byte, so that the loop ends.
		at += max(loc[1], 1)
	}
	return -1, -1
}

// digitsOf fills d with the digits of s, whatever is between them. It is not ok if there
// are more than fit or fewer.
func digitsOf(s string, d []int) bool {
	n := 0
	for i := range len(s) {
		if s[i]-'0' >= 10 {
			continue
		}
		if n == len(d) {
			return false
		}
		d[n] = int(s[i] - '0')
		n++
	}
	return n == len(d)
}

// allSame reports whether the digits are one and the same. Such rows pass some checks and
// are given to nobody; forms are filled with them. d is not empty.
func allSame(d []int) bool {
	for _, x := range d {
		if x != d[0] {
			return false
		}
	}
	return true
}

// weigh returns the sum of the digits times their weights.
func weigh(d []int, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += d[i] * w
	}
	return sum
}

// luhn checks the digits of s, of which there must be two at least (ISO/IEC 7812-1, annex
// B). From the right, each second digit is doubled and the digits of the result are
// added, which for 10 to 18 is the same as taking 9 away.
func luhn(s string) bool {
	sum, n := 0, 0
	for i := len(s) - 1; i >= 0; i-- {
		if s[i]-'0' >= 10 {
			continue
		}
		d := int(s[i] - '0')
		if n%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
		n++
	}
	return n > 1 && sum%10 == 0
}

// cpf checks a Brazilian Cadastro de Pessoas Físicas: eleven digits, the last two of
// which are sums of the others modulo 11. Either check digit is 0 if the remainder is 0
// or 1, else 11 less the remainder.
func cpf(s string) bool {
	var d [11]int
	if !digitsOf(s, d[:]) || allSame(d[:]) {
		return false
	}
	check := func(sum int) int {
		if r := sum % 11; r > 1 {
			return 11 - r
		}
		return 0
	}
	return d[9] == check(weigh(d[:], 10, 9, 8, 7, 6, 5, 4, 3, 2)) && d[10] == check(weigh(d[:], 11, 10, 9, 8, 7, 6, 5, 4, 3, 2))
}

// ssn checks a social security number of the United States. It has no check digit;
// some areas, groups and serials are never given out (SSA, randomization of 2011), nor
// are rows of one digit or counting ones.
func ssn(s string) bool {
	var d [9]int
	if !digitsOf(s, d[:]) || allSame(d[:]) {
		return false
	}
	counts := true
	for i := 1; i < len(d); i++ {
		counts = counts && d[i] == d[i-1]+1
	}
	area, group, serial := weigh(d[:3], 100, 10, 1), weigh(d[3:5], 10, 1), weigh(d[5:], 1000, 100, 10, 1)
	return !counts && area != 0 && area != 666 && area < 900 && group != 0 && serial != 0
}

// svnr checks an Austrian Sozialversicherungsnummer: ten digits, the fourth of which is
// the sum of the others modulo 11. Numbers whose sum is 10 are not given out, and no
// digit equals it.
func svnr(s string) bool {
	var d [10]int
	return digitsOf(s, d[:]) && !allSame(d[:]) && weigh(d[:], 3, 7, 9, 0, 5, 8, 4, 2, 1, 6)%11 == d[3]
}

// rut checks a Chilean Rol Único Tributario: six to eight digits and a check character,
// which is a digit or K. From the right the digits weigh 2 to 7 and again from 2; the
// check character makes the sum a multiple of 11, K standing for 10.
func rut(s string) bool {
	last := -1
	sum, weight, n := 0, 2, 0
	for i := len(s) - 1; i >= 0; i-- {
		c := s[i]
		switch {
		case last < 0 && c|0x20 == 'k':
			last = 10
		case c-'0' >= 10:
		case last < 0:
			last = int(c - '0')
		default:
			sum += int(c-'0') * weight
			if weight++; weight > 7 {
				weight = 2
			}
			n++
		}
	}
	return n >= 6 && n <= 8 && sum > 0 && (11-sum%11)%11 == last
}
