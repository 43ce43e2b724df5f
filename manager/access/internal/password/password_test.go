package password

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

func TestRightPasswordVerifiesAndWrongOnesDoNot(t *testing.T) {
	h := New(1, 0)
	phc, err := h.Hash(t.Context(), "four random words here")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash is not in PHC form with the expected parameters: %s", phc)
	}
	for _, c := range []struct {
		phc, password string
		ok            bool
	}{
		{phc, "four random words here", true},
		{phc, "four random words Here", false},
		{phc, "", false},
		{"", "four random words here", false}, // unknown user
		{"", "", false},
	} {
		ok, renew, err := h.Verify(t.Context(), c.phc, c.password)
		if ok != c.ok || renew || err != nil {
			t.Errorf("%q with %.10q: ok %v, renew %v, err %v", c.password, c.phc, ok, renew, err)
		}
	}
	again, err := h.Hash(t.Context(), "four random words here")
	if err != nil || again == phc {
		t.Errorf("the same password gave the same hash: no salt (err %v)", err)
	}
}

// The hash was made by argon2-cffi 25.1.0, which wraps the reference implementation:
// PasswordHasher(time_cost=3, memory_cost=512, parallelism=2, hash_len=24, salt_len=8)
func TestHashesOfOthersVerifyAndAskToBeRenewed(t *testing.T) {
	h := New(1, 0)
	ok, renew, err := h.Verify(
		t.Context(), "$argon2id$v=19$m=512,t=3,p=2$q/KwBY16tDg$JVc9lcR2s/o9OdIlY5+DTS18sEH20dDa", "four random words here",
	)
	if !ok || !renew || err != nil {
		t.Errorf("ok %v, renew %v, err %v", ok, renew, err)
	}
}

func TestDamagedHashIsAnErrorAndNoPanic(t *testing.T) {
	h := New(1, 0)
	for _, phc := range []string{
		"x", "$argon2i$v=19$m=256,t=2,p=1$c29tc2FsdA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=4000000000,t=2,p=1$c29tc2FsdA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=256,t=0,p=1$c29tc2FsdA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=256,t=2,p=0$c29tc2FsdA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=256,t=2,p=1$c29tc2FsdA$", "$argon2id$v=19$m=256,t=2,p=1$!$AAAA", "$argon2id$v=19$$$",
	} {
		if ok, _, err := h.Verify(t.Context(), phc, "password"); ok || err == nil {
			t.Errorf("%s: ok %v, err %v", phc, ok, err)
		}
	}
}

func TestHashesThatRunAndWaitAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(1, 1)
		h.running <- struct{}{} // one is running
		h.queue <- struct{}{}
		ctx, cancel := context.WithCancel(t.Context())
		second := make(chan error)
		go func() { _, err := h.Hash(ctx, "x"); second <- err }()
		synctest.Wait()
		if _, err := h.Hash(t.Context(), "x"); !errors.Is(err, ErrBusy) {
			t.Errorf("a third: want ErrBusy, got %v", err)
		}
		cancel()
		if err := <-second; !errors.Is(err, context.Canceled) {
			t.Errorf("a waiting one whose caller left: %v", err)
		}
		h.leave()
		if _, err := h.Hash(t.Context(), "x"); err != nil {
			t.Errorf("when the first is done: %v", err)
		}
	})
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	for password, want := range map[string]string{
		"short":                     "12 bytes",
		strings.Repeat("ab", 513):   "longer than 1024",
		"Some.Body@Example":         "user name",
		"ZZZZZZZZZZZZz":             "again and again",
		"Password1234":              "most common",
		"correcthorsebatterystaple": "most common",
		"four random words":         "",
		"äöüäöü":                    "", // 12 bytes
	} {
		err := Check("some.body@example", password)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", password, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: want …%s…, got %v", password, want, err)
		}
	}
}

func TestCommonPasswordsWouldPassTheOtherRules(t *testing.T) {
	for _, p := range common {
		if len(p) < MinBytes {
			t.Errorf("%q is too short to matter", p)
		}
		if p != strings.ToLower(p) {
			t.Errorf("%q is not in lower case and never compares equal", p)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=512,t=3,p=2$q/KwBY16tDg$JVc9lcR2s/o9OdIlY5+DTS18sEH20dDa")
	f.Fuzz(func(t *testing.T, phc string) {
		h, err := parse(phc)
		if err != nil {
			return
		}
		again, err := parse(h.String())
		if err != nil || again.String() != h.String() {
			t.Errorf("%s: printed and parsed again: %v, %s", phc, err, again)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	h := New(1, 0)
	phc, err := h.Hash(b.Context(), "four random words here")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if ok, _, err := h.Verify(b.Context(), phc, "four random words here"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
