package run

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ringwall/ringwall/waf/internal/arena"
	"github.com/ringwall/ringwall/waf/internal/ascii"
	"github.com/ringwall/ringwall/waf/internal/body"
	"github.com/ringwall/ringwall/waf/internal/target"
	"github.com/ringwall/ringwall/waf/seclang"
)

// Head is the head of a request. A zero field is one that is not known; its variables are
// empty then, not absent. SetHead keeps its strings, not the Head.
type Head struct {
	// ID is not interpreted. Time is the only clock that rules see.
	ID   string    // UNIQUE_ID
	Time time.Time // when it was received
	// Client and Server are the ends of the connection; addresses may be zero.
	Client, Server         netip.Addr
	ClientPort, ServerPort int
	// URI is the request target as sent, in any of the forms of RFC 9112, section 3.2,
	// Protocol "HTTP/1.1" and its like. Neither needs to be valid: rules are asked about
	// just that.
	Method, URI, Protocol string
	Host                  string // as the field Host, which Header does not have
	// Header has the values of each name in the order in which they came. Names may have
	// any case; two names that differ in case only are two fields.
	Header map[string][]string
}

// SetHead fills the variables of the request's head. Strings of h must stay as they are
// until Reset. Call it once, after SetOverlay and before the first Run.
//
// The order is that of what depends on what: the head before the charsets that it claims,
// these before the further readings of the query string, all arguments before their size,
// and the exceptions of the application at the end, since they are asked for the whole
// head.
func (tx *Tx) SetHead(h *Head) {
	p := tx.p
	tx.now = h.Time
	for _, v := range p.Scalars {
		tx.setScalar(v, "") // what is not known is empty, not absent
	}
	tx.setScalar(seclang.UniqueID, h.ID)
	// Only what nearly every rule set refers to is filled in any case.
	client := tx.address(h.Client)
	tx.setScalar(seclang.RemoteAddr, client)
	if p.Needed[seclang.ServerAddr] {
		tx.setScalar(seclang.ServerAddr, tx.address(h.Server))
	}
	// A look-up of the name would be I/O that a client can ask for.
	if p.Needed[seclang.RemoteHost] {
		tx.setScalar(seclang.RemoteHost, client)
	}
	if p.Needed[seclang.RemotePort] {
		tx.setScalar(seclang.RemotePort, strconv.Itoa(h.ClientPort))
	}
	if p.Needed[seclang.ServerPort] {
		tx.setScalar(seclang.ServerPort, strconv.Itoa(h.ServerPort))
	}
	for _, v := range zeroes {
		if p.Needed[v] {
			tx.setScalar(v, "0")
		}
	}
	tx.setTime(h.Time)
	tx.setURI(h)
	// net/http takes Host out of the header; rules look for it there.
	if h.Host != "" {
		tx.requestHeader("Host", h.Host)
		tx.setScalar(seclang.ServerName, hostName(h.Host))
	}
	fields, order := tx.inOrder(h.Header)
	for _, k := range order {
		f := &fields[k.at]
		for _, v := range f.values {
			tx.requestHeader(f.name, v)
		}
	}
	if tx.charsets.list != nil {
		tx.readQuery()
	}
	if p.Needed[seclang.ArgsCombinedSize] {
		tx.setCombinedSize()
	}
	if tx.overlay != nil {
		tx.except(h)
	}
}

// zeroes are variables that are 0 until something happens. Rules test them with @eq and
// !@eq, for which absent is not the same as 0.
var zeroes = []seclang.Variable{
	seclang.FilesCombinedSize, seclang.UrlencodedError, seclang.URIParseError, seclang.ArgumentsLimitReached, seclang.FullRequestLength,
	seclang.InboundDataError, seclang.OutboundDataError, seclang.ReqbodyError, seclang.ReqbodyProcessorError, seclang.RequestBodyLength,
	seclang.MultipartDataAfter, seclang.MultipartDataBefore, seclang.MultipartDuplicatePartHeader, seclang.MultipartInvalidQuoting,
	seclang.MultipartBoundaryQuoted, seclang.MultipartBoundaryWhitespace, seclang.MultipartCrlfLfLines, seclang.MultipartFileLimitExceeded,
	seclang.MultipartHeaderFolding, seclang.MultipartInvalidHeaderFolding, seclang.MultipartInvalidPart, seclang.MultipartLfLine,
	seclang.MultipartMissingSemicolon, seclang.MultipartStrictError, seclang.MultipartUnmatchedBoundary,
}

// address writes an address, which is empty if there is none.
func (tx *Tx) address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	// The text of an IPv6 address has at most 45 characters.
	const longest = 64
	buf := tx.arena.Alloc(longest)
	// An IPv4 address that came over a socket of IPv6 (::ffff:192.0.2.1) is written as
	// IPv4, as rules and lists have it. AppendTo grew out of the buffer if the text is
	// longer.
	if text := a.Unmap().AppendTo(buf[:0]); len(text) <= longest {
		return tx.arena.Shrink(buf, len(text))
	}
	return a.Unmap().String()
}

// decimal writes a number without an allocation of its own: strconv.Itoa has none only
// below 100.
func (tx *Tx) decimal(n int) string {
	const longest = 20 // of an int64 with its sign
	buf := tx.arena.Alloc(longest)
	return tx.arena.Shrink(buf, len(strconv.AppendInt(buf[:0], int64(n), 10)))
}

// setTime fills the variables of the time that rules refer to, in the zone of t.
func (tx *Tx) setTime(t time.Time) {
	set := func(v seclang.Variable, s func() string) {
		if tx.p.Needed[v] {
			tx.setScalar(v, s())
		}
	}
	num := func(n int) func() string { return func() string { return strconv.Itoa(n) } }
	if !tx.p.needsTime() {
		return
	}
	set(seclang.Time, func() string { return t.Format("15:04:05") })
	set(seclang.TimeEpoch, func() string { return strconv.FormatInt(t.Unix(), 10) })
	set(seclang.TimeDay, num(t.Day()))
	set(seclang.TimeHour, num(t.Hour()))
	set(seclang.TimeMin, num(t.Minute()))
	set(seclang.TimeMon, num(int(t.Month())))
	set(seclang.TimeSec, num(t.Second()))
	set(seclang.TimeWday, num(int(t.Weekday())))
	set(seclang.TimeYear, num(t.Year()))
}

// needsTime reports whether rules refer to the time at all: to take it apart costs more
// than to look.
func (p *Program) needsTime() bool {
	for v := seclang.Time; v <= seclang.TimeYear; v++ {
		if p.Needed[v] {
			return true
		}
	}
	return false
}

// hostName returns a host without its port. An address of IPv6 keeps its brackets, which
// tell its colons from that of a port (RFC 3986, section 3.2.2).
func hostName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		return host[:i]
	}
	return host
}

// setURI takes the request target apart as net/url does, since that is what applications
// behind the gateway do. What it cannot parse is taken apart at the question mark, so
// that it is inspected all the same: an attacker must not get past the rules by a target
// that is broken on purpose. URI_PARSE_ERROR tells the rules of it.
//
// REQUEST_URI_RAW is as sent, REQUEST_URI as net/url writes it, REQUEST_FILENAME the
// decoded path, QUERY_STRING not decoded.
func (tx *Tx) setURI(h *Head) {
	tx.setScalar(seclang.RequestMethod, h.Method)
	tx.setScalar(seclang.RequestProtocol, h.Protocol)
	tx.setScalar(seclang.RequestURIRaw, h.URI)
	if tx.p.Needed[seclang.RequestLine] {
		tx.setScalar(seclang.RequestLine, tx.arena.Concat(h.Method, " ", h.URI, " ", h.Protocol))
	}
	// No client sends a fragment; what one sends as such, servers cut off.
	uri, _, _ := strings.Cut(h.URI, "#")
	path, query, hasQuery := strings.Cut(uri, "?")
	full := uri
	if !isVerbatim(path, query) {
		u, err := url.ParseRequestURI(uri)
		if err == nil {
			path, query, hasQuery = u.Path, u.RawQuery, u.RawQuery != ""
			full = u.String()
		} else {
			tx.setScalar(seclang.URIParseError, "1")
		}
	}
	tx.setScalar(seclang.RequestURI, full)
	tx.setScalar(seclang.RequestFilename, path)
	// A path that ends with a separator is its own base name, as in Coraza. Backslashes
	// count, since servers on Windows take them for slashes.
	base := path
	if i := strings.LastIndexAny(path, `/\`); i >= 0 && i+1 < len(path) {
		base = path[i+1:]
	}
	tx.setScalar(seclang.RequestBasename, base)
	tx.setScalar(seclang.QueryString, query)
	if hasQuery {
		// The number of arguments is bounded by the parser; names are added for those
		// that it gave.
		first := len(tx.cols[seclang.ArgsGet])
		var cut bool
		tx.cols[seclang.ArgsGet], cut = body.Query(&tx.arena, tx.cols[seclang.ArgsGet], query, tx.p.Settings.Arguments)
		if cut {
			tx.setScalar(seclang.ArgumentsLimitReached, "1")
		}
		tx.addNames(seclang.ArgsGet, seclang.ArgsGetNames, first)
		if err := tx.findGraphQL(seclang.ArgsGet, seclang.ArgsGetNames); err != nil {
			tx.bodyError("GRAPHQL", err)
		}
	}
}

// bodyError notes what is wrong with the body, for rules that refuse what they cannot
// read: 200002 of the Core Rule Set's set-up tests REQBODY_ERROR.
func (tx *Tx) bodyError(processor string, err error) {
	tx.setScalar(seclang.ReqbodyError, "1")
	tx.setScalar(seclang.ReqbodyErrorMsg, tx.arena.Concat(processor, ": ", err.Error()))
	tx.setScalar(seclang.ReqbodyProcessorError, "1")
	tx.setScalar(seclang.ReqbodyProcessorErrorMsg, err.Error())
}

// addNames adds the names of the values from index first on to a collection of names, one
// for each value. A name is a value under itself as the key, so that exceptions for a key
// hold for names, too.
func (tx *Tx) addNames(values, names seclang.Variable, first int) {
	for _, p := range tx.cols[values][first:] {
		tx.add(names, p.Key, p.Key)
	}
}

// isVerbatim reports whether net/url would give the parts of a target back as they are,
// which spares nearly all requests its work. It may err on the side of no.
func isVerbatim(path, query string) bool {
	if path == "" || path[0] != '/' || len(path) > 1 && path[1] == '/' {
		return false
	}
	// The bytes that net/url writes into a path without an escape. A percent sign is not
	// among them: decoding changes it.
	for i := range len(path) {
		c := path[i]
		if !ascii.IsWord(c) && strings.IndexByte("/-.~$&+,;=:@", c) < 0 {
			return false
		}
	}
	// net/url keeps a query string as it is, but refuses control characters.
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// requestHeader adds a field of the request's header and what comes of it. It is called
// for each value of a name, in order of the names.
func (tx *Tx) requestHeader(name, value string) {
	if name == "" {
		return
	}
	// The name keeps its case, since REQUEST_HEADERS_NAMES shows it; keys are compared in
	// any.
	tx.add(seclang.RequestHeaders, name, value)
	tx.add(seclang.RequestHeadersNames, name, name)
	// Their lengths tell most names apart from those that matter.
	switch len(name) {
	case len("Content-Type"):
		if !strings.EqualFold(name, "Content-Type") {
			return
		}
		tx.contentType(value)
		// The first one counts, as it does for applications.
		if tx.scalar(seclang.ReqbodyProcessor) == "" && tx.headerCount("Content-Type") == 1 {
			// JSON and XML are not here: rules of the set-up choose their processors by
			// the media type (200000, 200001), so that operators can add types.
			v := strings.ToLower(strings.TrimSpace(value))
			if strings.HasPrefix(v, "application/x-www-form-urlencoded") {
				tx.setScalar(seclang.ReqbodyProcessor, "URLENCODED")
			} else if strings.HasPrefix(v, "multipart/form-data") {
				tx.setScalar(seclang.ReqbodyProcessor, "MULTIPART")
			} else if isGraphQL(v) {
				tx.setScalar(seclang.ReqbodyProcessor, "GRAPHQL")
			}
		}
	case len("Cookie"):
		if !strings.EqualFold(name, "Cookie") {
			return
		}
		// Several Cookie fields are read one after another (RFC 9113, section 8.2.3, lets
		// clients split them).
		first := len(tx.cols[seclang.RequestCookies])
		tx.cols[seclang.RequestCookies] = body.Cookies(tx.cols[seclang.RequestCookies], value)
		tx.addNames(seclang.RequestCookies, seclang.RequestCookiesNames, first)
	case len("Authorization"):
		if !strings.EqualFold(name, "Authorization") {
			return
		}
		// Only the scheme (RFC 9110, section 11.4); credentials get no variable of their
		// own.
		if kind, _, ok := strings.Cut(value, " "); ok && tx.p.Needed[seclang.AuthType] {
			tx.setScalar(seclang.AuthType, kind)
		}
	}
}

// headerCount returns how many fields of the request's header have a name. It costs a
// comparison for each field.
func (tx *Tx) headerCount(name string) int {
	n := 0
	for i := range tx.cols[seclang.RequestHeaders] {
		if strings.EqualFold(tx.cols[seclang.RequestHeaders][i].Key, name) {
			n++
		}
	}
	return n
}

// header returns the first field of the request's header with a name, "" if there is none.
func (tx *Tx) header(name string) string {
	for i := range tx.cols[seclang.RequestHeaders] {
		if p := &tx.cols[seclang.RequestHeaders][i]; strings.EqualFold(p.Key, name) {
			return p.Value
		}
	}
	return ""
}

// setCombinedSize fills ARGS_COMBINED_SIZE: the bytes of all names and values after
// decoding, further readings included.
func (tx *Tx) setCombinedSize() {
	n := 0
	for _, v := range target.Collections(seclang.Args) {
		for _, p := range tx.cols[v] {
			n += len(p.Key) + len(p.Value)
		}
	}
	tx.setScalar(seclang.ArgsCombinedSize, strconv.Itoa(n))
}

// WantsBody reports whether the rules look at the request body. Ask after Run(1), in
// which ctl:requestBodyAccess may have changed it.
func (tx *Tx) WantsBody() bool { return !tx.off && !tx.noRequestBody }

// SetBody takes the request body apart by its content coding and type. text must stay
// as it is until Reset. truncated tells that there was more of it. Of a compressed
// body at most limit bytes are looked at. It reports whether part of the body was not.
func (tx *Tx) SetBody(text string, truncated bool, limit int) bool {
	// FULL_REQUEST has at least the head then.
	if tx.noRequestBody {
		tx.fullRequest("")
		return truncated
	}
	if truncated {
		tx.setScalar(seclang.InboundDataError, "1")
	}
	if text == "" {
		tx.fullRequest("")
		return truncated
	}
	// Codings come off first: rules and parsers are to see what the application sees.
	// processor is what the Content-Type or a rule of phase 1 chose, "" for none.
	processor := tx.scalar(seclang.ReqbodyProcessor)
	var err, coding error
	if codings := tx.codings(); codings != "" && !strings.EqualFold(codings, "identity") {
		var decoded []byte
		var more bool
		if decoded, more, coding = body.Decompress(codings, []byte(text), limit); more {
			truncated = true
			tx.setScalar(seclang.InboundDataError, "1")
		}
		// decoded is new and nobody else's, so it may become a string without a copy.
		// After an error it has what could be decoded, which is inspected all the same.
		text = arena.String(decoded)
	}
	// A body of an unknown type is read as a form if rules want to see it at all.
	if processor == "" && tx.forceRequestBody {
		processor = "URLENCODED"
		tx.setScalar(seclang.ReqbodyProcessor, processor)
	}
	// A body without a processor is not read at all. Each case fills ARGS_POST or its
	// like, and says what is wrong with the text.
	switch processor {
	case "URLENCODED":
		tx.bodyQuery(text)
	case "JSON":
		err = tx.bodyJSON(text, truncated)
	case "MULTIPART":
		err = tx.bodyMultipart(text, truncated)
	case "XML":
		attributes, contents, bad := body.XML(text)
		err = bad
		tx.addXML(attributes, contents)
	case "RAW":
		tx.rawBody(text)
	case "GRAPHQL":
		err = tx.bodyGraphQL(text)
	}
	// JSON, XML and multipart bodies have no REQUEST_BODY of their own.
	if tx.forceRequestBody && tx.scalar(seclang.RequestBody) == "" {
		tx.rawBody(text)
	}
	tx.fullRequest(text)
	// If the request claims another charset than UTF-8, the readings in it come on top of
	// the bytes as received, since it is not known which the application takes.
	if tx.charsets.list != nil {
		err = tx.readBody(processor, text, truncated, err)
	}
	// This comes after all readings, since an operations field may be in another charset,
	// too.
	if processor == "MULTIPART" {
		tx.findOperations()
	}
	err = errors.Join(coding, err, tx.findGraphQL(seclang.ArgsPost, seclang.ArgsPostNames))
	// A claim that cannot be read matters only if something was to be read.
	if processor != "" {
		err = errors.Join(err, tx.charsets.err)
	}
	// A body that was cut is malformed at its end for certain; only what cannot be inspected
	// at all counts then.
	if err != nil && (!truncated || errors.Is(err, body.ErrUnreadable)) {
		tx.bodyError(processor, err)
	}
	if tx.p.Needed[seclang.ArgsCombinedSize] {
		tx.setCombinedSize()
	}
	return truncated
}

// rawBody fills REQUEST_BODY, which only some kinds of bodies have, as in ModSecurity.
func (tx *Tx) rawBody(text string) {
	tx.setScalar(seclang.RequestBody, text)
	tx.setScalar(seclang.RequestBodyLength, strconv.Itoa(len(text)))
}

// bodyQuery reads a form, as application/x-www-form-urlencoded is decoded by servers. It
// cannot fail: any text is some form.
func (tx *Tx) bodyQuery(text string) {
	tx.rawBody(text)
	var cut bool
	tx.cols[seclang.ArgsPost], cut = body.Query(&tx.arena, tx.cols[seclang.ArgsPost], text, tx.p.Settings.Arguments)
	if cut {
		tx.setScalar(seclang.ArgumentsLimitReached, "1")
	}
	tx.addNames(seclang.ArgsPost, seclang.ArgsPostNames, 0)
}

// bodyJSON reads JSON, of which each leaf becomes an argument under its path, json.a.0.b.
// It returns what is wrong with the text. Values before a flaw are there.
func (tx *Tx) bodyJSON(text string, truncated bool) error {
	s := &tx.p.Settings
	var cut bool
	var err error
	limits := body.JSONLimits{Depth: s.JSONDepth, Values: s.Arguments}
	tx.cols[seclang.ArgsPost], cut, err = body.JSON(&tx.arena, tx.cols[seclang.ArgsPost], text, limits)
	if cut {
		tx.setScalar(seclang.ArgumentsLimitReached, "1")
	}
	tx.addNames(seclang.ArgsPost, seclang.ArgsPostNames, 0)
	if truncated {
		return nil // the text ends where the limit cut it
	}
	return err
}

// bodyMultipart reads a multipart form. Flaws become variables, for there are rules about
// each: parsers disagree about forms that have them. It returns what is wrong with the
// text.
func (tx *Tx) bodyMultipart(text string, truncated bool) error {
	// The contents of files may be large, and rules rarely ask for them.
	parse := body.Multipart
	if tx.p.Needed[seclang.FilesTmpContent] {
		parse = body.MultipartWithContents
	}
	form, cut, err := parse(&tx.arena, tx.header("Content-Type"), text, tx.p.Settings.Arguments)
	if cut {
		tx.setScalar(seclang.ArgumentsLimitReached, "1")
	}
	tx.cols[seclang.ArgsPost] = append(tx.cols[seclang.ArgsPost], form.Fields...)
	tx.addNames(seclang.ArgsPost, seclang.ArgsPostNames, 0)
	if form.Readings != nil {
		tx.readings(seclang.ArgsPost, seclang.ArgsPostNames, body.Merge(tx.cols[seclang.ArgsPost], form.Readings))
	}
	if form.Charset != "" {
		tx.charsets.claim(form.Charset)
	}
	tx.cols[seclang.FilesTmpContent] = append(tx.cols[seclang.FilesTmpContent], form.Contents...)
	for i, f := range form.Files {
		tx.add(seclang.Files, f.Key, f.Value)
		tx.add(seclang.MultipartFilename, f.Key, f.Value)
		tx.add(seclang.FilesSizes, f.Value, strconv.Itoa(form.FileSizes[i]))
	}
	// The collections of file parts overlap, as those of ModSecurity do: FILES has names
	// of files, FILES_NAMES those of form fields.
	for _, n := range form.FileNames {
		tx.add(seclang.FilesNames, n, n)
	}
	for _, n := range form.Names {
		tx.add(seclang.MultipartName, n, n)
	}
	for _, h := range form.Headers {
		tx.add(seclang.MultipartPartHeaders, h.Key, h.Value)
	}
	for _, p := range form.Charsets {
		tx.add(seclang.MultipartFilenameCharset, p.Key, p.Value)
	}
	for _, p := range form.Languages {
		tx.add(seclang.MultipartFilenameLanguage, p.Key, p.Value)
	}
	// What was read before a flaw is there, whatever becomes of the error.
	tx.setScalar(seclang.FilesCombinedSize, strconv.Itoa(form.Size))
	// A form that the limit cut has no end, which is no flaw of the client's.
	f := form.Flaws
	if truncated {
		f.Unfinished = false
	}
	for _, v := range [...]struct {
		variable seclang.Variable
		flawed   bool
	}{
		{seclang.MultipartStrictError, f.Strict()},
		{seclang.MultipartBoundaryQuoted, f.BoundaryQuoted},
		{seclang.MultipartBoundaryWhitespace, f.BoundaryWhitespace},
		{seclang.MultipartDataBefore, f.DataBefore},
		{seclang.MultipartDataAfter, f.DataAfter},
		{seclang.MultipartHeaderFolding, f.HeaderFolding},
		{seclang.MultipartInvalidHeaderFolding, f.InvalidHeaderFolding},
		{seclang.MultipartLfLine, f.LFLine},
		{seclang.MultipartCrlfLfLines, f.CRLFAndLF},
		{seclang.MultipartMissingSemicolon, f.MissingSemicolon},
		{seclang.MultipartInvalidQuoting, f.InvalidQuoting},
		{seclang.MultipartInvalidPart, f.InvalidPart},
		{seclang.MultipartUnmatchedBoundary, f.UnmatchedBoundary},
		{seclang.MultipartDuplicatePartHeader, f.DuplicateHeader},
	} {
		if v.flawed {
			tx.setScalar(v.variable, "1")
		}
	}
	return err
}

// SetResponseHead fills the variables of the response's head. Strings must stay as they
// are until Reset. status is not checked; protocol may be empty.
func (tx *Tx) SetResponseHead(status int, protocol string, header map[string][]string) {
	code := tx.decimal(status)
	tx.setScalar(seclang.ResponseStatus, code)
	tx.setScalar(seclang.ResponseProtocol, protocol)
	if tx.p.Needed[seclang.StatusLine] {
		tx.setScalar(seclang.StatusLine, tx.arena.Concat(protocol, " ", code))
	}
	fields, order := tx.inOrder(header)
	for _, k := range order {
		f := &fields[k.at]
		for _, v := range f.values {
			if f.name == "" {
				continue
			}
			tx.add(seclang.ResponseHeaders, f.name, v)
			tx.add(seclang.ResponseHeadersNames, f.name, f.name)
			if len(f.name) == len("Content-Type") && strings.EqualFold(f.name, "Content-Type") {
				// Parameters are cut off, so that rules compare the type only. The last
				// field counts.
				mediaType, _, _ := strings.Cut(v, ";")
				tx.setScalar(seclang.ResponseContentType, mediaType)
			}
		}
	}
}

// WantsResponseBody reports whether the rules look at this response's body. Ask after
// Run(3): until then the type is not known, and ctl may change the answer. Types that are
// not listed are images and the like, which would cost much and match by chance.
func (tx *Tx) WantsResponseBody() bool {
	if tx.off || tx.noResponseBody {
		return false
	}
	if tx.forceResponseBody {
		return true
	}
	have := strings.TrimSpace(tx.scalar(seclang.ResponseContentType))
	for _, t := range tx.p.Settings.ResponseTypes {
		if strings.EqualFold(have, t) {
			return true
		}
	}
	return false
}

// SetResponseBody fills the variables of the response's body. text must stay as it is
// until Reset. truncated tells that there was more of it.
func (tx *Tx) SetResponseBody(text string, truncated bool) {
	if truncated {
		tx.setScalar(seclang.OutboundDataError, "1")
	}
	if !tx.WantsResponseBody() {
		return
	}
	tx.setScalar(seclang.ResponseBody, text)
	tx.setScalar(seclang.ResponseContentLength, strconv.Itoa(len(text)))
}
