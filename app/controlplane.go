package app

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ringwall/ringwall/config"
	"github.com/ringwall/ringwall/console"
	"github.com/ringwall/ringwall/internal/neterr"
	"github.com/ringwall/ringwall/manager"
)

// controlPlane is the manager with the port that its API and the console are on.
type controlPlane struct {
	manager  *manager.Manager
	listener net.Listener
	certificates
}

// openControlPlane opens the manager's database and the console's port. Nothing is
// served before serve.
func openControlPlane(
	ctx context.Context, pr *process, dir string, cfg config.Manager, events manager.Events, gateways manager.Gateways, version string,
) (*controlPlane, error) {
	m, err := manager.Open(ctx, manager.Config{Dir: dir}, events, gateways, version, pr.log)
	if err != nil {
		return nil, err
	}
	pr.onStop(m.Close)
	pr.task(m.Run)
	c := &controlPlane{manager: m}
	if c.certificates, err = openCertificates(filepath.Join(dir, "tls"), cfg.Console); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	if c.listener, err = lc.Listen(ctx, "tcp", cfg.Console); err != nil {
		return nil, neterr.Listen("console address "+cfg.Console, err, " with --console")
	}
	pr.onStop(func() error {
		if err := c.listener.Close(); !errors.Is(err, net.ErrClosed) { // closed by the server in the normal course
			return err
		}
		return nil
	})
	return c, nil
}

// url is where the console is reached.
func (c *controlPlane) url() string { return url("https", c.listener.Addr().String()) }

// A plane reports how it is.
type plane interface {
	// collect sends the plane's metrics.
	collect(send metricSender)
	// health says what keeps the plane from its work, and what the operator should know
	// though it works; empty if nothing. Anybody can read it, so it names no causes: those
	// stand in the log.
	health() (failing, warning string)
}

// serve adds the task that serves API, console, metrics and health on the port.
func (c *controlPlane) serve(pr *process, version string, planes ...plane) {
	mux := http.NewServeMux()
	mux.Handle("/api/", c.manager.Handler())
	mux.Handle("/openapi.yaml", c.manager.Handler())
	mux.Handle("GET /metrics", c.manager.Require(manager.Viewer, metrics(version, planes)))
	mux.HandleFunc("GET /health/live", func(w http.ResponseWriter, _ *http.Request) { health(w, nil) })
	mux.HandleFunc("GET /health/ready", func(w http.ResponseWriter, _ *http.Request) { health(w, planes) })
	mux.Handle("/", console.Handler())
	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{c.server}},
		ErrorLog:          slog.NewLogLogger(pr.log.Handler(), slog.LevelDebug),
	}
	pr.task(func(context.Context) error {
		if err := server.ServeTLS(c.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("console: %w", err)
		}
		return nil
	})
	pr.task(func(ctx context.Context) error {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		defer cancel()
		if server.Shutdown(stop) != nil {
			return server.Close()
		}
		return nil
	})
}

// health answers 503 if a plane fails.
func health(w http.ResponseWriter, planes []plane) {
	var failing, warnings []string
	for _, p := range planes {
		f, w := p.health()
		failing, warnings = append(failing, f), append(warnings, w)
	}
	answer := struct {
		Status  string `json:"status"`
		Reason  string `json:"reason,omitempty"`
		Warning string `json:"warning,omitempty"`
	}{"ok", sentence(failing), sentence(warnings)}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if answer.Reason != "" {
		answer.Status = "failing"
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(answer) // the client is gone
}

// sentence joins what is not empty.
func sentence(list []string) string {
	return strings.Join(slices.DeleteFunc(list, func(s string) bool { return s == "" }), "; ")
}
