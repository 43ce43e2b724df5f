package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/ringwall/ringwall/api/apigen"
	"github.com/ringwall/ringwall/manager/store"
	"github.com/ringwall/ringwall/manager/web"
)

const (
	cookieName  = "ringwall_session"
	tokenPrefix = "rwt_"
	// touchEvery is how exact the last use of sessions and tokens is kept.
	touchEvery = time.Minute
)

// Admit implements web.Guard. It is the one place where it is decided who may call
// what.
func (c *Control) Admit(needs web.Role, r *http.Request) (web.Identity, error) {
	id := web.Identity{Source: source(r)}
	if secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && needs != web.Public {
		return c.admitToken(needs, r, id, secret)
	}
	// From here on the browser sends the credentials by itself, so it matters which
	// page made it do so.
	if err := new(http.CrossOriginProtection).Check(r); err != nil {
		return id, web.Fail(http.StatusForbidden, apigen.Csrf, "requests from other sites are refused (%v)", err)
	}
	if c, err := r.Cookie(cookieName); err == nil {
		id.Cookie = c.Value
	}
	if needs == web.Public {
		return id, nil
	}
	if id.Cookie == "" {
		return id, web.Fail(http.StatusUnauthorized, apigen.Unauthenticated,
			"log in first, or send an API token as Authorization: Bearer rwt_…")
	}
	user, err := c.sessionUser(r.Context(), id.Cookie)
	if err != nil {
		return id, err
	}
	id.User, id.Role = user, web.Role(user.Role)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-CSRF-Token")), []byte(csrfToken(id.Cookie))) != 1 {
			return id, web.Fail(http.StatusForbidden, apigen.Csrf,
				"the header X-CSRF-Token must carry the csrf_token of GET %s/session", web.Base)
		}
	}
	return id, authorise(needs, id)
}

func (c *Control) admitToken(needs web.Role, r *http.Request, id web.Identity, secret string) (web.Identity, error) {
	refused := web.Fail(http.StatusUnauthorized, apigen.Unauthenticated,
		"this API token does not exist, has expired or belongs to a disabled user")
	if !strings.HasPrefix(secret, tokenPrefix) {
		return id, refused
	}
	token, err := c.store.TokenByHash(r.Context(), digest(secret))
	if errors.Is(err, store.ErrNotFound) {
		return id, refused
	}
	if err != nil {
		return id, err
	}
	user, err := c.store.User(r.Context(), token.UserID)
	if errors.Is(err, store.ErrNotFound) {
		return id, refused
	}
	if err != nil {
		return id, err
	}
	now := c.now()
	if user.Disabled || !token.Expires.IsZero() && !now.Before(token.Expires) {
		return id, refused
	}
	if now.Sub(token.LastUsed) >= touchEvery {
		c.touch(r.Context(), "token "+token.ID, func(ctx context.Context, tx *store.Tx) error {
			return tx.TouchToken(ctx, token.ID, now)
		})
	}
	id.User, id.Role, id.Token = user, web.Role(token.Role), token.ID
	if !web.May(web.Role(user.Role), id.Role) { // the owner was demoted since
		id.Role = web.Role(user.Role)
	}
	return id, authorise(needs, id)
}

func authorise(needs web.Role, id web.Identity) error {
	if !web.May(id.Role, needs) {
		return web.Fail(http.StatusForbidden, apigen.Forbidden, "this needs the role %s, you have %s", needs, id.Role)
	}
	return nil
}

// sessionUser returns the enabled user of a session that has not ended.
func (c *Control) sessionUser(ctx context.Context, cookie string) (store.User, error) {
	ended := web.Fail(http.StatusUnauthorized, apigen.Unauthenticated, "the session has ended, log in again")
	hash := digest(cookie)
	session, err := c.store.Session(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		return store.User{}, ended
	}
	if err != nil {
		return store.User{}, err
	}
	now := c.now()
	if now.Sub(session.LastSeen) >= c.cfg.SessionIdle || now.Sub(session.Created) >= c.cfg.SessionMax {
		return store.User{}, ended
	}
	user, err := c.store.User(ctx, session.UserID)
	if errors.Is(err, store.ErrNotFound) || err == nil && user.Disabled {
		return store.User{}, ended
	}
	if err != nil {
		return store.User{}, err
	}
	if now.Sub(session.LastSeen) >= touchEvery {
		c.touch(ctx, "session "+hash, func(ctx context.Context, tx *store.Tx) error {
			return tx.TouchSession(ctx, hash, now)
		})
	}
	return user, nil
}

// Still reports whether the identity would be admitted again. Long streams ask.
func (c *Control) Still(ctx context.Context, id web.Identity) bool {
	if id.Cookie != "" {
		_, err := c.sessionUser(ctx, id.Cookie)
		return err == nil
	}
	token, err := c.store.Token(ctx, id.Token)
	if err != nil || !token.Expires.IsZero() && !c.now().Before(token.Expires) {
		return false
	}
	user, err := c.store.User(ctx, token.UserID)
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

// touch writes the last use of the session or token key, of which it is called at most
// once a minute as long as writing works. The request waits for the disk then, but for
// no other writing of the same key. A failure costs exactness, not the request.
func (c *Control) touch(ctx context.Context, key string, write func(context.Context, *store.Tx) error) {
	if _, busy := c.touching.LoadOrStore(key, true); busy {
		return
	}
	defer c.touching.Delete(key)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := c.store.Write(ctx, func(tx *store.Tx) error { return write(ctx, tx) }); err != nil {
		c.log.Warn("last use not written, trying again at the next request", "err", err)
	}
}
