package manager

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"net/url"
	"slices"
)

// maxPage is the highest limit of a list.
const maxPage = 1000

// cut returns the part of list that comes after cursor, at most limit items of it,
// and the cursor of the next page, "" on the last one. The list is in ascending
// order of key, and keys differ. A cursor is the key of the last item before the
// page, so a page starts at the right place also when items came or went meanwhile.
// Limit nil means all.
//
// New lists answer an object with the page and next; see paged for older ones.
func cut[T any](list []T, key func(T) string, limit *int, cursor *string) (page []T, next string, err error) {
	if cursor != nil {
		after, err := base64.RawURLEncoding.DecodeString(*cursor)
		if err != nil || len(after) == 0 {
			return nil, "", badRequest("cursor: %q is not one that this list gave", *cursor)
		}
		i := slices.IndexFunc(list, func(v T) bool { return key(v) > string(after) })
		if i < 0 {
			i = len(list)
		}
		list = list[i:]
	}
	if limit == nil {
		return list, "", nil
	}
	n, err := within("limit", limit, maxPage, maxPage)
	if err != nil || len(list) <= n {
		return list, "", err
	}
	return list[:n], cursorOf(key(list[n-1])), nil
}

func cursorOf(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// paged is cut for lists that answer a bare array: the next page is in a Link
// header, nil on the last page.
func paged[T any](ctx context.Context, list []T, key func(T) string, limit *int, cursor *string) (page []T, link *string, err error) {
	page, next, err := cut(list, key, limit, cursor)
	if next != "" {
		link = nextLink(ctx, next)
	}
	return page, link, err
}

// nextLink is the Link header that leads from the request of ctx to the page at
// cursor (RFC 8288).
func nextLink(ctx context.Context, cursor string) *string {
	u, _ := ctx.Value(urlKey{}).(*url.URL)
	if u == nil {
		u = new(url.URL)
	}
	q := u.Query()
	q.Del("before") // of the audit trail; the cursor says it
	q.Set("cursor", cursor)
	link := fmt.Sprintf(`<%s?%s>; rel="next"`, u.EscapedPath(), q.Encode())
	return &link
}

type urlKey struct{}

// ascending is n as text that sorts like n.
func ascending(n int64) string { return fmt.Sprintf("%020d", uint64(n)^(1<<63)) }

// descending is n as text that sorts the other way round.
func descending(n int64) string { return fmt.Sprintf("%020d", math.MaxUint64-uint64(n)^(1<<63)) }

// keyed joins the parts of a key; a shorter part sorts before the longer ones that
// begin with it.
func keyed(name, id string) string { return name + "\x00" + id }
