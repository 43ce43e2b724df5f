package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestWhatTheTableDoesNotListIsRefused(t *testing.T) {
	rt := NewRouter(nil, slog.New(slog.DiscardHandler), nil)
	rt.HandleFunc("GET /api/v1/forgotten", func(http.ResponseWriter, *http.Request) { t.Error("it was called") })
	w := httptest.NewRecorder()
	rt.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/api/v1/forgotten", nil))
	if w.Code != http.StatusForbidden {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
