package store

import (
	"context"
	"time"
)

// User is somebody who may log in.
type User struct {
	ID, Name, Role string
	Password       string // argon2id in PHC form
	Disabled       bool
	Created        time.Time
	LastLogin      time.Time // zero: never
}

// Session is a login that has not ended. Hash is of the cookie's value, which is
// not stored.
type Session struct {
	Hash, UserID string
	Created      time.Time
	LastSeen     time.Time
}

// Token is an API token. Hash is of its secret, which is not stored.
type Token struct {
	ID, Hash, UserID, Name, Role string
	Created                      time.Time
	Expires                      time.Time // zero: never
	LastUsed                     time.Time // zero: never
}

const (
	userColumns    = `id, name, role, password, disabled, created, last_login`
	sessionColumns = `hash, user_id, created, last_seen`
	tokenColumns   = `id, hash, user_id, name, role, created, expires, last_used`
)

func scanUser(row scanner) (u User, err error) {
	return u, row.Scan(&u.ID, &u.Name, &u.Role, &u.Password, &u.Disabled, when{&u.Created}, when{&u.LastLogin})
}

func scanSession(row scanner) (s Session, err error) {
	return s, row.Scan(&s.Hash, &s.UserID, when{&s.Created}, when{&s.LastSeen})
}

func scanToken(row scanner) (t Token, err error) {
	return t, row.Scan(&t.ID, &t.Hash, &t.UserID, &t.Name, &t.Role, when{&t.Created}, when{&t.Expires}, when{&t.LastUsed})
}

// Users lists every user by name.
func (r Reader) Users(ctx context.Context) ([]User, error) {
	return all(ctx, r, scanUser, `SELECT `+userColumns+` FROM users ORDER BY lower(name)`)
}

// User returns one user or ErrNotFound.
func (r Reader) User(ctx context.Context, id string) (User, error) {
	return one(ctx, r, scanUser, `SELECT `+userColumns+` FROM users WHERE id = $1`, id)
}

// UserByName returns the user of that name, in any case, or ErrNotFound.
func (r Reader) UserByName(ctx context.Context, name string) (User, error) {
	return one(ctx, r, scanUser, `SELECT `+userColumns+` FROM users WHERE lower(name) = lower($1)`, name)
}

// CreateUser writes a new user. It returns ErrTaken for a name in use.
func (t *Tx) CreateUser(ctx context.Context, u User) error {
	_, err := t.exec(ctx, `INSERT INTO users (`+userColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		u.ID, u.Name, u.Role, u.Password, u.Disabled, millis(u.Created), millis(u.LastLogin))
	return err
}

// UpdateUser writes everything but name and creation, or returns ErrNotFound.
func (t *Tx) UpdateUser(ctx context.Context, u User) error {
	return t.change(ctx, ErrNotFound, `UPDATE users SET role = $2, password = $3, disabled = $4, last_login = $5 WHERE id = $1`,
		u.ID, u.Role, u.Password, u.Disabled, millis(u.LastLogin))
}

// DeleteUser removes a user with sessions and tokens, or returns ErrNotFound.
func (t *Tx) DeleteUser(ctx context.Context, id string) error {
	if err := t.DeleteSessions(ctx, id, ""); err != nil {
		return err
	}
	if _, err := t.exec(ctx, `DELETE FROM tokens WHERE user_id = $1`, id); err != nil {
		return err
	}
	return t.change(ctx, ErrNotFound, `DELETE FROM users WHERE id = $1`, id)
}

// Session returns the session with that hash or ErrNotFound.
func (r Reader) Session(ctx context.Context, hash string) (Session, error) {
	return one(ctx, r, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE hash = $1`, hash)
}

// CreateSession writes a new session.
func (t *Tx) CreateSession(ctx context.Context, s Session) error {
	_, err := t.exec(ctx, `INSERT INTO sessions (`+sessionColumns+`) VALUES ($1, $2, $3, $4)`,
		s.Hash, s.UserID, millis(s.Created), millis(s.LastSeen))
	return err
}

// TouchSession moves the last use of a session forward. A session that is gone is
// no error.
func (t *Tx) TouchSession(ctx context.Context, hash string, seen time.Time) error {
	_, err := t.exec(ctx, `UPDATE sessions SET last_seen = $2 WHERE hash = $1 AND last_seen < $2`, hash, millis(seen))
	return err
}

// DeleteSession ends one session. A session that is gone is no error.
func (t *Tx) DeleteSession(ctx context.Context, hash string) error {
	_, err := t.exec(ctx, `DELETE FROM sessions WHERE hash = $1`, hash)
	return err
}

// DeleteSessions ends the sessions of a user but the one with hash except.
func (t *Tx) DeleteSessions(ctx context.Context, userID, except string) error {
	_, err := t.exec(ctx, `DELETE FROM sessions WHERE user_id = $1 AND hash <> $2`, userID, except)
	return err
}

// TrimSessions ends the oldest sessions of a user beyond the newest keep.
func (t *Tx) TrimSessions(ctx context.Context, userID string, keep int) error {
	_, err := t.exec(ctx, `DELETE FROM sessions WHERE user_id = $1 AND hash NOT IN
		(SELECT hash FROM sessions WHERE user_id = $1 ORDER BY last_seen DESC LIMIT $2)`, userID, keep)
	return err
}

// ExpireSessions removes the sessions last seen before seen or created before created.
func (t *Tx) ExpireSessions(ctx context.Context, seen, created time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM sessions WHERE last_seen < $1 OR created < $2`, millis(seen), millis(created))
	return err
}

// Tokens lists the API tokens of a user, newest first, all for userID "".
func (r Reader) Tokens(ctx context.Context, userID string) ([]Token, error) {
	return all(ctx, r, scanToken, `SELECT `+tokenColumns+` FROM tokens WHERE $1 = '' OR user_id = $1 ORDER BY created DESC, id`, userID)
}

// Token returns one token or ErrNotFound.
func (r Reader) Token(ctx context.Context, id string) (Token, error) {
	return one(ctx, r, scanToken, `SELECT `+tokenColumns+` FROM tokens WHERE id = $1`, id)
}

// TokenByHash returns the token with that hash or ErrNotFound.
func (r Reader) TokenByHash(ctx context.Context, hash string) (Token, error) {
	return one(ctx, r, scanToken, `SELECT `+tokenColumns+` FROM tokens WHERE hash = $1`, hash)
}

// CreateToken writes a new token.
func (t *Tx) CreateToken(ctx context.Context, k Token) error {
	_, err := t.exec(ctx, `INSERT INTO tokens (`+tokenColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		k.ID, k.Hash, k.UserID, k.Name, k.Role, millis(k.Created), millis(k.Expires), millis(k.LastUsed))
	return err
}

// TouchToken moves the last use of a token forward. A token that is gone is no
// error.
func (t *Tx) TouchToken(ctx context.Context, id string, used time.Time) error {
	_, err := t.exec(ctx, `UPDATE tokens SET last_used = $2 WHERE id = $1 AND last_used < $2`, id, millis(used))
	return err
}

// DeleteToken removes a token or returns ErrNotFound.
func (t *Tx) DeleteToken(ctx context.Context, id string) error {
	return t.change(ctx, ErrNotFound, `DELETE FROM tokens WHERE id = $1`, id)
}
