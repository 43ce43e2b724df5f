// Package peers measures Ringwall beside the programs that its users have today:
// nginx, nginx with ModSecurity 3, and Coraza in a Go proxy, with the same rules in
// front of the same upstream in one interleaved run.
//
// It starts real programs in processes of their own and reads what they cost from
// the kernel. It asserts that all of them answer as they should; it asserts nothing
// about time.
package peers

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Options choose how long a run takes.
type Options struct {
	// Rounds is how often each row is measured at each server.
	Rounds int
	// Slice is how long one measurement should take. The number of requests is
	// fixed from it before the first round.
	Slice time.Duration
	// MaxRequests bounds a measurement. Zero means no bound.
	MaxRequests int
	// Connections is how many connections send at the same time.
	Connections int
	// Self is a program whose arguments "serve NAME URL [PROFILE]" call Serve, and
	// write a CPU profile to the file PROFILE.
	Self string
	// Profile is a file for the profile of the gateway with inspection. Empty means
	// none.
	Profile string
	// Rows names the rows to run. Empty means all.
	Rows []string
}

// measurement is all that is known of a row at a server.
type measurement struct {
	n         int
	cpu       []time.Duration // a request, one for each round
	latencies []time.Duration
	peak      int64
}

func (m *measurement) median() time.Duration {
	s := slices.Sorted(slices.Values(m.cpu))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// startAll starts the upstream and every server in front of it.
func startAll(ctx context.Context, o Options, dir string) (upstream *Process, servers []*Process, err error) {
	defer func() {
		if err != nil {
			stopAll(append(servers, upstream))
		}
	}()
	if upstream, err = startUpstream(ctx, dir); err != nil {
		return nil, nil, err
	}
	for _, f := range []func(context.Context, string, string) (*Process, error){startNginxProxy, startModSecurity} {
		p, err := f(ctx, dir, upstream.Address)
		if err != nil {
			return upstream, servers, err
		}
		servers = append(servers, p)
	}
	for _, name := range []string{goProxy, corazaName, gatewayOff, gatewayOn} {
		args := []string{"serve", name, "http://" + upstream.Address}
		if name == gatewayOn && o.Profile != "" {
			args = append(args, o.Profile)
		}
		p, err := start(name, exec.Command(o.Self, args...))
		if err != nil {
			return upstream, servers, err
		}
		servers = append(servers, p)
		if p.Address, err = p.line(ctx, "address: "); err != nil {
			return upstream, servers, err
		}
	}
	return upstream, servers, nil
}

func stopAll(list []*Process) {
	for _, p := range list {
		if p != nil {
			p.Stop()
		}
	}
}

// inspects tells whether a server blocks attacks.
func inspects(server string) bool {
	return server == "modsecurity" || server == corazaName || server == gatewayOn
}

// WAF runs `make bench-waf`: it checks that every server passes and blocks what it
// should, measures, and writes the tables and one line for each row to out.
func WAF(ctx context.Context, o Options, out io.Writer) error {
	rows, err := Rows()
	if err != nil {
		return err
	}
	if len(o.Rows) > 0 {
		rows = slices.DeleteFunc(rows, func(r Row) bool { return !slices.Contains(o.Rows, r.Name) })
	}
	dir, err := os.MkdirTemp("", "ringwall-peers-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // nginx's workers are another user
		return err
	}
	starting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	upstream, servers, err := startAll(starting, o, dir)
	if err != nil {
		return err
	}
	defer stopAll(append(servers, upstream))

	results := map[string]map[string]*measurement{} // row, server
	for _, row := range rows {
		results[row.Name] = map[string]*measurement{}
		for _, s := range servers {
			if results[row.Name][s.Name], err = o.calibrate(ctx, row, s); err != nil {
				return fmt.Errorf("%s: %s: %w", row.Name, s.Name, err)
			}
		}
	}
	for round := range o.Rounds {
		for _, row := range rows {
			for _, s := range servers {
				if err := o.measure(ctx, row, s, results[row.Name][s.Name]); err != nil {
					return fmt.Errorf("%s: %s: round %d: %w", row.Name, s.Name, round+1, err)
				}
			}
		}
	}
	o.report(out, rows, servers, results)
	return nil
}

func (o Options) load(row Row, s *Process, n int) Load {
	want := 200
	if row.Blocked && inspects(s.Name) {
		want = 403
	}
	return Load{Address: s.Address, Requests: row.Requests, Want: want, Connections: o.Connections, N: n}
}

// calibrate sends each request of the row once, to see that it is answered as it
// should be, then finds how many fill a slice.
func (o Options) calibrate(ctx context.Context, row Row, s *Process) (*measurement, error) {
	n := len(row.Requests)
	first := o.load(row, s, n)
	first.Connections = 1
	if _, err := first.Run(ctx); err != nil {
		return nil, err
	}
	// The first answers of a server are slow, so the number grows as it warms up.
	for {
		r, err := o.load(row, s, n).Run(ctx)
		if err != nil {
			return nil, err
		}
		fits := int(float64(n) * float64(o.Slice) / float64(r.Elapsed))
		next := max(n, min(fits, 20*n, o.bound()))
		if next < 2*n {
			return &measurement{n: max(2, next)}, nil
		}
		n = next
	}
}

func (o Options) bound() int {
	if o.MaxRequests == 0 {
		return 1 << 30
	}
	return o.MaxRequests
}

func (o Options) measure(ctx context.Context, row Row, s *Process, m *measurement) error {
	s.ResetPeak()
	before, err := s.CPU()
	if err != nil {
		return err
	}
	r, err := o.load(row, s, m.n).Run(ctx)
	if err != nil {
		return err
	}
	after, err := s.CPU()
	if err != nil {
		return err
	}
	_, peak := s.Memory()
	m.cpu = append(m.cpu, (after-before)/time.Duration(m.n))
	m.latencies = append(m.latencies, r.Latencies...)
	m.peak = max(m.peak, peak)
	return nil
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func (o Options) report(out io.Writer, rows []Row, servers []*Process, results map[string]map[string]*measurement) {
	fmt.Fprintf(
		out,
		"\n%d rounds, interleaved; %d connections; CPU is that of the server's processes, without upstream and loader.\n",
		o.Rounds,
		o.Connections,
	)
	fmt.Fprintf(
		out,
		"\n%-15s %-12s %8s %12s %12s %10s %10s %8s\n",
		"row",
		"server",
		"n/round",
		"cpu us/req",
		"min",
		"p50 ms",
		"p99 ms",
		"peak MB",
	)
	for _, row := range rows {
		for _, s := range servers {
			m := results[row.Name][s.Name]
			slices.Sort(m.latencies)
			fmt.Fprintf(
				out,
				"%-15s %-12s %8d %12.1f %12.1f %10.3f %10.3f %8d\n",
				row.Name,
				s.Name,
				m.n,
				micros(m.median()),
				micros(slices.Min(m.cpu)),
				micros(percentile(m.latencies, .5))/1000,
				micros(percentile(m.latencies, .99))/1000,
				m.peak>>20,
			)
		}
	}
	fmt.Fprintf(
		out,
		"\nadded: with inspection less without, medians. ratio: what ModSecurity adds to nginx by what inspection adds to the gateway.\n",
	)
	fmt.Fprintf(out, "The attacks reach no upstream where they are blocked, so their rows compare less than they seem to.\n\n")
	fmt.Fprintf(out, "%-15s %14s %14s %14s %14s\n", "row", "coraza added", "ratio to it", "x gateway", "gateway/nginx")
	for _, row := range rows {
		r := results[row.Name]
		added, coraza := r[gatewayOn].median()-r[gatewayOff].median(), r[corazaName].median()-r[goProxy].median()
		fmt.Fprintf(out, "%-15s %14.1f %14s %14.2f %14.2f\n", row.Name, micros(coraza), ratio(coraza, added),
			float64(r[gatewayOn].median())/float64(r[gatewayOff].median()), float64(r[gatewayOff].median())/float64(r["nginx"].median()))
	}
	fmt.Fprintln(out)
	for _, row := range rows {
		r := results[row.Name]
		off, on := r[gatewayOff].median(), r[gatewayOn].median()
		mod := r["modsecurity"].median() - r["nginx"].median()
		fmt.Fprintf(out, "bench-waf %s gateway_us=%.1f with_waf_us=%.1f added_us=%.1f modsecurity_added_us=%.1f ratio=%s\n",
			row.Name, micros(off), micros(on), micros(on-off), micros(mod), ratio(mod, on-off))
	}
}

// ratio is a/b, or a word where inspection made a row cheaper than passing it on.
func ratio(a, b time.Duration) string {
	if b <= 0 {
		return "inf"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(a)/float64(b)), ".0")
}
