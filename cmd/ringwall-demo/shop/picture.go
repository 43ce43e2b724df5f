package shop

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
)

// picture draws product id as an SVG element: a coloured ground, a soft shadow
// and the thing itself. An id the shop never stocked, as injected rows have, gets
// a wrapped parcel. The result holds nothing that came from a request.
func picture(id string) template.HTML {
	n, _ := strconv.Atoi(id)
	for _, p := range products() {
		if p.ID != n {
			continue
		}
		for _, c := range categories() {
			if c.Slug == p.Category {
				return frame(p.Name, p.tone, p.ID, c.draw(p.variant, p.tone))
			}
		}
	}
	tone := [3]string{"#c9a982", "#7d5f3e", "#f3ece2"}
	return frame("Parcel", tone, 0, drawParcel(tone))
}

func frame(name string, tone [3]string, id int, inner string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="pic" viewBox="0 0 240 240" role="img" aria-label="%s">`+
		`<defs><radialGradient id="g%d" cx=".3" cy=".2" r="1"><stop offset="0" stop-color="#fff"/><stop offset="1" stop-color="%s"/></radialGradient></defs>`+
		`<rect width="240" height="240" fill="url(#g%d)"/><circle cx="%d" cy="%d" r="78" fill="%s" opacity=".14"/>`+
		`<rect y="190" width="240" height="50" fill="%s" opacity=".10"/><ellipse cx="120" cy="196" rx="64" ry="8" fill="%s" opacity=".22"/>%s</svg>`,
		template.HTMLEscapeString(name), id, tone[2], id, 150-(id%3)*20, 92+(id%2)*14, tone[0], tone[1], tone[1], inner))
}

func drawLamp(v int, t [3]string) string {
	glow := fmt.Sprintf(`<circle cx="120" cy="92" r="62" fill="%s" opacity=".25"/>`, t[0])
	switch v {
	case 0:
		return glow + fmt.Sprintf(`<path d="M112 128h16v54h-16z" fill="%[2]s"/><ellipse cx="120" cy="188" rx="36" ry="9" fill="%[2]s"/>`+
			`<path d="M120 46c36 0 48 34 48 56 0 20-20 32-48 32s-48-12-48-32c0-22 12-56 48-56z" fill="%[1]s"/><path d="M92 70c8-12 18-16 26-16" stroke="#fff" stroke-width="5" stroke-linecap="round" fill="none" opacity=".7"/>`, t[0], t[1])
	case 1:
		return fmt.Sprintf(`<path d="M92 188 126 118 84 70" fill="none" stroke="%[2]s" stroke-width="7" stroke-linejoin="round" stroke-linecap="round"/><circle cx="126" cy="118" r="7" fill="%[1]s"/>`+
			`<path d="M66 66 104 44l30 46-22 12z" fill="%[1]s"/><path d="m110 103 26-14 44 62-76 12z" fill="#fff3c9" opacity=".75"/><ellipse cx="94" cy="189" rx="40" ry="9" fill="%[2]s"/>`, t[0], t[1])
	case 2:
		var ribs strings.Builder
		for i := -3; i <= 3; i++ {
			fmt.Fprintf(&ribs, `<ellipse cx="120" cy="112" rx="%d" ry="60" fill="none" stroke="%s" stroke-width="1.6" opacity=".55"/>`, 8+abs(i)*18, t[1])
		}
		return fmt.Sprintf(`<path d="M120 0v54" stroke="%s" stroke-width="3"/><ellipse cx="120" cy="112" rx="62" ry="60" fill="%s"/>`, t[1], t[0]) + ribs.String() +
			fmt.Sprintf(`<rect x="106" y="50" width="28" height="7" rx="3" fill="%s"/>`, t[1])
	default:
		return glow + fmt.Sprintf(`<path d="M92 76c0-44 56-44 56 0" fill="none" stroke="%[2]s" stroke-width="6"/><rect x="82" y="74" width="76" height="16" rx="6" fill="%[2]s"/>`+
			`<rect x="88" y="90" width="64" height="78" rx="8" fill="%[1]s"/><rect x="100" y="100" width="40" height="58" rx="18" fill="#fff4cf"/><path d="M120 112c12 14 12 32 0 36-12-4-12-22 0-36z" fill="%[1]s"/><rect x="80" y="168" width="80" height="22" rx="8" fill="%[2]s"/>`, t[0], t[1])
	}
}

func drawMug(v int, t [3]string) string {
	switch v {
	case 0:
		return steam(120) + fmt.Sprintf(`<path d="M154 112c34-6 36 46-2 44" fill="none" stroke="%[1]s" stroke-width="11"/><path d="M76 96h84v70c0 18-12 26-26 26h-32c-14 0-26-8-26-26z" fill="%[1]s"/>`+
			`<path d="M76 96h84v20c-14 10-22-4-34 6-12 9-22-6-32 2-8 6-14 2-18-2z" fill="%[2]s"/><ellipse cx="118" cy="96" rx="42" ry="9" fill="%[2]s"/><ellipse cx="118" cy="97" rx="34" ry="6" fill="#5b3a22"/>`, t[0], t[1])
	case 1:
		return fmt.Sprintf(`<path d="M164 120c26-6 26-30 44-34l4 12c-14 8-14 40-48 50z" fill="%[1]s"/><path d="M74 104c-46-4-46 62 2 58" fill="none" stroke="%[2]s" stroke-width="9"/>`+
			`<ellipse cx="120" cy="140" rx="58" ry="50" fill="%[1]s"/><path d="M80 100c12-16 68-16 80 0z" fill="%[2]s"/><circle cx="120" cy="80" r="9" fill="%[2]s"/><path d="M78 132c4-18 16-26 26-28" stroke="#fff" stroke-width="6" stroke-linecap="round" fill="none" opacity=".45"/>`, t[0], t[1])
	case 2:
		return fmt.Sprintf(`<path d="M52 112h136c0 46-26 76-68 76s-68-30-68-76z" fill="%[1]s"/><ellipse cx="120" cy="112" rx="68" ry="18" fill="%[2]s"/><ellipse cx="120" cy="114" rx="58" ry="13" fill="#f4e3c6"/>`+
			`<circle cx="104" cy="113" r="6" fill="#a33b4a"/><circle cx="120" cy="117" r="6" fill="#a33b4a"/><circle cx="138" cy="112" r="6" fill="#3f4f7c"/>`, t[0], t[1]) + specks(t[1])
	default:
		return fmt.Sprintf(`<path d="M102 48h36v30c0 18 26 32 26 66 0 30-18 46-44 46s-44-16-44-46c0-34 26-48 26-66z" fill="%[1]s" opacity=".85"/><path d="M79 132c20-8 60 10 82-2 2 4 3 9 3 14 0 30-18 46-44 46s-44-16-44-46c0-4 1-8 3-12z" fill="%[2]s" opacity=".45"/>`+
			`<path d="M96 34h48v18H96z" fill="%[2]s"/><path d="M172 152h38l-5 40h-28z" fill="%[1]s"/><path d="M92 104c-6 12-8 24-7 36" stroke="#fff" stroke-width="5" stroke-linecap="round" fill="none" opacity=".7"/>`, t[0], t[1])
	}
}

func drawPlant(v int, t [3]string) string {
	pot := fmt.Sprintf(`<path d="M84 142h72l-9 50H93z" fill="%s"/><rect x="78" y="134" width="84" height="14" rx="4" fill="%s"/><rect x="78" y="134" width="84" height="14" rx="4" fill="#000" opacity=".08"/>`, t[1], t[1])
	leaf := func(x, y, rot, length int) string {
		return fmt.Sprintf(`<path transform="translate(%d %d) rotate(%d)" d="M0 0c-18-%d-12-%d 0-%d 12 %d 18 %d 0 %d z" fill="%s"/><path transform="translate(%d %d) rotate(%d)" d="M0 0v-%d" stroke="#fff" opacity=".35" stroke-width="1.6"/>`,
			x, y, rot, length/3, length*3/4, length, length/4, length*2/3, length, t[0], x, y, rot, length*4/5)
	}
	var b strings.Builder
	switch v {
	case 0:
		b.WriteString(`<path d="M120 136V62" stroke="#6b4b2f" stroke-width="4"/>`)
		for i, r := range []int{-62, 58, -44, 40, -20, 14} {
			b.WriteString(leaf(120, 126-i*13, r, 62))
		}
	case 1:
		for i, x := range []int{84, 100, 118, 138, 156} {
			end := 176 + (i%3)*12
			fmt.Fprintf(&b, `<path d="M120 96Q%d 96 %d %d" fill="none" stroke="%s" stroke-width="2.4"/>`, x, x, end, t[0])
			for y := 116; y < end; y += 16 {
				fmt.Fprintf(&b, `<path transform="translate(%d %d)" d="M0 4c-9-7-7-12-3-12 2 0 3 2 3 4 0-2 1-4 3-4 4 0 6 5-3 12z" fill="%s"/>`, x, y, t[0])
			}
		}
		return fmt.Sprintf(`<path d="M120 0 88 84M120 0l32 84" stroke="%[1]s" stroke-width="2"/><path d="M82 82h76l-10 34H92z" fill="%[1]s"/>`, t[1]) + b.String()
	case 2:
		for _, x := range []int{72, 120, 168} {
			for i, r := range []int{-40, -18, 6, 26, 44} {
				b.WriteString(leaf(x, 140, r, 44+(i*17+x)%28))
			}
		}
		return b.String() + fmt.Sprintf(`<path d="M40 136h160l-6 52H46z" fill="%[1]s"/><path d="M40 136h160l-1 10H41z" fill="#000" opacity=".15"/><path d="M92 148v38M148 148v38" stroke="#fff" opacity=".3" stroke-width="2"/>`, t[1])
	default:
		for _, r := range []int{-74, -56, -38, -20, 0, 20, 38, 56, 74} {
			b.WriteString(leaf(120, 136, r, 92-abs(r)/3))
		}
	}
	return b.String() + pot
}

func drawCushion(v int, t [3]string) string {
	switch v {
	case 0:
		var fringe strings.Builder
		for x := 62; x <= 178; x += 8 {
			fmt.Fprintf(&fringe, `<path d="M%d 180v14" stroke="%s" stroke-width="2.4"/>`, x, t[1])
		}
		return fmt.Sprintf(`<path d="M58 72c40-16 84 10 124-4v112H58z" fill="%[1]s"/><path d="M58 96c40-16 84 10 124-4v14c-40 14-84-12-124 4zM58 136c40-16 84 10 124-4v14c-40 14-84-12-124 4z" fill="%[2]s" opacity=".6"/><path d="M102 70v110M150 76v104" stroke="#fff" stroke-width="5" opacity=".28"/>`, t[0], t[1]) + fringe.String()
	case 1:
		return fmt.Sprintf(`<path d="M54 76c22-16 110-16 132 0 14 22 14 90 0 112-22 14-110 14-132 0-14-22-14-90 0-112z" fill="%[1]s"/><path d="M64 96c36 10 76 10 112 0M60 130c38 8 82 8 120 0M64 164c36-8 76-8 112 0" stroke="#fff" stroke-width="3" fill="none" opacity=".35"/>`+
			`<circle cx="96" cy="180" r="4" fill="%[2]s"/><circle cx="120" cy="182" r="4" fill="%[2]s"/><circle cx="144" cy="180" r="4" fill="%[2]s"/>`, t[0], t[1])
	case 2:
		var grid strings.Builder
		for y := 92; y < 186; y += 16 {
			for x := 66; x < 176; x += 16 {
				fmt.Fprintf(&grid, `<rect x="%d" y="%d" width="10" height="10" rx="2" fill="%s" opacity=".28"/>`, x, y, t[1])
			}
		}
		return fmt.Sprintf(`<rect x="56" y="80" width="130" height="110" rx="10" fill="%s"/><path d="M56 80h130v-8a10 10 0 0 0-10-10H66a10 10 0 0 0-10 10z" fill="%s"/>`, t[0], t[1]) + grid.String()
	default:
		return fmt.Sprintf(`<path d="M116 34c-4 0-6 4-6 8h12c0-4-2-8-6-8z" fill="%[2]s"/><path d="M70 42h56v142H70z" fill="%[1]s"/><path d="M118 52h56v138h-56z" fill="#fbf6ee"/><path d="M118 70h56M118 78h56M118 166h56M118 174h56" stroke="%[1]s" stroke-width="4"/><path d="M78 42v142M88 42v142" stroke="#fff" stroke-width="3" opacity=".5"/>`, t[0], t[1])
	}
}

func drawNotebook(v int, t [3]string) string {
	switch v {
	case 0:
		return fmt.Sprintf(`<g transform="rotate(-7 120 120)"><rect x="74" y="46" width="100" height="146" rx="7" fill="#efe3d0"/><rect x="68" y="42" width="100" height="146" rx="7" fill="%[1]s"/><rect x="68" y="42" width="16" height="146" rx="5" fill="%[2]s"/><rect x="98" y="72" width="54" height="34" rx="3" fill="#fdf7ee"/><path d="M106 84h38M106 93h26" stroke="%[2]s" stroke-width="3"/><path d="M152 42v146" stroke="%[2]s" stroke-width="4" opacity=".7"/></g>`, t[0], t[1])
	case 1:
		return fmt.Sprintf(`<g transform="rotate(38 120 120)"><rect x="108" y="30" width="24" height="104" rx="10" fill="%[1]s"/><rect x="108" y="92" width="24" height="7" fill="%[2]s"/><path d="M110 134h20l-4 24h-12z" fill="%[2]s"/><path d="M113 158h14l-7 34z" fill="#d8d8d2"/><path d="M120 166v24" stroke="#666" stroke-width="1.4"/><rect x="128" y="38" width="5" height="46" rx="2" fill="%[2]s"/><path d="M114 38v86" stroke="#fff" stroke-width="3" opacity=".55"/></g><path d="M40 196c20-10 24 6 44-2" stroke="%[2]s" stroke-width="2.6" fill="none"/>`, t[0], t[1])
	case 2:
		var lines strings.Builder
		for i := range 7 {
			fmt.Fprintf(&lines, `<path d="M%d 84v96" stroke="%s" stroke-width="1.4" opacity=".5"/><rect x="%d" y="%d" width="15" height="5" rx="2" fill="%s" opacity=".7"/>`, 56+i*21, t[1], 49+i*19, 96+(i*37)%60, t[0])
		}
		return fmt.Sprintf(`<rect x="46" y="64" width="152" height="128" rx="4" fill="#e4ddd0"/><rect x="42" y="58" width="152" height="128" rx="4" fill="#fffdf8"/><rect x="42" y="58" width="152" height="20" rx="4" fill="%s"/>`, t[0]) + lines.String()
	default:
		return fmt.Sprintf(`<g transform="rotate(6 120 120)"><rect x="70" y="40" width="96" height="120" fill="#fffdf6"/><path d="M82 60h60M82 72h70M82 84h48" stroke="%[2]s" stroke-width="2.6" opacity=".55"/></g><rect x="48" y="104" width="144" height="88" rx="5" fill="%[1]s"/><path d="m48 108 72 50 72-50" fill="none" stroke="%[2]s" stroke-width="4"/><circle cx="120" cy="156" r="13" fill="#b5452f"/><path d="M114 156l5 5 8-9" stroke="#fff" stroke-width="2.6" fill="none"/>`, t[0], t[1])
	}
}

func drawPack(v int, t [3]string) string {
	switch v {
	case 0:
		return fmt.Sprintf(`<path d="M100 58c0-28 40-28 40 0" fill="none" stroke="%[2]s" stroke-width="7"/><path d="M72 92c0-30 20-42 48-42s48 12 48 42v86c0 8-6 14-14 14H86c-8 0-14-6-14-14z" fill="%[1]s"/><path d="M72 92c0-30 20-42 48-42s48 12 48 42v18H72z" fill="%[2]s"/>`+
			`<rect x="86" y="128" width="68" height="46" rx="8" fill="#000" opacity=".14"/><path d="M96 98v38M144 98v38" stroke="#a8703f" stroke-width="8"/><rect x="91" y="116" width="10" height="9" rx="2" fill="#d9b65c"/><rect x="139" y="116" width="10" height="9" rx="2" fill="#d9b65c"/>`, t[0], t[1])
	case 1:
		return fmt.Sprintf(`<ellipse cx="120" cy="166" rx="92" ry="24" fill="%[1]s"/><path d="M74 162c0-60 10-84 30-84 8 0 10 8 16 8s8-8 16-8c20 0 30 24 30 84-20 12-72 12-92 0z" fill="%[1]s"/><path d="M73 146c24 12 70 12 94 0l1 16c-22 12-74 12-96 0z" fill="%[2]s"/><ellipse cx="120" cy="172" rx="92" ry="18" fill="#000" opacity=".07"/>`, t[0], t[1])
	case 2:
		return fmt.Sprintf(`<rect x="92" y="74" width="56" height="118" rx="12" fill="%[1]s"/><path d="M98 40h44c4 0 6 3 6 7v27H92V47c0-4 2-7 6-7z" fill="%[2]s"/><rect x="92" y="82" width="56" height="8" fill="%[2]s" opacity=".5"/><path d="M104 98v80" stroke="#fff" stroke-width="6" stroke-linecap="round" opacity=".4"/><path d="m112 148 10-16 8 10 6-8 10 14" fill="none" stroke="#fff" stroke-width="3" opacity=".8"/>`, t[0], t[1])
	default:
		var checks strings.Builder
		for i := range 5 {
			fmt.Fprintf(&checks, `<path d="M%d 86v100M44 %dh152" stroke="%s" stroke-width="7" opacity=".4"/>`, 62+i*30, 98+i*20, t[1])
		}
		return fmt.Sprintf(`<path d="M44 86h152v100H44z" fill="%s"/>`, t[0]) + checks.String() + fmt.Sprintf(`<path d="M44 176h152v12H44z" fill="%[1]s"/><path d="M96 86c0-34 48-34 48 0" fill="none" stroke="#8a5a33" stroke-width="7"/>`, t[1])
	}
}

func drawParcel(t [3]string) string {
	return fmt.Sprintf(`<rect x="64" y="88" width="112" height="104" rx="4" fill="%[1]s"/><path d="M112 88h16v104h-16z" fill="%[2]s"/><path d="M120 88c-40-36-52 4 0 0 52 4 40-36 0 0z" fill="none" stroke="%[2]s" stroke-width="5"/>`, t[0], t[1])
}

func steam(x int) string {
	return fmt.Sprintf(`<path d="M%d 78c-8-12 8-18 0-32M%d 74c-8-12 8-16 0-28" stroke="#fff" stroke-width="5" stroke-linecap="round" fill="none" opacity=".8"/>`, x-12, x+10)
}

func specks(colour string) string {
	var b strings.Builder
	for i := range 14 {
		fmt.Fprintf(&b, `<circle cx="%d" cy="%d" r="1.6" fill="%s"/>`, 80+(i*37)%82, 140+(i*23)%38, colour)
	}
	return b.String()
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
