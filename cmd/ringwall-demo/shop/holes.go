package shop

import (
	"encoding/json"
	"errors"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/ringwall/ringwall/cmd/ringwall-demo/shop/internal/shell"
)

// Every handler in this file is DELIBERATELY VULNERABLE; NEVER EXPOSE IT and never
// copy from it. Each comment names the hole.

// input is a field of the query or of a posted form. It is as lenient as the shops
// that get robbed: a semicolon is data, and so is a percent sign that escapes
// nothing, both of which net/url refuses.
func input(r *http.Request, name string) string {
	raw := r.URL.RawQuery
	if r.Method == http.MethodPost {
		if r.PostForm == nil { // the body is read once, and kept where net/http would keep it
			b, _ := readSome(r.Body)
			r.PostForm = url.Values{"": {string(b)}}
		}
		raw = r.PostForm.Get("")
	}
	for pair := range strings.SplitSeq(raw, "&") {
		if k, v, _ := strings.Cut(pair, "="); unescape(k) == name {
			return unescape(v)
		}
	}
	return ""
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '+' {
			b.WriteByte(' ')
			continue
		}
		if s[i] == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// search: SQL injection into a quoted string, and the term is echoed as it came
// (reflected cross-site scripting).
func (s *Shop) search(w http.ResponseWriter, r *http.Request) {
	q := input(r, "q")
	rows, err := s.query(r.Context(), searchQuery(q))
	v := view{Title: "Search", Term: template.HTML(q), Query: q, Products: cards(rows)} //nolint:gosec // the hole
	s.render(w, r, "search", v, err)
}

func searchQuery(q string) string {
	return `SELECT id, name, category, price, blurb, discount FROM products WHERE instr(lower(name || ' ' || blurb || ' ' || category) || ' ' || name, '` + q + `') ORDER BY name`
}

// product: SQL injection into a number; reviews are shown as they were written
// (stored cross-site scripting).
func (s *Shop) product(w http.ResponseWriter, r *http.Request) {
	rows, err := s.query(r.Context(), productQuery(input(r, "id")))
	if err == nil && len(rows) == 0 {
		s.notFound(w, r)
		return
	}
	v := view{Title: "Product"}
	if err == nil {
		p := card(rows[0])
		p.Story, p.Stock = at(rows[0], 6), at(rows[0], 7)
		v.Title, v.Product = p.Name, p
		var list []shownReview
		if list, err = s.reviews(r.Context(), p.ID); err == nil {
			v.Reviews = list
		}
		v.Products = s.shelf(r.Context(), p.Category, p.ID, 4)
	}
	s.render(w, r, "product", v, err)
}

func productQuery(id string) string {
	return `SELECT id, name, category, price, blurb, discount, story, stock FROM products WHERE id = ` + id
}

// postLogin: SQL injection into both fields.
func (s *Shop) postLogin(w http.ResponseWriter, r *http.Request) {
	user, password := input(r, "user"), input(r, "password")
	rows, err := s.query(r.Context(), `SELECT username, role FROM users WHERE username = '`+user+`' AND password = '`+password+`'`)
	if err == nil && len(rows) == 0 {
		v := view{Title: "Log in", Note: "That name and password do not belong together.", Query: user}
		s.renderStatus(w, r, http.StatusUnauthorized, "login", v, nil)
		return
	}
	if err != nil {
		s.render(w, r, "login", view{Title: "Log in"}, err)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "session", Value: s.login(rows[0][0]), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

// postReview keeps whatever markup a review holds (stored cross-site scripting).
func (s *Shop) postReview(w http.ResponseWriter, r *http.Request) {
	product, author, text := number(input(r, "product")), input(r, "author"), input(r, "text")
	stars := min(max(number(input(r, "stars")), 1), 5)
	if err := s.addReview(r.Context(), product, cut(author, 80), stars, cut(text, 2000)); err != nil {
		s.render(w, r, "message", view{Title: "Review"}, err)
		return
	}
	http.Redirect(w, r, "/product?id="+itoa(product)+"#reviews", http.StatusSeeOther)
}

// download: path traversal with "../".
func (s *Shop) download(w http.ResponseWriter, r *http.Request) {
	name := input(r, "file")
	f, err := s.open(name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			s.renderStatus(w, r, http.StatusNotFound, "message", view{Title: "No such file"}, err)
			return
		}
		s.render(w, r, "message", view{Title: "Download"}, err)
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.IsDir() {
		s.renderStatus(w, r, http.StatusNotFound, "message", view{Title: "No such file", Note: name + " is a folder."}, err)
		return
	}
	body, err := readSome(f)
	if err != nil {
		s.render(w, r, "message", view{Title: "Download"}, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": path.Base(name)}))
	_, _ = w.Write(body)
}

// ping: command injection. The shell is package shell, not the machine's.
func (s *Shop) ping(w http.ResponseWriter, r *http.Request) {
	host := input(r, "host")
	v := view{Title: "Delivery check", Query: host}
	if host != "" {
		select {
		case s.commands <- struct{}{}:
			v.Output = shell.Run(r.Context(), s.root, "ping -c 1 "+host)
			<-s.commands
		case <-r.Context().Done():
			return
		}
	}
	s.render(w, r, "ping", v, nil)
}

// preview: server-side request forgery.
func (s *Shop) preview(w http.ResponseWriter, r *http.Request) {
	u := input(r, "url")
	v := view{Title: "Wish list", Query: u}
	if u == "" {
		s.render(w, r, "preview", v, nil)
		return
	}
	status, contentType, body, err := s.fetch(r.Context(), u)
	v.Note, v.Output = strings.TrimSpace(status+"  "+contentType), string(body)
	s.render(w, r, "preview", v, err)
}

// apiSearch and apiProduct have the same SQL injections behind JSON.
func (s *Shop) apiSearch(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Q string `json:"q"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "body: " + err.Error()})
		return
	}
	rows, err := s.query(r.Context(), searchQuery(in.Q))
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, map[string]any{"error": err.Error()})
		return
	}
	list := []apiItem{}
	for _, row := range rows {
		list = append(list, item(row))
	}
	writeJSON(w, http.StatusOK, map[string]any{"count": len(list), "products": list})
}

func (s *Shop) apiProduct(w http.ResponseWriter, r *http.Request) {
	rows, err := s.query(r.Context(), productQuery(r.PathValue("id")))
	switch {
	case err != nil:
		writeJSON(w, http.StatusInternalServerError, map[string]any{"error": err.Error()})
	case len(rows) == 0:
		writeJSON(w, http.StatusNotFound, map[string]any{"error": "no such product"})
	default:
		writeJSON(w, http.StatusOK, item(rows[0]))
	}
}

type apiItem struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Category string `json:"category"`
	Price    string `json:"price"`
	Blurb    string `json:"blurb"`
}

func item(row []string) apiItem {
	c := card(row)
	return apiItem{c.ID, c.Name, c.Category, c.Price, c.Blurb}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
