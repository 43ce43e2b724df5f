package manager

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/ringwall/ringwall/manager/store"
)

// The overview of thirty busy days with three server groups.
func BenchmarkTrafficOfThirtyDays(b *testing.B) {
	db, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "x.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	const minutes = 30 * 24 * 60
	err = db.Write(b.Context(), func(tx *store.Tx) error {
		for i := range minutes {
			for _, group := range []string{"a", "b", "c"} {
				if err := tx.AddTraffic(b.Context(), store.Minute{Start: noon.Add(time.Duration(i) * time.Minute), ServerGroupID: group, Requests: int64(i)}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	to := noon.Add(minutes * time.Minute)
	times := bucketTimes(noon, to, 60)
	tr := newTraffic(nil)
	b.ReportAllocs()
	for b.Loop() {
		list, err := tr.between(b.Context(), db.Reader, noon, to)
		if err != nil || len(list) != 3*minutes/60 {
			b.Fatal(len(list), err)
		}
		spread(list, times, noon, to, to)
	}
}
