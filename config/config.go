// Package config finds out how a ringwall process is to run: it reads one YAML
// file, the environment and the command line's flags, in rising order of
// precedence, and remembers where each value came from.
//
// What is protected (sites, modes, upstreams) is not configuration: it lives in
// the manager's store, and the settings here that touch it only seed or change it.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"net"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/ringwall/ringwall/asset"
	"github.com/ringwall/ringwall/internal/nearest"
)

// Config is how `ringwall up` runs, in sections by room. The zero value of a field
// means its default. Each field has one name, its key: in the file as it stands, as a
// flag with dashes, and in the environment in capitals after RINGWALL_. Sections are
// for the reader; keys stand in the file without them.
//
// Everything else about a setting derives from the tags of its field: flags, help and
// docs/guide/config.md. A field of type int64 may have a unit, which its value is
// multiplied with.
type Config struct {
	Data    string  `key:"data" default:"./ringwall-data" hint:"DIR" help:"folder for everything that Ringwall stores"`
	Site    Site    `section:"The first site"`
	Gateway Gateway `section:"Gateway"`
	Manager Manager `section:"Management server and console"`
	Spool   Spool   `section:"Spool"`
	Lake    Lake    `section:"Lake"`
	Log     Log     `section:"Log"`

	origin map[string]string
}

// Site seeds the first site and, given explicitly, changes it later. Sites are
// otherwise the manager's and changed there.
type Site struct {
	Upstreams      []string `key:"upstream" hint:"URL" help:"URL of a server to protect, such as http://127.0.0.1:3000; several take turns"`
	Listen         string   `key:"listen" default:"0.0.0.0:8080" hint:"ADDR" help:"address that the gateway listens on"`
	TLSCert        string   `key:"tls-cert" hint:"FILE" help:"PEM file with the gateway's certificate chain; makes --listen speak TLS"`
	TLSKey         string   `key:"tls-key" hint:"FILE" help:"PEM file with the certificate's key"`
	Mode           string   `key:"mode" default:"simulation" hint:"MODE" help:"simulation reports attacks, active blocks, disabled answers 503"`
	TrustedProxies []string `key:"trusted-proxy" sep:"," hint:"CIDR" help:"network whose X-Forwarded-For is believed, such as 10.0.0.0/8"`
	AccessEvents   bool     `key:"access-events" help:"record an event for every request, not only for attacks"`
}

// Gateway is the data plane's part.
type Gateway struct {
	Rules   string `key:"rules" hint:"PATH" help:"SecLang rules of your own: *.conf after the CRS, *.before.conf before it; SIGHUP reloads"`
	Account string `key:"account" hint:"NAME" help:"account that the gateway runs in, for events, such as an AWS account id"`
	Region  string `key:"region" hint:"NAME" help:"region that the gateway runs in, for events"`
}

// Manager is the management server's part.
type Manager struct {
	Console string `key:"console" default:"127.0.0.1:8083" hint:"ADDR" help:"address of the console and API, with TLS"`
}

// Spool is where events wait for the lake.
type Spool struct {
	MaxBytes int64 `key:"spool-max-mb" default:"1024" unit:"MiB" hint:"N" help:"MiB of waiting events above which more are dropped"`
}

// Lake is where events are kept.
type Lake struct {
	RetentionDays int   `key:"retention-days" default:"90" hint:"N" help:"days that events are kept; 0 keeps them for ever"`
	MaxBytes      int64 `key:"lake-max-mb" default:"0" unit:"MiB" hint:"N" help:"MiB above which the oldest days are deleted; 0 for no limit"`
}

// Log is how the process logs.
type Log struct {
	Level  string `key:"log-level" default:"info" hint:"LEVEL" help:"debug, info, warn or error"`
	Format string `key:"log-format" default:"text" hint:"FORMAT" help:"text or json"`
}

// Setting is one value of a configuration with the place that it came from.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"` // "default", "file …", "environment …" or "flag …"
	Help   string `json:"help"`
	// Section is the heading that the setting stands under, empty for the first ones.
	Section string `json:"-"`
	// Hint is what a value looks like in a word, such as FILE.
	Hint string `json:"-"`
	// List tells that there may be several values, Switch that it is true or false.
	List, Switch bool `json:"-"`
	// Separator stands between values of a list on the command line, empty if each has
	// a flag of its own.
	Separator string `json:"-"`
}

// Flag is the setting on the command line.
func (s Setting) Flag() string { return "--" + s.Key }

// Env is the name of the setting's environment variable.
func (s Setting) Env() string { return envName(s.Key) }

func envName(key string) string {
	return "RINGWALL_" + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
}

// Load puts a configuration together. path may be empty; environ has the form of
// os.Environ; flags has the values of the flags that were given, by key. The error
// joins every problem, each with its place.
func Load(path string, environ []string, flags map[string][]string) (Config, error) {
	c := Config{origin: map[string]string{}}
	var errs []error
	v := reflect.ValueOf(&c).Elem()
	for f, field := range keyed(v) {
		if def := f.Tag.Get("default"); def != "" {
			errs = append(errs, set(f, field, []string{def}))
		}
	}
	if path != "" {
		errs = append(errs, c.readFile(path))
	}
	for f, field := range keyed(v) {
		key := f.Tag.Get("key")
		name := envName(key)
		if i := slices.IndexFunc(environ, func(e string) bool { return strings.HasPrefix(e, name+"=") }); i >= 0 {
			_, value, _ := strings.Cut(environ[i], "=")
			values := []string{value}
			if field.Kind() == reflect.Slice {
				values = strings.Split(value, ",")
			}
			c.origin[key] = "environment " + name
			if err := set(f, field, values); err != nil {
				errs = append(errs, fmt.Errorf("environment %s: %w", name, err))
			}
		}
		if values, ok := flags[key]; ok {
			c.origin[key] = "flag --" + key
			if err := set(f, field, values); err != nil {
				errs = append(errs, fmt.Errorf("--%s: %w", key, err))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return Config{}, err
	}
	return c, c.Validate()
}

// Given reports whether a key was set anywhere, rather than left at its default.
func (c Config) Given(key string) bool { return c.origin[key] != "" }

// Settings lists every value with its origin, in the order of the documentation.
func (c Config) Settings() []Setting {
	var list []Setting
	v := reflect.ValueOf(&c).Elem()
	section := ""
	for f, field := range v.Fields() {
		if title := f.Tag.Get("section"); title != "" {
			section = title
		}
		for f, field := range keyedIn(f, field) {
			key := f.Tag.Get("key")
			value := fmt.Sprint(field.Interface())
			switch {
			case field.Kind() == reflect.Slice:
				value = strings.Join(field.Interface().([]string), ",")
			case field.Kind() == reflect.Int64:
				value = strconv.FormatInt(field.Int()/unit(f), 10)
			}
			list = append(list, Setting{
				Key: key, Value: value, Origin: cmp.Or(c.origin[key], "default"), Help: f.Tag.Get("help"),
				Section: section, Hint: f.Tag.Get("hint"), List: field.Kind() == reflect.Slice, Switch: field.Kind() == reflect.Bool,
				Separator: f.Tag.Get("sep"),
			})
		}
	}
	return list
}

// Validate returns every problem of c, joined; each names the key.
func (c Config) Validate() error {
	var errs []error
	wrong := func(key, format string, args ...any) {
		place := "--" + key
		if o := c.origin[key]; strings.HasPrefix(o, "file") || strings.HasPrefix(o, "environment") {
			place = o
		}
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{place}, args...)...))
	}
	for _, u := range c.Site.Upstreams {
		if _, err := asset.ParseUpstream(u); err != nil {
			wrong("upstream", "%w", err)
		}
	}
	for _, n := range c.Site.TrustedProxies {
		if _, err := asset.ParseNetwork(n); err != nil {
			wrong("trusted-proxy", "%w", err)
		}
	}
	for key, address := range map[string]string{"listen": c.Site.Listen, "console": c.Manager.Console} {
		_, port, err := net.SplitHostPort(address)
		if n, convErr := strconv.Atoi(port); err != nil || convErr != nil || n < 0 || n > 65535 {
			wrong(key, "%q is no address, want host:port such as 127.0.0.1:8080", address)
		}
	}
	if c.Site.Listen == c.Manager.Console && !strings.HasSuffix(c.Site.Listen, ":0") {
		wrong("console", "%s is the gateway's address too, choose another port", c.Manager.Console)
	}
	if !asset.Mode(c.Site.Mode).Valid() {
		wrong("mode", "%q is no mode, want simulation, active or disabled", c.Site.Mode)
	}
	if (c.Site.TLSCert == "") != (c.Site.TLSKey == "") {
		wrong("tls-cert", "give --tls-cert and --tls-key together")
	}
	if c.Lake.RetentionDays < 0 {
		wrong("retention-days", "%d: must not be negative", c.Lake.RetentionDays)
	}
	if c.Lake.MaxBytes < 0 {
		wrong("lake-max-mb", "%d: must not be negative", c.Lake.MaxBytes/mebibyte)
	}
	if c.Spool.MaxBytes <= 0 {
		wrong("spool-max-mb", "%d: must be positive", c.Spool.MaxBytes/mebibyte)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level) {
		wrong("log-level", "%q is no level, want debug, info, warn or error", c.Log.Level)
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		wrong("log-format", "%q is no format, want text or json", c.Log.Format)
	}
	return errors.Join(errs...)
}

// readFile reads a YAML map from keys to values or lists.
func (c *Config) readFile(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("configuration file: %w", err)
	}
	var doc yaml.MapSlice
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return fmt.Errorf("%s: %s", path, yaml.FormatError(err, false, true))
	}
	v := reflect.ValueOf(c).Elem()
	var errs []error
	for _, item := range doc {
		name := fmt.Sprint(item.Key)
		key := strings.ReplaceAll(name, "_", "-")
		var f reflect.StructField
		var field reflect.Value
		var known []string
		for candidate, value := range keyed(v) {
			known = append(known, candidate.Tag.Get("key"))
			if candidate.Tag.Get("key") == key {
				f, field = candidate, value
			}
		}
		if !field.IsValid() {
			errs = append(errs, fmt.Errorf("%s: there is no setting %q, did you mean %q?", path, name, nearest.Name(key, known)))
			continue
		}
		var values []string
		if list, isList := item.Value.([]any); isList {
			for _, e := range list {
				values = append(values, fmt.Sprint(e))
			}
		} else if item.Value != nil {
			values = []string{fmt.Sprint(item.Value)}
		}
		c.origin[key] = "file " + path
		if err := set(f, field, values); err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", path, name, err))
		}
	}
	return errors.Join(errs...)
}

// keyed iterates over the fields that have a key, through all sections.
func keyed(v reflect.Value) iter.Seq2[reflect.StructField, reflect.Value] {
	return func(yield func(reflect.StructField, reflect.Value) bool) {
		for f, field := range v.Fields() {
			for f, field := range keyedIn(f, field) {
				if !yield(f, field) {
					return
				}
			}
		}
	}
}

// keyedIn is the field itself if it has a key, or the fields of the section that it is.
func keyedIn(f reflect.StructField, field reflect.Value) iter.Seq2[reflect.StructField, reflect.Value] {
	return func(yield func(reflect.StructField, reflect.Value) bool) {
		switch {
		case f.Tag.Get("key") != "":
			yield(f, field)
		case f.Tag.Get("section") != "":
			keyed(field)(yield)
		}
	}
}

const mebibyte = 1 << 20

// unit is what a value of the field is multiplied with.
func unit(f reflect.StructField) int64 {
	if f.Tag.Get("unit") == "MiB" {
		return mebibyte
	}
	return 1
}

// set parses the values given for a field.
func set(f reflect.StructField, field reflect.Value, values []string) error {
	if field.Kind() == reflect.Slice {
		field.Set(reflect.ValueOf(slices.DeleteFunc(slices.Clone(values), func(s string) bool { return s == "" })))
		return nil
	}
	if len(values) != 1 {
		return fmt.Errorf("want one value, got %d", len(values))
	}
	switch value := strings.TrimSpace(values[0]); field.Kind() {
	case reflect.Bool:
		b, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", value)
		}
		field.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is no whole number", value)
		}
		if field.OverflowInt(n) || n > math.MaxInt64/unit(f) || n < math.MinInt64/unit(f) {
			return fmt.Errorf("%s is too large", value)
		}
		field.SetInt(n * unit(f))
	default:
		field.SetString(value)
	}
	return nil
}
