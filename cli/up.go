package cli

import (
	"fmt"
	"log/slog"
	"strconv"

	"github.com/ringwall/ringwall/app"
	"github.com/ringwall/ringwall/config"
)

// settings are the flags that make a configuration; nil means not given. The names
// are config.Config's keys.
type settings struct {
	Config string `help:"YAML file with settings; flags and RINGWALL_* variables go before it." placeholder:"FILE"`

	Data          *string  `help:"${help_data}" placeholder:"DIR"`
	Upstream      []string `help:"${help_upstream}" placeholder:"URL" sep:"none"`
	Listen        *string  `help:"${help_listen}" placeholder:"ADDR"`
	TLSCert       *string  `name:"tls-cert" help:"${help_tls_cert}" placeholder:"FILE"`
	TLSKey        *string  `name:"tls-key" help:"${help_tls_key}" placeholder:"FILE"`
	Mode          *string  `help:"${help_mode}" placeholder:"MODE"`
	TrustedProxy  []string `help:"${help_trusted_proxy}" placeholder:"CIDR"`
	AccessEvents  *bool    `help:"${help_access_events}" negatable:""`
	Rules         *string  `help:"${help_rules}" placeholder:"PATH"`
	Console       *string  `help:"${help_console}" placeholder:"ADDR"`
	RetentionDays *int     `help:"${help_retention_days}" placeholder:"N"`
	LakeMaxMB     *int     `name:"lake-max-mb" help:"${help_lake_max_mb}" placeholder:"N"`
	SpoolMaxMB    *int     `name:"spool-max-mb" help:"${help_spool_max_mb}" placeholder:"N"`
	LogLevel      *string  `help:"${help_log_level}" placeholder:"LEVEL"`
	LogFormat     *string  `help:"${help_log_format}" placeholder:"FORMAT"`
}

// load puts the configuration together.
func (s settings) load(e *env) (config.Config, error) {
	flags := map[string][]string{}
	text := func(key string, v *string) {
		if v != nil {
			flags[key] = []string{*v}
		}
	}
	list := func(key string, v []string) {
		if v != nil {
			flags[key] = v
		}
	}
	number := func(key string, v *int) {
		if v != nil {
			flags[key] = []string{strconv.Itoa(*v)}
		}
	}
	text("data", s.Data)
	list("upstream", s.Upstream)
	text("listen", s.Listen)
	text("tls-cert", s.TLSCert)
	text("tls-key", s.TLSKey)
	text("mode", s.Mode)
	list("trusted-proxy", s.TrustedProxy)
	if s.AccessEvents != nil {
		flags["access-events"] = []string{strconv.FormatBool(*s.AccessEvents)}
	}
	text("rules", s.Rules)
	text("console", s.Console)
	number("retention-days", s.RetentionDays)
	number("lake-max-mb", s.LakeMaxMB)
	number("spool-max-mb", s.SpoolMaxMB)
	text("log-level", s.LogLevel)
	text("log-format", s.LogFormat)
	c, err := config.Load(s.Config, e.environ, flags)
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
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		return usageError{err}
	}
	opts := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewTextHandler(e.errOut, opts)
	if cfg.LogFormat == "json" {
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
