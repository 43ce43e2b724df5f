package crs

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
	albedo "github.com/coreruleset/albedo/server"
	schema "github.com/coreruleset/ftw-tests-schema/v2/types"
	"github.com/coreruleset/go-ftw/v2/ftwhttp"
	ftw "github.com/coreruleset/go-ftw/v2/test"
	"github.com/rs/zerolog"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/gateway"
	"github.com/ringwall/ringwall/policy"
)

// setup is what the tests ask of the gateway that they run against; it is the
// setup that the rule set's own project tests with.
const setup = `SecAction "id:900005,phase:1,nolog,pass,t:none,\
  setvar:tx.crs_validate_utf8_encoding=1,\
  setvar:tx.arg_name_length=100,setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,setvar:tx.max_num_args=255,\
  setvar:tx.max_file_size=64100,setvar:tx.combined_file_sizes=65535"`

// sink keeps the events of the gateway by request id.
type sink struct {
	mu     sync.Mutex
	events map[string]*event.Event
	added  chan struct{} // closed and replaced with each event
}

func (s *sink) Put(e *event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events[e.ID] = e
	close(s.added)
	s.added = make(chan struct{})
	return nil
}

// take waits for the event of a request: it is made when the answer is complete,
// which the client may know before the gateway.
func (s *sink) take(ctx context.Context, id string) (*event.Event, error) {
	for {
		s.mu.Lock()
		e, added := s.events[id], s.added
		delete(s.events, id)
		s.mu.Unlock()
		if e != nil {
			return e, nil
		}
		select {
		case <-added:
		case <-ctx.Done():
			return nil, fmt.Errorf("no event for the request %s: %w", id, ctx.Err())
		}
	}
}

// oneAtATime guards albedo, whose handlers share a hash without a lock.
func oneAtATime(h http.Handler) http.Handler {
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		h.ServeHTTP(w, r)
	})
}

// rig is a gateway in front of albedo.
type rig struct {
	sink    *sink
	address string
}

func start(t *testing.T) *rig {
	t.Helper()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // albedo and go-ftw log to the
	zerolog.SetGlobalLevel(zerolog.Disabled)       // global loggers
	up := httptest.NewServer(oneAtATime(albedo.Handler()))
	t.Cleanup(up.Close)
	r := &rig{sink: &sink{events: map[string]*event.Event{}, added: make(chan struct{})}}
	g := gateway.New(gateway.Config{Name: "crs", RulesBefore: setup}, r.sink, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := g.Shutdown(ctx); err != nil {
			t.Error("shutdown:", err)
		}
	})
	p, err := policy.Compile(1, policy.Objects{
		Sites:        []asset.Site{{ID: "s", Name: "crs"}},
		ServerGroups: []asset.ServerGroup{{ID: "g", SiteID: "s", Name: "crs", Mode: asset.Simulation}},
		Services: []asset.Service{{
			ID: "v", ServerGroupID: "g", Name: "crs", Ports: []asset.Port{{Address: "127.0.0.1:0"}},
			AccessEvents: true, // an event for each request, also for those without a match
			Paranoia:     4,
		}},
		Routes: []asset.Route{{ID: "r", ServiceID: "v", Upstreams: []string{up.URL}, PreserveHost: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Apply(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	r.address, _ = g.Address("v")
	return r
}

// load reads the tests of the rule set's module.
func load(t *testing.T) []schema.Test {
	t.Helper()
	var list []schema.Test
	err := fs.WalkDir(tests.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".yaml" {
			return err
		}
		text, err := fs.ReadFile(tests.FS, name)
		if err != nil {
			return err
		}
		f, err := ftw.GetTestFromYaml(text, path.Base(name))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, f.Tests...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// answer is what came back for a request.
type answer struct {
	status int
	err    error // no answer could be read
	event  *event.Event
}

// send sends the request of a stage, built by the reference client.
func (r *rig) send(ctx context.Context, stage *schema.Stage) (answer, error) {
	in := ftw.NewInput(&stage.Input)
	req, err := request(in)
	if err != nil {
		return answer{}, err
	}
	host, port, err := net.SplitHostPort(r.address)
	if err != nil {
		return answer{}, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return answer{}, err
	}
	cfg := ftwhttp.NewClientConfig()
	cfg.ReadTimeout = 10 * time.Second
	client, err := ftwhttp.NewClientWithConfig(cfg)
	if err != nil {
		return answer{}, err
	}
	if err := client.NewConnection(ftwhttp.Destination{DestAddr: host, Port: n, Protocol: "http"}); err != nil {
		return answer{}, err
	}
	res, err := client.Do(*req)
	if err != nil {
		return answer{err: err}, nil
	}
	defer res.Parsed.Body.Close()
	// net/http resets a connection after its own 400 if it did not read everything;
	// the head is enough.
	_, _ = io.Copy(io.Discard, res.Parsed.Body)
	a := answer{status: res.Parsed.StatusCode}
	if id := res.Parsed.Header.Get("X-Request-Id"); id != "" {
		a.event, err = r.sink.take(ctx, id)
	}
	return a, err
}

func request(in *ftw.Input) (*ftwhttp.Request, error) {
	if in.EncodedRequest != "" {
		raw, err := base64.StdEncoding.DecodeString(in.EncodedRequest)
		return ftwhttp.NewRawRequest(raw), err
	}
	line := &ftwhttp.RequestLine{Method: in.GetMethod(), URI: in.GetURI(), Version: in.GetVersion()}
	return ftwhttp.NewRequest(line, in.GetHeaders(), in.GetData(), *in.AutocompleteHeaders), nil
}

// rules are the ids of the rules that an event tells of. What the rule set's own
// bookkeeping rules log is in fields of the event: that a threshold was reached
// (949110, 959100) and the scores (980170).
func rules(e *event.Event) []int {
	if e == nil {
		return nil
	}
	var ids []int
	for _, m := range e.Verdict.Matches {
		ids = append(ids, m.RuleID)
	}
	v := e.Verdict
	if v.Blocked && v.Score >= v.Threshold {
		ids = append(ids, 949110)
	}
	if v.Blocked && v.OutboundScore >= v.OutboundThreshold {
		ids = append(ids, 959100)
	}
	if v.Score+v.OutboundScore > 0 {
		ids = append(ids, 980170)
	}
	return ids
}

// log writes an event as the lines that a test's pattern is made for.
func log(e *event.Event) string {
	if e == nil {
		return ""
	}
	var b strings.Builder
	for _, m := range e.Verdict.Matches {
		fmt.Fprintf(&b, "[id %q] [msg %q] [data \"Matched Data: %s found within %s: %s\"]\n",
			strconv.Itoa(m.RuleID), m.Message, oneLine.Replace(m.Matched), m.Variable, oneLine.Replace(m.Value))
	}
	for _, id := range rules(e) {
		switch id {
		case 949110:
			fmt.Fprintf(&b, "Inbound Anomaly Score Exceeded (Total Score: %d)\n", e.Verdict.Score)
		case 959100:
			fmt.Fprintf(&b, "Outbound Anomaly Score Exceeded (Total Score: %d)\n", e.Verdict.OutboundScore)
		}
	}
	return b.String()
}

var oneLine = strings.NewReplacer("\r", `\r`, "\n", `\n`)

// wrong compares an answer with what the stage expects, as the reference runner
// does.
func wrong(out schema.Output, a answer) []string {
	if out.ExpectError != nil && *out.ExpectError {
		if a.err == nil {
			return []string{fmt.Sprintf("status %d, want an answer that is no HTTP", a.status)}
		}
		return nil
	}
	if a.err != nil {
		return []string{"no answer: " + a.err.Error()}
	}
	var list []string
	if out.Status != 0 && a.status != out.Status {
		list = append(list, fmt.Sprintf("status %d, want %d", a.status, out.Status))
	}
	ids := rules(a.event)
	for _, id := range out.Log.ExpectIds {
		if !slices.Contains(ids, int(id)) {
			list = append(list, fmt.Sprintf("rule %d did not match (status %d)", id, a.status))
		}
	}
	for _, id := range out.Log.NoExpectIds {
		if slices.Contains(ids, int(id)) {
			list = append(list, fmt.Sprintf("rule %d matched", id))
		}
	}
	text := log(a.event)
	if p := out.Log.MatchRegex; p != "" && !regexp.MustCompile(p).MatchString(text) {
		list = append(list, fmt.Sprintf("the event lacks %q: %s", p, text))
	}
	if p := out.Log.NoMatchRegex; p != "" && regexp.MustCompile(p).MatchString(text) {
		list = append(list, fmt.Sprintf("the event has %q", p))
	}
	return list
}

func TestCoreRuleSetThroughTheGateway(t *testing.T) {
	list := load(t)
	if len(list) < 4674 {
		t.Fatalf("only %d tests", len(list))
	}
	r := start(t)
	results := make([][]string, len(list))
	var next sync.Mutex
	n := 0
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				next.Lock()
				i := n
				n++
				next.Unlock()
				if i >= len(list) {
					return
				}
				for s := range list[i].Stages {
					stage := &list[i].Stages[s]
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					a, err := r.send(ctx, stage)
					cancel()
					if err != nil {
						results[i] = append(results[i], err.Error())
						continue
					}
					results[i] = append(results[i], wrong(stage.Output, a)...)
				}
			}
		})
	}
	wg.Wait()
	passed, excusedCount, failed := 0, 0, 0
	for i, test := range list {
		reason, isExcused := excused[test.IdString()]
		switch {
		case len(results[i]) == 0 && isExcused:
			t.Errorf("%s passes and is excused: %s", test.IdString(), reason)
			passed++
		case len(results[i]) == 0:
			passed++
		case isExcused:
			excusedCount++
		default:
			failed++
			t.Errorf("%s: %s", test.IdString(), strings.Join(results[i], "; "))
		}
	}
	fmt.Fprintf(os.Stdout, "crs gateway: %d passed, %d excused, %d failed\n", passed, excusedCount, failed)
}

// excused are the tests that cannot pass, with the reason. What net/http answers by
// itself never reaches a rule: it refuses a request that it cannot frame, and so
// does any gateway built on it.
var excused = map[string]string{
	"920100-4": "wants CONNECT to be let through; a gateway is no forward proxy and refuses it with 400 (the rule does not match, as it should)",
	"920280-3": "net/http answers HTTP/0.9 with 505 before any rule; the test wants Apache's 400",
	"920290-4": "an empty Host in HTTP/1.0: net/http takes Host out of the header map and does not tell an empty one from none, so the rule against a missing one (920280) matches instead",
	"920430-3": "net/http answers HTTP/0.9 with 505 before any rule; the test wants Apache's 400",
	"920430-5": "a request line without version: the test wants an HTTP/0.9 answer that its own client cannot read; net/http refuses it with a proper 400",
	"920430-8": "net/http answers HTTP/4.0 with 505 before any rule; the rule never sees it, nor does the upstream",
	"920430-9": "net/http answers HTTP/0.8 with 505 before any rule; the test wants Apache's 400",
	"920620-1": "asserts that Apache merges two Content-Type fields into one, so that the rule against two cannot see them; Go keeps both and the rule matches as it should",
	"932207-7": "asserts the wording of ModSecurity's log line, which quotes the rule's last condition; the rule matches, and an event shows value and bytes of its first condition",
}
