package lake

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/ringwall/ringwall/event"
)

// row is an event as the lake stores it: what is filtered and counted in columns
// of its own, the whole event as JSON beside them. docs/guide/events.md describes
// every column; adding one is compatible, changing one is not.
//
// Times are UTC without a zone: with one, DuckDB takes every date function through
// ICU, which was measured 12 times slower.
type row struct {
	ID                 string   `parquet:"id,zstd"`
	Time               int64    `parquet:"time,timestamp(microsecond:local),delta,zstd"`
	Action             string   `parquet:"action,dict,zstd"`
	Mode               string   `parquet:"mode,dict,zstd"`
	Attack             string   `parquet:"attack,dict,zstd"`
	Attacks            []string `parquet:"attacks,list,zstd"`
	Severity           string   `parquet:"severity,dict,zstd"`
	Score              int32    `parquet:"score,dict,zstd"`
	OutboundScore      int32    `parquet:"outbound_score,dict,zstd"`
	RuleIDs            []int32  `parquet:"rule_ids,list,zstd"`
	Messages           []string `parquet:"messages,list,zstd"`
	Reason             string   `parquet:"reason,dict,zstd"`
	Truncated          bool     `parquet:"truncated"`
	EngineError        string   `parquet:"engine_error,dict,zstd"`
	Gateway            string   `parquet:"gateway,dict,zstd"`
	PolicyVersion      int64    `parquet:"policy_version,dict,zstd"`
	Site               string   `parquet:"site,dict,zstd"`
	ServerGroup        string   `parquet:"server_group,dict,zstd"`
	Service            string   `parquet:"service,dict,zstd"`
	Client             string   `parquet:"client,dict,zstd"`
	Peer               string   `parquet:"peer,dict,zstd"`
	Method             string   `parquet:"method,dict,zstd"`
	Scheme             string   `parquet:"scheme,dict,zstd"`
	Host               string   `parquet:"host,dict,zstd"`
	Path               string   `parquet:"path,dict,zstd"`
	Query              string   `parquet:"query,zstd"`
	Protocol           string   `parquet:"protocol,dict,zstd"`
	UserAgent          string   `parquet:"user_agent,dict,zstd"`
	Referer            string   `parquet:"referer,dict,zstd"`
	RequestBytes       int64    `parquet:"request_bytes,zstd"`
	Status             int32    `parquet:"status,dict,zstd"`
	ContentType        string   `parquet:"content_type,dict,zstd"`
	ResponseBytes      int64    `parquet:"response_bytes,zstd"`
	Upstream           string   `parquet:"upstream,dict,zstd"`
	DurationUS         int64    `parquet:"duration_us,zstd"`
	UpstreamDurationUS int64    `parquet:"upstream_duration_us,zstd"`
	InspectionUS       int64    `parquet:"inspection_us,zstd"`
	ClassUID           int32    `parquet:"class_uid,dict,zstd"`      // OCSF: 4002, HTTP Activity
	SeverityID         int32    `parquet:"severity_id,dict,zstd"`    // OCSF severity
	DispositionID      int32    `parquet:"disposition_id,dict,zstd"` // OCSF: 1 allowed, 2 blocked
	Search             string   `parquet:"search,zstd"`              // see searchText
	Event              string   `parquet:"event,zstd"`
}

func newRow(e *event.Event) (row, error) {
	whole, err := json.Marshal(e)
	if err != nil {
		return row{}, err
	}
	s := e.Summary()
	r := row{
		ID: e.ID, Time: e.Time.UnixMicro(), Action: string(e.Action), Mode: e.Mode,
		Attacks: s.Attacks, Severity: s.Severity, Score: int32(e.Verdict.Score), OutboundScore: int32(e.Verdict.OutboundScore),
		Reason: e.Reason, Truncated: e.Verdict.Truncated, EngineError: e.Verdict.Error,
		Gateway: e.Gateway, PolicyVersion: e.PolicyVersion, Site: e.Site, ServerGroup: e.ServerGroup, Service: e.Service,
		Client: e.Client, Peer: e.Peer, Method: e.Request.Method, Scheme: e.Request.Scheme, Host: e.Request.Host,
		Path: e.Request.Path, Query: e.Request.Query, Protocol: e.Request.Protocol,
		UserAgent: s.UserAgent, Referer: e.Header("Referer"), RequestBytes: e.Request.BodyBytes,
		Status: int32(e.Response.Status), ContentType: e.Response.ContentType, ResponseBytes: e.Response.BodyBytes,
		Upstream: e.Response.Upstream, DurationUS: s.DurationUS, UpstreamDurationUS: e.Response.UpstreamDuration.Microseconds(),
		InspectionUS: e.Verdict.Inspection.Microseconds(),
		ClassUID:     4002, SeverityID: severityID[s.Severity], DispositionID: 1, Search: searchText(&s, messagesOf(e)), Event: string(whole),
	}
	if len(s.Attacks) > 0 {
		r.Attack = s.Attacks[0]
	}
	if e.Action == event.Block {
		r.DispositionID = 2
	}
	// messages[i] belongs to rule_ids[i].
	for _, id := range s.RuleIDs {
		i := slices.IndexFunc(e.Verdict.Matches, func(m event.Match) bool { return m.RuleID == id })
		r.RuleIDs = append(r.RuleIDs, int32(id))
		r.Messages = append(r.Messages, e.Verdict.Matches[i].Message)
	}
	return r, nil
}

// severityID maps severities to OCSF's severity_id: 1 informational, 2 low, 3
// medium, 4 high, 5 critical.
var severityID = map[string]int32{"": 1, "notice": 2, "warning": 3, "error": 4, "critical": 5}

// rowsByDay sorts a batch into UTC days, each by time. An event that cannot be
// stored cannot have come through a spool, which encodes it the same way.
func rowsByDay(batch []*event.Event) map[string][]row {
	days := map[string][]row{}
	for _, e := range batch {
		r, err := newRow(e)
		if err != nil {
			continue
		}
		day := e.Time.UTC().Format(time.DateOnly)
		days[day] = append(days[day], r)
	}
	for _, rows := range days {
		slices.SortStableFunc(rows, func(a, b row) int { return int(a.Time - b.Time) })
	}
	return days
}

// writeParquet writes rows to a new file and returns its size. The file is on disk
// when it returns.
func writeParquet(path string, rows []row) (int64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	w := parquet.NewGenericWriter[row](f,
		parquet.CreatedBy("ringwall", "1", ""),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}),
		parquet.MaxRowsPerRowGroup(100_000))
	_, err = w.Write(rows)
	err = errors.Join(err, w.Close())
	var size int64
	if info, statErr := f.Stat(); statErr == nil {
		size = info.Size()
	}
	if err := errors.Join(err, f.Sync(), f.Close(), syncDir(filepath.Dir(path))); err != nil {
		return 0, errors.Join(err, os.Remove(path))
	}
	return size, nil
}
