package shop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// fetch is what server-side request forgery drives: it gets any URL, as long as
// that leads to one of the shop's own two listeners. Loopback addresses in all
// their spellings and the cloud's metadata address reach them; everything else is
// refused, so that the demo cannot be used to knock at other doors.
func (s *Shop) fetch(ctx context.Context, rawURL string) (status, contentType string, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return "", "", nil, err
	}
	own := ""
	if a, ok := ctx.Value(http.LocalAddrContextKey).(net.Addr); ok {
		own = a.String()
	}
	transport := &http.Transport{
		DisableKeepAlives: true, // Proxy stays nil: no way around the dialer
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return s.dial(ctx, addr, own)
		},
	}
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return "", "", nil, err
	}
	defer res.Body.Close()
	body, err = readSome(res.Body)
	return res.Status, res.Header.Get("Content-Type"), body, err
}

// dial maps addr to a listener of the shop: port 80 to the internal one, their own
// ports to themselves.
func (s *Shop) dial(ctx context.Context, addr, own string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	ip, err := parseHost(host)
	if err != nil {
		return nil, err
	}
	_, internalPort, _ := net.SplitHostPort(s.addr)
	_, ownPort, _ := net.SplitHostPort(own)
	metadata := ip == netip.AddrFrom4([4]byte{169, 254, 169, 254})
	target := ""
	switch {
	case metadata && port == "80", ip.IsLoopback() && (port == "80" || port == internalPort):
		target = s.addr
	case ip.IsLoopback() && port == ownPort:
		target = own
	default:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: ip.AsSlice()}, Err: syscall.ECONNREFUSED}
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", target)
}

// parseHost understands addresses as generously as inet_aton (2130706433,
// 0x7f.1, 0177.0.0.1), since that is how filters are got round. It asks no name
// server.
func parseHost(host string) (netip.Addr, error) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip = ip.Unmap().WithZone(""); ip.IsUnspecified() {
			return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
		}
		return ip, nil
	}
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return netip.Addr{}, errNoHost(host)
	}
	var v uint64
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 0, 32)
		last := i == len(parts)-1
		width := 8
		if last {
			width = 8 * (5 - len(parts))
		}
		if err != nil || n >= 1<<width {
			return netip.Addr{}, errNoHost(host)
		}
		v = v<<width | n
	}
	if v == 0 {
		v = 0x7f000001
	}
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), nil
}

func errNoHost(host string) error {
	return fmt.Errorf("lookup %s: %w", host, errors.New("no such host"))
}

// internalHandler serves what only the machine itself may see.
func (s *Shop) internalHandler() http.Handler {
	mux := http.NewServeMux()
	text := func(pattern, contentType, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			if ip := net.ParseIP(host); !ip.IsLoopback() {
				http.Error(w, "internal only", http.StatusForbidden)
				return
			}
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write([]byte(body))
		})
	}
	text("/{$}", "text/plain; charset=utf-8", "lantern-internal\n/internal/metadata\n/latest/meta-data/\n")
	text(
		"/internal/metadata",
		"application/json",
		`{"service":"lantern-internal","host":"lantern-web-1","payment_api":"https://pay.lanternlane.example","api_token":"demo-token-not-a-secret","note":"made up for the Ringwall demo"}`+"\n",
	)
	text("/latest/meta-data/{$}", "text/plain; charset=utf-8", "ami-id\nhostname\niam/\ninstance-id\nlocal-ipv4\n")
	text("/latest/meta-data/hostname", "text/plain; charset=utf-8", "lantern-web-1\n")
	text("/latest/meta-data/iam/security-credentials/{$}", "text/plain; charset=utf-8", "lantern-shop-role\n")
	text(
		"/latest/meta-data/iam/security-credentials/lantern-shop-role",
		"application/json",
		`{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"DEMOKEYNOTREAL","SecretAccessKey":"made-up-for-the-ringwall-demo","Token":"demo","Expiration":"2030-01-01T00:00:00Z"}`+"\n",
	)
	return mux
}
