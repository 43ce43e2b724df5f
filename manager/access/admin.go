package access

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/ringwall/ringwall/manager/access/internal/password"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
)

// EnsureAdmin creates the user admin with a random password when there is no user
// at all. created tells whether it did; the password is nowhere else.
func (c *Control) EnsureAdmin(ctx context.Context) (pass string, created bool, err error) {
	users, err := c.store.Users(ctx)
	if err != nil || len(users) > 0 {
		return "", false, err
	}
	pass = newPassword()
	if _, err := c.createUser(ctx, store.CommandLine, "admin", pass, web.Admin); err != nil {
		return "", false, fmt.Errorf("create user admin: %w", err)
	}
	return pass, true, nil
}

// newPassword returns 24 random letters and digits in groups (118 bits), without
// those that look alike.
func newPassword() string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789" // 31
	var b strings.Builder
	for b.Len() < 27 {
		if b.Len()%7 == 6 {
			b.WriteByte('-')
			continue
		}
		var one [1]byte
		rand.Read(one[:])                                        // never fails (crypto/rand)
		if n := int(one[0]); n < 256/len(letters)*len(letters) { // no letter more often than another
			b.WriteByte(letters[n%len(letters)])
		}
	}
	return b.String()
}

// SetPassword gives the user a new password and ends the user's
// sessions. It is for a reset on the machine itself.
func (c *Control) SetPassword(ctx context.Context, user, pass string) error {
	u, err := c.store.UserByName(ctx, user)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("user %q does not exist", user)
	}
	if err != nil {
		return err
	}
	if err := password.Check(u.Name, pass); err != nil {
		return err
	}
	hash, err := c.hash(ctx, pass)
	if err != nil {
		return err
	}
	err = c.store.Write(ctx, func(tx *store.Tx) error {
		return c.putPassword(ctx, tx, store.CommandLine, u.ID, hash, "")
	})
	if err == nil {
		c.lost()
	}
	return err
}
