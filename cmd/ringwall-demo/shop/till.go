package shop

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// The parts of the shop that are sound: cart, checkout, account, orders, contact.

type cartLine struct{ id, quantity int }

// cartOf reads the cart, which lives in a cookie: "5x2.17x1".
func cartOf(r *http.Request) []cartLine {
	c, err := r.Cookie("cart")
	if err != nil {
		return nil
	}
	var lines []cartLine
	for part := range strings.SplitSeq(c.Value, ".") {
		a, b, _ := strings.Cut(part, "x")
		if id, n := number(a), number(b); id > 0 && n > 0 && n < 100 && len(lines) < 30 {
			lines = append(lines, cartLine{id, n})
		}
	}
	return lines
}

func setCart(w http.ResponseWriter, lines []cartLine) {
	var parts []string
	for _, l := range lines {
		parts = append(parts, strconv.Itoa(l.id)+"x"+strconv.Itoa(l.quantity))
	}
	http.SetCookie(
		w,
		&http.Cookie{Name: "cart", Value: strings.Join(parts, "."), Path: "/", MaxAge: 7 * 24 * 3600, SameSite: http.SameSiteLaxMode},
	)
}

func (s *Shop) lines(ctx context.Context, r *http.Request) (all []line, total int) {
	for _, l := range cartOf(r) {
		p, ok := s.find(ctx, l.id)
		if !ok {
			continue
		}
		sum := number(strings.NewReplacer("€", "", ".", "").Replace(p.Price)) * l.quantity
		total += sum
		all = append(all, line{p, l.quantity, euros(sum)})
	}
	return all, total
}

func (s *Shop) cart(w http.ResponseWriter, r *http.Request) {
	lines, total := s.lines(r.Context(), r)
	s.render(w, r, "cart", view{Title: "Cart", Lines: lines, Total: euros(total)}, nil)
}

// postCart adds a quantity of a product; a negative one takes away.
func (s *Shop) postCart(w http.ResponseWriter, r *http.Request) {
	id, n := number(r.PostFormValue("id")), number(r.PostFormValue("quantity"))
	if n == 0 {
		n = 1
	}
	lines, found := cartOf(r), false
	kept := lines[:0]
	for _, l := range lines {
		if l.id == id {
			l.quantity, found = l.quantity+n, true
		}
		if l.quantity > 0 {
			kept = append(kept, l)
		}
	}
	if _, ok := s.find(r.Context(), id); ok && !found && n > 0 {
		kept = append(kept, cartLine{id, n})
	}
	setCart(w, kept)
	http.Redirect(w, r, "/cart", http.StatusSeeOther)
}

func (s *Shop) checkout(w http.ResponseWriter, r *http.Request) {
	lines, total := s.lines(r.Context(), r)
	p, _ := s.person(r.Context(), s.user(r))
	s.render(w, r, "checkout", view{Title: "Checkout", Lines: lines, Total: euros(total), Person: p}, nil)
}

func (s *Shop) postCheckout(w http.ResponseWriter, r *http.Request) {
	lines, total := s.lines(r.Context(), r)
	if len(lines) == 0 {
		http.Redirect(w, r, "/cart", http.StatusSeeOther)
		return
	}
	number, err := s.addOrder(r.Context(), s.user(r), total)
	if err == nil {
		setCart(w, nil)
		r.Header.Del("Cookie") // the page that follows shows the empty cart
	}
	s.render(
		w,
		r,
		"message",
		view{
			Title: "Thank you",
			Note:  "Order " + number + " is with us. We start packing before the kettle boils; track it any time under Orders.",
		},
		err,
	)
}

// addOrder keeps the last five hundred orders.
func (s *Shop) addOrder(ctx context.Context, user string, total int) (string, error) {
	res, err := s.rw.ExecContext(
		ctx,
		`INSERT INTO orders (number, username, status, placed, total) VALUES (NULL, ?, 'Received', 'today', ?)`,
		user,
		total,
	)
	if err != nil {
		return "", err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return "", err
	}
	number := fmt.Sprintf("LL-%d", 20500+id)
	if _, err := s.rw.ExecContext(ctx, `UPDATE orders SET number = ? WHERE id = ?`, number, id); err != nil {
		return "", err
	}
	_, err = s.rw.ExecContext(ctx, `DELETE FROM orders WHERE id <= ? - 500`, id)
	return number, err
}

func (s *Shop) postLogout(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie("session"); err == nil {
		s.logout(c.Value)
	}
	http.SetCookie(w, &http.Cookie{Name: "session", Path: "/", MaxAge: -1})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *Shop) person(ctx context.Context, user string) (person, bool) {
	var p person
	err := s.rw.QueryRowContext(ctx, `SELECT username, name, email, city, role, card FROM users WHERE username = ?`, user).
		Scan(&p.Username, &p.Name, &p.Email, &p.City, &p.Role, &p.Card)
	if err == nil && len(p.Card) > 4 {
		p.Card = "•••• " + p.Card[len(p.Card)-4:]
	}
	return p, err == nil
}

func (s *Shop) account(w http.ResponseWriter, r *http.Request) {
	user := s.user(r)
	if user == "" {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	p, ok := s.person(r.Context(), user)
	if !ok { // a session that an injected row opened
		p = person{Username: user, Name: user}
	}
	orders, err := s.orders(r.Context(), `SELECT number, status, placed, total FROM orders WHERE username = ? ORDER BY id DESC LIMIT 20`, user)
	s.render(w, r, "account", view{Title: "Account", Person: p, Orders: orders}, err)
}

func (s *Shop) orders(ctx context.Context, query string, args ...any) ([]shownOrder, error) {
	rows, err := s.rw.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []shownOrder
	for rows.Next() {
		var o shownOrder
		var cents int
		if err := rows.Scan(&o.Number, &o.Status, &o.Placed, &cents); err != nil {
			return nil, err
		}
		o.Total = euros(cents)
		all = append(all, o)
	}
	return all, rows.Err()
}

func (s *Shop) track(w http.ResponseWriter, r *http.Request) {
	v := view{Title: "Track an order", Query: r.FormValue("number")}
	var err error
	if v.Query != "" {
		v.Orders, err = s.orders(r.Context(), `SELECT number, status, placed, total FROM orders WHERE number = ?`, v.Query)
		if len(v.Orders) == 0 {
			v.Note = "We know no order with that number."
		}
	}
	s.render(w, r, "track", v, err)
}

func (s *Shop) postContact(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, "message", view{Title: "Thank you", Note: "Your letter has arrived. A person reads it today and answers tomorrow."}, nil)
}
