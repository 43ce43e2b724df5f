package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/store/storetest"
)

// childEnv makes the test binary a process that writes until it is killed.
const childEnv = "RINGWALL_STORE_TEST_DATABASE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		fmt.Fprintln(os.Stderr, writeForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSQLite(t *testing.T) {
	storetest.TestStore(t, func(t *testing.T) *store.Store { return open(t, filepath.Join(t.TempDir(), "ringwall.db")) })
}

func TestFilesAreForTheOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "odd name? #%20&x=1")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, filepath.Join(dir, "ringwall.db"))
	if err := s.Write(t.Context(), func(tx *store.Tx) error { _, err := tx.NextPolicyVersion(t.Context()); return err }); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "ringwall.db ringwall.db-shm ringwall.db-wal" {
		t.Errorf("files: %s", got)
	}
}

func TestOpeningAgainKeepsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ringwall.db")
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.CreateSite(t.Context(), asset.Site{ID: "s", Name: "n"})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, path).Site(t.Context(), "s"); err != nil {
		t.Error(err)
	}
}

func TestDatabaseOfANewerVersionIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ringwall.db")
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO schema_migrations (version, name) VALUES (9999, 'from the future')`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), path)
	if !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), "upgrade Ringwall") || !strings.Contains(err.Error(), path) {
		t.Errorf("error: %v", err)
	}
}

func TestWhatIsNoDatabaseIsRefusedAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ringwall.db")
	text := strings.Repeat("my diary\n", 1000)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), path)
	if err == nil || !strings.Contains(err.Error(), "not a database") {
		t.Errorf("error: %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("the file was changed (%v)", err)
	}
	if _, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "absent", "ringwall.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent folder: %v", err)
	}
}

// writeForEver prints each number after the transaction that holds it was
// committed.
func writeForEver(path string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, path)
	if err != nil {
		return err
	}
	for i := 1; ; i++ {
		err := s.Write(ctx, func(tx *store.Tx) error {
			if _, err := tx.CreateSite(ctx, asset.Site{ID: strconv.Itoa(i), Name: strings.Repeat("x", 100) + strconv.Itoa(i)}); err != nil {
				return err
			}
			return tx.AppendAudit(ctx, store.AuditEntry{Time: time.Now(), ObjectID: strconv.Itoa(i)})
		})
		if err != nil {
			return err
		}
		fmt.Println(i)
	}
}

func TestKillLosesNothingThatWasConfirmed(t *testing.T) {
	confirmed := 0
	for round := range 3 {
		path := filepath.Join(t.TempDir(), "ringwall.db")
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), childEnv+"="+path)
		child.Stderr = t.Output()
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			confirmed, err = strconv.Atoi(lines.Text())
			if err != nil {
				t.Fatal(err)
			}
			if confirmed == 20+round*15 {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		child.Wait() //nolint:errcheck // it was killed
		s := open(t, path)
		sites, err := s.Sites(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		entries, err := s.Audit(t.Context(), 0, 100_000)
		if err != nil {
			t.Fatal(err)
		}
		// One more may have been committed and not printed.
		if len(sites) < confirmed || len(sites) > confirmed+1 || len(entries) != len(sites) {
			t.Errorf("round %d: %d confirmed, %d sites and %d audit entries found", round, confirmed, len(sites), len(entries))
		}
	}
}
