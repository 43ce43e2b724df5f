package app

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/gateway/spool"
	"github.com/ringwall/ringwall/lake"
)

const (
	// pumpEvery bounds how often the lake gets a batch: each becomes a file first.
	pumpEvery = 400 * time.Millisecond
	// pumpBatch bounds a batch.
	pumpBatch = 5000
)

// pump carries events from the spool to the lake.
type pump struct {
	spool *spool.Spool
	lake  *lake.Lake
	log   *slog.Logger

	taken atomic.Uint64
	err   atomic.Pointer[error]
}

// run takes batches until ctx ends. The first event after a pause goes at once,
// those behind it wait for each other for pumpEvery.
func (p *pump) run(ctx context.Context) {
	after, err := p.lake.Offset(spoolName)
	if err != nil {
		p.fail(err)
		return
	}
	p.taken.Store(after)
	r := p.spool.Reader(after)
	defer r.Close() //nolint:errcheck // only read from
	for {
		records, err := r.Next(ctx, pumpBatch)
		if errors.Is(err, fs.ErrClosed) || ctx.Err() != nil {
			return
		}
		if err != nil {
			p.log.Error("the spool cannot be read", "err", err)
			sleep(ctx, time.Second)
			continue
		}
		batch := make([]*event.Event, 0, len(records))
		for _, rec := range records {
			e := new(event.Event)
			if err := json.Unmarshal(rec.JSON, e); err != nil {
				p.log.Error("event in the spool cannot be read", "record", rec.Seq, "err", err)
				continue
			}
			batch = append(batch, e)
		}
		last := records[len(records)-1].Seq
		for wait := pumpEvery; ; wait = min(2*wait, 10*time.Second) {
			err := p.lake.Append(ctx, spoolName, last, batch)
			if err == nil {
				break
			}
			p.fail(err)
			if !sleep(ctx, wait) {
				return
			}
		}
		p.err.Store(nil)
		p.taken.Store(last)
		if err := p.spool.Release(last); err != nil {
			p.log.Warn("spool not released", "err", err)
		}
		if !sleep(ctx, pumpEvery) {
			return
		}
	}
}

// finish waits until record last is taken or ctx ends.
func (p *pump) finish(ctx context.Context, last uint64) {
	for p.taken.Load() < last && sleep(ctx, 10*time.Millisecond) {
		continue
	}
}

func (p *pump) fail(err error) {
	p.err.Store(&err)
	p.log.Error("events do not reach the lake, they wait in the spool", "err", err)
}

// failing returns why events do not reach the lake, nil if they do.
func (p *pump) failing() error {
	if err := p.err.Load(); err != nil {
		return *err
	}
	return nil
}

// sleep waits for d and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
