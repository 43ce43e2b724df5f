package traffic

import (
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"
)

type browser struct {
	name   string
	header []string
}

// A shopper is a person with a browser, an address and an account.
type shopper struct {
	addr           string
	browser        browser
	user, password string
}

func chromium(agent, brands, platform, mobile, language string) []string {
	return []string{
		"User-Agent", agent, "Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
		"Accept-Language", language, "Accept-Encoding", "gzip, deflate", "Sec-CH-UA", brands, "Sec-CH-UA-Mobile", mobile, "Sec-CH-UA-Platform", platform,
		"Upgrade-Insecure-Requests", "1", "Connection", "keep-alive",
	}
}

func plain(agent, language string) []string {
	return []string{
		"User-Agent", agent, "Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
		"Accept-Language", language, "Accept-Encoding", "gzip, deflate", "Upgrade-Insecure-Requests", "1", "Connection", "keep-alive",
	}
}

func shoppers() []shopper {
	chrome := browser{"Chrome on Windows", chromium("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", `"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"`, `"Windows"`, "?0", "en-US,en;q=0.9")}
	android := browser{"Chrome on Android", chromium("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36", `"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"`, `"Android"`, "?1", "es-ES,es;q=0.9,en;q=0.8")}
	edge := browser{"Edge on Windows", chromium("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", `"Chromium";v="142", "Microsoft Edge";v="142", "Not_A Brand";v="99"`, `"Windows"`, "?0", "de-DE,de;q=0.9,en;q=0.8")}
	firefox := browser{"Firefox on Linux", plain("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "fr-FR,fr;q=0.8,en-US;q=0.5,en;q=0.3")}
	safari := browser{"Safari on macOS", plain("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15", "en-GB,en;q=0.9")}
	iphone := browser{"Safari on iPhone", plain("Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1", "pl-PL,pl;q=0.9")}
	return []shopper{
		{"192.0.2.14", chrome, "anna", "rosemary"},
		{"192.0.2.77", safari, "tom", "fieldnotes"},
		{"192.0.2.131", firefox, "marie", "paperboat"},
		{"198.51.100.23", android, "lucia", "bluewindow"},
		{"198.51.100.90", edge, "kenji", "teahouse7"},
		{"203.0.113.41", iphone, "piotr", "snowfern"},
		{"203.0.113.118", chrome, "tom", "fieldnotes"},
		{"2001:db8:12::a7", android, "anna", "rosemary"},
		{"2001:db8:40:1::19", safari, "marie", "paperboat"},
		{"2001:db8:77::5c", firefox, "kenji", "teahouse7"},
	}
}

// A journey is what a shopper came for.
type journey struct {
	name  string
	steps func(*rand.Rand, shopper) []step
}

func journeys() []journey {
	return []journey{
		{"look around", lookAround},
		{"search", search},
		{"search", search},
		{"buy", buy},
		{"buy", buy},
		{"account", account},
		{"ask", ask},
		{"review", writeReview},
	}
}

// walk collects the steps of a journey; each page knows the one before it.
type walk struct {
	rng   *rand.Rand
	at    string
	steps []step
}

const site = "http://www.lanternlane.example"

func pick[T any](rng *rand.Rand, all ...T) T { return all[rng.IntN(len(all))] }

func (w *walk) fetch(mode, dest string, st step, more ...string) {
	st.header = append([]string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", mode, "Sec-Fetch-Dest", dest}, more...)
	if w.at != "" {
		st.header = append(st.header, "Referer", site+w.at)
	} else {
		st.header[1] = "none"
	}
	w.steps = append(w.steps, st)
}

func (w *walk) page(target string) {
	w.fetch("navigate", "document", step{target: target, think: between(w.rng, 600*time.Millisecond, 3500*time.Millisecond)}, "Sec-Fetch-User", "?1")
	w.at = target
}

// enter opens the first page and what a cold cache needs with it.
func (w *walk) enter(target string) {
	w.fetch("navigate", "document", step{target: target}, "Sec-Fetch-User", "?1")
	w.at = target
	for _, a := range [][2]string{{"/static/shop.css", "style"}, {"/static/shop.js", "script"}, {"/favicon.svg", "image"}} {
		accept := map[string]string{"style": "text/css,*/*;q=0.1", "script": "*/*", "image": "image/avif,image/webp,image/svg+xml,*/*;q=0.8"}[a[1]]
		w.fetch("no-cors", a[1], step{target: a[0], think: 40 * time.Millisecond}, "Accept", accept)
	}
}

func (w *walk) send(target string, form ...string) {
	v := url.Values{}
	for i := 0; i < len(form); i += 2 {
		v.Set(form[i], form[i+1])
	}
	w.fetch("navigate", "document", step{target: target, body: v.Encode(), think: between(w.rng, 1200*time.Millisecond, 4*time.Second)}, "Origin", site, "Cache-Control", "max-age=0")
}

func (w *walk) api(target, body string) {
	more := []string{"Accept", "*/*"}
	if body != "" {
		more = append(more, "Origin", site, "Content-Type", "application/json")
	}
	w.fetch("cors", "empty", step{target: target, body: body, think: between(w.rng, 150*time.Millisecond, 600*time.Millisecond)}, more...)
}

func (w *walk) product() string {
	id := strconv.Itoa(1 + w.rng.IntN(24))
	w.page("/product?id=" + id)
	return id
}

func (w *walk) shelf() {
	w.page("/category/" + pick(w.rng, "lighting", "table", "green", "textiles", "desk", "outdoors"))
}

func lookAround(rng *rand.Rand, _ shopper) []step {
	w := walk{rng: rng}
	w.enter("/")
	for range 2 + rng.IntN(3) {
		w.shelf()
		w.product()
	}
	return w.steps
}

func search(rng *rand.Rand, _ shopper) []step {
	w := walk{rng: rng}
	w.enter("/")
	for range 1 + rng.IntN(2) {
		term := pick(rng, "table lamp", "linen", "notebook", "tea", "wool throw", "fern", "gift for a friend", "Lambswool", "mug", "picnic blanket", "warm light", "brass pen", "day pack 18 l", "something blue")
		for n := 3; n <= len(term) && n < 12; n += 3 { // suggestions while typing
			w.api("/api/search", `{"q":`+strconv.Quote(term[:n])+`}`)
		}
		w.page("/search?q=" + url.QueryEscape(term))
		id := w.product()
		w.api("/api/products/"+id, "")
	}
	return w.steps
}

func buy(rng *rand.Rand, s shopper) []step {
	w := walk{rng: rng}
	w.enter(pick(rng, "/", "/category/table", "/category/lighting", "/product?id=21"))
	for range 1 + rng.IntN(3) {
		w.shelf()
		id := w.product()
		w.send("/cart", "id", id, "quantity", strconv.Itoa(1+rng.IntN(3)))
		w.at = "/cart"
		w.page("/cart")
	}
	if rng.IntN(3) == 0 {
		return w.steps // not today
	}
	w.page("/checkout")
	who := map[string][3]string{
		"anna": {"Anna Lind", "anna.lind@mail.example", "Mill Road 12, 4021 Easterby"}, "tom": {"Tom Okafor", "tom.okafor@mail.example", "Station Square 4, Westbrook"},
		"marie": {"Marie Dubois", "marie.dubois@mail.example", "Orchard Lane 9, Southwell"}, "kenji": {"Kenji Mori", "kenji.mori@mail.example", "Quay 22, Northport"},
		"lucia": {"Lucía Romero", "lucia.romero@mail.example", "Hill Terrace 3, Easterby"}, "piotr": {"Piotr Nowak", "piotr.nowak@mail.example", "Garden Row 17, Westbrook"},
	}[s.user]
	w.send("/checkout", "name", who[0], "email", who[1], "address", who[2], "payment", pick(rng, "invoice", "transfer"),
		"note", pick(rng, "", "Please ring twice.", "It is a present, could you leave out the invoice?", "Leave it with the neighbour on the left, thank you!"))
	return w.steps
}

func account(rng *rand.Rand, s shopper) []step {
	w := walk{rng: rng}
	w.enter("/login")
	if rng.IntN(4) == 0 { // everybody mistypes
		w.send("/login", "user", s.user, "password", s.password+"1")
	}
	w.send("/login", "user", s.user, "password", s.password)
	w.page("/account")
	w.page("/orders/track")
	w.page("/orders/track?number=" + pick(rng, "LL-20417", "LL-20421", "LL-20405", "LL-20419"))
	w.send("/logout", "from", "account")
	return w.steps
}

func ask(rng *rand.Rand, s shopper) []step {
	w := walk{rng: rng}
	w.enter("/support")
	w.page("/support/shipping")
	w.page("/download?file=" + pick(rng, "care-guide.txt", "size-guide.txt", "returns-form.txt", "catalogue.txt"))
	w.page("/support/contact")
	w.send("/support/contact", "name", s.user, "email", s.user+"@mail.example", "message", pick(
		rng,
		"Hello, does the Dawn lamp come with a longer cord? Our socket is behind the sofa. Many thanks!",
		"My parcel arrived today, everything in one piece. The mug is even nicer than in the picture.",
		"Could you tell me when the string of hearts will be back? I would like two of them.",
		"The zip of my day pack is stuck after three years. Do I send it to you for repair, and where to?"))
	return w.steps
}

func writeReview(rng *rand.Rand, s shopper) []step {
	w := walk{rng: rng}
	w.enter("/product?id=" + strconv.Itoa(1+rng.IntN(24)))
	id := w.product()
	w.send("/reviews", "product", id, "author", pick(rng, "Anna", "Tom", "Marie", "Kenji", "Lucia", "Piotr"), "stars", pick(rng, "5", "5", "4"), "text", pick(
		rng,
		"Very happy with it, and it came in two days.",
		"Good quality. I gave it to my sister and had to order another one for myself.",
		"Does what it should, looks better than it must.",
		"Well made; the colour is a little darker than on my screen."))
	w.page("/product?id=" + id)
	return w.steps
}
