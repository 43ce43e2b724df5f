package collection

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var start = time.Unix(1_700_000_000, 0)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func update(key string, seconds int) Update {
	return Update{ID: ID{1, key}, Now: at(seconds), Timeout: time.Hour, First: true}
}

func to(value string) func(string) (string, bool) {
	return func(string) (string, bool) { return value, true }
}

func increment(old string) (string, bool) {
	n, _ := strconv.Atoi(old)
	return strconv.Itoa(n + 1), true
}

func TestIncrementsAreNotLost(t *testing.T) {
	s := New(0)
	const workers, rounds = 16, 500
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range rounds {
				s.Set(update("203.0.113.9", i), "count", increment)
				s.Members(ID{1, "203.0.113.9"}, at(i))
			}
		})
	}
	wg.Wait()
	if got, _ := s.Get(ID{1, "203.0.113.9"}, "count", at(rounds)); got != strconv.Itoa(workers*rounds) {
		t.Errorf("got %s", got)
	}
	if _, ok := s.Get(ID{2, "203.0.113.9"}, "count", at(rounds)); ok {
		t.Error("collections share a key")
	}
}

func TestMembersAndRecordsExpire(t *testing.T) {
	s := New(10)
	s.Set(update("a", 0), "flag", to("1"))
	s.Set(update("a", 0), "count", to("5"))
	s.Expire(update("a", 10), "flag", 60*time.Second)
	id := ID{1, "a"}
	for seconds, want := range map[int]bool{10: true, 69: true, 70: false, 71: false} {
		if _, ok := s.Get(id, "flag", at(seconds)); ok != want {
			t.Errorf("flag after %d s: %v", seconds, ok)
		}
	}
	if m := s.Members(id, at(70)); len(m) != 1 || m[0] != (Member{"count", "5"}) {
		t.Errorf("got %v", m)
	}
	// What is set again after it expired begins anew, without an end.
	s.Set(update("a", 80), "flag", increment)
	if got, _ := s.Get(id, "flag", at(3000)); got != "1" {
		t.Errorf("got %q", got)
	}
	// A record goes an hour after its last update, reading does not prolong it.
	if _, ok := s.Info(id, at(80+3599)); !ok {
		t.Error("the record is gone too early")
	}
	if _, ok := s.Info(id, at(80+3600)); ok || s.Stats().Records != 0 {
		t.Error("the record stays")
	}
	s.Set(update("b", 0), "x", to("1"))
	s.SetTimeout(update("b", 0), 5*time.Second)
	if _, ok := s.Get(ID{1, "b"}, "x", at(5)); ok {
		t.Error("the timeout does not hold")
	}
	s.Set(update("c", 0), "x", to("1"))
	s.Remove(update("c", 1), "x")
	if _, ok := s.Get(ID{1, "c"}, "x", at(1)); ok {
		t.Error("removed and there")
	}
}

func TestDeprecateCountsWholePeriods(t *testing.T) {
	s := New(10)
	s.Set(update("a", 0), "score", to("10"))
	for _, c := range []struct {
		seconds int
		want    string
	}{{59, "10"}, {60, "7"}, {119, "7"}, {130, "4"}, {180, "1"}, {1000, "0"}, {9999, ""}} {
		s.Deprecate(update("a", c.seconds), "score", 3, time.Minute)
		if got, _ := s.Get(ID{1, "a"}, "score", at(c.seconds)); got != c.want {
			t.Errorf("after %d s: got %q, want %q", c.seconds, got, c.want)
		}
	}
	s.Set(update("b", 0), "text", to("x"))
	s.Deprecate(update("b", 100), "text", 1, time.Second)
	if got, _ := s.Get(ID{1, "b"}, "text", at(100)); got != "x" {
		t.Errorf("got %q", got)
	}
}

func TestWhatWasUsedLastStays(t *testing.T) {
	s := New(3)
	for i, key := range []string{"a", "b", "c"} {
		s.Set(update(key, i), "x", to("1"))
	}
	s.Get(ID{1, "a"}, "x", at(3))
	s.Set(update("d", 4), "x", to("1"))
	for key, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		if _, ok := s.Info(ID{1, key}, at(5)); ok != want {
			t.Errorf("%s: %v", key, ok)
		}
	}
	if st := s.Stats(); st.Records != 3 || st.Evicted != 1 {
		t.Errorf("got %+v", st)
	}
	// Expired ones go first and are not counted.
	s.Set(update("e", 5000), "x", to("1"))
	if st := s.Stats(); st.Records != 1 || st.Evicted != 1 {
		t.Errorf("got %+v", st)
	}
}

func TestRecordsAreBounded(t *testing.T) {
	s := New(0)
	for i := range 200 {
		s.Set(update("a", 0), fmt.Sprint("m", i), to(strings.Repeat("v", 5000)))
	}
	if m := s.Members(ID{1, "a"}, at(0)); len(m) != maxMembers || len(m[0].Value) != maxValue {
		t.Errorf("%d members, %d bytes", len(m), len(m[0].Value))
	}
	if st := s.Stats(); st.Refused != 200-maxMembers {
		t.Errorf("got %+v", st)
	}
	long := strings.Repeat("k", 10_000)
	if k := Short(long); len(k) != maxKey || k == Short(long+"x") || Short("k") != "k" {
		t.Errorf("got %q", k)
	}
	few := New(10)
	for i := range 10 {
		for j := range maxMembers {
			few.Set(update(strconv.Itoa(i), 0), fmt.Sprint("m", j), to(strings.Repeat("v", maxValue)))
		}
	}
	if st := few.Stats(); st.Records != 1 || few.shards[0].size > 80<<10 {
		t.Errorf("%+v, %d bytes", st, few.shards[0].size)
	}
	for i := range 3 * DefaultRecords {
		s.Set(update(strconv.Itoa(i), 0), "x", to("1"))
	}
	if st := s.Stats(); st.Records > DefaultRecords+64 || st.Records < DefaultRecords*9/10 || st.Evicted < DefaultRecords {
		t.Errorf("got %+v", st)
	}
}

func TestUpdatesAreCountedOncePerTransaction(t *testing.T) {
	s := New(10)
	u := update("a", 0)
	s.Set(u, "x", to("1"))
	u.First = false
	s.Set(u, "y", to("1"))
	s.Set(update("a", 7), "x", to("2"))
	s.Set(update("a", 3), "x", to("3")) // a transaction that began before
	in, ok := s.Info(ID{1, "a"}, at(8))
	if !ok || in.Updates != 3 || !in.Created.Equal(at(0)) || !in.Updated.Equal(at(7)) {
		t.Errorf("got %+v", in)
	}
	if s.Set(u, "x", func(string) (string, bool) { return "", false }) {
		t.Error("what was not to change is kept")
	}
}

// TestTheListStaysWhole does at random what can be done and compares with a map.
func TestTheListStaysWhole(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	s := New(1000) // one shard; nothing is evicted
	want := map[string]int{}
	for i := range 20_000 {
		key := strconv.Itoa(rnd.IntN(300))
		u := update(key, i)
		u.Timeout = 100 * time.Second
		for k, last := range want {
			if i-last >= 100 {
				delete(want, k)
			}
		}
		switch _, there := want[key]; rnd.IntN(5) {
		case 3:
			if changed := s.Deprecate(u, "x", 1, time.Second); changed {
				want[key] = i
			}
		case 4:
			s.Set(u, "y"+strconv.Itoa(rnd.IntN(70)), to(strings.Repeat("v", rnd.IntN(20))))
			s.Set(u, "x", to("1000"))
			want[key] = i

		case 0:
			s.Set(u, "x", to("1"))
			want[key] = i
		case 1:
			if _, ok := s.Info(u.ID, u.Now); ok != there {
				t.Fatalf("step %d: %s: %v", i, key, ok)
			}
		case 2:
			changed := s.Expire(u, "x", time.Hour)
			if changed {
				want[key] = i
			}
			if changed != there {
				t.Fatalf("step %d: %s: %v", i, key, changed)
			}
		}
	}
	n, size := 0, 0
	sh := &s.shards[0]
	for r := sh.first; r != nil; r = r.next {
		n++
		own := recordCost + len(r.id.Key)
		for name, m := range r.members {
			own += memberCost + len(name) + len(m.value)
		}
		if own != r.size {
			t.Fatalf("record %v takes %d, not %d", r.id, own, r.size)
		}
		size += own
		if r.next == nil && sh.last != r || sh.records[r.id] != r {
			t.Fatal("the list is broken")
		}
	}
	if n != len(sh.records) || size != sh.size {
		t.Errorf("%d in the list, %d in the map; %d bytes, %d noted", n, len(sh.records), size, sh.size)
	}
}
