// Package traffic visits the demo shop through a gateway: shoppers who buy mugs
// and attackers who try the holes, from many client addresses, at a natural
// rhythm. It shows a console alive; it measures nothing and breaks nothing that
// is not the demo's own.
//
// The client addresses are of the documentation ranges (RFC 5737, RFC 3849) and
// travel in X-Forwarded-For, so the gateway must trust the address that this
// program connects from. All payloads are written for this package.
package traffic

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Options tune a Run. The zero value is five minutes of about 15 requests a
// second.
type Options struct {
	// Duration is how long the traffic lasts. Zero means 5 minutes, a negative
	// value means until the context ends.
	Duration time.Duration
	// Rate is the upper limit in requests per second, after quiet seconds a
	// burst of twice as many, as at the beginning. Zero means 15.
	Rate float64
	// Seed chooses who does what. The same seed gives every client the same
	// requests in the same order. Zero means 1.
	Seed uint64
	// Host is the Host header. Empty means www.lanternlane.example: a numeric host
	// would make each visit suspicious (CRS rule 920350).
	Host string
	// Log gets a line per attack. Nil discards.
	Log *slog.Logger

	transport http.RoundTripper // for tests; nil dials
}

func (o Options) withDefaults() Options {
	if o.Duration == 0 {
		o.Duration = 5 * time.Minute
	}
	if o.Rate <= 0 {
		o.Rate = 15
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Host == "" {
		o.Host = "www.lanternlane.example"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// ErrNoAnswer says that the target stopped answering, or never did.
var ErrNoAnswer = errors.New("the gateway does not answer")

// patience is how many requests in a row may fail before Run gives up.
const patience = 40

// Run sends traffic to target, the gateway's base URL, until opt.Duration has
// passed or ctx ends; both are a nil error. It returns when its last request has
// been answered or given up. An answer of any status is an answer.
func Run(ctx context.Context, target string, opt Options) error {
	base, err := url.Parse(target)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return fmt.Errorf("target %q: want http://host:port", target)
	}
	opt = opt.withDefaults()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if opt.Duration > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, opt.Duration)
		defer stop()
	}
	if opt.transport == nil {
		t := &http.Transport{MaxIdleConnsPerHost: 16, MaxConnsPerHost: 32, ResponseHeaderTimeout: 10 * time.Second}
		defer t.CloseIdleConnections()
		opt.transport = t
	}
	v := &visit{base: base, opt: opt, pace: newPace(opt.Rate), giveUp: cancel}
	var wg sync.WaitGroup
	for i, s := range shoppers() {
		wg.Go(func() { v.shop(ctx, s, i) })
	}
	wg.Go(func() { v.attack(ctx) })
	wg.Wait()
	if err := context.Cause(ctx); errors.Is(err, ErrNoAnswer) {
		return fmt.Errorf("traffic to %s: %w", target, err)
	}
	return nil
}

// visit is one Run.
type visit struct {
	base   *url.URL
	opt    Options
	pace   *pace
	giveUp context.CancelCauseFunc
	failed atomic.Int64 // requests in a row
}

func (v *visit) rand(stream int) *rand.Rand { return rand.New(rand.NewPCG(v.opt.Seed, uint64(stream))) }

// shop lets one shopper go through journeys until ctx ends. The first ones begin
// at once, so that a console has something to show.
func (v *visit) shop(ctx context.Context, s shopper, i int) {
	rng := v.rand(i)
	wait := time.Duration(i) * 150 * time.Millisecond
	for rest(ctx, wait) {
		all := journeys()
		j := all[rng.IntN(len(all))]
		v.play(ctx, newSession(v, s.browser.header, s.addr), j.steps(rng, s), nil)
		wait = between(rng, time.Second, 6*time.Second)
	}
}

// attack starts the attackers: four at once in the first seconds, then waves of
// one to three with calm between them. Everyone gets a turn before anyone gets
// a second one.
func (v *visit) attack(ctx context.Context) {
	rng := v.rand(1000)
	var wg sync.WaitGroup
	defer wg.Wait()
	turn, order := 0, []int(nil)
	launch := func() {
		all := attackers()
		if turn%len(all) == 0 {
			order = rng.Perm(len(all))
		}
		a, stream := all[order[turn%len(all)]], 2000+turn
		turn++
		wg.Go(func() {
			v.opt.Log.Info("attack", "name", a.name, "from", a.addrs[0])
			r := v.rand(stream)
			v.play(ctx, newSession(v, a.header, a.addrs...), a.steps(r), r)
		})
	}
	for _, pause := range []time.Duration{0, 400 * time.Millisecond, 800 * time.Millisecond, 1200 * time.Millisecond} {
		if !rest(ctx, pause) {
			return
		}
		launch()
	}
	for rest(ctx, between(rng, 5*time.Second, 18*time.Second)) {
		for range 1 + rng.IntN(3) {
			launch()
			if !rest(ctx, between(rng, 200*time.Millisecond, 2*time.Second)) {
				return
			}
		}
	}
}

// play sends steps one after the other. Tools wait as hurry says; people, who have
// none, wait as each step says.
func (v *visit) play(ctx context.Context, s *session, steps []step, hurry *rand.Rand) {
	for _, st := range steps {
		wait := st.think
		if hurry != nil && wait == 0 {
			wait = between(hurry, 60*time.Millisecond, 420*time.Millisecond)
		}
		if !rest(ctx, wait) || !v.pace.wait(ctx) {
			return
		}
		err := s.send(ctx, st)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			v.failed.Store(0)
		case v.failed.Add(1) >= patience:
			v.giveUp(fmt.Errorf("%w: %d requests failed in a row, the last with: %w", ErrNoAnswer, patience, err))
			return
		}
	}
}

func between(rng *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(rng.Int64N(int64(high-low)))
}

// rest waits for d and tells whether ctx is still alive then.
func rest(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// burst is how much quiet time can be made up for at once.
const burst = 2 * time.Second

// pace spaces requests out: a bucket that fills at a steady rate, holds two
// seconds' worth and begins full.
type pace struct {
	gap time.Duration

	mu   sync.Mutex
	next time.Time // when the bucket would be empty
}

func newPace(rate float64) *pace { return &pace{gap: time.Duration(float64(time.Second) / rate)} }

func (p *pace) wait(ctx context.Context) bool {
	p.mu.Lock()
	now := time.Now()
	if full := now.Add(-burst); p.next.Before(full) { // so does the zero value
		p.next = full
	}
	p.next = p.next.Add(p.gap)
	wait := p.next.Sub(now)
	p.mu.Unlock()
	return rest(ctx, wait)
}
