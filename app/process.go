package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// A process is what every program has in common: tasks that run side by side until
// the end, and stops that free what was opened. Planes are opened on one; each adds
// what it needs, so a program is a list of planes.
type process struct {
	log   *slog.Logger
	tasks []func(ctx context.Context) error
	stops []func() error
}

// drainTime and closeTime bound a shutdown: requests may finish in the first, the
// rest of it takes at most the second.
const (
	drainTime = 3 * time.Second
	closeTime = 1500 * time.Millisecond
)

// task adds something that run runs. It ends itself soon after its context.
func (p *process) task(f func(ctx context.Context) error) { p.tasks = append(p.tasks, f) }

// onStop adds something that stop does. What was opened later stops earlier.
func (p *process) onStop(f func() error) { p.stops = append(p.stops, f) }

// run runs all tasks until ctx ends or one of them fails.
func (p *process) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, f := range p.tasks {
		group.Go(func() error { return f(ctx) })
	}
	return group.Wait()
}

// stop frees everything, also after a start that failed halfway.
func (p *process) stop() error {
	var errs []error
	for _, f := range slices.Backward(p.stops) {
		errs = append(errs, f())
	}
	p.stops = nil
	return errors.Join(errs...)
}

// makeData makes the folder that a process stores everything in.
func makeData(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data folder: %w; choose another one with --data", err)
	}
	return nil
}
