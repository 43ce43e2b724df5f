// Package crs is the OWASP Core Rule Set 4, configured.
//
// The rules are those of github.com/corazawaf/coraza-coreruleset, unchanged; this
// package only puts them in order with the settings that an operator chooses. It
// decides nothing about what a rule does.
package crs

import (
	"fmt"
	"io/fs"

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
	// Exceptions that rules make at run time (ctl) belong before.
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
		more, err := seclang.Load(coreruleset.FS, part.file, part.text)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	return list, nil
}
