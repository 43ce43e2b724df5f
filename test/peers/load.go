package peers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Load is a fixed number of requests over a fixed number of connections, each of
// which sends the next request when it has the answer to the last one. A time-boxed
// load would leave slow requests unfinished, whose work belongs to no answer.
type Load struct {
	Address     string
	Requests    [][]byte // raw, sent in turn
	Want        int      // status of each answer
	Connections int
	N           int
}

// Result is what a load measured.
type Result struct {
	Elapsed   time.Duration
	Latencies []time.Duration // sorted
}

// Percentile returns the latency that the share p of the requests stayed below.
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(p*float64(len(sorted))), len(sorted)-1)]
}

// Run sends the load. An answer with another status is an error, which quotes its
// beginning.
func (l Load) Run(ctx context.Context) (Result, error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	conns := min(l.Connections, l.N)
	errs := make([]error, conns)
	latencies := make([][]time.Duration, conns)
	begin := time.Now()
	for i := range conns {
		wg.Go(func() {
			c := &client{address: l.Address}
			defer c.close()
			for {
				n := int(next.Add(1)) - 1
				if n >= l.N || ctx.Err() != nil {
					return
				}
				at := time.Now()
				if err := c.do(ctx, l.Requests[n%len(l.Requests)], l.Want); err != nil {
					errs[i] = fmt.Errorf("request %d: %w", n, err)
					next.Store(int64(l.N)) // the others may stop
					return
				}
				latencies[i] = append(latencies[i], time.Since(at))
			}
		})
	}
	wg.Wait()
	r := Result{Elapsed: time.Since(begin), Latencies: slices.Concat(latencies...)}
	slices.Sort(r.Latencies)
	return r, errors.Join(append(errs, ctx.Err())...)
}

// client is a keep-alive connection.
type client struct {
	address string
	conn    net.Conn
	r       *bufio.Reader
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing is lost with it
		c.conn = nil
	}
}

// do sends a raw request and reads the answer to its end.
func (c *client) do(ctx context.Context, raw []byte, want int) error {
	if c.conn == nil {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", c.address)
		if err != nil {
			return err
		}
		c.conn, c.r = conn, bufio.NewReader(conn)
	}
	if err := c.conn.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		return err
	}
	// A server may refuse a request before it has read all of it: what it says
	// matters more than that it did not listen.
	_, writeErr := c.conn.Write(raw)
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return errors.Join(err, writeErr)
	}
	if res.StatusCode != want {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 300)) // for the message only
		return fmt.Errorf("status %d instead of %d: %q", res.StatusCode, want, text)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.Close {
		c.close()
	}
	return nil
}
