// Package shop is Lantern Lane, a small web shop with real holes in it, for
// trying a web application firewall on.
//
// DELIBERATELY VULNERABLE; NEVER EXPOSE IT. SQL injection, cross-site scripting,
// path traversal, command injection and server-side request forgery work here
// as they do in the wild; holes.go has them all. What they reach is made up and
// jailed:
//
//   - SQL runs on a read-only connection that can attach no other file;
//   - files are those of the shop's own folder, which is the attacker's "/";
//   - commands run in package shell, which starts no process;
//   - outgoing requests end at the shop's own two listeners;
//   - the shop listens on loopback addresses only.
//
// The package is part of the demo program and never of the product.
package shop

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrNotLoopback says that the shop was asked to listen where others could reach
// it.
var ErrNotLoopback = errors.New("the shop is vulnerable on purpose and listens on loopback only; use 127.0.0.1 or [::1]")

// A Shop is the application with its database and files. Its methods are safe for
// use by several goroutines.
type Shop struct {
	log      *slog.Logger
	root     *os.Root // the jail: the shop's folder
	rw, raw  *sql.DB  // raw runs the queries that requests are pasted into
	pages    pages
	internal *http.Server
	addr     string        // of the internal listener
	commands chan struct{} // bounds how many shells run at once
	done     chan error

	mu       sync.Mutex
	sessions map[string]string // cookie → user name
}

// New opens the shop in dir, which it makes and fills when it is empty, and
// starts its internal listener on a free loopback port. A nil log discards. The
// caller must Close it.
func New(dir string, log *slog.Logger) (_ *Shop, err error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("shop folder: %w", err)
	}
	s := &Shop{log: log, sessions: map[string]string{}, done: make(chan error, 1), commands: make(chan struct{}, 8)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.root, err = os.OpenRoot(dir); err != nil {
		return nil, fmt.Errorf("shop folder: %w", err)
	}
	if err := s.stockFiles(); err != nil {
		return nil, fmt.Errorf("shop files: %w", err)
	}
	if s.rw, s.raw, err = openStore(filepath.Join(dir, "shop.db")); err != nil {
		return nil, fmt.Errorf("shop database: %w", err)
	}
	if s.pages, err = parsePages(); err != nil {
		return nil, err
	}
	ln, err := listenLoopback("127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("internal listener: %w", err)
	}
	s.addr = ln.Addr().String()
	s.internal = newServer(s.internalHandler(), log)
	go func() { s.done <- s.internal.Serve(ln) }()
	return s, nil
}

// Handler is the shop as the world sees it.
func (s *Shop) Handler() http.Handler { return s.routes() }

// Internal is the host:port of the internal listener. It serves the metadata that
// server-side request forgery is after, to loopback peers only.
func (s *Shop) Internal() string { return s.addr }

// Serve listens on addr, calls ready with the address that it got unless ready is
// nil, and serves until ctx ends; it then lets running requests finish for two
// seconds. An addr that is not a loopback address is ErrNotLoopback.
func (s *Shop) Serve(ctx context.Context, addr string, ready func(addr string)) error {
	ln, err := listenLoopback(addr)
	if err != nil {
		return err
	}
	if ready != nil {
		ready(ln.Addr().String())
	}
	srv := newServer(s.Handler(), s.log)
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(ln) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	return errors.Join(stop(srv), ignoreClosed(<-failed))
}

// Close stops the internal listener and closes the database. It may be called
// more than once, and not while Serve runs.
func (s *Shop) Close() error {
	var errs []error
	if s.internal != nil {
		errs = append(errs, stop(s.internal), ignoreClosed(<-s.done))
		s.internal = nil
	}
	for _, db := range []**sql.DB{&s.raw, &s.rw} {
		if *db != nil {
			errs = append(errs, (*db).Close())
			*db = nil
		}
	}
	if s.root != nil {
		errs = append(errs, s.root.Close())
		s.root = nil
	}
	return errors.Join(errs...)
}

// listenLoopback checks what was asked for and what was got, because "localhost"
// is whatever the machine's hosts file says.
func listenLoopback(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: want host:port", addr)
	}
	if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
		return nil, fmt.Errorf("listen %s: %w", addr, ErrNotLoopback)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	if a, ok := ln.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("listen %s: got %s: %w", addr, ln.Addr(), ErrNotLoopback), ln.Close())
	}
	return ln, nil
}

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 20 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
	}
}

func stop(srv *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		return srv.Close()
	}
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// login starts a session for user and returns its cookie.
func (s *Shop) login(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) >= 1000 { // the demo's memory is bounded too
		clear(s.sessions)
	}
	id := rand.Text()
	s.sessions[id] = user
	return id
}

func (s *Shop) logout(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, id)
}

// user is the name of the session's user, "" when nobody is logged in.
func (s *Shop) user(r *http.Request) string {
	c, err := r.Cookie("session")
	if err != nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[c.Value]
}
