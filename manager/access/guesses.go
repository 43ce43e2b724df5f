package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ringwall/ringwall/manager/access/internal/throttle"
	"github.com/ringwall/ringwall/manager/store"
)

// maxGuesses is how many keys of guesses are remembered; those that were not used
// for longest are forgotten.
const maxGuesses = 40_000

// trimEvery is after how many attempts the bound is enforced: looking at all keys at
// each one would cost more than a few keys too many.
const trimEvery = 256

// guesses counts attempts to log in, in the store. They are counted for user and
// address together, so that nobody can lock a user out from elsewhere, and for the
// address alone, so that one address cannot try all users.
type guesses struct {
	byUser, byAddress throttle.Rule
	taken             atomic.Int64
}

func (g *guesses) memory() time.Duration { return max(g.byUser.Memory(), g.byAddress.Memory()) }

// guess is one attempt to log in that was counted.
type guess struct{ byUser, byAddress string }

// newGuess makes the keys of an attempt. The user is named by its id. A name that
// nobody has is only told apart from others by twelve bits of its hash: it may be a
// password that was typed into the wrong field, and must not be found in the store,
// but who guesses must not learn from a missing pause that there is no such user.
func newGuess(source, name string, user store.User) guess {
	who := user.ID
	if who == "" {
		sum := sha256.Sum256([]byte(strings.ToLower(name)))
		who = "?" + hex.EncodeToString(sum[:])[:3]
	}
	return guess{byUser: "user " + who + " " + network(source), byAddress: "address " + network(source)}
}

// take counts one attempt, or returns how long to wait. An attempt that has to wait
// writes nothing in the usual case, so guessing on regardless costs no disk.
func (g *guesses) take(ctx context.Context, db *store.Store, id guess, now time.Time) (wait time.Duration, err error) {
	for _, k := range g.keys(id) {
		a, err := db.Attempts(ctx, k.key)
		if err != nil {
			return 0, err
		}
		if wait := a.Next.Sub(now); wait > 0 && wait <= k.rule.Longest {
			return wait, nil
		}
	}
	err = db.Write(ctx, func(tx *store.Tx) error {
		keys := g.keys(id)
		counted := make([]throttle.Attempts, len(keys))
		for i, k := range keys {
			a, err := tx.LockAttempts(ctx, k.key)
			if err != nil {
				return err
			}
			counted[i] = throttle.Attempts(a)
			if wait = k.rule.Take(&counted[i], now); wait > 0 { // it is not made, so it counts nowhere
				return tx.PutAttempts(ctx, k.key, store.Attempts(counted[i]))
			}
		}
		for i, k := range keys {
			if err := tx.PutAttempts(ctx, k.key, store.Attempts(counted[i])); err != nil {
				return err
			}
		}
		if g.taken.Add(1)%trimEvery == 0 {
			return tx.TrimAttempts(ctx, now.Add(-g.memory()), maxGuesses)
		}
		return nil
	})
	return wait, err
}

// right forgets the attempts of the user: the password was right.
func (g *guesses) right(ctx context.Context, tx *store.Tx, id guess) error {
	if err := tx.DeleteAttempts(ctx, id.byUser); err != nil {
		return err
	}
	return g.giveBack(ctx, tx, key{id.byAddress, g.byAddress})
}

// undo takes the attempt back: it said nothing about guessing.
func (g *guesses) undo(ctx context.Context, db *store.Store, id guess) error {
	return db.Write(ctx, func(tx *store.Tx) error {
		for _, k := range g.keys(id) {
			if err := g.giveBack(ctx, tx, k); err != nil {
				return err
			}
		}
		return nil
	})
}

func (g *guesses) giveBack(ctx context.Context, tx *store.Tx, k key) error {
	a, err := tx.LockAttempts(ctx, k.key)
	if err != nil {
		return err
	}
	counted := throttle.Attempts(a)
	k.rule.Return(&counted)
	return tx.PutAttempts(ctx, k.key, store.Attempts(counted))
}

// key is a key with the rule that holds for it.
type key struct {
	key  string
	rule throttle.Rule
}

// keys lists the keys of id in the order in which they are taken.
func (g *guesses) keys(id guess) []key {
	return []key{{id.byAddress, g.byAddress}, {id.byUser, g.byUser}}
}
