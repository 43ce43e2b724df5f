package manager

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/manager/store"
)

const (
	cookieName  = "ringwall_session"
	tokenPrefix = "rwt_"
	// touchEvery is how exact the last use of sessions and tokens is kept.
	touchEvery = time.Minute
)

// identity is who a request comes from. It is in the context of every operation;
// in that of a public one it has no user.
type identity struct {
	user   store.User
	role   Role   // of the session or token
	source string // address
	cookie string // the session's secret, "" with a token
	token  string // the API token's id, "" with a session
}

type identityKey struct{}

func withIdentity(ctx context.Context, id identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

func identityFrom(ctx context.Context) identity {
	id, _ := ctx.Value(identityKey{}).(identity)
	return id
}

// Require lets a request through to next when it carries a session or API token
// with at least the given role. It answers all others like the API does. Use it for
// pages that other packages serve beside Handler, for example /metrics.
func (m *Manager) Require(role Role, next http.Handler) http.Handler {
	return m.careful(m.guard(operation{role: role}, next.ServeHTTP))
}

// guard is the one place where it is decided who may call what.
func (m *Manager) guard(op operation, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, err := m.admit(op, r)
		if err == nil {
			err = readBody(w, r, op)
		}
		if err != nil {
			m.writeError(w, r, err)
			return
		}
		ctx := context.WithValue(withIdentity(r.Context(), id), urlKey{}, r.URL)
		next(w, r.WithContext(ctx))
	}
}

func (m *Manager) admit(op operation, r *http.Request) (identity, error) {
	id := identity{source: source(r)}
	if secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && op.role != public {
		return m.admitToken(op, r, id, secret)
	}
	// From here on the browser sends the credentials by itself, so it matters which
	// page made it do so.
	if err := new(http.CrossOriginProtection).Check(r); err != nil {
		return id, fail(http.StatusForbidden, apigen.Csrf, "requests from other sites are refused (%v)", err)
	}
	if c, err := r.Cookie(cookieName); err == nil {
		id.cookie = c.Value
	}
	if op.role == public {
		return id, nil
	}
	if id.cookie == "" {
		return id, fail(http.StatusUnauthorized, apigen.Unauthenticated, "log in first, or send an API token as Authorization: Bearer rwt_…")
	}
	user, err := m.sessionUser(r.Context(), id.cookie)
	if err != nil {
		return id, err
	}
	id.user, id.role = user, Role(user.Role)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-CSRF-Token")), []byte(csrfToken(id.cookie))) != 1 {
			return id, fail(http.StatusForbidden, apigen.Csrf, "the header X-CSRF-Token must carry the csrf_token of GET %s/session", base)
		}
	}
	return id, authorise(op, id)
}

func (m *Manager) admitToken(op operation, r *http.Request, id identity, secret string) (identity, error) {
	refused := fail(http.StatusUnauthorized, apigen.Unauthenticated, "this API token does not exist, has expired or belongs to a disabled user")
	if !strings.HasPrefix(secret, tokenPrefix) {
		return id, refused
	}
	token, err := m.store.TokenByHash(r.Context(), digest(secret))
	if errors.Is(err, store.ErrNotFound) {
		return id, refused
	}
	if err != nil {
		return id, err
	}
	user, err := m.store.User(r.Context(), token.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return id, refused
	}
	if err != nil {
		return id, err
	}
	now := m.now()
	if user.Disabled || !token.Expires.IsZero() && !now.Before(token.Expires) {
		return id, refused
	}
	if now.Sub(token.LastUsed) >= touchEvery {
		m.touched.token(token.ID, now)
	}
	id.user, id.role, id.token = user, Role(token.Role), token.ID
	if !may(Role(user.Role), id.role) { // the owner was demoted since
		id.role = Role(user.Role)
	}
	return id, authorise(op, id)
}

func authorise(op operation, id identity) error {
	if !may(id.role, op.role) {
		return fail(http.StatusForbidden, apigen.Forbidden, "this needs the role %s, you have %s", op.role, id.role)
	}
	return nil
}

// sessionUser returns the enabled user of a session that has not ended.
func (m *Manager) sessionUser(ctx context.Context, cookie string) (store.User, error) {
	ended := fail(http.StatusUnauthorized, apigen.Unauthenticated, "the session has ended, log in again")
	hash := digest(cookie)
	session, err := m.store.Session(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		return store.User{}, ended
	}
	if err != nil {
		return store.User{}, err
	}
	now := m.now()
	seen := m.touched.lastSeen(session)
	if now.Sub(seen) >= m.cfg.SessionIdle || now.Sub(session.Created) >= m.cfg.SessionMax {
		return store.User{}, ended
	}
	user, err := m.store.User(ctx, session.UserID)
	if errors.Is(err, store.ErrNotFound) || err == nil && user.Disabled {
		return store.User{}, ended
	}
	if err != nil {
		return store.User{}, err
	}
	if now.Sub(seen) >= touchEvery {
		m.touched.session(hash, now)
	}
	return user, nil
}

// still reports whether the identity would be admitted again. Long streams ask.
func (m *Manager) still(ctx context.Context, id identity) bool {
	if id.cookie != "" {
		_, err := m.sessionUser(ctx, id.cookie)
		return err == nil
	}
	token, err := m.store.Token(ctx, id.token)
	if err != nil || !token.Expires.IsZero() && !m.now().Before(token.Expires) {
		return false
	}
	user, err := m.store.User(ctx, token.UserID)
	return err == nil && !user.Disabled
}

// source is the address that a request came from, without port.
func source(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// network is what one customer of an Internet provider usually has: an IPv4 address
// or an IPv6 /64. Guesses are counted by it.
func network(source string) string {
	a, err := netip.ParseAddr(source)
	if err != nil || a.Unmap().Is4() {
		return source
	}
	p, err := a.Prefix(64)
	if err != nil {
		return source
	}
	return p.String()
}

// newSecret returns 256 random bits as text.
func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

// newID returns a random id of 80 bits.
func newID() string { return strings.ToLower(rand.Text()[:16]) }

// digest is how secrets that nobody chose are stored. They have too many bits to be
// guessed, so a fast hash does.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// csrfToken is derived from the session's secret, so it need not be stored and ends
// with the session.
func csrfToken(cookie string) string {
	mac := hmac.New(sha256.New, []byte(cookie))
	mac.Write([]byte("ringwall csrf token"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// touches remembers the last use of sessions and tokens until Run writes it, so
// that reading does not wait for the disk. A crash forgets some seconds of it.
type touches struct {
	mu       sync.Mutex
	sessions map[string]time.Time // by hash
	tokens   map[string]time.Time // by id
}

func (t *touches) session(hash string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sessions == nil {
		t.sessions = map[string]time.Time{}
	}
	t.sessions[hash] = at
}

func (t *touches) token(id string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tokens == nil {
		t.tokens = map[string]time.Time{}
	}
	if at.Sub(t.tokens[id]) >= touchEvery {
		t.tokens[id] = at
	}
}

func (t *touches) lastSeen(s store.Session) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at := t.sessions[s.Hash]; at.After(s.LastSeen) {
		return at
	}
	return s.LastSeen
}

// flush writes everything. What cannot be written stays for the next time.
func (t *touches) flush(ctx context.Context, db *store.Store) error {
	t.mu.Lock()
	sessions, tokens := maps.Clone(t.sessions), maps.Clone(t.tokens)
	t.mu.Unlock()
	if len(sessions)+len(tokens) == 0 {
		return nil
	}
	err := db.Write(ctx, func(tx *store.Tx) error {
		for hash, at := range sessions {
			if err := tx.TouchSession(ctx, hash, at); err != nil {
				return err
			}
		}
		for id, at := range tokens {
			if err := tx.TouchToken(ctx, id, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.sessions, func(hash string, at time.Time) bool { return at.Equal(sessions[hash]) })
	maps.DeleteFunc(t.tokens, func(id string, at time.Time) bool { return at.Equal(tokens[id]) })
	return nil
}
