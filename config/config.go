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
	"net"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/ringwall/ringwall/asset"
)

// Config is how `ringwall up` runs. The zero value of a field means its default.
// Each field has one name, its key: in the file as it stands, as a flag with
// dashes, and in the environment in capitals after RINGWALL_.
type Config struct {
	Data string `key:"data" default:"./ringwall-data" help:"folder for everything that Ringwall stores"`
	// Upstreams, Listen, Mode, TrustedProxies, AccessEvents, TLSCert and TLSKey
	// seed the first site and, given explicitly, change it later.
	Upstreams      []string `key:"upstream" help:"server to protect: a URL such as http://127.0.0.1:3000; several take turns"`
	Listen         string   `key:"listen" default:"0.0.0.0:8080" help:"address that the gateway listens on"`
	TLSCert        string   `key:"tls-cert" help:"PEM file with the gateway's certificate chain; makes --listen speak TLS"`
	TLSKey         string   `key:"tls-key" help:"PEM file with the certificate's key"`
	Mode           string   `key:"mode" default:"simulation" help:"simulation reports attacks, active also blocks them, disabled answers 503"`
	TrustedProxies []string `key:"trusted-proxy" help:"network whose X-Forwarded-For header is believed, such as 10.0.0.0/8"`
	AccessEvents   bool     `key:"access-events" help:"record an event for every request, not only for attacks"`
	Rules          string   `key:"rules" help:"file or folder with rules of your own in SecLang: *.conf after the Core Rule Set, *.before.conf before it; SIGHUP reads them anew"`
	Console        string   `key:"console" default:"127.0.0.1:8083" help:"address of the console and API, with TLS"`
	RetentionDays  int      `key:"retention-days" default:"90" help:"days that events are kept; 0 keeps them for ever"`
	LakeMaxMB      int      `key:"lake-max-mb" default:"0" help:"size in MiB above which the oldest days are deleted; 0 for no limit"`
	SpoolMaxMB     int      `key:"spool-max-mb" default:"1024" help:"size in MiB of events waiting for the lake above which new ones are dropped and counted"`
	LogLevel       string   `key:"log-level" default:"info" help:"debug, info, warn or error"`
	LogFormat      string   `key:"log-format" default:"text" help:"text or json"`

	origin map[string]string
}

// Setting is one value of a configuration with the place that it came from.
type Setting struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"` // "default", "file …", "environment …" or "flag …"
	Help   string `json:"help"`
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
			errs = append(errs, set(field, []string{def}))
		}
	}
	if path != "" {
		errs = append(errs, c.readFile(path))
	}
	for f, field := range keyed(v) {
		key := f.Tag.Get("key")
		name := "RINGWALL_" + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
		if i := slices.IndexFunc(environ, func(e string) bool { return strings.HasPrefix(e, name+"=") }); i >= 0 {
			_, value, _ := strings.Cut(environ[i], "=")
			values := []string{value}
			if field.Kind() == reflect.Slice {
				values = strings.Split(value, ",")
			}
			c.origin[key] = "environment " + name
			if err := set(field, values); err != nil {
				errs = append(errs, fmt.Errorf("environment %s: %w", name, err))
			}
		}
		if values, ok := flags[key]; ok {
			c.origin[key] = "flag --" + key
			if err := set(field, values); err != nil {
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
	for f, field := range keyed(reflect.ValueOf(&c).Elem()) {
		key := f.Tag.Get("key")
		value := fmt.Sprint(field.Interface())
		if s, ok := field.Interface().([]string); ok {
			value = strings.Join(s, ",")
		}
		list = append(list, Setting{Key: key, Value: value, Origin: cmp.Or(c.origin[key], "default"), Help: f.Tag.Get("help")})
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
	for _, u := range c.Upstreams {
		if _, err := asset.ParseUpstream(u); err != nil {
			wrong("upstream", "%w", err)
		}
	}
	for _, n := range c.TrustedProxies {
		if _, err := asset.ParseNetwork(n); err != nil {
			wrong("trusted-proxy", "%w", err)
		}
	}
	for key, address := range map[string]string{"listen": c.Listen, "console": c.Console} {
		_, port, err := net.SplitHostPort(address)
		if n, convErr := strconv.Atoi(port); err != nil || convErr != nil || n < 0 || n > 65535 {
			wrong(key, "%q is no address, want host:port such as 127.0.0.1:8080", address)
		}
	}
	if c.Listen == c.Console && !strings.HasSuffix(c.Listen, ":0") {
		wrong("console", "%s is the gateway's address too, choose another port", c.Console)
	}
	if !asset.Mode(c.Mode).Valid() {
		wrong("mode", "%q is no mode, want simulation, active or disabled", c.Mode)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		wrong("tls-cert", "give --tls-cert and --tls-key together")
	}
	if c.RetentionDays < 0 || c.LakeMaxMB < 0 || c.SpoolMaxMB <= 0 {
		wrong("retention-days", "retention-days and lake-max-mb must not be negative, spool-max-mb must be positive")
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		wrong("log-level", "%q is no level, want debug, info, warn or error", c.LogLevel)
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		wrong("log-format", "%q is no format, want text or json", c.LogFormat)
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
		field, ok := reflect.Value{}, false
		var known []string
		for f, candidate := range keyed(v) {
			known = append(known, f.Tag.Get("key"))
			if f.Tag.Get("key") == key {
				field, ok = candidate, true
			}
		}
		if !ok {
			errs = append(errs, fmt.Errorf("%s: there is no setting %q, did you mean %q?", path, name, nearest(key, known)))
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
		if err := set(field, values); err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", path, name, err))
		}
	}
	return errors.Join(errs...)
}

// keyed iterates over the fields that have a key.
func keyed(v reflect.Value) func(yield func(reflect.StructField, reflect.Value) bool) {
	return func(yield func(reflect.StructField, reflect.Value) bool) {
		for f, field := range v.Fields() {
			if f.Tag.Get("key") != "" && !yield(f, field) {
				return
			}
		}
	}
}

func set(field reflect.Value, values []string) error {
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
	case reflect.Int:
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%q is no whole number", value)
		}
		field.SetInt(int64(n))
	default:
		field.SetString(value)
	}
	return nil
}

// nearest returns the known name with the smallest edit distance.
func nearest(name string, known []string) string {
	return slices.MinFunc(known, func(a, b string) int { return cmp.Compare(distance(name, a), distance(name, b)) })
}

// distance is the Levenshtein distance of two names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := previous
			if a[i] != b[j] {
				cost++
			}
			previous = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
