package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringwall/ringwall/asset"
)

// listener is one open port. The service behind it may change while it serves.
type listener struct {
	gateway     *Gateway
	ln          net.Listener
	server      *http.Server
	port        atomic.Pointer[portConfig]
	connections atomic.Int64
	slots       chan struct{} // one for each open connection
	done        chan struct{}
	once        sync.Once

	mu    sync.Mutex
	fresh map[net.Conn]struct{} // connections on which nothing was asked yet
}

// portConfig is what a policy says about a port.
type portConfig struct {
	service *service
	tls     *tls.Config // nil for plain HTTP
}

func newPortConfig(s *service, p asset.Port) (*portConfig, error) {
	pc := &portConfig{service: s}
	if p.TLS() {
		cert, err := tls.LoadX509KeyPair(p.CertFile, p.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("port %s: certificate: %w", p.Address, err)
		}
		pc.tls = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	}
	return pc, nil
}

func newListener(g *Gateway, ln net.Listener) *listener {
	l := &listener{
		gateway: g, ln: ln, fresh: map[net.Conn]struct{}{},
		slots: make(chan struct{}, g.cfg.MaxConnections), done: make(chan struct{}),
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	l.server = &http.Server{
		Handler:           l,
		ReadHeaderTimeout: g.cfg.HeaderTimeout,
		IdleTimeout:       g.cfg.IdleTimeout,
		MaxHeaderBytes:    g.cfg.MaxHeaderBytes,
		Protocols:         protocols,
		// A stream more costs memory for its window; an abuser opens more.
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 128, WriteByteTimeout: g.cfg.WriteTimeout, SendPingTimeout: g.cfg.IdleTimeout},
		// Clients can cause net/http's own messages at will.
		ErrorLog:  slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
		ConnState: l.state,
	}
	return l
}

func (l *listener) state(c net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		l.connections.Add(1)
	case http.StateClosed, http.StateHijacked:
		l.connections.Add(-1)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s == http.StateNew {
		l.fresh[c] = struct{}{}
	} else {
		delete(l.fresh, c)
	}
}

func (l *listener) serve() {
	err := l.server.Serve((*acceptor)(l))
	if !errors.Is(err, http.ErrServerClosed) {
		l.gateway.log.Error("port stopped", "address", l.ln.Addr().String(), "err", err)
	}
}

// drain closes the port and waits for its requests, for at most d.
func (l *listener) drain(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	l.shutdown(ctx)
}

func (l *listener) shutdown(ctx context.Context) {
	// Browsers open connections in advance; net/http would wait for their first
	// request.
	l.mu.Lock()
	for c := range l.fresh {
		_ = c.SetReadDeadline(time.Unix(1, 0)) // it may be closed already
	}
	l.mu.Unlock()
	if err := l.server.Shutdown(ctx); err != nil {
		_ = l.server.Close() // what did not finish in time is cut
	}
	l.once.Do(func() { close(l.done) })
}

// acceptor bounds the open connections and speaks TLS when the port's current
// policy says so.
type acceptor listener

func (a *acceptor) Accept() (net.Conn, error) {
	select {
	case a.slots <- struct{}{}:
	case <-a.done:
		return nil, net.ErrClosed
	}
	conn, err := a.ln.Accept()
	if err != nil {
		<-a.slots
		return nil, err
	}
	c := &slotConn{Conn: conn, slots: a.slots}
	if pc := a.port.Load(); pc.tls != nil {
		return tls.Server(c, pc.tls), nil
	}
	return c, nil
}

func (a *acceptor) Close() error {
	a.once.Do(func() { close(a.done) })
	return a.ln.Close()
}

func (a *acceptor) Addr() net.Addr { return a.ln.Addr() }

// slotConn gives its slot back when it is closed.
type slotConn struct {
	net.Conn
	slots chan struct{}
	once  sync.Once
}

func (c *slotConn) Close() error {
	c.once.Do(func() { <-c.slots })
	return c.Conn.Close()
}
