package web

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
)

// maxPage is the highest limit of a list.
const maxPage = 1000

// Cut returns the part of items that comes after cursor, at most limit items of it,
// and the cursor of the next page, "" on the last one. The items are in ascending
// order of key, and keys differ. A cursor is the key of the last item before the page,
// so a page starts at the right place also when items came or went meanwhile. Keys
// compare byte by byte, as SQLite sorts. Limit nil means all.
//
// New lists answer an object with the page and next; see Paged for older ones.
func Cut[T any](items []T, key func(T) string, limit *int, cursor *string) (page []T, next string, err error) {
	if cursor != nil {
		after, err := After(*cursor)
		if err != nil {
			return nil, "", err
		}
		i := slices.IndexFunc(items, func(v T) bool { return key(v) > after })
		if i < 0 {
			i = len(items)
		}
		items = items[i:]
	}
	if limit == nil {
		return items, "", nil
	}
	n, err := Within("limit", limit, maxPage, maxPage)
	if err != nil || len(items) <= n {
		return items, "", err
	}
	return items[:n], cursorOf(key(items[n-1])), nil
}

// Next is the Link header of a list that is read by pages from the database: key is
// that of the last item of the page, and After gets it back from the cursor.
func Next(ctx context.Context, key string) *string { return nextLink(ctx, cursorOf(key)) }

// After returns the key that a cursor stands for.
func After(cursor string) (key string, err error) {
	after, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(after) == 0 {
		return "", BadRequest("cursor: %q is not one that this list gave", cursor)
	}
	return string(after), nil
}

func cursorOf(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// Paged is Cut for lists that answer a bare array: the next page is in a Link
// header, nil on the last page.
func Paged[T any](
	ctx context.Context, items []T, key func(T) string, limit *int, cursor *string,
) (page []T, link *string, err error) {
	page, next, err := Cut(items, key, limit, cursor)
	if next != "" {
		link = nextLink(ctx, next)
	}
	return page, link, err
}

// nextLink is the Link header that leads from the request of ctx to the page at
// cursor (RFC 8288).
func nextLink(ctx context.Context, cursor string) *string {
	u := urlFrom(ctx)
	q := u.Query()
	q.Del("before") // of the audit trail; the cursor says it
	q.Set("cursor", cursor)
	link := fmt.Sprintf(`<%s?%s>; rel="next"`, u.EscapedPath(), q.Encode())
	return &link
}

// Ascending is n as text that sorts like n.
func Ascending(n int64) string { return fmt.Sprintf("%020d", uint64(n)^(1<<63)) }

// Descending is n as text that sorts the other way round.
func Descending(n int64) string { return fmt.Sprintf("%020d", math.MaxUint64-uint64(n)^(1<<63)) }

// Key joins the parts of a key; a shorter part sorts before the longer ones that
// begin with it.
func Key(name, id string) string { return name + "\x00" + id }
