// Package crs is the OWASP Core Rule Set 4, configured.
//
// The rules are those of github.com/corazawaf/coraza-coreruleset, unchanged; this
// package only puts them in order with the settings that an operator chooses. It
// decides nothing about what a rule does.
package crs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/ringwall/ringwall/waf/seclang"
)

// Settings choose how strict the rule set is.
type Settings struct {
	// Paranoia is the level, 1 to 4, of rules that count.
	Paranoia int
	// DetectionParanoia is the level of rules that run; those above Paranoia report
	// and do not count. Zero means Paranoia.
	DetectionParanoia int
	// InboundThreshold and OutboundThreshold are the scores that block.
	InboundThreshold, OutboundThreshold int
	// Before and After are the operator's directives before and after the rules.
	// Exceptions that rules make at run time (ctl) belong before. Texts of several
	// files are joined by seclang.Join.
	Before, After string
}

// Files returns the files of the rule set: its rules and word lists.
func Files() fs.FS { return coreruleset.FS }

// Version is the version of the rule set.
const Version = "4.25.0"

// Directives returns the recommended base configuration, the settings, Before, the
// rules and After, in this order.
func Directives(s Settings) ([]seclang.Directive, error) {
	if s.DetectionParanoia == 0 {
		s.DetectionParanoia = s.Paranoia
	}
	base := fmt.Sprintf(`Include @coraza.conf-recommended
SecRuleEngine On
SecResponseBodyMimeType text/plain text/html text/xml application/json
Include @crs-setup.conf.example
SecAction "id:900000,phase:1,pass,nolog,t:none,setvar:tx.blocking_paranoia_level=%d,setvar:tx.detection_paranoia_level=%d"
SecAction "id:900110,phase:1,pass,nolog,t:none,setvar:tx.inbound_anomaly_score_threshold=%d,setvar:tx.outbound_anomaly_score_threshold=%d"
`, s.Paranoia, s.DetectionParanoia, s.InboundThreshold, s.OutboundThreshold)
	list, err := seclang.Load(coreruleset.FS, "ringwall.conf", base)
	if err != nil {
		return nil, err
	}
	for _, part := range []struct{ file, text string }{
		{"before.conf", s.Before}, {"rules.conf", "Include @owasp_crs/*.conf"}, {"directives.conf", s.After},
	} {
		var errs []error
		for _, f := range seclang.Split(part.file, part.text) {
			if isData(f.Name) {
				continue
			}
			more, err := seclang.Load(coreruleset.FS, f.Name, f.Text)
			errs = append(errs, err, openChain(more))
			list = append(list, more...)
		}
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// openChain returns an error if a file ends within a chain, which the next file must
// not go on with.
func openChain(list []seclang.Directive) error {
	if len(list) == 0 || list[len(list)-1].Rule == nil {
		return nil
	}
	last := list[len(list)-1]
	if _, chained := last.Rule.Find("chain"); !chained {
		return nil
	}
	return &seclang.Error{Pos: last.Pos, Msg: "chain has no next rule", Hint: "add a SecRule after it in this file or remove the action chain"}
}

func isData(name string) bool { return strings.HasSuffix(name, ".data") }

// FilesWith returns the files of the rule set together with the word lists (*.data)
// among files that were joined by seclang.Join.
func FilesWith(joined ...string) fs.FS {
	own := map[string]string{}
	for _, text := range joined {
		for _, f := range seclang.Split("", text) {
			if isData(f.Name) {
				own[path.Clean(f.Name)] = f.Text
			}
		}
	}
	if len(own) == 0 {
		return coreruleset.FS
	}
	return withOwn{coreruleset.FS, own}
}

// withOwn reads files of the operator, whose names may be absolute, before those of
// the rule set.
type withOwn struct {
	fs.FS
	own map[string]string
}

// ReadFile implements fs.ReadFileFS.
func (w withOwn) ReadFile(name string) ([]byte, error) {
	if text, ok := w.own[name]; ok {
		return []byte(text), nil
	}
	return fs.ReadFile(w.FS, name)
}
