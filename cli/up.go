package cli

import (
	"cmp"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"

	"github.com/alecthomas/kong"

	"github.com/ringwall/ringwall/app"
	"github.com/ringwall/ringwall/config"
)

// settings are the flags that make a configuration. All but --config are derived from
// config.Config.
type settings struct {
	Config string `help:"YAML file with settings; flags and RINGWALL_* variables go before it." placeholder:"FILE"`
	kong.Plugins
}

// newSettings returns settings with a flag for each key of a configuration.
func newSettings(defaults []config.Setting) settings {
	members := make([]reflect.StructField, len(defaults))
	for i, s := range defaults {
		help := s.Help
		if s.Value != "" && !s.Switch {
			help += " (default " + s.Value + ")"
		}
		tag := fmt.Sprintf(`name:%q help:%q placeholder:%q sep:%q`, s.Key, help, s.Hint, cmp.Or(s.Separator, "none"))
		kind := reflect.TypeFor[*string]()
		switch {
		case s.List:
			kind = reflect.TypeFor[[]string]()
		case s.Switch:
			kind = reflect.TypeFor[*bool]() // nil: not given
			tag += ` negatable:""`
		}
		members[i] = reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: kind, Tag: reflect.StructTag(tag)}
	}
	return settings{Plugins: kong.Plugins{reflect.New(reflect.StructOf(members)).Interface()}}
}

// given returns the values of the flags that were given, by key.
func (s settings) given() map[string][]string {
	flags := map[string][]string{}
	for f, v := range reflect.ValueOf(s.Plugins[0]).Elem().Fields() {
		key := f.Tag.Get("name")
		switch v := v.Interface().(type) {
		case []string:
			if v != nil {
				flags[key] = v
			}
		case *bool:
			if v != nil {
				flags[key] = []string{strconv.FormatBool(*v)}
			}
		case *string:
			if v != nil {
				flags[key] = []string{*v}
			}
		}
	}
	return flags
}

// load puts the configuration together.
func (s settings) load(e *env) (config.Config, error) {
	c, err := config.Load(s.Config, e.environ, s.given())
	if err != nil {
		return c, usageError{err}
	}
	return c, nil
}

type upCmd struct{ settings }

// Help is the long help.
func (upCmd) Help() string {
	return `The first start makes the user "admin" and prints its password once. Later
starts find everything again; a flag given then changes what is stored.

  ringwall up --upstream http://127.0.0.1:3000
  ringwall up --upstream http://my-app:3000 --mode active --listen 0.0.0.0:80
  ringwall up --upstream http://my-app:3000 --rules /etc/ringwall/rules

Ctrl-C lets running requests finish and stops within five seconds.`
}

// Run runs the platform until it is interrupted.
func (c upCmd) Run(e *env) error {
	cfg, err := c.load(e)
	if err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
		return usageError{err}
	}
	opts := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewTextHandler(e.errOut, opts)
	if cfg.Log.Format == "json" {
		h = slog.NewJSONHandler(e.errOut, opts)
	}
	err = app.AllInOne(e.ctx, cfg, Version(), slog.New(h), func(r app.Ready) {
		for _, u := range r.Gateways {
			fmt.Fprintf(e.out, "gateway: %s\n", u)
		}
		if len(r.Gateways) == 0 {
			fmt.Fprintln(e.out, "gateway: protects nothing yet; add a site in the console or start with --upstream URL")
		}
		fmt.Fprintf(e.out, "console: %s\n", r.Console)
		fmt.Fprintf(e.out, "console CA: %s\n", r.CAFile)
		if r.AdminPassword != "" {
			fmt.Fprintf(e.out, "console user: admin  password: %s\n", r.AdminPassword)
		}
	})
	if err == nil {
		fmt.Fprintln(e.errOut, "ringwall: stopped")
	}
	return err
}

type configCmd struct {
	Print configPrintCmd `cmd:"" help:"Print every setting with its value and where it comes from."`
}

type configPrintCmd struct {
	settings
	Output string `help:"table, json or csv" default:"table" enum:"table,json,csv" short:"o"`
}

// Run prints the effective configuration.
func (c configPrintCmd) Run(e *env) error {
	cfg, err := c.load(e)
	if err != nil {
		return err
	}
	t := table{columns: []string{"key", "value", "origin"}}
	for _, s := range cfg.Settings() {
		t.rows = append(t.rows, []any{s.Key, s.Value, s.Origin})
	}
	return t.print(e.out, c.Output)
}
