package app

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/ringwall/ringwall/config"
	"github.com/ringwall/ringwall/lake"
)

// lakePlane is the lake that this process writes.
type lakePlane struct {
	*lake.Lake
	log *slog.Logger
}

// openLake opens the lake and keeps it in order.
func openLake(pr *process, dir string, cfg config.Lake) (lakePlane, error) {
	lakeCfg := lake.Config{Dir: filepath.Join(dir, "lake"), RetentionDays: cfg.RetentionDays, MaxBytes: cfg.MaxBytes}
	l, err := lake.Open(lakeCfg, pr.log)
	if errors.Is(err, lake.ErrLocked) {
		return lakePlane{}, fmt.Errorf("data folder %s is in use by another ringwall; stop it or choose another folder with --data", dir)
	}
	if err != nil {
		return lakePlane{}, err
	}
	pr.onStop(l.Close)
	pr.task(l.Run)
	return lakePlane{l, pr.log}, nil
}

// health implements plane. Whether events reach the lake, the pump knows.
func (lakePlane) health() (failing, warning string) { return "", "" }
