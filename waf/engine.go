package waf

import (
	"fmt"
	"strings"
	"sync"

	"github.com/ringwall/ringwall/waf/crs"
	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/build"
	"github.com/ringwall/ringwall/waf/internal/run"
)

// Engine is a compiled rule set. It is safe for use by several goroutines. It keeps
// two things of the requests that it saw: what rules put into Config.Collections, and
// up to 4,096 values of headers, paths and names that came more than once, of at most
// 512 bytes each, with what the rules say of them. Credentials, arguments, cookies and
// bodies are not among these.
type Engine struct {
	cfg     Config
	program *run.Program
	overlay *run.Overlay
	pool    *sync.Pool // of *Transaction, for the program
}

// Compile builds an engine from the Core Rule Set and cfg. It takes some hundred
// milliseconds; an error names file, line and column and a way out.
func Compile(cfg Config) (*Engine, error) { return compile(cfg, false) }

// compile builds an engine; the reference runs every rule on every value.
func compile(cfg Config, reference bool) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	directives, err := crs.Directives(crs.Settings{
		Paranoia:         cfg.Paranoia,
		InboundThreshold: cfg.InboundThreshold, OutboundThreshold: cfg.OutboundThreshold,
		Before: cfg.Before, After: cfg.Directives,
	})
	if err != nil {
		return nil, fmt.Errorf("compile rules: %w", err)
	}
	p, err := build.Compile(build.Options{Directives: directives, Files: crs.FilesWith(cfg.Before, cfg.Directives), Reference: reference})
	if err != nil {
		return nil, fmt.Errorf("compile rules: %w", err)
	}
	return newEngine(cfg, p), nil
}

func newEngine(cfg Config, p *run.Program) *Engine {
	if n := p.Settings.RequestBodyLimit; n > 0 {
		cfg.MaxRequestBodyBytes = min(cfg.MaxRequestBodyBytes, n)
	}
	if n := p.Settings.ResponseBodyLimit; n > 0 {
		cfg.MaxResponseBodyBytes = min(cfg.MaxResponseBodyBytes, n)
	}
	if cfg.Collections == nil {
		cfg.Collections = NewCollections(0)
	}
	return &Engine{cfg: cfg, program: p, pool: &sync.Pool{}}
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

// Collections returns where the rules keep what outlives a transaction.
func (e *Engine) Collections() *Collections { return e.cfg.Collections }

// Notices returns what the rules ask for that has no effect here, with the place
// and the reason, such as settings of the audit log.
func (e *Engine) Notices() []string {
	return append([]string(nil), e.program.Settings.Notices...)
}

// Transaction is one request and its response on their way through the rules. It
// is not safe for use by several goroutines. Call its methods in the order of the
// package comment; leaving later ones out is fine.
type Transaction struct {
	engine  *Engine
	req     Request
	tx      *run.Tx
	in, out []byte // bodies as far as the engine looks at them
	verdict Verdict
}

// keepBody is how large a body buffer may be to stay with a pooled transaction.
const keepBody = 64 << 10

// Begin starts a transaction. The caller must Close it.
func (e *Engine) Begin(req Request) *Transaction {
	t, ok := e.pool.Get().(*Transaction)
	if !ok {
		t = &Transaction{engine: e, tx: e.program.NewTx()}
		t.tx.SetStore(e.cfg.Collections.store)
	}
	t.engine, t.req = e, req
	if e.overlay != nil {
		t.tx.SetOverlay(e.overlay)
	}
	if req.DetectOnly {
		t.tx.DetectOnly()
	}
	if req.Explain {
		t.tx.StartTrace()
	}
	return t
}

// RequestHeaders runs phase 1.
func (t *Transaction) RequestHeaders() Decision {
	return t.phase(run.RequestHeaders, func() {
		h := run.Head{
			ID: t.req.ID, Time: t.req.Time,
			ClientPort: int(t.req.Client.Port()), ServerPort: int(t.req.Server.Port()),
			Client: t.req.Client.Addr(), Server: t.req.Server.Addr(),
			Method: t.req.Method, URI: t.req.URI, Protocol: t.req.Protocol, Host: t.req.Host, Header: t.req.Header,
		}
		t.tx.SetHead(&h)
	})
}

// RequestBody hands the engine a part of the request body. What exceeds
// Config.MaxRequestBodyBytes is not kept. p may be reused afterwards.
func (t *Transaction) RequestBody(p []byte) {
	if t.done() || !t.tx.WantsBody() {
		return
	}
	t.in = t.keep(t.in, p, t.engine.cfg.MaxRequestBodyBytes)
}

// keep appends p to buf up to the limit.
func (t *Transaction) keep(buf, p []byte, limit int) []byte {
	if room := limit - len(buf); len(p) > room {
		p, t.verdict.Truncated = p[:room], true
	}
	return append(buf, p...)
}

// EndRequest runs phase 2, after the last part of the body.
func (t *Transaction) EndRequest() Decision {
	return t.phase(run.RequestBody, func() {
		t.verdict.Truncated = t.tx.SetBody(arena.String(t.in), t.verdict.Truncated, t.engine.cfg.MaxRequestBodyBytes)
	})
}

// ResponseHeaders runs phase 3. header must not be changed until Close.
func (t *Transaction) ResponseHeaders(status int, protocol string, header map[string][]string) Decision {
	return t.phase(run.ResponseHeaders, func() {
		t.tx.SetResponseHead(status, protocol, header)
	})
}

// WantsResponseBody reports whether the rules look at this response's body. Call
// it after ResponseHeaders.
func (t *Transaction) WantsResponseBody() bool {
	return t.verdict.Err == nil && t.tx.WantsResponseBody()
}

// ResponseBody hands the engine a part of the response body. What exceeds
// Config.MaxResponseBodyBytes is not kept. p may be reused afterwards.
func (t *Transaction) ResponseBody(p []byte) {
	if t.done() || !t.tx.WantsResponseBody() {
		return
	}
	t.out = t.keep(t.out, p, t.engine.cfg.MaxResponseBodyBytes)
}

// EndResponse runs phase 4, after the last part of the body.
func (t *Transaction) EndResponse() Decision {
	return t.phase(run.ResponseBody, func() {
		t.tx.SetResponseBody(arena.String(t.out), t.verdict.Truncated)
	})
}

// Finish runs phase 5, the rules that only report. It is optional and changes no
// decision.
func (t *Transaction) Finish() {
	if t.verdict.Err == nil {
		t.run(run.Logging, func() {})
	}
}

// done reports whether nothing more is to be looked at.
func (t *Transaction) done() bool {
	return t.verdict.Err != nil || t.verdict.Block && !t.req.DetectOnly
}

// phase fills variables and runs the rules of a phase unless the transaction is
// already decided or broken.
func (t *Transaction) phase(n int, fill func()) Decision {
	if !t.done() {
		t.run(n, fill)
	}
	return t.verdict.Decision
}

// run turns a panic inside the engine into Verdict.Err.
func (t *Transaction) run(n int, fill func()) {
	defer func() {
		if p := recover(); p != nil {
			t.verdict.Err = fmt.Errorf("inspection failed in phase %d: %v", n, p)
		}
	}()
	fill()
	if d := t.tx.Run(n); d.Block && !t.verdict.Block {
		t.verdict.Decision = Decision{Block: true, Status: d.Status, RuleID: d.RuleID}
		t.verdict.Phase = d.Phase
	}
}

// Decided returns the phase in which the rules asked for blocking, 0 if they did not
// so far, and Verdict.Err. Unlike Verdict it costs nothing.
func (t *Transaction) Decided() (phase int, err error) { return t.verdict.Phase, t.verdict.Err }

// Verdict collects what matched so far. Its strings are its own.
func (t *Transaction) Verdict() Verdict {
	v := t.verdict
	v.Omitted = t.tx.Omitted()
	v.Score, v.OutboundScore = t.tx.Scores(t.engine.cfg.Paranoia)
	for i := range t.tx.Hits() {
		h := &t.tx.Hits()[i]
		if !bookkeeping(h.RuleID()) {
			v.Matches = append(v.Matches, newMatch(h))
		}
	}
	return v
}

// AllMatches is Verdict's Matches with those of the rule set's own bookkeeping, such
// as 949110, which says that the score is reached.
func (t *Transaction) AllMatches() []Match {
	list := make([]Match, 0, len(t.tx.Hits()))
	for i := range t.tx.Hits() {
		list = append(list, newMatch(&t.tx.Hits()[i]))
	}
	return list
}

// RuleIDs returns the ids of all rules that matched so far, in order, those
// included that are bookkeeping of the rule set. Rules that the compiler could
// evaluate beforehand are not in it.
func (t *Transaction) RuleIDs() []int { return append([]int(nil), t.tx.RuleIDs()...) }

// Close gives the transaction back to its pool. It must not be used afterwards.
func (t *Transaction) Close() {
	e := t.engine
	in, out, tx := t.in, t.out, t.tx
	if cap(in) > keepBody {
		in = nil
	}
	if cap(out) > keepBody {
		out = nil
	}
	broken := t.verdict.Err != nil
	*t = Transaction{}
	if broken {
		return // what a panic left behind is not used again
	}
	tx.Reset(e.program)
	*t = Transaction{engine: e, tx: tx, in: in[:0], out: out[:0]}
	e.pool.Put(t)
}

// maxValue is how much of a value a match shows.
const maxValue = 8 << 10

// newMatch copies what a hit says.
func newMatch(h *run.Hit) Match {
	m := Match{
		RuleID: h.RuleID(), Phase: h.Phase(), Message: strings.Clone(h.Message), Data: strings.Clone(h.Data),
		Severity: severity(h.Severity()), Score: h.Score,
		Tags: h.Tags(), Variable: variableName(h.Variable.String(), h.Key),
	}
	start, end := h.Locate()
	m.Value, m.Offset, m.Matched = window(h.Value, start, end)
	return m
}

// variableName is COLLECTION:key.
func variableName(collection, key string) string {
	if key == "" {
		return collection
	}
	return collection + ":" + key[:min(len(key), maxValue)]
}

// window copies what a match shows of a value: all of it or the part around the
// bytes from start to end. start is -1 if there are none in particular.
func window(value string, start, end int) (shown string, offset int, matched string) {
	if len(value) > maxValue {
		from := max(0, min(start-maxValue/4, len(value)-maxValue))
		value = value[from : from+maxValue]
		if start >= 0 {
			start, end = start-from, min(end-from, len(value))
		}
	}
	shown = strings.Clone(value)
	if start < 0 {
		return shown, -1, ""
	}
	return shown, start, shown[start:end]
}

// bookkeeping tells the Core Rule Set's set-up (900xxx, 901xxx) and the rules that
// only add up what the others found (949110, 959100, 980xxx) from detections.
func bookkeeping(id int) bool {
	switch id / 1000 {
	case 900, 901, 949, 959, 980:
		return true
	}
	return false
}

func severity(n int) string {
	switch n {
	case 0, 1, 2:
		return "critical"
	case 3:
		return "error"
	case 4:
		return "warning"
	case 5:
		return "notice"
	}
	return ""
}
