package shop

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed web
var web embed.FS

type pages map[string]*template.Template

// parsePages reads every page of web together with the layout around it.
func parsePages() (pages, error) {
	names, err := web.ReadDir("web")
	if err != nil {
		return nil, err
	}
	all := pages{}
	for _, n := range names {
		name, ok := strings.CutSuffix(n.Name(), ".html")
		if !ok || name == "layout" {
			continue
		}
		t, err := template.New("layout.html").
			Funcs(template.FuncMap{"picture": picture, "stars": stars}).
			ParseFS(web, "web/layout.html", path.Join("web", n.Name()))
		if err != nil {
			return nil, fmt.Errorf("page %s: %w", name, err)
		}
		all[name] = t
	}
	return all, nil
}

// view is everything a page may show.
type view struct {
	Title, User, Note, Query, Output, Error string
	Term                                    template.HTML // the search term, raw: the hole
	Categories                              []category
	Category                                category
	Products                                []shownProduct
	Product                                 shownProduct
	Reviews                                 []shownReview
	Orders                                  []shownOrder
	Lines                                   []line
	Total                                   string
	Person                                  person
	CartCount                               int
}

type shownProduct struct {
	ID, Name, Category, Price, Was, Blurb, Story, Stock string
	Discount                                            string
}

type shownReview struct {
	Author, Text template.HTML // raw: the hole
	Stars        int
}

type shownOrder struct{ Number, Status, Placed, Total string }

type line struct {
	shownProduct
	Quantity int
	Sum      string
}

func (s *Shop) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /category/{slug}", s.category)
	mux.HandleFunc("GET /search", s.search)
	mux.HandleFunc("GET /product", s.product)
	mux.HandleFunc("GET /login", s.page("login", "Log in"))
	mux.HandleFunc("POST /login", s.postLogin)
	mux.HandleFunc("POST /logout", s.postLogout)
	mux.HandleFunc("GET /account", s.account)
	mux.HandleFunc("POST /reviews", s.postReview)
	mux.HandleFunc("GET /cart", s.cart)
	mux.HandleFunc("POST /cart", s.postCart)
	mux.HandleFunc("GET /checkout", s.checkout)
	mux.HandleFunc("POST /checkout", s.postCheckout)
	mux.HandleFunc("GET /orders/track", s.track)
	mux.HandleFunc("GET /support", s.page("support", "Support"))
	mux.HandleFunc("GET /support/shipping", s.page("shipping", "Shipping and returns"))
	mux.HandleFunc("GET /support/contact", s.page("contact", "Write to us"))
	mux.HandleFunc("POST /support/contact", s.postContact)
	mux.HandleFunc("GET /download", s.download)
	mux.HandleFunc("GET /tools/ping", s.ping)
	mux.HandleFunc("GET /preview", s.preview)
	mux.HandleFunc("POST /api/search", s.apiSearch)
	mux.HandleFunc("GET /api/products/{id}", s.apiProduct)
	mux.HandleFunc("/internal/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "internal only: ask from the machine itself", http.StatusForbidden)
	})
	for _, f := range []struct{ at, file, kind string }{
		{"/static/shop.css", "shop.css", "text/css; charset=utf-8"},
		{"/static/shop.js", "shop.js", "text/javascript; charset=utf-8"},
		{"/favicon.svg", "favicon.svg", "image/svg+xml"},
		{"/robots.txt", "robots.txt", "text/plain; charset=utf-8"},
	} {
		mux.HandleFunc("GET "+f.at, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", f.kind)
			w.Header().Set("Cache-Control", "max-age=300")
			http.ServeFileFS(w, r, web, "web/"+f.file)
		})
	}
	mux.HandleFunc("/", s.notFound)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		w.Header().Set("X-Demo", "deliberately vulnerable; never expose it")
		mux.ServeHTTP(w, r)
	})
}

// render writes a page; an error is shown to the visitor in full, which no real
// shop should do.
func (s *Shop) render(w http.ResponseWriter, r *http.Request, page string, v view, err error) {
	status := http.StatusOK
	if err != nil {
		status = http.StatusInternalServerError
	}
	s.renderStatus(w, r, status, page, v, err)
}

func (s *Shop) renderStatus(w http.ResponseWriter, r *http.Request, status int, page string, v view, err error) {
	if err != nil {
		v.Error = err.Error()
	}
	v.User, v.Categories = s.user(r), categories()
	for _, n := range cartOf(r) {
		v.CartCount += n.quantity
	}
	var b bytes.Buffer
	if err := s.pages[page].Execute(&b, v); err != nil {
		s.log.Error("page not rendered", "page", page, "error", err)
		http.Error(w, "page not rendered", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

func (s *Shop) page(name, title string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.render(w, r, name, view{Title: title}, nil) }
}

func (s *Shop) notFound(w http.ResponseWriter, r *http.Request) {
	s.renderStatus(
		w,
		r,
		http.StatusNotFound,
		"message",
		view{Title: "Nothing here", Note: "This shelf is empty. Perhaps the search finds it."},
		nil,
	)
}

func (s *Shop) home(w http.ResponseWriter, r *http.Request) {
	v := view{Title: "Things for slow evenings"}
	for _, id := range []int{1, 13, 6, 21, 9, 18, 4, 24} {
		if p, ok := s.find(r.Context(), id); ok {
			v.Products = append(v.Products, p)
		}
	}
	s.render(w, r, "home", v, nil)
}

func (s *Shop) category(w http.ResponseWriter, r *http.Request) {
	for _, c := range categories() {
		if c.Slug == r.PathValue("slug") {
			s.render(w, r, "category", view{Title: c.Name, Category: c, Products: s.shelf(r.Context(), c.Slug, "", 50)}, nil)
			return
		}
	}
	s.notFound(w, r)
}

const columns = `id, name, category, price, blurb, discount`

func (s *Shop) find(ctx context.Context, id int) (shownProduct, bool) {
	list := s.safe(ctx, `SELECT `+columns+` FROM products WHERE id = ?`, id)
	if len(list) == 0 {
		return shownProduct{}, false
	}
	return list[0], true
}

func (s *Shop) shelf(ctx context.Context, category, except string, n int) []shownProduct {
	return s.safe(ctx, `SELECT `+columns+` FROM products WHERE category = ? AND id <> ? ORDER BY id LIMIT ?`, category, number(except), n)
}

// safe lists products by a query with bound parameters.
func (s *Shop) safe(ctx context.Context, query string, args ...any) []shownProduct {
	rows, err := s.rw.QueryContext(ctx, query, args...)
	if err != nil {
		s.log.Error("products not read", "error", err)
		return nil
	}
	defer rows.Close()
	var all []shownProduct
	for rows.Next() {
		row := make([]string, 6)
		if err := rows.Scan(&row[0], &row[1], &row[2], &row[3], &row[4], &row[5]); err != nil {
			s.log.Error("product not read", "error", err)
			return nil
		}
		all = append(all, card(row))
	}
	return all
}

func (s *Shop) reviews(ctx context.Context, product string) ([]shownReview, error) {
	rows, err := s.rw.QueryContext(ctx, `SELECT author, stars, text FROM reviews WHERE product = ? ORDER BY id DESC LIMIT 12`, number(product))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []shownReview
	for rows.Next() {
		var author, text string
		var r shownReview
		if err := rows.Scan(&author, &r.Stars, &text); err != nil {
			return nil, err
		}
		r.Author, r.Text = template.HTML(author), template.HTML(text) //nolint:gosec // the hole
		all = append(all, r)
	}
	return all, rows.Err()
}

// addReview keeps the last five hundred reviews.
func (s *Shop) addReview(ctx context.Context, product int, author string, stars int, text string) error {
	if _, err := s.rw.ExecContext(
		ctx,
		`INSERT INTO reviews (product, author, stars, text) VALUES (?,?,?,?)`,
		product,
		author,
		stars,
		text,
	); err != nil {
		return err
	}
	_, err := s.rw.ExecContext(ctx, `DELETE FROM reviews WHERE id <= (SELECT max(id) FROM reviews) - 500`)
	return err
}

func cards(rows [][]string) []shownProduct {
	var all []shownProduct
	for _, r := range rows {
		all = append(all, card(r))
	}
	return all
}

// card makes a product of a row. Injected rows hold anything, so a price that is
// no number is shown as it is.
func card(row []string) shownProduct {
	p := shownProduct{ID: at(row, 0), Name: at(row, 1), Category: at(row, 2), Price: at(row, 3), Blurb: at(row, 4)}
	cents, err := strconv.Atoi(p.Price)
	if err != nil {
		return p
	}
	p.Price = euros(cents)
	if off := number(at(row, 5)); off > 0 && off < 100 {
		p.Was, p.Price, p.Discount = p.Price, euros(cents*(100-off)/100), strconv.Itoa(off)
	}
	return p
}

func at(row []string, i int) string {
	if i < len(row) {
		return row[i]
	}
	return ""
}

func euros(cents int) string { return fmt.Sprintf("€%d.%02d", cents/100, abs(cents%100)) }

func stars(n int) string {
	n = min(max(n, 0), 5)
	return strings.Repeat("★", n) + strings.Repeat("☆", 5-n)
}

func number(s string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(s))
	return n
}

func itoa(n int) string { return strconv.Itoa(n) }

func cut(s string, n int) string { return strings.ToValidUTF8(s[:min(n, len(s))], "") }
