package waf

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
)

// Engine is a compiled rule set. It is immutable and safe for use by several
// goroutines.
type Engine struct {
	cfg Config
	// The rules are compiled twice because Coraza fixes at compile time whether a
	// disruptive action interrupts.
	blocking, detecting coraza.WAF
}

// Compile builds an engine from the Core Rule Set and cfg. It takes some hundred
// milliseconds; an error names the directive.
func Compile(cfg Config) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	blocking, err := compile(cfg, "On")
	if err != nil {
		return nil, err
	}
	detecting, err := compile(cfg, "DetectionOnly")
	if err != nil {
		return nil, err
	}
	return &Engine{cfg: cfg, blocking: blocking, detecting: detecting}, nil
}

func compile(cfg Config, mode string) (coraza.WAF, error) {
	setup := fmt.Sprintf(`
SecRuleEngine %s
SecAuditEngine Off
SecRequestBodyAccess On
SecRequestBodyLimit %d
SecRequestBodyInMemoryLimit %d
SecRequestBodyLimitAction ProcessPartial
SecResponseBodyAccess On
SecResponseBodyMimeType text/plain text/html text/xml application/json
SecResponseBodyLimit %d
SecResponseBodyLimitAction ProcessPartial
Include @crs-setup.conf.example
SecAction "id:900000,phase:1,pass,nolog,t:none,setvar:tx.blocking_paranoia_level=%d"
SecAction "id:900110,phase:1,pass,nolog,t:none,setvar:tx.inbound_anomaly_score_threshold=%d,setvar:tx.outbound_anomaly_score_threshold=%d"
Include @owasp_crs/*.conf
%s
`, mode, cfg.MaxRequestBodyBytes, cfg.MaxRequestBodyBytes, cfg.MaxResponseBodyBytes,
		cfg.Paranoia, cfg.InboundThreshold, cfg.OutboundThreshold, cfg.Directives)
	w, err := coraza.NewWAF(coraza.NewWAFConfig().
		WithRootFS(coreruleset.FS).
		WithDirectives("Include @coraza.conf-recommended").
		WithDirectives(setup))
	if err != nil {
		return nil, fmt.Errorf("compile rules: %w", err)
	}
	return w, nil
}

// Transaction is one request and its response on their way through the rules. It
// is not safe for use by several goroutines. Call its methods in the order of the
// package comment; leaving later ones out is fine.
type Transaction struct {
	engine  *Engine
	req     Request
	tx      types.Transaction
	bodyIn  int
	bodyOut int
	verdict Verdict
}

var transactions = sync.Pool{New: func() any { return new(Transaction) }}

// Begin starts a transaction. The caller must Close it.
func (e *Engine) Begin(req Request) *Transaction {
	t := transactions.Get().(*Transaction)
	w := e.blocking
	if req.DetectOnly {
		w = e.detecting
	}
	*t = Transaction{engine: e, req: req, tx: w.NewTransactionWithID(req.ID)}
	return t
}

// RequestHeaders runs phase 1.
func (t *Transaction) RequestHeaders() Decision {
	return t.phase(1, func() error {
		t.tx.ProcessConnection(t.req.Client.Addr().String(), int(t.req.Client.Port()), t.req.Server.Addr().String(), int(t.req.Server.Port()))
		t.tx.ProcessURI(t.req.URI, t.req.Method, t.req.Protocol)
		if t.req.Host != "" {
			t.tx.AddRequestHeader("Host", t.req.Host)
			t.tx.SetServerName(hostname(t.req.Host))
		}
		for name, values := range t.req.Header {
			for _, v := range values {
				t.tx.AddRequestHeader(name, v)
			}
		}
		t.tx.ProcessRequestHeaders()
		return nil
	})
}

// RequestBody hands the engine a part of the request body. What exceeds
// Config.MaxRequestBodyBytes is not kept. p may be reused afterwards.
func (t *Transaction) RequestBody(p []byte) {
	if t.verdict.Err != nil || t.verdict.Block && !t.req.DetectOnly {
		return
	}
	if room := t.engine.cfg.MaxRequestBodyBytes - t.bodyIn; len(p) > room {
		p, t.verdict.Truncated = p[:room], true
	}
	if len(p) == 0 {
		return
	}
	t.bodyIn += len(p)
	t.phase(2, func() error {
		_, _, err := t.tx.WriteRequestBody(p)
		return err
	})
}

// EndRequest runs phase 2, after the last part of the body.
func (t *Transaction) EndRequest() Decision {
	return t.phase(2, func() error {
		_, err := t.tx.ProcessRequestBody()
		return err
	})
}

// ResponseHeaders runs phase 3. header must not be changed until Close.
func (t *Transaction) ResponseHeaders(status int, protocol string, header map[string][]string) Decision {
	return t.phase(3, func() error {
		for name, values := range header {
			for _, v := range values {
				t.tx.AddResponseHeader(name, v)
			}
		}
		t.tx.ProcessResponseHeaders(status, protocol)
		return nil
	})
}

// WantsResponseBody reports whether the rules look at this response's body. Call
// it after ResponseHeaders.
func (t *Transaction) WantsResponseBody() bool {
	return t.verdict.Err == nil && t.tx.IsResponseBodyAccessible() && t.tx.IsResponseBodyProcessable()
}

// ResponseBody hands the engine a part of the response body. What exceeds
// Config.MaxResponseBodyBytes is not kept. p may be reused afterwards.
func (t *Transaction) ResponseBody(p []byte) {
	if t.verdict.Err != nil {
		return
	}
	if room := t.engine.cfg.MaxResponseBodyBytes - t.bodyOut; len(p) > room {
		p, t.verdict.Truncated = p[:room], true
	}
	if len(p) == 0 {
		return
	}
	t.bodyOut += len(p)
	t.phase(4, func() error {
		_, _, err := t.tx.WriteResponseBody(p)
		return err
	})
}

// EndResponse runs phase 4, after the last part of the body.
func (t *Transaction) EndResponse() Decision {
	return t.phase(4, func() error {
		_, err := t.tx.ProcessResponseBody()
		return err
	})
}

// Limits returns how much of a request and of a response body the engine looks at.
func (e *Engine) Limits() (requestBytes, responseBytes int) {
	return e.cfg.MaxRequestBodyBytes, e.cfg.MaxResponseBodyBytes
}

// Thresholds returns the anomaly scores at which a request and a response are
// blocked.
func (e *Engine) Thresholds() (inbound, outbound int) {
	return e.cfg.InboundThreshold, e.cfg.OutboundThreshold
}

// phase runs f unless the transaction is already decided or broken, turns a panic
// inside the engine into Verdict.Err and notes who asked for blocking.
func (t *Transaction) phase(n int, f func() error) Decision {
	if t.verdict.Err != nil || t.verdict.Block && !t.req.DetectOnly {
		return t.verdict.Decision
	}
	func() {
		defer func() {
			if p := recover(); p != nil {
				t.verdict.Err = fmt.Errorf("inspection failed in phase %d: %v", n, p)
			}
		}()
		if err := f(); err != nil {
			t.verdict.Err = fmt.Errorf("inspection failed in phase %d: %w", n, err)
		}
	}()
	if it := t.interruption(); it != nil && !t.verdict.Block {
		t.verdict.Decision = Decision{Block: true, Status: orDefault(it.Status, 403), RuleID: it.RuleID}
		t.verdict.Phase = n
	}
	return t.verdict.Decision
}

func (t *Transaction) interruption() *types.Interruption {
	if it := t.tx.Interruption(); it != nil {
		return it
	}
	if d, ok := t.tx.(interface {
		DetectionOnlyInterruption() *types.Interruption
	}); ok {
		return d.DetectionOnlyInterruption()
	}
	return nil
}

// Verdict collects what matched so far.
func (t *Transaction) Verdict() Verdict {
	v := t.verdict
	for _, m := range t.tx.MatchedRules() {
		v.Matches = appendMatches(v.Matches, m)
	}
	if s, ok := t.tx.(plugintypes.TransactionState); ok {
		v.Score = txNumber(s, "blocking_inbound_anomaly_score")
		if v.Score == 0 { // set by 949 at the end of phase 2; before, the parts count
			for pl := 1; pl <= t.engine.cfg.Paranoia; pl++ {
				v.Score += txNumber(s, "inbound_anomaly_score_pl"+strconv.Itoa(pl))
			}
		}
		v.OutboundScore = txNumber(s, "blocking_outbound_anomaly_score")
	}
	return v
}

// Close gives the transaction back to its pool. It must not be used afterwards.
func (t *Transaction) Close() {
	if c, ok := t.tx.(io.Closer); ok {
		_ = c.Close() // removes temporary files; there are none
	}
	*t = Transaction{}
	transactions.Put(t)
}

func txNumber(s plugintypes.TransactionState, name string) int {
	for _, v := range s.Variables().TX().Get(name) {
		n, err := strconv.Atoi(v)
		if err == nil {
			return n
		}
	}
	return 0
}

// appendMatches turns one matched rule into a match for each place where it
// matched. Rules without a message are the rule set's own bookkeeping.
func appendMatches(list []Match, mr types.MatchedRule) []Match {
	rule := mr.Rule()
	for _, d := range mr.MatchedDatas() {
		if d.Message() == "" || d.ChainLevel() > 0 || bookkeeping(rule) {
			continue
		}
		m := Match{
			RuleID: rule.ID(), Phase: int(rule.Phase()), Message: d.Message(),
			Severity: severity(rule.Severity()), Tags: rule.Tags(),
			Variable: d.Variable().Name(), Value: d.Value(), Offset: -1,
		}
		if d.Key() != "" {
			m.Variable += ":" + d.Key()
		}
		m.Score = severityScore[m.Severity]
		m.Matched = matchedBytes(d.Data())
		if m.Matched != "" {
			m.Offset = strings.Index(strings.ToLower(m.Value), strings.ToLower(m.Matched))
		}
		switch {
		case m.Offset >= 0 && m.Offset+len(m.Matched) <= len(m.Value):
			m.Matched = m.Value[m.Offset : m.Offset+len(m.Matched)]
		case slices.Contains(libinjectionRules, m.RuleID):
			m.Matched, m.Offset = m.Value, 0 // their log data is a fingerprint of the whole value
		default:
			m.Matched, m.Offset = "", -1
		}
		list = append(list, m)
	}
	return list
}

// libinjectionRules judge a value as a whole.
var libinjectionRules = []int{941100, 941101, 942100, 942101}

// bookkeeping tells the Core Rule Set's set-up (900xxx, 901xxx) and the rules that
// only add up what the others found (949110, 959100, 980xxx) from detections.
func bookkeeping(r types.RuleMetadata) bool {
	id := r.ID() / 1000
	return id == 900 || id == 901 || id == 949 || id == 959 || id == 980
}

// severityScore is what crs-setup.conf gives each severity.
var severityScore = map[string]int{"critical": 5, "error": 4, "warning": 3, "notice": 2}

func severity(s types.RuleSeverity) string {
	switch s {
	case types.RuleSeverityEmergency, types.RuleSeverityAlert, types.RuleSeverityCritical:
		return "critical"
	case types.RuleSeverityError:
		return "error"
	case types.RuleSeverityWarning:
		return "warning"
	case types.RuleSeverityNotice:
		return "notice"
	}
	return ""
}

// matchedBytes takes the matched bytes out of the log data that most rules of the
// Core Rule Set write: "Matched Data: … found within ARGS:q: …".
func matchedBytes(data string) string {
	rest, ok := strings.CutPrefix(data, "Matched Data: ")
	if !ok {
		return ""
	}
	found, _, ok := strings.Cut(rest, " found within ")
	if !ok {
		return ""
	}
	return found
}

func hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		return host[:i]
	}
	return host
}
