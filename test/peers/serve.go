package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	corazahttp "github.com/corazawaf/coraza/v3/http"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/gateway"
	"github.com/ringwall/ringwall/policy"
)

// The servers that run in processes of their own and are Go programs.
const (
	goProxy    = "go-proxy"    // httputil.ReverseProxy
	corazaName = "coraza"      // the same behind Coraza's middleware
	gatewayOff = "gateway"     // ours, mode disabled, passing uninspected
	gatewayOn  = "gateway-waf" // ours, mode active
)

// Serve runs one of the Go servers in front of upstream until ctx ends. It writes
// "address: host:port" to out when it listens.
func Serve(ctx context.Context, name, upstream string, out io.Writer) error {
	switch name {
	case goProxy, corazaName:
		return serveReverseProxy(ctx, name == corazaName, upstream, out)
	case gatewayOff:
		return serveGateway(ctx, asset.Disabled, upstream, out)
	case gatewayOn:
		return serveGateway(ctx, asset.Active, upstream, out)
	}
	return fmt.Errorf("no server is called %q", name)
}

func serveReverseProxy(ctx context.Context, inspect bool, upstream string, out io.Writer) error {
	base, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	var h http.Handler = &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(base); r.Out.Host = r.In.Host; r.SetXForwarded() },
		Transport:  &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true, WriteBufferSize: 16 << 10, ReadBufferSize: 16 << 10},
		BufferPool: new(buffers),
	}
	if inspect {
		w, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).
			WithDirectives("Include @coraza.conf-recommended").
			WithDirectives("SecRuleEngine On\nSecAuditEngine Off\nInclude @crs-setup.conf.example\nInclude @owasp_crs/*.conf"))
		if err != nil {
			return err
		}
		h = corazahttp.WrapHandler(w, h)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // the connections are the loader's
	defer stop()
	fmt.Fprintf(out, "address: %s\n", ln.Addr())
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// buffers recycles the proxy's copy buffers.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

// nowhere takes events as fast as one can. The audit logs of the peers are off too.
type nowhere struct{}

func (nowhere) Put(*event.Event) error { return nil }

func serveGateway(ctx context.Context, mode asset.Mode, upstream string, out io.Writer) error {
	g := gateway.New(gateway.Config{Name: "bench"}, nowhere{}, slog.New(slog.DiscardHandler))
	p, err := policy.Compile(1, policy.Objects{
		Sites:        []asset.Site{{ID: "s", Name: "bench"}},
		ServerGroups: []asset.ServerGroup{{ID: "g", SiteID: "s", Name: "bench", Mode: mode, PassWhenDisabled: true}},
		Services:     []asset.Service{{ID: "v", ServerGroupID: "g", Name: "bench", Ports: []asset.Port{{Address: "127.0.0.1:0"}}}},
		Routes:       []asset.Route{{ID: "r", ServiceID: "v", Upstreams: []string{upstream}, PreserveHost: true}},
	})
	if err != nil {
		return err
	}
	if err := g.Apply(ctx, p); err != nil {
		return err
	}
	address, _ := g.Address("v")
	fmt.Fprintf(out, "address: %s\n", address)
	<-ctx.Done()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 100*time.Millisecond)
	defer cancel()
	_ = g.Shutdown(drain) // the connections are the loader's
	return nil
}
