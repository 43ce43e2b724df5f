package body

import (
	"errors"
	"strings"

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/ascii"
)

// ErrMultipart tells that a multipart body cannot be taken apart: it has no
// boundary, or none of its lines is one.
var ErrMultipart = errors.New("multipart body has no parts")

// ErrMultipartHeader and ErrMultipartEnd tell what is wrong with a multipart body
// that was taken apart nevertheless.
var (
	// The form has all that could be read.
	ErrMultipartHeader = errors.New("multipart: invalid part header")
	ErrMultipartEnd    = errors.New("multipart: the last boundary is missing")
)

// Form is a multipart body taken apart. A part is a field or a file: what has a file name is a
// file, as in PHP and most frameworks. Lists are in order of the parts.
type Form struct {
	// Fields are the parts without a file name, by name.
	Fields []Pair
	// Files has the file names by part name, two for a part that has two different
	// ones. FileSizes has the size in bytes of each, in the same order.
	Files     []Pair
	FileSizes []int
	// FileNames are the names of the parts that are files.
	FileNames []string
	// Contents are those of files, by part name, if they are asked for.
	Contents []Pair
	// Headers are the headers of parts as "Name: value", by part name. Lines that were folded are
	// joined, with one blank in between.
	Headers []Pair
	// Names are the names of all parts.
	Names []string
	// Size is the size of all contents in bytes.
	Size int
	// Charsets and Languages are those of filename* parameters, by part name. They are as written,
	// empty if the parameter has none: rules refuse those that only some servers understand.
	Charsets, Languages []Pair
	// Readings are fields again, in the character sets that their parts declare. They are beside
	// Fields, not in place of them.
	Readings []Pair
	// Charset is what the field _charset_ says (RFC 7578, section 4.6), else empty. Browsers fill
	// this hidden field with the set that they send in.
	Charset string
	Flaws   Flaws
}

// Flaws are what applications may read differently in a multipart body. The names
// are those of ModSecurity's variables. CRS 922xxx and the recommended rules 200003 and 200004
// refuse forms that have some of them: what one parser takes for a file another may take for a
// field (WAFFLED, 2025, has a catalogue).
type Flaws struct {
	// BoundaryQuoted is a boundary with quotes in it, BoundaryWhitespace one with blanks around its
	// name or value.
	BoundaryQuoted, BoundaryWhitespace bool
	// DataBefore is data before the first boundary line, DataAfter data behind the last.
	DataBefore, DataAfter bool
	// HeaderFolding is a header that goes on in the next line, InvalidHeaderFolding such a line
	// without one before it.
	HeaderFolding, InvalidHeaderFolding bool
	// LFLine is a line that ends with LF alone.
	LFLine, CRLFAndLF bool
	// MissingSemicolon is a boundary that no semicolon precedes, InvalidQuoting a parameter whose
	// quotes do not match.
	MissingSemicolon, InvalidQuoting bool
	// InvalidPart is a part without a usable header, UnmatchedBoundary a line that begins like a
	// boundary and is none.
	InvalidPart, UnmatchedBoundary bool
	// DuplicateHeader is a header or a parameter that a part has twice.
	DuplicateHeader, MalformedParameters bool
	// Unfinished tells that the last boundary is missing. That is so for a body that was cut at the
	// limit, too.
	Unfinished bool
}

// Strict reports whether any flaw is one that MULTIPART_STRICT_ERROR counts. UnmatchedBoundary is
// not among them, as in ModSecurity, which has a variable of its own for it.
func (f Flaws) Strict() bool {
	return f.BoundaryQuoted || f.BoundaryWhitespace || f.DataBefore || f.DataAfter || f.HeaderFolding || f.InvalidHeaderFolding ||
		f.LFLine || f.MissingSemicolon || f.InvalidQuoting || f.InvalidPart || f.DuplicateHeader || f.MalformedParameters || f.Unfinished
}

// Multipart takes a multipart/form-data body apart. contentType is the header of
// the request. limit bounds the number of fields; Multipart reports whether it cut
// the form short. Strings point into s, contentType or a. Fields are counted together with files.
// With an error the form has what was read. It is linear in s.
//
//	--xyz                                              boundary line
//	Content-Disposition: form-data; name="note"        header of a part
//	                                                   empty line
//	hello                                              content, up to the line break
//	--xyz--                                            last boundary line
func Multipart(a *arena.Arena, contentType, s string, limit int) (Form, bool, error) {
	return takeApart(a, contentType, s, limit, false)
}

// MultipartWithContents is Multipart that also fills Form.Contents. It costs no copy; contents are
// apart since most rule sets do not look at them.
func MultipartWithContents(a *arena.Arena, contentType, s string, limit int) (Form, bool, error) {
	return takeApart(a, contentType, s, limit, true)
}

// takeApart is Multipart, with the contents of files if they are wanted. Of several mistakes the
// one is returned that leaves most unseen.
func takeApart(a *arena.Arena, contentType, s string, limit int, contents bool) (Form, bool, error) {
	var f Form
	boundary, ok := boundaryOf(contentType, &f.Flaws)
	// A form without a boundary is opaque to rules that look at fields; the error tells so.
	if !ok {
		f.Flaws.MalformedParameters = true
		return f, false, ErrMultipart
	}
	m := multipartParser{a: a, form: &f, delimiter: "--" + boundary, rest: s, contents: contents}
	// A charset that cannot be read hides what the field says, a bad header what its part is; a
	// missing end hides nothing that was sent.
	err := m.run(limit)
	switch {
	case err != nil:
	case m.charset != nil:
		err = m.charset
	case m.badHeader:
		err = ErrMultipartHeader
	case f.Flaws.Unfinished:
		err = ErrMultipartEnd
	}
	return f, m.cut, err
}

// boundaryOf finds the boundary parameter. Where parsers disagree about it, as for two of
// them, the form is not taken apart: an attacker would choose the one that we do not see.
//
//	multipart/form-data; boundary=xyz      ->  xyz
//	multipart/form-data; boundary="x y"    ->  x y
//	multipart/form-data; boundary =xyz     ->  xyz, BoundaryWhitespace
//	multipart/form-data; boundary=a; boundary=b  ->  none
func boundaryOf(contentType string, flaws *Flaws) (string, bool) {
	_, params, ok := strings.Cut(contentType, ";")
	if !ok {
		// Some applications take a boundary that no semicolon precedes.
		const name = "boundary"
		for i := 0; i+len(name) <= len(contentType); i++ {
			if strings.EqualFold(contentType[i:i+len(name)], name) {
				flaws.MissingSemicolon = true
				params = contentType[i:]
				break
			}
		}
	}
	boundary, found := "", false
	for _, p := range splitParameters(params) {
		key, value, ok := strings.Cut(p, "=")
		trimmed := strings.TrimSpace(key)
		// Other parameters, such as charset, are read elsewhere.
		if !strings.EqualFold(trimmed, "boundary") || !ok {
			continue
		}
		if found {
			flaws.InvalidPart = true // two boundaries: which one counts?
			return "", false
		}
		found = true
		// "boundary =x" is no parameter of that name to strict parsers.
		if strings.TrimRight(key, " \t") != key || strings.TrimSpace(value) != value {
			flaws.BoundaryWhitespace = true
		}
		value = strings.TrimSpace(value)
		if unquoted, quoted := unquote(value); quoted {
			// RFC 2046 allows quotes and Go sends them around odd characters; only
			// quotes that hide nothing odd are suspicious, as in ModSecurity.
			value = unquoted
		} else if strings.ContainsAny(value, "\"'") {
			flaws.BoundaryQuoted = true
		}
		boundary = value
	}
	// RFC 2046, section 5.1.1 allows 70 characters; some servers take more.
	if boundary == "" || len(boundary) > 256 {
		return "", false
	}
	return boundary, true
}

// splitParameters splits at semicolons outside of quotes. A quote that never ends takes the rest
// with it.
//
//	name="a;b"; filename=x  ->  [name="a;b"] [filename=x]
func splitParameters(s string) []string {
	var list []string
	quoted := false
	start := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ';' && !quoted:
			list = append(list, s[start:i])
			start = i + 1
		}
	}
	return append(list, s[start:])
}

// unquote takes the quotes off a quoted string. A backslash stands for the next
// character only before a quote or a backslash: browsers send those of Windows
// paths as they are. The second result tells whether there were quotes around.
//
//	"a\"b"           ->  a"b
//	"C:\dir\x.txt"   ->  C:\dir\x.txt
//	a               ->  a, not quoted
func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s, false
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}

// multipartParser takes a form apart from the front. It does not look back: rest is what is left of
// the body, and shrinks with each part.
type multipartParser struct {
	a    *arena.Arena
	form *Form
	// delimiter is the boundary with the two dashes before it.
	delimiter string
	rest      string
	// cut tells that the limit of fields ended it.
	cut       bool
	badHeader bool
	charset   error // of a part, if it cannot be read
	contents  bool  // those of files are wanted
}

// boundaryLine is a delimiter line found in the rest. Offsets are in rest.
//
//	…content CR LF --xyz CR LF header…
//	         start             end
type boundaryLine struct {
	start, end int  // of the line with its line break; start is before the break that belongs to it
	last, lf   bool // it is the last one; a line break is a LF alone
}

// next finds the next delimiter line. A delimiter counts at the beginning of a
// line only. Content that has the delimiter within a line is content. first tells that no part was
// read yet.
func (m *multipartParser) next(first bool) (boundaryLine, bool) {
	// from is where the search goes on in rest.
	from := 0
	for {
		i := strings.Index(m.rest[from:], m.delimiter)
		if i < 0 {
			return boundaryLine{}, false
		}
		i += from
		from = i + len(m.delimiter)
		var b boundaryLine
		b.start = i
		if i > 0 {
			if m.rest[i-1] != '\n' {
				continue
			}
			b.start--
			// The line break before a delimiter belongs to it, not to the content (RFC 2046,
			// section 5.1.1).
			if b.start > 0 && m.rest[b.start-1] == '\r' {
				b.start--
			} else {
				b.lf = true
			}
		} else if !first {
			// The header of the part before ended right here: it has no content.
			b.start = 0
		}
		tail := m.rest[from:]
		if strings.HasPrefix(tail, "--") {
			b.last = true
			tail = tail[2:]
		}
		// Blanks may follow a boundary (transport padding, RFC 2046, section 5.1.1).
		blank := len(tail) - len(strings.TrimLeft(tail, " \t"))
		after := tail[blank:]
		switch {
		case strings.HasPrefix(after, "\r\n"):
			blank += 2
		case strings.HasPrefix(after, "\n"):
			blank++
			b.lf = true
		// The body ends right behind the delimiter.
		case after == "":
			// More of the delimiter line, or of the body, is missing.
			if !b.last {
				m.form.Flaws.Unfinished = true
			}
		default:
			// Not a delimiter: a longer line that begins like one. Servers that look for the
			// delimiter alone end the part here.
			m.form.Flaws.UnmatchedBoundary = true
			continue
		}
		b.end = len(m.rest) - len(tail) + blank
		return b, true
	}
}

// run reads parts until the last boundary, the end or the limit. What is missing at the
// end is a flaw, not an error: a body that was cut is inspected as far as it goes. It returns an
// error only if there is no part at all. Each round begins behind a delimiter line: header,
// content, next delimiter.
func (m *multipartParser) run(limit int) error {
	flaws := &m.form.Flaws
	b, ok := m.next(true)
	if !ok {
		flaws.Unfinished = true
		return ErrMultipart
	}
	if b.start > 0 {
		flaws.DataBefore = true
	}
	for {
		m.line(b)
		m.rest = m.rest[b.end:]
		if b.last {
			// RFC 2046 allows an epilogue; no client sends one, and parsers that go on read more
			// parts in it.
			if strings.Trim(m.rest, "\r\n") != "" {
				flaws.DataAfter = true
			}
			return nil
		}
		if len(m.form.Fields)+len(m.form.Files) >= limit {
			m.cut = true
			return nil
		}
		// A part whose header never ends is a part all the same: its name may be an attack.
		headers, ok := m.headers()
		if !ok {
			flaws.Unfinished = true
			flaws.InvalidPart = true
			m.part(headers, "")
			return nil
		}
		end, ok := m.next(false)
		if !ok {
			flaws.Unfinished = true
			// What was cut off or never ended is the content as far as it goes.
			m.part(headers, m.rest)
			return nil
		}
		m.part(headers, m.rest[:end.start])
		b = end
	}
}

// line notes how a delimiter line ends.
func (m *multipartParser) line(b boundaryLine) {
	if b.lf {
		m.form.Flaws.LFLine = true
	}
}

// headers reads the header lines of a part up to the empty line. It reports whether the empty line
// was found. Afterwards rest begins with the content.
func (m *multipartParser) headers() ([]Pair, bool) {
	var list []Pair
	flaws := &m.form.Flaws
	for {
		// LF ends a line, with or without CR before it: lenient parsers take both, and Flaws says
		// which there was.
		i := strings.IndexByte(m.rest, '\n')
		if i < 0 {
			return list, false
		}
		line := m.rest[:i]
		// The next part begins where this one's header should go on: servers may see either part.
		if strings.HasPrefix(line, m.delimiter) {
			flaws.InvalidPart = true // a part without an end of its header
			m.badHeader = true
			return list, true
		}
		m.rest = m.rest[i+1:]
		if strings.HasSuffix(line, "\r") {
			line = line[:len(line)-1]
		} else {
			flaws.LFLine = true
		}
		if line == "" {
			return list, true
		}
		// RFC 9112, section 5.2 forbids folding in HTTP; in parts some parsers join the lines and
		// some drop them. Rules see them joined.
		if line[0] == ' ' || line[0] == '\t' {
			flaws.HeaderFolding = true
			// There is no header that the line could belong to.
			if len(list) == 0 {
				flaws.InvalidHeaderFolding = true
				// It is kept without a name, so that rules on the headers of parts see it.
				list = append(list, Pair{"", line})
				continue
			}
			last := &list[len(list)-1]
			last.Value = m.a.Concat(last.Value, " ", strings.Trim(line, " \t"))
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		// A line without a colon is no header; some servers pass over it and some end the part.
		if !ok || !validName(name) {
			flaws.InvalidPart = true
			m.badHeader = true
		}
		if !ok {
			continue
		}
		list = append(list, Pair{name, strings.Trim(value, " \t")})
	}
}

// validName reports whether name is a token of RFC 9110 or nearly: no control
// characters. Blanks are for rule 922130 to find. Token characters (RFC 9110, section 5.6.2) are
// fewer; what else is printable is let pass here.
func validName(name string) bool {
	for i := range len(name) {
		if name[i] < ' ' || name[i] >= 0x7f {
			return false
		}
	}
	return name != ""
}

// maxPartHeaders is how many headers of a part are compared with each other; more
// make the part invalid. The comparison is quadratic, and parts have three headers as a rule.
const maxPartHeaders = 32

// part adds one part to the form. Whatever is wrong with it, each part adds one name, and one field
// or file: nothing that was sent is passed over.
func (m *multipartParser) part(headers []Pair, content string) {
	// The first Content-Disposition counts, and that there are two is a flaw.
	f := m.form
	var d disposition
	if len(headers) > maxPartHeaders {
		f.Flaws.InvalidPart = true
	}
	for i, h := range headers {
		for _, other := range headers[:min(i, maxPartHeaders)] {
			if strings.EqualFold(h.Key, other.Key) {
				f.Flaws.DuplicateHeader = true
			}
		}
		// A blank before the colon is trimmed by lenient servers.
		if strings.EqualFold(strings.TrimSpace(h.Key), "Content-Disposition") && !d.present {
			d = readDisposition(h.Value)
		}
	}
	if d.malformed {
		f.Flaws.MalformedParameters = true
	}
	if d.duplicate {
		f.Flaws.DuplicateHeader = true
	}
	if d.badQuotes {
		f.Flaws.InvalidQuoting = true
	}
	if !d.present {
		f.Flaws.InvalidPart = true
	}
	for _, h := range headers {
		f.Headers = append(f.Headers, Pair{d.name, m.a.Concat(h.Key, ": ", h.Value)})
	}
	f.Names = append(f.Names, d.name)
	f.Size += len(content)
	if d.extended {
		f.Charsets = append(f.Charsets, Pair{d.name, d.charset})
		f.Languages = append(f.Languages, Pair{d.name, d.language})
	}
	// An empty file name, which browsers send if no file was chosen, makes a field, so that rules
	// see the content.
	if d.fileName == "" && d.otherName == "" {
		f.Fields = append(f.Fields, Pair{d.name, content})
		m.readings(headers, Pair{d.name, content})
		return
	}
	for _, n := range []string{d.fileName, d.otherName} {
		if n != "" {
			f.Files = append(f.Files, Pair{d.name, n})
			f.FileSizes = append(f.FileSizes, len(content))
		}
	}
	f.FileNames = append(f.FileNames, d.name)
	if m.contents {
		f.Contents = append(f.Contents, Pair{d.name, content})
	}
}

// readings adds a field in the character sets that its part declares. The bytes as received are in
// the form already.
func (m *multipartParser) readings(headers []Pair, field Pair) {
	// read adds the readings in one charset; UTF-8 has none beside the bytes as received.
	read := func(label string) {
		c, err := FindCharset(label)
		if err != nil {
			m.charset = err
		}
		if c != nil && len(m.form.Readings) < maxReadings {
			m.form.Readings = append(m.form.Readings, c.Fields(nil, []Pair{field}, false)...)
		}
	}
	for _, h := range headers[:min(len(headers), maxPartHeaders)] {
		if strings.EqualFold(strings.TrimSpace(h.Key), "Content-Type") {
			Labels(h.Value, read)
		}
	}
	// It is for the caller to read the other fields in it.
	if field.Key == "_charset_" {
		m.form.Charset = field.Value
	}
}

// maxReadings bounds the readings of fields. Each has as many parts as the charsets that its
// headers name, so that small parts could make large lists.
const maxReadings = 4000

// disposition is a Content-Disposition header. otherName is the second file name
// that some applications take, if there are two. The zero value is that of a part without the
// header.
type disposition struct {
	present, malformed, duplicate, badQuotes bool
	name, fileName, otherName                string
	extended                                 bool
	charset, language                        string
}

// readDisposition reads a Content-Disposition header. Both filename and filename*
// (RFC 5987) are kept, since applications differ in which they take.
//
// The second of two names counts, as it does for most parsers that fill a map; the first of two
// different filenames is kept as the other one.
//
//	form-data; name="f"; filename="a.txt"; filename*=UTF-8''b.php
//	                            ->  file b.php, other name a.txt
func readDisposition(s string) disposition {
	d := disposition{present: true}
	kind, params, _ := strings.Cut(s, ";")
	// RFC 1867, section 6 has attachment for several files of one field.
	if !strings.EqualFold(strings.TrimSpace(kind), "form-data") && !strings.EqualFold(strings.TrimSpace(kind), "attachment") {
		d.malformed = true
	}
	seen := map[string]bool{}
	// regular is what filename says, without the star.
	regular := ""
	for _, p := range splitParameters(params) {
		// A semicolon at the end, or two in a row.
		if strings.TrimSpace(p) == "" {
			continue
		}
		key, value, ok := strings.Cut(p, "=")
		if !ok {
			d.malformed = true
			continue
		}
		key = strings.ToLower(strings.TrimSpace(key))
		value = strings.TrimSpace(value)
		if seen[key] {
			d.duplicate = true
		}
		seen[key] = true
		unquoted, quoted := unquote(value)
		// name='x' or a quote on one side only: parsers differ in what they cut off.
		if !quoted && strings.ContainsAny(value, "\"'") && !strings.HasSuffix(key, "*") {
			d.badQuotes = true
			unquoted = strings.Trim(value, "\"'")
		}
		switch {
		case key == "name":
			d.name = unquoted
		case key == "filename":
			if regular != "" && regular != unquoted {
				d.otherName = regular
			}
			regular = unquoted
		// charset'language'value with escapes (RFC 8187, section 3.2).
		case key == "filename*":
			if quoted {
				d.badQuotes = true
			}
			parts := strings.SplitN(unquoted, "'", 3)
			if len(parts) != 3 {
				d.malformed = true
				continue
			}
			var valid bool
			d.fileName, valid = percentDecode(parts[2])
			d.malformed = d.malformed || !valid
			d.charset, d.language, d.extended = parts[0], parts[1], true
		case strings.HasPrefix(key, "filename*"):
			d.malformed = true // a continuation of RFC 2231, which few reassemble
			if d.otherName == "" {
				d.otherName = unquoted
			}
		}
	}
	// RFC 7578, section 4.2 forbids filename* in forms. Servers that take it prefer it (RFC 6266,
	// section 4.3), many know only filename: of two that differ both are looked at.
	if d.fileName == "" {
		d.fileName = regular
	} else if regular != d.fileName {
		d.otherName = regular
	}
	return d
}

// percentDecode decodes the value of an extended parameter (RFC 8187, section 3.2.1) and
// reports whether all escapes are valid. Invalid ones stay as they are. The result is bytes in the
// charset that the parameter names.
//
//	na%C3%AFve%zz  ->  na\xc3\xafve%zz, false
func percentDecode(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 {
		return s, true
	}
	valid := true
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if i+2 < len(s) {
				if hi, lo := ascii.HexValue(s[i+1]), ascii.HexValue(s[i+2]); hi < 16 && lo < 16 {
					b = append(b, hi<<4|lo)
					i += 2
					continue
				}
			}
			valid = false
		}
		b = append(b, s[i])
	}
	return string(b), valid
}
