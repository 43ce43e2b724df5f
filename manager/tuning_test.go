package manager_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/api/apigen/apiclient"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/manager"
	"github.com/ringwall/ringwall/policy"
)

// exception is one that the service of a planted bed takes.
func (p planted) exception() policy.Exception {
	return policy.Exception{
		ServiceID: p.service.ID, RuleID: 942100, Target: "ARGS:q", PathPrefix: "/search", Methods: []string{"GET"},
		Comment: "the search takes SQL", Enabled: true,
	}
}

func (p planted) except(t *testing.T, x policy.Exception) policy.Exception {
	t.Helper()
	r := ok[*apiclient.CreateExceptionResponse](t)(p.c.CreateExceptionWithResponse(t.Context(), x))
	answered(t, r, 201, "")
	return *r.JSON201
}

func TestExceptionsReachTheGateways(t *testing.T) {
	p := plant(t)
	ctx := t.Context()
	x := p.exception()
	x.Expires = p.clock.Now().Add(time.Hour + time.Nanosecond)
	x.Created = x.Expires // the manager says when
	got := p.except(t, x)
	want := x
	want.ID, want.Revision, want.Owner, want.Sources = got.ID, 1, "olga", []string{}
	want.Created, want.Expires = p.clock.Now(), p.clock.Now().Add(time.Hour)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]policy.Exception{want}, p.gateways.running(t).Services[0].Exceptions); diff != "" {
		t.Errorf("running (-want +got)\n%s", diff)
	}
	one := ok[*apiclient.GetExceptionResponse](t)(p.user("vera", manager.Viewer).GetExceptionWithResponse(ctx, got.ID))
	if diff := cmp.Diff(&want, one.JSON200); diff != "" {
		t.Errorf("read (-want +got)\n%s", diff)
	}
	got.Enabled, got.Created = false, time.Time{}
	changed := ok[*apiclient.UpdateExceptionResponse](t)(p.c.UpdateExceptionWithResponse(ctx, got.ID, got))
	if answered(t, changed, 200, ""); changed.JSON200.Revision != 2 || !changed.JSON200.Created.Equal(want.Created) {
		t.Errorf("changed: %s", changed.Body)
	}
	if n := len(p.gateways.running(t).Services[0].Exceptions); n != 0 {
		t.Errorf("%d exceptions run, but it is disabled", n)
	}
	answered(
		t, ok[*apiclient.UpdateExceptionResponse](t)(p.c.UpdateExceptionWithResponse(ctx, got.ID, got)), 409, apigen.Conflict,
		"changed meanwhile",
	)
	if l := *ok[*apiclient.ListExceptionsResponse](t)(p.c.ListExceptionsWithResponse(
		ctx, &apiclient.ListExceptionsParams{ServiceId: &p.service.ID},
	)).JSON200; len(l) != 1 {
		t.Errorf("list: %v", l)
	}
	if l := *ok[*apiclient.ListExceptionsResponse](t)(p.c.ListExceptionsWithResponse(
		ctx, &apiclient.ListExceptionsParams{ServiceId: new("nobody")},
	)).JSON200; l == nil || len(l) != 0 {
		t.Errorf("list of nobody: %v", l)
	}
	answered(t, ok[*apiclient.DeleteExceptionResponse](t)(p.c.DeleteExceptionWithResponse(ctx, got.ID)), 204, "")
	answered(t, ok[*apiclient.GetExceptionResponse](t)(p.c.GetExceptionWithResponse(ctx, got.ID)), 404, apigen.NotFound)
	var verbs []string
	for _, e := range *ok[*apiclient.ListAuditResponse](t)(p.admin().ListAuditWithResponse(ctx, nil)).JSON200 {
		if e.Object == "exception" {
			verbs = append(verbs, e.Actor+" "+e.Verb+" "+e.Name)
		}
	}
	const name = " rule 942100, ARGS:q, GET /search"
	if diff := cmp.Diff([]string{"olga delete" + name, "olga update" + name, "olga create" + name}, verbs); diff != "" {
		t.Errorf("audit (-want +got)\n%s", diff)
	}
}

func TestExceptionMistakesChangeNothing(t *testing.T) {
	p := plant(t)
	ctx := t.Context()
	create := func(change func(*policy.Exception)) *apiclient.CreateExceptionResponse {
		x := p.exception()
		change(&x)
		return ok[*apiclient.CreateExceptionResponse](t)(p.c.CreateExceptionWithResponse(ctx, x))
	}
	answered(t, create(func(x *policy.Exception) { x.Comment, x.Target = "", "!ARGS" }), 422, apigen.Invalid, "comment: say why", "target: ")
	answered(t, create(func(x *policy.Exception) { x.ServiceID = "nobody" }), 422, apigen.Invalid, `service_id: \"nobody\" does not exist`)
	p.gateways.refuse = errors.New(`service "web": exception for rule 1: tune rules: exception 1: names no rule: 1`)
	answered(t, create(func(x *policy.Exception) { x.RuleID = 1 }), 422, apigen.Invalid, "the gateway refused", "names no rule: 1")
	p.gateways.refuse = nil
	if l, err := p.Store().Exceptions(ctx, ""); err != nil || len(l) != 0 {
		t.Errorf("stored: %v, %v", l, err)
	}
}

func TestRulesAreToldInWords(t *testing.T) {
	p := plant(t)
	ctx := t.Context()
	got := ok[*apiclient.GetRuleResponse](t)(p.c.GetRuleWithResponse(ctx, 942100))
	answered(t, got, 200, "")
	if r := got.JSON200; r.ID != 942100 || r.LooksFor == "" || r.Tags == nil {
		t.Errorf("got %+v", r)
	}
	answered(t, ok[*apiclient.GetRuleResponse](t)(p.c.GetRuleWithResponse(ctx, 7)), 404, apigen.NotFound, "rule")
}

func TestDeletingAServiceTakesItsTuningAway(t *testing.T) {
	p := plant(t)
	ctx := t.Context()
	p.except(t, p.exception())
	answered(
		t, ok[*apiclient.SetRuleActionsResponse](t)(p.c.SetRuleActionsWithResponse(
			ctx, p.service.ID, policy.RuleActions{Actions: []policy.RuleAction{{RuleID: 1, Action: policy.Alert}}},
		)), 200, "",
	)
	answered(t, ok[*apiclient.DeleteServiceResponse](t)(p.c.DeleteServiceWithResponse(ctx, p.service.ID)), 204, "")
	if l, err := p.Store().Exceptions(ctx, ""); err != nil || len(l) != 0 {
		t.Errorf("exceptions: %v, %v", l, err)
	}
	if l, err := p.Store().RuleActions(ctx); err != nil || len(l) != 0 {
		t.Errorf("actions: %v, %v", l, err)
	}
}

func TestRuleActions(t *testing.T) {
	p := plant(t)
	ctx := t.Context()
	get := ok[*apiclient.GetRuleActionsResponse](t)(p.c.GetRuleActionsWithResponse(ctx, p.service.ID))
	if answered(t, get, 200, ""); strings.TrimSpace(string(get.Body)) != `{"service_id":"`+p.service.ID+`","revision":0,"actions":[]}` {
		t.Errorf("nothing set: %s", get.Body)
	}
	set := func(a policy.RuleActions) *apiclient.SetRuleActionsResponse {
		return ok[*apiclient.SetRuleActionsResponse](t)(p.c.SetRuleActionsWithResponse(ctx, p.service.ID, a))
	}
	actions := []policy.RuleAction{{RuleID: 942100, Action: policy.Block}, {RuleID: 920350, Action: policy.Count}}
	r := set(policy.RuleActions{Actions: actions})
	if answered(t, r, 200, ""); r.JSON200.Revision != 1 {
		t.Errorf("set: %s", r.Body)
	}
	want := []policy.RuleAction{actions[1], actions[0]}
	if diff := cmp.Diff(want, p.gateways.running(t).Services[0].Actions); diff != "" {
		t.Errorf("running (-want +got)\n%s", diff)
	}
	answered(t, set(policy.RuleActions{Actions: actions}), 409, apigen.Conflict)
	answered(
		t, set(policy.RuleActions{Revision: 1, Actions: []policy.RuleAction{{RuleID: 1, Action: "drop"}}}), 422, apigen.Invalid,
		`action \"drop\"`,
	)
	answered(t, set(policy.RuleActions{ServiceID: "other", Revision: 1}), 400, apigen.BadRequest, "the path says")
	answered(t, set(policy.RuleActions{Revision: 1}), 200, "")
	if a := p.gateways.running(t).Services[0].Actions; a != nil {
		t.Errorf("running: %v", a)
	}
	answered(t, ok[*apiclient.GetRuleActionsResponse](t)(p.c.GetRuleActionsWithResponse(ctx, "nobody")), 404, apigen.NotFound)
	answered(
		t, ok[*apiclient.SetRuleActionsResponse](t)(p.c.SetRuleActionsWithResponse(ctx, "nobody", policy.RuleActions{})), 404, apigen.NotFound,
	)
	audit := *ok[*apiclient.ListAuditResponse](t)(p.admin().ListAuditWithResponse(ctx, nil)).JSON200
	var after policy.RuleActions
	if err := json.Unmarshal([]byte(*audit[2].After), &after); err != nil || audit[2].Object != "rule_actions" ||
		audit[2].Name != "web" || len(after.Actions) != 2 {
		t.Errorf("audit: %+v, %v", audit[2], err)
	}
}

func TestPreviewAsksTheLakeAndCounts(t *testing.T) {
	p := plant(t)
	ctx := t.Context()
	for range 3 {
		p.events.matched = append(p.events.matched, event.Event{
			ID: "e", ServiceID: p.service.ID, Request: event.Request{Method: "GET", Path: "/search"},
			Verdict: event.Verdict{
				Blocked: true, Score: 5, Threshold: 5, OutboundThreshold: 4,
				Matches: []event.Match{{RuleID: 942100, Phase: 2, Score: 5, Variable: "ARGS:q"}},
			},
		})
	}
	p.events.matched[0].Request.Path = "/elsewhere"
	x := p.exception()
	x.Comment = "" // not written yet
	r := ok[*apiclient.PreviewExceptionResponse](t)(p.c.PreviewExceptionWithResponse(ctx, apigen.ExceptionPreview{Exception: x}))
	answered(t, r, 200, "")
	if v := r.JSON200; v.Looked != 3 || v.Touched != 2 || v.Passed != 2 || !v.Truncated || len(v.Samples) != 2 || v.Samples[0].Score != 0 {
		t.Errorf("preview: %s", r.Body)
	}
	now := p.clock.Now()
	want := event.MatchQuery{From: now.AddDate(0, 0, -7), To: now, ServiceID: p.service.ID, RuleID: 942100, Limit: 20_000}
	if p.events.matchQuery != want {
		t.Errorf("asked: %+v", p.events.matchQuery)
	}
	answered(
		t, ok[*apiclient.PreviewExceptionResponse](t)(p.c.PreviewExceptionWithResponse(
			ctx, apigen.ExceptionPreview{Exception: x, From: new(now.AddDate(0, 0, -8))},
		)), 400, apigen.BadRequest, "at most 7 days",
	)
	x.Target = "!"
	answered(
		t, ok[*apiclient.PreviewExceptionResponse](t)(p.c.PreviewExceptionWithResponse(ctx, apigen.ExceptionPreview{Exception: x})), 422,
		apigen.Invalid, "target:",
	)
	answered(
		t, ok[*apiclient.PreviewExceptionResponse](t)(p.user("vera", manager.Viewer).PreviewExceptionWithResponse(
			ctx, apigen.ExceptionPreview{Exception: p.exception()},
		)), 403, apigen.Forbidden,
	)
}
