package manager_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/policy"
)

// lists are the operations that answer a bare array.
var lists = []string{
	"/users", "/tokens", "/audit", "/sites", "/server-groups", "/services", "/routes", "/exceptions", "/gateways",
}

// get reads a list and returns its items and the address of the next page.
func (c *client) get(t *testing.T, url string) (items []string, next string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var raw []json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&raw); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %v", url, resp.StatusCode, err)
	}
	for _, item := range raw {
		items = append(items, string(item))
	}
	link := resp.Header.Get("Link")
	if link == "" {
		return items, ""
	}
	path, ok := strings.CutSuffix(link, `>; rel="next"`)
	if !ok || !strings.HasPrefix(path, "</api/v1/") {
		t.Fatalf("Link: %q", link)
	}
	return items, path[1:]
}

// fill makes several objects of every kind, with names, priorities and times that
// are the same or sort in a way of their own.
func fill(t *testing.T, b *bed) *client {
	t.Helper()
	c := b.admin()
	for i := range 4 {
		b.clock.add(time.Duration(i%2) * time.Minute)
		name := []string{"a", "B", "ä", "a b"}[i]
		site, err := c.CreateSiteWithResponse(t.Context(), asset.Site{Name: name})
		if err != nil || site.JSON201 == nil {
			t.Fatalf("site: %v %s", err, body(site))
		}
		group, err := c.CreateServerGroupWithResponse(
			t.Context(), asset.ServerGroup{SiteID: site.JSON201.ID, Name: "same", Mode: asset.Simulation},
		)
		if err != nil || group.JSON201 == nil {
			t.Fatalf("group: %v %s", err, body(group))
		}
		svc, err := c.CreateServiceWithResponse(t.Context(), asset.Service{
			ServerGroupID: group.JSON201.ID, Name: name, Ports: []asset.Port{{Address: fmt.Sprintf("127.0.0.1:%d", 8000+i)}},
		})
		if err != nil || svc.JSON201 == nil {
			t.Fatalf("service: %v %s", err, body(svc))
		}
		for _, priority := range []int{10, -1, 9, 10} {
			route, err := c.CreateRouteWithResponse(t.Context(), asset.Route{
				ServiceID: svc.JSON201.ID, Priority: priority, Host: fmt.Sprintf(
					"h%d-%d.example", i, priority,
				), Upstreams: []string{"http://127.0.0.1:3000"},
			})
			if err != nil || route.JSON201 == nil {
				t.Fatalf("route: %v %s", err, body(route))
			}
		}
		x, err := c.CreateExceptionWithResponse(
			t.Context(), policy.Exception{ServiceID: svc.JSON201.ID, RuleID: 942100, Comment: "test", Enabled: true},
		)
		if err != nil || x.JSON201 == nil {
			t.Fatalf("exception: %v %s", err, body(x))
		}
		user, err := c.CreateUserWithResponse(
			t.Context(), apigen.UserCreate{Name: []string{"b", "A", "c_", "C"}[i], Password: goodPassword, Role: apigen.Viewer},
		)
		if err != nil || user.JSON201 == nil {
			t.Fatalf("user: %v %s", err, body(user))
		}
		b.token(c, apigen.Viewer)
	}
	b.gateways.set(asset.GatewayStatus{ID: "g2"}, asset.GatewayStatus{ID: "g10"}, asset.GatewayStatus{ID: "g1"})
	return c
}

func TestAListByPagesOfOneIsTheWholeList(t *testing.T) {
	b := start(t)
	c := fill(t, b)
	for _, path := range lists {
		base := b.server.URL
		all, next := c.get(t, base+"/api/v1"+path)
		if len(all) < 3 || next != "" {
			t.Fatalf("%s: %d items, next %q", path, len(all), next)
		}
		var one []string
		for next = "/api/v1" + path + "?limit=1"; next != ""; {
			var page []string
			page, next = c.get(t, base+next)
			if one = append(one, page...); len(page) != 1 || len(one) > len(all) {
				t.Fatalf("%s: a page of %d after %d of %d", path, len(page), len(one), len(all))
			}
		}
		if diff := cmp.Diff(all, one); diff != "" {
			t.Errorf("%s by pages of one (-at once +by pages)\n%s", path, diff)
		}
	}
}

func TestPagesKeepTheFilter(t *testing.T) {
	b := start(t)
	c := fill(t, b)
	services, err := c.ListServicesWithResponse(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	query := "/api/v1/routes?service_id=" + (*services.JSON200)[1].ID
	all, _ := c.get(t, b.server.URL+query)
	first, next := c.get(t, b.server.URL+query+"&limit=2")
	rest, last := c.get(t, b.server.URL+next)
	if len(all) != 4 || last != "" || !slices.Equal(all, append(first, rest...)) {
		t.Errorf("all %d, first %d, rest %d, last %q", len(all), len(first), len(rest), last)
	}
}

func TestAPageGoesOnWhereItsLastItemWas(t *testing.T) {
	b := start(t)
	c := fill(t, b)
	all, _ := c.get(t, b.server.URL+"/api/v1/users")
	page, next := c.get(t, b.server.URL+"/api/v1/users?limit=3")
	var gone apigen.User
	if err := json.Unmarshal([]byte(page[2]), &gone); err != nil {
		t.Fatal(err)
	}
	if r, err := c.DeleteUserWithResponse(t.Context(), gone.Id); err != nil || r.StatusCode() != http.StatusNoContent {
		t.Fatalf("delete %s: %v %s", gone.Name, err, body(r))
	}
	rest, _ := c.get(t, b.server.URL+next)
	if diff := cmp.Diff(all[3], rest[0]); diff != "" {
		t.Errorf("after its last item was deleted (-want +got)\n%s", diff)
	}
}

func TestBadPagesAreRefused(t *testing.T) {
	b := start(t)
	c := b.admin()
	for _, path := range lists {
		for _, query := range []string{"limit=0", "limit=1001", "limit=x", "cursor=%2B", "cursor="} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.server.URL+"/api/v1"+path+"?"+query, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := c.http.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s?%s: want 400, got %d", path, query, resp.StatusCode)
			}
		}
	}
}
