package manager_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringwall/ringwall/api"
	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/manager"
)

// specified reads "operationId METHOD /path" of every operation in openapi.yaml. It
// relies on the file's indentation, which oapi-codegen's output would not match if
// it were otherwise.
func specified(t *testing.T) []string {
	t.Helper()
	var out []string
	path, method := "", ""
	pathLine, methodLine, idLine := regexp.MustCompile(`^  (/\S*):$`), regexp.MustCompile(
		`^    (get|put|post|patch|delete|head|options):$`,
	), regexp.MustCompile(`^      operationId: (\w+)$`)
	for line := range strings.Lines(string(api.OpenAPI)) {
		line = strings.TrimRight(line, "\r\n")
		if m := pathLine.FindStringSubmatch(line); m != nil {
			path = m[1]
		} else if m := methodLine.FindStringSubmatch(line); m != nil {
			method = strings.ToUpper(m[1])
		} else if m := idLine.FindStringSubmatch(line); m != nil {
			out = append(out, m[1]+" "+method+" "+path)
		}
	}
	if len(out) < 40 {
		t.Fatalf("only %d operations found in openapi.yaml", len(out))
	}
	slices.Sort(out)
	return out
}

func TestEveryOperationHasARole(t *testing.T) {
	var have []string
	for _, op := range manager.Operations() {
		have = append(have, op.ID+" "+op.Pattern)
	}
	slices.Sort(have)
	if diff := cmp.Diff(specified(t), have); diff != "" {
		t.Errorf("openapi.yaml and the table of operations differ (-specified +in the table)\n%s", diff)
	}
}

func TestEachRoleMayWhatTheTableSays(t *testing.T) {
	b := start(t)
	const nobody = apigen.Role("")
	ranks := map[apigen.Role]int{nobody: 0, manager.Viewer: 1, manager.Operator: 2, manager.Admin: 3}
	clients := map[apigen.Role]*client{
		nobody:           b.client(),
		manager.Viewer:   b.user("v", manager.Viewer),
		manager.Operator: b.user("o", manager.Operator),
		manager.Admin:    b.admin(),
	}
	for _, op := range manager.Operations() {
		method, path, _ := strings.Cut(op.Pattern, " ")
		for role, c := range clients {
			if op.ID == "logout" && role != nobody {
				c = b.admin()
			}
			r, err := http.NewRequestWithContext(
				t.Context(), method, b.server.URL+"/api/v1"+strings.ReplaceAll(path, "{id}", "nobody"), strings.NewReader("{}"),
			)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-CSRF-Token", c.csrf)
			resp, err := c.http.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			switch got := resp.StatusCode; {
			case op.ID == "login":
				if got != http.StatusUnauthorized && got != http.StatusTooManyRequests { // an empty password is wrong
					t.Errorf("login as %q: %d", role, got)
				}
			case op.Role == nobody:
				t.Errorf("%s needs no login; is that meant?", op.ID)
			case role == nobody && got != http.StatusUnauthorized:
				t.Errorf("%s without login: want 401, got %d", op.ID, got)
			case role != nobody && ranks[role] < ranks[op.Role] && got != http.StatusForbidden:
				t.Errorf("%s as %s: want 403, got %d", op.ID, role, got)
			case ranks[role] >= ranks[op.Role] && role != nobody && !slices.Contains([]int{200, 201, 204, 400, 404, 409, 422}, got):
				t.Errorf("%s as %s: want leave, got %d", op.ID, role, got)
			}
		}
	}
}

func TestViewersChangeNothingButTheirOwn(t *testing.T) {
	own := []string{"logout", "changePassword", "createToken", "deleteToken"}
	for _, op := range manager.Operations() {
		if !strings.HasPrefix(op.Pattern, "GET ") && op.Role == manager.Viewer && !slices.Contains(own, op.ID) {
			t.Errorf("a viewer may call %s (%s)", op.ID, op.Pattern)
		}
		if !strings.HasPrefix(op.Pattern, "GET ") && op.Role == "" && op.ID != "login" {
			t.Errorf("everybody may call %s (%s)", op.ID, op.Pattern)
		}
		if strings.Contains(op.Pattern, "/users") && op.Role != manager.Admin {
			t.Errorf("a %s may call %s (%s)", op.Role, op.ID, op.Pattern)
		}
	}
}
