// Package waf is the inspection engine: it compiles the OWASP Core Rule Set and
// the operator's own rules once and gives a verdict on each transaction.
//
//	engine, err := waf.Compile(waf.Config{})
//	tx := engine.Begin(waf.Request{Method: "GET", URI: "/?q=1", Protocol: "HTTP/1.1", Host: "example.com"})
//	defer tx.Close()
//	if d := tx.RequestHeaders(); d.Block { … }
//	tx.RequestBody(p) …
//	if d := tx.EndRequest(); d.Block { … }
//	tx.ResponseHeaders(…), tx.ResponseBody(…), tx.EndResponse()
//	v := tx.Verdict()
//
// The package does no network or disk I/O, reads no clock, logs nothing and has
// no global state. It decides nothing about operation modes: it says what the
// rules ask for, the gateway does it or only reports it.
//
// Stability: this file is the API; what is inside may change.
package waf

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/ringwall/ringwall/waf/internal/collection"
)

// Config is what an engine is compiled from. The zero value is the Core Rule Set
// at paranoia level 1 with its default thresholds.
type Config struct {
	// Paranoia is the CRS paranoia level, 1 to 4. Zero means 1.
	Paranoia int
	// InboundThreshold and OutboundThreshold are the anomaly scores at which a
	// request and a response are blocked. Zero means 5 and 4.
	InboundThreshold  int
	OutboundThreshold int
	// MaxRequestBodyBytes and MaxResponseBodyBytes are how much of a body the
	// engine looks at. Zero means 1 MiB and 512 KiB. Bytes beyond pass unseen and
	// the verdict says so (Verdict.Truncated), because a silent limit is a bypass.
	MaxRequestBodyBytes  int
	MaxResponseBodyBytes int
	// Directives is SecLang that follows the Core Rule Set: the operator's own
	// rules and exceptions. Before is SecLang that precedes it: rules that take
	// others away at run time (ctl:ruleRemoveById and its like) belong there. Several
	// files joined by seclang.Join keep their names in errors; *.data among them are
	// word lists for @pmFromFile and its like.
	Directives string
	Before     string
	// Collections is where the rules keep what outlives a transaction: IP, SESSION,
	// USER, GLOBAL and RESOURCE. Engines that are given the same share it, so that
	// counters survive a change of the rules. Nil means one of the engine's own.
	Collections *Collections
}

// Collections are what rules store between transactions, in memory and bounded.
// They are safe for use by several goroutines.
type Collections struct{ store *collection.Store }

// NewCollections returns empty collections for about so many records of 2 KiB on
// average. Zero means 100,000. Beyond it the records that were not used for longest go.
func NewCollections(records int) *Collections {
	return &Collections{collection.New(records)}
}

// CollectionStats tells how full collections are.
type CollectionStats struct {
	Records int   // kept now
	Evicted int64 // thrown away before their time, since there were too many
	Refused int64 // members not kept, since their record had too many
}

// Stats tells how full the collections are.
func (c *Collections) Stats() CollectionStats { return CollectionStats(c.store.Stats()) }

// Validate returns every problem of c, joined. It does not parse Directives.
func (c Config) Validate() error {
	var errs []error
	if c.Paranoia < 0 || c.Paranoia > 4 {
		errs = append(errs, fmt.Errorf("paranoia %d: must be 1 to 4", c.Paranoia))
	}
	if c.InboundThreshold < 0 || c.OutboundThreshold < 0 {
		errs = append(errs, errors.New("thresholds: must not be negative"))
	}
	if c.MaxRequestBodyBytes < 0 || c.MaxResponseBodyBytes < 0 {
		errs = append(errs, errors.New("body limits: must not be negative"))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	c.Paranoia = orDefault(c.Paranoia, 1)
	c.InboundThreshold = orDefault(c.InboundThreshold, 5)
	c.OutboundThreshold = orDefault(c.OutboundThreshold, 4)
	c.MaxRequestBodyBytes = orDefault(c.MaxRequestBodyBytes, 1<<20)
	c.MaxResponseBodyBytes = orDefault(c.MaxResponseBodyBytes, 512<<10)
	return c
}

func orDefault(v, d int) int {
	if v == 0 {
		return d
	}
	return v
}

// Request is the head of a request as the engine sees it.
type Request struct {
	// ID is the transaction's id in logs and in %{UNIQUE_ID}.
	ID   string
	Time time.Time
	// Client and Server are the two ends of the connection, Client already
	// resolved from trusted proxies.
	Client, Server netip.AddrPort
	Method         string
	URI            string // the request target as sent, undecoded
	Protocol       string // "HTTP/1.1", "HTTP/2.0"
	Host           string // Host header or :authority, with port if one was sent
	// Header must not be changed until Transaction.Close. Names are in canonical
	// form; Host is not expected in it.
	Header map[string][]string
	// Explain makes the engine note what becomes of each rule, for
	// Transaction.Explain. It costs more; use it for single requests.
	Explain bool
	// DetectOnly evaluates every rule and never asks for blocking early, so that
	// simulation reports all that a request would have run into.
	DetectOnly bool
}

// Decision is the engine's answer at the end of a phase.
type Decision struct {
	// Block tells that the rules ask to refuse the transaction, with Status.
	// RuleID is the rule that said so. With Request.DetectOnly it is what would
	// have been asked.
	Block  bool
	Status int
	RuleID int
}

// Verdict is all that the engine has to say about a transaction.
type Verdict struct {
	Decision
	// Phase is where Block was decided, 1 to 4, else 0.
	Phase         int
	Score         int
	OutboundScore int
	// Matches are the first 400; Omitted is how many there were beyond. All count
	// for the score.
	Matches []Match
	Omitted int
	// Truncated tells that a body was longer than the engine looks at.
	Truncated bool
	// Err is a failure inside the engine, nil if none. The transaction was then
	// not fully inspected.
	Err error
}

// Match is a match of a rule in one value.
type Match struct {
	RuleID   int
	Phase    int
	Message  string
	Data     string // what the rule writes of the match in its logdata, if anything
	Severity string // "critical", "error", "warning", "notice", or "" if the rule has none
	Score    int    // what the match added to the anomaly score
	Tags     []string
	Variable string // collection and key: "ARGS:q", "REQUEST_HEADERS:User-Agent"
	// Value is the value after the rule's transformations. Of one longer than 8 KiB
	// it is the part around Matched.
	Value   string
	Offset  int // of Matched in Value in bytes, -1 if the rule points at no bytes
	Matched string
}
