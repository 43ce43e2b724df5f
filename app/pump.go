package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringwall/ringwall/event"
	"github.com/ringwall/ringwall/lake"
	"github.com/ringwall/ringwall/spool"
)

const (
	// pumpEvery bounds how often the lake gets a batch: each becomes a file first.
	pumpEvery = 400 * time.Millisecond
	// pumpBatch bounds a batch.
	pumpBatch = 5000
)

// sink puts events into a spool, as JSON.
type sink struct{ spool *spool.Spool }

// Put implements event.Sink. The spool counts what it drops.
func (s sink) Put(e *event.Event) error {
	record, err := json.Marshal(e)
	if err != nil {
		err = errors.Join(err, s.spool.Append(nil)) // refused and counted
	} else {
		err = s.spool.Append(record)
	}
	if err != nil {
		return fmt.Errorf("spool event %s: %w", e.ID, err)
	}
	return nil
}

// pump carries events from the spool to the lake.
type pump struct {
	spool  *spool.Spool
	reader *spool.Reader
	lake   *lake.Lake
	log    *slog.Logger

	taken      atomic.Uint64
	unreadable atomic.Int64 // events that were left out because they could not be decoded
	err        atomic.Pointer[error]
}

// openPump makes a pump that goes on where the lake stopped. It outlives the writer,
// which closes drained when it is done: the pump takes what is still in the spool, and
// leaves to the next start what it cannot take in closeTime.
func openPump(pr *process, sp *spool.Spool, l *lake.Lake, drained <-chan struct{}) (*pump, error) {
	stored, err := l.Offset(spoolName)
	if err != nil {
		return nil, err
	}
	r, err := sp.Reader(stored)
	if err != nil {
		return nil, err
	}
	pr.onStop(r.Close)
	p := &pump{spool: sp, reader: r, lake: l, log: pr.log}
	p.taken.Store(stored)
	if err := r.Release(stored); err != nil {
		return nil, err
	}
	pr.task(func(ctx context.Context) error {
		pumping, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		var running sync.WaitGroup
		running.Go(func() { p.run(pumping) })
		<-ctx.Done()
		<-drained
		time.AfterFunc(closeTime, cancel)
		p.finish(pumping, sp.Last())
		cancel()
		running.Wait()
		return nil
	})
	return p, nil
}

// spoolName is the gateway's spool in the lake's offsets.
const spoolName = "local"

// health implements plane.
func (p *pump) health() (failing, warning string) {
	if p.failing() != nil {
		failing = "events do not reach the lake"
	}
	return failing, ""
}

// run takes batches until ctx ends or the spool is closed. The first event after a
// pause goes at once, those behind it wait for each other for pumpEvery.
func (p *pump) run(ctx context.Context) {
	for {
		records, err := p.reader.Next(ctx, pumpBatch)
		if errors.Is(err, fs.ErrClosed) || ctx.Err() != nil {
			return
		}
		if damage, ok := errors.AsType[*spool.DamageError](err); ok {
			p.log.Error("events are lost, their part of the spool is damaged", "first", damage.First, "last", damage.Last, "err", damage.Err)
			continue
		}
		if err != nil {
			p.fail(err)
			sleep(ctx, time.Second)
			continue
		}
		batch, ok := p.decode(ctx, records)
		if !ok {
			return
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
		if err := p.reader.Release(last); err != nil {
			p.log.Warn("spool not released", "err", err)
		}
		if !sleep(ctx, pumpEvery) {
			return
		}
	}
}

// decode reads the events of records. One that cannot be read is counted and left
// out. One of a later version is not: it waits for the operator to install that
// version again, and decode reports false when ctx ends before.
func (p *pump) decode(ctx context.Context, records []spool.Record) (batch []*event.Event, ok bool) {
	batch = make([]*event.Event, 0, len(records))
	for _, rec := range records {
		e := new(event.Event)
		err := json.Unmarshal(rec.Data, e)
		if errors.Is(err, event.ErrNewer) {
			p.fail(err)
			<-ctx.Done()
			return nil, false
		}
		if err != nil {
			p.unreadable.Add(1)
			p.log.Error("event in the spool cannot be read and is left out", "record", rec.Seq, "err", err)
			continue
		}
		batch = append(batch, e)
	}
	return batch, true
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
