// Package password turns passwords into argon2id hashes and back into a yes or no.
// It decides what a good password is; it does not know users, and it does not
// count failures (package throttle does).
//
// Stability: internal. Stored hashes carry their parameters, so these may change.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The parameters of new hashes: the second choice of the OWASP Password Storage
// Cheat Sheet (all of its choices cost an attacker the same), because 19 MiB a
// login let a small machine answer several at once.
const (
	memoryKiB = 19 << 10
	passes    = 2
	lanes     = 1
	keyBytes  = 32
	saltBytes = 16
)

// The limits of a password in bytes.
const (
	MinBytes = 12
	MaxBytes = 1024
)

// ErrBusy tells that too many hashes are waiting already.
var ErrBusy = errors.New("too many logins at once")

// Hasher hashes with a bounded use of memory: at most running hashes of 19 MiB at a
// time and at most waiting callers behind them. Use New. It is safe for use by
// several goroutines.
type Hasher struct {
	running chan struct{}
	queue   chan struct{}
	unknown hash // what the password of an unknown user is compared with
}

// New returns a Hasher.
func New(running, waiting int) *Hasher {
	h := &Hasher{running: make(chan struct{}, running), queue: make(chan struct{}, running+waiting)}
	h.unknown = hash{memoryKiB: memoryKiB, passes: passes, lanes: lanes, salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}
	rand.Read(h.unknown.salt) // never fails (crypto/rand)
	rand.Read(h.unknown.key)
	return h
}

// Hash returns a new hash of password in PHC form. It waits for its turn, at most
// until ctx ends, and returns ErrBusy when the queue is full.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	n := hash{memoryKiB: memoryKiB, passes: passes, lanes: lanes, salt: make([]byte, saltBytes)}
	rand.Read(n.salt)
	n.key = n.derive(password, keyBytes)
	return n.String(), nil
}

// Verify reports whether password belongs to the hash phc, and whether the hash
// should be renewed because its parameters are no longer those of Hash. An empty
// phc stands for an unknown user: the answer is no, after the same time. Errors are
// those of Hash, or a hash that cannot be read.
func (h *Hasher) Verify(ctx context.Context, phc, password string) (ok, renew bool, err error) {
	known := h.unknown
	if phc != "" {
		if known, err = parse(phc); err != nil {
			return false, false, err
		}
	}
	if err := h.enter(ctx); err != nil {
		return false, false, err
	}
	defer h.leave()
	key := known.derive(password, uint32(len(known.key)))
	ok = subtle.ConstantTimeCompare(key, known.key) == 1 && phc != ""
	return ok, known.memoryKiB != memoryKiB || known.passes != passes || known.lanes != lanes, nil
}

func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.queue <- struct{}{}:
	default:
		return ErrBusy
	}
	select {
	case h.running <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-h.queue
		return ctx.Err()
	}
}

func (h *Hasher) leave() { <-h.running; <-h.queue }

// hash is what a PHC string holds.
type hash struct {
	memoryKiB, passes uint32
	lanes             uint8
	salt, key         []byte
}

func (h hash) derive(password string, n uint32) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.passes, h.memoryKiB, h.lanes, n)
}

func (h hash) String() string {
	e := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memoryKiB, h.passes, h.lanes, e(h.salt), e(h.key))
}

// parse reads a PHC string. It refuses parameters that would exhaust the machine.
func parse(s string) (h hash, err error) {
	bad := errors.New("stored password hash: not argon2id in PHC form; reset the password")
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, bad
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memoryKiB, &h.passes, &h.lanes); err != nil {
		return h, bad
	}
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return h, bad
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		return h, bad
	}
	if h.memoryKiB > 1<<20 || h.passes == 0 || h.passes > 20 || h.lanes == 0 || len(h.salt) < 8 || len(h.key) < 16 || len(h.key) > 64 {
		return h, bad
	}
	return h, nil
}

// Check tells what is wrong with a new password of the user name, nil if nothing.
func Check(name, password string) error {
	lower := strings.ToLower(password)
	switch {
	case len(password) < MinBytes:
		return fmt.Errorf("password: needs %d bytes or more", MinBytes)
	case len(password) > MaxBytes:
		return fmt.Errorf("password: must not be longer than %d bytes", MaxBytes)
	case strings.EqualFold(password, name):
		return errors.New("password: must not be the user name")
	case strings.Count(lower, lower[:1]) == len(lower):
		return errors.New("password: must not be one character again and again")
	case slices.Contains(common, lower):
		return errors.New("password: is one of the most common; choose another, for example four random words")
	}
	return nil
}

// common lists frequent passwords that are long enough to pass the other rules. A
// longer list would say no more: the throttle allows an attacker a handful of
// guesses, and those come from the top.
var common = []string{
	"123456789012", "1234567890123", "12345678901234", "123456789123", "123412341234", "121212121212", "123123123123", "112233445566",
	"123456123456", "1q2w3e4r5t6y", "1q2w3e4r5t6y7u", "1qaz2wsx3edc", "1qaz2wsx3edc4rfv", "q1w2e3r4t5y6", "qwerty123456", "qwerty1234567",
	"123456qwerty",
	"qwertyuiop12", "qwertyuiop123", "qwertyuiop[]", "qwertyuiopasdf", "qwertyqwerty", "asdfghjkl123", "zaq12wsxcde3", "zaq1zaq1zaq1",
	"abcdefghijkl", "abcdefg12345", "abcd1234abcd", "abc123abc123", "passwordpassword", "password1234", "password12345", "password123456",
	"password123!", "password2025", "password2026",
	"p@ssw0rd1234", "p@ssword1234", "passw0rd1234", "mypassword12", "mypassword123", "changeme1234", "changemenow1", "changemechangeme",
	"letmeinletmein", "letmein12345",
	"welcome12345", "welcome123456", "iloveyou1234", "iloveyou12345", "administrator", "administrator1", "adminadmin12", "adminadminadmin",
	"admin1234567", "admin12345678", "admin@123456", "admin123admin",
	"rootrootroot", "toortoortoor", "ringwallringwall", "ringwall1234", "ringwall12345", "monkey123456", "dragon123456", "sunshine1234",
	"princess1234", "football1234", "baseball1234",
	"superman1234", "trustno1trustno1", "masterpassword", "unknown_password", "correcthorsebatterystaple", "correct horse battery staple",
}
