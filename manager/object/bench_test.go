package object

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/policy"
)

// The policy of 2,000 services with ten exceptions each, which every change reads and
// compiles.
func BenchmarkPolicyOfManyExceptions(b *testing.B) {
	ctx := b.Context()
	db, err := store.Open(ctx, filepath.Join(b.TempDir(), "x.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	err = db.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.CreateSite(ctx, asset.Site{ID: "s", Name: "s"}); err != nil {
			return err
		}
		if _, err := tx.CreateServerGroup(ctx, asset.ServerGroup{ID: "g", SiteID: "s", Name: "g", Mode: asset.Active}); err != nil {
			return err
		}
		for i := range 2000 {
			id := fmt.Sprint("v", i)
			if _, err := tx.CreateService(ctx, asset.Service{
				ID: id, ServerGroupID: "g", Name: id, Ports: []asset.Port{{Address: "127.0.0.1:0"}},
			}); err != nil {
				return err
			}
			for j := range 10 {
				x := policy.Exception{
					ID: fmt.Sprint("x", i, "-", j), ServiceID: id, RuleID: 942100, Target: "REQUEST_COOKIES:/^sess/", PathPrefix: "/search",
					Methods: []string{"GET"}, Comment: "c", Enabled: true,
				}
				if _, err := tx.CreateException(ctx, x); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p, err := compile(ctx, db.Reader)
		if err != nil || len(p.Services) != 2000 || len(p.Services[7].Exceptions) != 10 {
			b.Fatal(len(p.Services), err)
		}
	}
}
